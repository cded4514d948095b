//! Between which two points of the way a symptom arises: the shortest stretch that surely has most of it.

use telemetry::PathPoint;

/// From behind one point (none: the computer) up to another.
pub(super) type Stretch = (Option<PathPoint>, PathPoint);

/// A place on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Between two points next to each other.
    Segment(Stretch),
    /// Between two points with others between them.
    Stretch(Stretch),
    /// It cannot be told at all: no point but the target could be asked.
    Nowhere,
}

impl Place {
    /// Whether it is the line behind the router, and not the way to the router.
    pub fn behind_the_router(&self) -> bool {
        match self {
            Self::Segment((near, far)) | Self::Stretch((near, far)) => {
                near.is_some_and(|n| n < PathPoint::Provider) && *far >= PathPoint::Provider
            }
            Self::Nowhere => false,
        }
    }
}

/// The shortest stretch that has most of it; `has_most` is asked with the numbers of two points, none for the
/// computer, and says how surely it has, if surely enough.
pub(super) fn place(points: &[PathPoint], has_most: impl Fn(Option<usize>, usize) -> Option<f64>) -> Place {
    let whole = points.len();
    // The target alone says only that something is wrong somewhere.
    if whole < 2 || points[whole - 1] != PathPoint::Target {
        return Place::Nowhere;
    }
    for length in 1..=whole {
        let candidates: Vec<(f64, Option<usize>, usize)> = (0..=whole - length)
            .filter_map(|first| {
                let (near, far) = (first.checked_sub(1), first + length - 1);
                Some((has_most(near, far)?, near, far))
            })
            .collect();
        // Most of it cannot be in two places: what says so is at odds with itself.
        if length == 1 && candidates.len() > 1 {
            continue;
        }
        if let Some((_, near, far)) = candidates.into_iter().max_by(|a, b| a.0.total_cmp(&b.0)) {
            let stretch = (near.map(|n| points[n]), points[far]);
            return if length == 1 { Place::Segment(stretch) } else { Place::Stretch(stretch) };
        }
    }
    Place::Nowhere
}
