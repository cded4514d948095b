//! Random numbers, handed in: from the operating system, or from a seed in tests.

use std::sync::{Arc, Mutex};

/// A source of random numbers.
#[derive(Clone)]
pub struct Random(Source);

#[derive(Clone)]
enum Source {
    System,
    Seeded(Arc<Mutex<u64>>),
}

impl Random {
    /// The operating system's: for keys and ids.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// The same numbers for the same seed (SplitMix64): for tests, never for keys.
    pub fn seeded(seed: u64) -> Self {
        Self(Source::Seeded(Arc::new(Mutex::new(seed))))
    }

    /// Random bytes.
    ///
    /// # Panics
    /// If the operating system has no random numbers: nothing that needs a key can go on then.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut out = [0; N];
        match &self.0 {
            Source::System => getrandom::fill(&mut out).expect("the system has random numbers"),
            Source::Seeded(state) => {
                let mut state = state.lock().unwrap_or_else(|e| e.into_inner());
                for chunk in out.chunks_mut(8) {
                    chunk.copy_from_slice(&split_mix(&mut state).to_le_bytes()[..chunk.len()]);
                }
            }
        }
        out
    }

    /// A number from 0 (included) to 1 (not included).
    pub fn unit(&self) -> f64 {
        (u64::from_le_bytes(self.bytes()) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A number below `end`; 0 if `end` is 0.
    pub fn below(&self, end: u64) -> u64 {
        // The bias of multiplying is 2^-64 times `end`: nothing, for what it is used for.
        ((u128::from(u64::from_le_bytes(self.bytes())) * u128::from(end)) >> 64) as u64
    }
}

impl std::fmt::Debug for Random {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0 {
            Source::System => "Random(system)",
            Source::Seeded(_) => "Random(seeded)",
        })
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): its constants are the generator's own.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_and_the_system_does_not() {
        assert_eq!(Random::seeded(7).bytes::<20>(), Random::seeded(7).bytes::<20>());
        assert_ne!(Random::seeded(7).bytes::<20>(), Random::seeded(8).bytes::<20>());
        assert_ne!(Random::system().bytes::<16>(), Random::system().bytes::<16>());
        // The first output for seed 0, as published with the generator.
        assert_eq!(u64::from_le_bytes(Random::seeded(0).bytes()), 0xe220_a839_7b1d_cdaf);
    }

    #[test]
    fn ranges_hold() {
        let random = Random::seeded(1);
        for _ in 0..1_000 {
            assert!((0.0..1.0).contains(&random.unit()));
            assert!(random.below(3) < 3);
            assert_eq!(random.below(0), 0);
        }
    }
}
