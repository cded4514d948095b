//! Whether a full line is what is wrong, and whether this computer fills it.

use super::{Symptom, place::Place, way};
use crate::Policy;
use crate::limits::{Band, Metric};
use telemetry::{BitRate, Media, Path};

/// A line that is merely long is this even, whatever its length. In a full queue a single long packet of somebody else,
/// 1500 bytes, makes 6 ms on a line of 2 Mbit/s.
const EVEN_MS: f64 = 8.0;
/// A queue grows and shrinks over many packets: neighbours differ by less than this share of the whole variation.
/// Of independent delays it is a quarter (normal) or more (uniform, exponential).
const SLOW: f64 = 0.15;

/// The line behind the router, as the symptoms show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line {
    /// What is wrong may be a queue before it or in it.
    pub is_queue: bool,
}

/// What this computer does to the line, in Mbit/s.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Own {
    /// It sends so much.
    Up(f64),
    /// It receives so much.
    Down(f64),
}

/// A queue shows as delay behind the router that is not even, or that varies slowly.
pub(super) fn line(media: &Media, path: &Path, places: &[(Symptom, Place)]) -> Line {
    let behind = |symptom| places.iter().any(|(s, place)| *s == symptom && place.behind_the_router());
    let varies = path.target().and_then(way::variation).unwrap_or(0.0);
    let slowly = match (media.ipdv_mean, media.pdv) {
        (Some(ipdv), Some(pdv)) => ipdv.get() < SLOW * pdv.get(),
        _ => false,
    };
    // Loss alone is none: a full queue delays what it does not drop.
    let is_queue = (behind(Symptom::Delay) && varies > EVEN_MS) || (behind(Symptom::Variation) && slowly);
    Line { is_queue }
}

/// This computer's traffic, if it is much and there is a queue.
pub(super) fn fills(policy: &Policy, path: &Path, line: Line) -> Option<Own> {
    let much = |metric, rate: Option<BitRate>| {
        rate.map(BitRate::get).filter(|rate| line.is_queue && policy.limit(metric).band(*rate) != Band::Good)
    };
    much(Metric::OwnUpload, path.own_up)
        .map(Own::Up)
        .or_else(|| much(Metric::OwnDownload, path.own_down).map(Own::Down))
}
