//! Statistics of packet times and losses. Pure; times are in milliseconds.

/// The 97.5 % quantile of the normal distribution: a two-sided interval of 95 %.
pub const Z95: f64 = 1.959_963_984_540_054;

/// The mean; `None` of nothing.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The least value; `None` of nothing.
pub fn least(values: &[f64]) -> Option<f64> {
    values.iter().copied().reduce(f64::min)
}

/// The quantile `q` of 0 to 1 by nearest rank: a value that really occurred. `None` of nothing.
pub fn quantile(values: &[f64], q: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let rank = (q.clamp(0.0, 1.0) * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied()
}

/// Mean of |IPDV| (RFC 3393): how much the delay changes from one packet to the next. Given the delays
/// in sending order, `None` for what did not come; only neighbours that both came count.
pub fn ipdv_mean(delays: &[Option<f64>]) -> Option<f64> {
    let changes: Vec<f64> = delays.windows(2).filter_map(|pair| Some((pair[1]? - pair[0]?).abs())).collect();
    mean(&changes)
}

/// PDV (RFC 5481): the 95th percentile of the delay less the least.
pub fn pdv(delays: &[f64]) -> Option<f64> {
    Some(quantile(delays, 0.95)? - least(delays)?)
}

/// Interarrival jitter of RFC 3550 §6.4.1 after the last of these delays, given in order of arrival.
/// `None` of fewer than two.
pub fn rfc3550_jitter(delays: &[f64]) -> Option<f64> {
    let changes = delays.windows(2).map(|pair| (pair[1] - pair[0]).abs());
    (delays.len() >= 2).then(|| changes.fold(0.0, |jitter, d| jitter + (d - jitter) / 16.0))
}

/// The Wilson score interval of a share: where the true one lies with 95 % confidence, from 0 to 1.
/// Without any trial that is anywhere.
pub fn wilson(hits: usize, trials: usize) -> (f64, f64) {
    if trials == 0 {
        return (0.0, 1.0);
    }
    let n = trials as f64;
    let share = hits as f64 / n;
    let z2 = Z95 * Z95;
    let centre = share + z2 / (2.0 * n);
    let spread = Z95 * ((share * (1.0 - share) + z2 / (4.0 * n)) / n).sqrt();
    let scale = 1.0 + z2 / n;
    // At the ends the formula is exact but for rounding; a bound beyond them would be nonsense.
    let low = if hits == 0 { 0.0 } else { ((centre - spread) / scale).max(0.0) };
    let high = if hits >= trials { 1.0 } else { ((centre + spread) / scale).min(1.0) };
    (low, high)
}

/// Burst ratio of ITU-T G.107: mean length of the observed bursts of loss over that of random loss.
/// Given in sending order whether each packet arrived. At least 1, also when nothing was lost or nothing came:
/// the E-model has no meaning below it.
pub fn burst_ratio(arrived: &[bool]) -> f64 {
    let lost = arrived.iter().filter(|&&came| !came).count();
    let bursts = arrived.chunk_by(|a, b| a == b).filter(|run| !run[0]).count();
    if lost == 0 {
        return 1.0;
    }
    let mean_burst = lost as f64 / bursts as f64;
    (mean_burst * (1.0 - lost as f64 / arrived.len() as f64)).max(1.0)
}

/// Packets that came after a later one (RFC 4737 §3), given the sequence numbers in order of arrival,
/// each once.
pub fn reordered(sequences: &[u32]) -> usize {
    let mut next = 0;
    let late = |&&sequence: &&u32| {
        let late = sequence < next;
        next = next.max(sequence);
        late
    };
    sequences.iter().filter(late).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn close(value: Option<f64>, expected: f64) {
        let value = value.expect("a value");
        assert!((value - expected).abs() < 5e-4, "{value} is not {expected}");
    }

    #[test]
    fn jitter_of_constant_change_is_the_closed_form() {
        // |D| = 4 ms gives 4(1 − (15/16)^n); n = 16: 2.576.
        let alternating: Vec<f64> = (0..17).map(|n| f64::from(n % 2) * 4.0).collect();
        close(rfc3550_jitter(&alternating), 2.5758);
        close(ipdv_mean(&alternating.iter().copied().map(Some).collect::<Vec<_>>()), 4.0);
        assert_eq!(rfc3550_jitter(&[1.0]), None);
    }

    #[test]
    fn ipdv_of_known_distributions() {
        // E|D| of independent delays: uniform ±a gives 2a/3, exponential of mean m gives m.
        let mut state = 7u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1u64 << 53) as f64
        };
        let uniform: Vec<_> = (0..200_000).map(|_| Some(30.0 + (random() * 2.0 - 1.0) * 6.0)).collect();
        assert!((ipdv_mean(&uniform).unwrap() - 4.0).abs() < 0.04);
        let exponential: Vec<_> = (0..200_000).map(|_| Some(-(1.0 - random()).ln() * 5.0)).collect();
        assert!((ipdv_mean(&exponential).unwrap() - 5.0).abs() < 0.05);
    }

    #[test]
    fn ipdv_skips_what_did_not_come() {
        close(ipdv_mean(&[Some(1.0), None, Some(9.0), Some(11.0), Some(8.0)]), 2.5);
        assert_eq!(ipdv_mean(&[Some(1.0), None, Some(2.0)]), None);
    }

    #[test]
    fn quantiles_are_values_that_occurred() {
        let values: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!(quantile(&values, 0.95), Some(95.0));
        assert_eq!(quantile(&values, 0.0), Some(1.0));
        assert_eq!(quantile(&values, 1.0), Some(100.0));
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(pdv(&values), Some(94.0));
    }

    #[test]
    fn wilson_of_published_cases() {
        // Newcombe 1998, table I, method 3.
        for ((hits, trials), (low, high)) in [
            ((81, 263), (0.2553, 0.3662)),
            ((15, 148), (0.0624, 0.1605)),
            ((0, 20), (0.0, 0.1611)),
            ((1, 29), (0.0061, 0.1718)),
        ] {
            let (l, h) = wilson(hits, trials);
            assert!((l - low).abs() < 5e-5 && (h - high).abs() < 5e-5, "{hits}/{trials}: {l} {h}");
        }
        assert_eq!(wilson(0, 0), (0.0, 1.0));
        assert_eq!(wilson(250, 250).1, 1.0);
    }

    #[test]
    fn burst_ratio_of_the_reference_vector() {
        let arrived: Vec<bool> = "1101111100011111".chars().map(|c| c == '1').collect();
        assert_eq!(burst_ratio(&arrived), 1.5);
        assert_eq!(burst_ratio(&[true; 9]), 1.0);
        assert_eq!(burst_ratio(&[false; 9]), 1.0);
        assert_eq!(burst_ratio(&[]), 1.0);
    }

    #[test]
    fn reordering_counts_the_latecomers() {
        assert_eq!(reordered(&[0, 1, 2, 3]), 0);
        assert_eq!(reordered(&[0, 2, 1, 3]), 1);
        assert_eq!(reordered(&[4, 0, 1, 2]), 3);
        assert_eq!(reordered(&[]), 0);
    }

    proptest! {
        #[test]
        fn intervals_hold_the_share(trials in 1usize..10_000, part in 0.0..=1.0f64) {
            let hits = (trials as f64 * part) as usize;
            let (low, high) = wilson(hits, trials);
            let share = hits as f64 / trials as f64;
            prop_assert!(0.0 <= low && low <= share && share <= high && high <= 1.0);
        }

        #[test]
        fn burst_ratios_are_at_least_one_and_finite(arrived in proptest::collection::vec(any::<bool>(), 0..300)) {
            let ratio = burst_ratio(&arrived);
            prop_assert!(ratio.is_finite() && ratio >= 1.0);
        }
    }
}
