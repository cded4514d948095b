//! Spread: the same for one desk each time, different between desks, so that a thousand desks
//! whose shift begins at nine do not knock at the same second.

use std::time::Duration;

/// A moment in `[0, most)`, always the same for one seed and one purpose.
pub fn spread(seed: u64, purpose: u64, most: Duration) -> Duration {
    most.mul_f64(unit(seed, purpose))
}

/// An interval made up to 5 % shorter or longer, for the run that follows the one at `last`.
pub fn jittered(interval: Duration, seed: u64, purpose: u64, last: Duration) -> Duration {
    let n = purpose ^ (last.as_millis() as u64).rotate_left(20);
    interval.mul_f64(0.95 + 0.1 * unit(seed, n))
}

/// A number in `[0, 1)` by splitmix64 (Steele, Lea and Flood 2014): even, and the same everywhere.
fn unit(seed: u64, purpose: u64) -> f64 {
    let mut z = seed ^ purpose.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^= z >> 31;
    (z >> 11) as f64 / (1u64 << 53) as f64
}
