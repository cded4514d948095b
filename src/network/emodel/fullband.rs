//! The fullband E-model: ITU-T G.107.2 (03/2023), as far as its constants could be read.
//!
//! Echo is left out, as in `wideband`. What is here was read in rtpengine's `ssrc.c`, which names the Recommendation,
//! not in the Recommendation itself.

use super::{Codec, Path, through_delay, under_loss};

/// Ro,FB: the rating without any impairment. Is,FB and A are 0.
pub const RO: f64 = 148.0;

/// By how much wider than the narrow-band one this scale is: Idd is stretched by it, and the score is that of the
/// narrow-band polynomial over R/1.48.
const SCALE: f64 = 1.48;

/// What Ie,eff goes towards when everything is lost.
const MOST: f64 = 132.0;

/// The transmission rating R on the fullband scale. The codec's values must be fullband ones (Ie,FB and Bpl,FB); those
/// that are published are for random loss.
pub fn rating(codec: Codec, path: Path) -> f64 {
    let random = Path { burst_ratio: 1.0, ..path };
    RO - SCALE * through_delay(path.delay_ms, 1.0, 100.0) - under_loss(codec, &random, MOST)
}

/// The mean opinion score of a fullband rating.
pub fn mos(rating: f64) -> f64 {
    super::mos(rating / SCALE)
}
