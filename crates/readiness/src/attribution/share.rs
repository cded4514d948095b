//! How much of what the stream suffers arises on one stretch of the way, and how surely.

/// A stretch is named if it has at least this share: the rule by which eleven of eleven tried faults were named
/// rightly.
const MOST: f64 = 0.6;
/// … and for loss, which is counted, with at least this probability.
const SURE: f64 = 0.95;
/// Steps in which shares are tried.
const STEPS: usize = 40;
/// Steps in which the stream's own loss is tried.
const LOSS_STEPS: usize = 24;
/// Faults mostly come alone. So much likelier than chance is it held before counting that one stretch has nearly all.
const ALONE: f64 = 20.0;
/// "Nearly all".
const NEARLY: f64 = 0.9;

/// Packets for one point. Not whole: packets that were lost together count as fewer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Counted {
    pub sent: f64,
    pub lost: f64,
}

impl Counted {
    pub fn share(&self) -> f64 {
        self.lost / self.sent.max(1.0)
    }

    /// Both counts together.
    pub fn and(&self, other: &Self) -> Self {
        Self { sent: self.sent + other.sent, lost: self.lost + other.lost }
    }

    /// Whether both may be counts of the same thing: their shares are within two standard errors of each other.
    pub fn agrees(&self, other: &Self) -> bool {
        let both = self.and(other);
        let share = ((both.lost + 1.0) / (both.sent + 2.0)).min(1.0);
        let error = (share * (1.0 - share) * (1.0 / self.sent.max(1.0) + 1.0 / other.sent.max(1.0))).sqrt();
        (self.share() - other.share()).abs() <= 2.0 * error
    }

    /// Logarithm of how likely this count is if so many are lost. A little is lost everywhere, for reasons of its own.
    fn likelihood(&self, loss: f64) -> f64 {
        const A_LITTLE: f64 = 5e-4;
        let loss = loss.clamp(A_LITTLE, 1.0 - A_LITTLE);
        self.lost * loss.ln() + (self.sent - self.lost) * (1.0 - loss).ln()
    }
}

/// How surely the stretch behind point `near` (none: the computer) and up to `far` has most of the loss of the last
/// point, which is the stream itself; none if not surely enough.
pub(super) fn sure_of_loss(points: &[Counted], near: Option<usize>, far: usize) -> Option<f64> {
    let target = points.last()?;
    let far_end = far + 1 == points.len();
    if near.is_none() && far_end {
        return Some(1.0);
    }
    let (before, behind) = (near.map(|n| points[n]), (!far_end).then(|| points[far]));
    let step = |n: usize| n as f64 / STEPS as f64;
    let mut weights: Vec<(f64, bool)> = Vec::new();
    for total in losses_of(target) {
        for a in 0..=if near.is_some() { STEPS } else { 0 } {
            for b in if far_end { STEPS } else { a }..=STEPS {
                let (a, b) = (step(a), step(b));
                let likelihood = target.likelihood(total)
                    + before.map_or(0.0, |c| c.likelihood(a * total))
                    + behind.map_or(0.0, |c| c.likelihood(b * total));
                weights.push((likelihood + prior(a, b).ln(), b - a >= MOST - 1e-9));
            }
        }
    }
    let highest = weights.iter().map(|w| w.0).fold(f64::NEG_INFINITY, f64::max);
    let sum =
        |only: bool| weights.iter().filter(|w| !only || w.1).map(|w| (w.0 - highest).exp()).sum::<f64>();
    let sure = sum(true) / sum(false);
    (sure >= SURE).then_some(sure)
}

fn prior(a: f64, b: f64) -> f64 {
    let alone = b - a >= NEARLY || b <= 1.0 - NEARLY || a >= NEARLY;
    if alone { ALONE } else { 1.0 }
}

/// What the stream's loss may really be: within three standard errors.
fn losses_of(target: &Counted) -> Vec<f64> {
    let share = target.share();
    let error = ((share * (1.0 - share)).max(1.0 / target.sent.max(1.0)) / target.sent.max(1.0)).sqrt();
    let (low, high) = ((share - 3.0 * error).max(share / 10.0), (share + 3.0 * error).min(1.0));
    (0..=LOSS_STEPS).map(|n| low + (high - low) * n as f64 / LOSS_STEPS as f64).collect()
}

/// The share of the last point's value that a stretch has; none if it is not most of it.
pub(super) fn enough_of_value(points: &[f64], near: Option<usize>, far: usize) -> Option<f64> {
    let whole = *points.last()?;
    let before = near.map_or(0.0, |n| points[n]);
    let share = if whole > 0.0 { (points[far] - before) / whole } else { 0.0 };
    (share >= MOST).then_some(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(sent: u32, lost: u32) -> Counted {
        Counted { sent: f64::from(sent), lost: f64::from(lost) }
    }

    /// Gateway, provider, target: which single stretch is named.
    fn named(points: [Counted; 3]) -> Vec<usize> {
        (0..3usize).filter(|n| sure_of_loss(&points, n.checked_sub(1), *n).is_some()).collect()
    }

    #[test]
    fn one_lossy_stretch_is_named() {
        assert_eq!(named([counted(300, 15), counted(300, 15), counted(750, 38)]), [0]);
        assert_eq!(named([counted(300, 0), counted(300, 15), counted(750, 38)]), [1]);
        assert_eq!(named([counted(300, 1), counted(300, 1), counted(750, 38)]), [2]);
    }

    #[test]
    fn too_few_packets_name_none() {
        assert_eq!(named([counted(20, 0), counted(20, 1), counted(50, 2)]), [0usize; 0]);
        assert_eq!(named([counted(25, 1), counted(25, 0), counted(750, 30)]), [0usize; 0]);
    }

    #[test]
    fn two_lossy_stretches_are_named_together() {
        let points = [counted(300, 9), counted(300, 18), counted(750, 45)];
        assert_eq!(named(points), [0usize; 0]);
        assert!(sure_of_loss(&points, None, 1).is_some());
    }

    #[test]
    fn the_whole_way_surely_has_all_of_it() {
        assert_eq!(sure_of_loss(&[counted(9, 0), counted(9, 3)], None, 1), Some(1.0));
        assert_eq!(sure_of_loss(&[], None, 0), None);
    }

    #[test]
    fn values_are_shared_out() {
        let points = [2.0, 80.0, 100.0];
        assert_eq!(enough_of_value(&points, Some(0), 1), Some(0.78));
        assert_eq!(enough_of_value(&points, None, 0), None);
        assert_eq!(enough_of_value(&[0.0, 0.0], None, 1), None, "nothing has no parts");
    }

    proptest::proptest! {
        /// Of two stretches without a common part never are both named.
        #[test]
        fn most_is_in_one_place(mut lost in proptest::collection::vec(0u32..400, 3)) {
            lost.sort_unstable();
            let points = [counted(400, lost[0]), counted(400, lost[1]), counted(400, lost[2])];
            proptest::prop_assert!(named(points).len() <= 1);
        }
    }
}
