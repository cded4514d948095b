//! Seeded randomness, and the pattern of loss and delay that is drawn from it.

use crate::shape::{Loss, Shape, Spread};
use std::time::Duration;

/// SplitMix64: small, and the same everywhere.
#[derive(Debug, Clone)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to 1, without 1.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        let (u, v) = (self.unit().max(f64::MIN_POSITIVE), self.unit());
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    }
}

/// What is drawn for one packet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Draw {
    pub(crate) lost: bool,
    pub(crate) duplicate: bool,
    /// Delay and jitter together.
    pub(crate) delay: Duration,
}

/// The pattern of one direction since its shape was set.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    random: Random,
    packets: u64,
    bad: bool,
}

impl Pattern {
    pub(crate) fn new(seed: u64) -> Self {
        Self { random: Random(seed), packets: 0, bad: false }
    }

    /// For the next packet. Always as many numbers for each, so that which packets are lost depends on
    /// the seed alone.
    pub(crate) fn draw(&mut self, shape: &Shape) -> Draw {
        self.packets += 1;
        let random = &mut self.random;
        let (for_loss, for_burst, for_duplicate) = (random.unit(), random.unit(), random.unit());
        let (even, normal) = (random.unit(), random.normal());
        let lost = match shape.loss {
            Loss::None => false,
            Loss::Random(p) => for_loss < p,
            Loss::Every(n) => self.packets.is_multiple_of(n),
            Loss::Bursts { p, r, bad, good } => {
                self.bad = if self.bad { for_burst >= r } else { for_burst < p };
                for_loss < if self.bad { bad } else { good }
            }
        };
        let jitter = shape.jitter.as_secs_f64();
        let extra = match shape.spread {
            Spread::Uniform => (even * 2.0 - 1.0) * jitter,
            Spread::Normal => normal * jitter,
            Spread::Exponential => -(1.0 - even).ln() * jitter,
            Spread::Alternating => f64::from(u8::from(self.packets.is_multiple_of(2))) * jitter,
        };
        let delay = Duration::from_secs_f64((shape.delay.as_secs_f64() + extra).max(0.0));
        Draw { lost: lost || shape.outage, duplicate: for_duplicate < shape.duplicate, delay }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(settings: &str, packets: usize) -> Vec<usize> {
        let shape = Shape::default().with(settings).unwrap();
        let mut pattern = Pattern::new(shape.seed);
        (0..packets).filter(|_| pattern.draw(&shape).lost).collect()
    }

    #[test]
    fn a_seed_is_a_pattern_whatever_else_is_set() {
        let plain = lost("loss=5% seed=42", 1000);
        assert_eq!(plain, lost("loss=5% seed=42 delay=9ms jitter=3ms dist=normal dup=10%", 1000));
        assert_ne!(plain, lost("loss=5% seed=43", 1000));
        assert!((30..70).contains(&plain.len()), "{}", plain.len());
        assert_eq!(lost("loss=every:50", 500).len(), 10);
    }

    #[test]
    fn bursts_are_as_long_as_they_should_be() {
        let lost = lost("loss=ge:1%:25% seed=3", 100_000);
        let bursts = lost.windows(2).filter(|pair| pair[1] != pair[0] + 1).count() + 1;
        let mean = lost.len() as f64 / bursts as f64;
        assert!((3.5..4.5).contains(&mean), "1/25 % is 4: {mean}");
    }

    #[test]
    fn delays_spread_as_they_say() {
        let mean_and_deviation = |settings: &str| {
            let shape = Shape::default().with(settings).unwrap();
            let mut pattern = Pattern::new(1);
            let delays: Vec<f64> =
                (0..50_000).map(|_| pattern.draw(&shape).delay.as_secs_f64() * 1e3).collect();
            let mean = delays.iter().sum::<f64>() / delays.len() as f64;
            let variance = delays.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / delays.len() as f64;
            (mean, variance.sqrt())
        };
        for (settings, mean, deviation) in [
            ("delay=100ms jitter=6ms dist=uniform", 100.0, 6.0 / 3f64.sqrt()),
            ("delay=100ms jitter=6ms dist=normal", 100.0, 6.0),
            ("delay=100ms jitter=6ms dist=exp", 106.0, 6.0),
            ("delay=100ms jitter=6ms dist=alt", 103.0, 3.0),
        ] {
            let (m, d) = mean_and_deviation(settings);
            assert!((m - mean).abs() < 0.1 && (d - deviation).abs() < 0.1, "{settings}: {m} {d}");
        }
    }
}
