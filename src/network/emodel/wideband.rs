//! The wideband E-model: ITU-T G.107.1 (06/2019), as far as its constants could be read and agree.
//!
//! Echo is left out: the Recommendation's talker echo leans on a noise that it leaves for further study. A headset
//! has next to none. What is here was read in two implementations that name their equations and agree (sipnab's
//! `emodel_wb`, loom's `emodel`), not in the Recommendation itself.

use super::{Codec, Path, through_delay, under_loss};

/// Ro,WB: the rating without any impairment (equation 7-2). Is,WB is 0 (7-3), and so is A (7-16).
pub const RO: f64 = 129.0;

/// By how much wider than the narrow-band one this scale is: Idd is stretched by it (7-13), and the score is that of
/// the narrow-band polynomial over R/1.29 (annex A).
const SCALE: f64 = 1.29;

/// The transmission rating R on the wideband scale. The codec's values must be wideband ones (Ie,WB and Bpl,WB).
///
/// The equation is for random loss (7-15): the burst ratio is not part of it.
pub fn rating(codec: Codec, path: Path) -> f64 {
    let random = Path { burst_ratio: 1.0, ..path };
    RO - SCALE * through_delay(path.delay_ms, 1.0, 100.0) - under_loss(codec, &random, 95.0)
}

/// The mean opinion score of a wideband rating (annex A).
pub fn mos(rating: f64) -> f64 {
    super::mos(rating / SCALE)
}
