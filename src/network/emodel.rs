//! Estimated call quality by the E-model, ITU-T G.107 and its relatives for wider bands. Pure.
//!
//! Three models with a scale each: their ratings and scores must not be compared with one another, nor held to
//! each other's limits. What desks are judged by is the narrow-band one, since the limits (ITU-T G.109) are on its
//! scale. Not the simplification of Cole and Rosenbluth, whose figures differ: the two must not be mixed either.
//!
//! | model | Recommendation | rating without any impairment | file |
//! |---|---|---|---|
//! | narrow-band | G.107 | 93.2 with every default | `narrowband` |
//! | wideband | G.107.1 | 129 | `wideband` |
//! | fullband | G.107.2 | 148 | `fullband` |

pub mod codec;
pub mod fullband;
pub mod narrowband;
pub mod wideband;

pub use codec::{Codec, G711, G711_PLC};

/// What a network does to a call in one direction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Path {
    /// Delay from mouth to ear, in milliseconds: network, packet and jitter buffer.
    pub delay_ms: f64,
    /// Lost packets in percent, with those that came too late.
    pub loss_percent: f64,
    /// Burst ratio, at least 1.
    pub burst_ratio: f64,
}

/// The transmission rating R of the narrow-band model with every default of G.107.
pub fn rating(codec: Codec, path: Path) -> f64 {
    narrowband::Inputs::of(path).rating(codec).r
}

/// The mean opinion score of a narrow-band rating (G.107, annex B).
pub fn mos(rating: f64) -> f64 {
    match rating {
        r if r <= 0.0 => 1.0,
        r if r >= 100.0 => 4.5,
        r => (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6).clamp(1.0, 4.5),
    }
}

/// The estimate that a reading carries: narrow-band, for the codec that calls use.
pub fn estimate(codec: telemetry::Codec, path: Path) -> f64 {
    mos(rating(codec::of(codec), path))
}

/// Ie,eff: the codec under loss. `most` is what the impairment goes towards: 95 in G.107 and G.107.1, 132 in G.107.2.
fn under_loss(codec: Codec, path: &Path, most: f64) -> f64 {
    let loss = path.loss_percent.clamp(0.0, 100.0);
    if loss == 0.0 {
        return codec.ie;
    }
    codec.ie + (most - codec.ie) * loss / (loss / path.burst_ratio.max(1.0) + codec.bpl)
}

/// Idd: a conversation through delay, even without any echo (G.107, 2015): `sensitivity` is sT and `least` mT, the
/// delay that nobody perceives. The exponent is 6·sT.
fn through_delay(delay_ms: f64, sensitivity: f64, least: f64) -> f64 {
    if delay_ms <= least {
        return 0.0;
    }
    let x = (delay_ms / least).log2();
    let n = 6.0 * sensitivity;
    let root = |x: f64| (1.0 + x.powf(n)).powf(1.0 / n);
    25.0 * (root(x) - 3.0 * root(x / 3.0) + 2.0)
}

#[cfg(test)]
mod tests;
