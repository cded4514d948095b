//! The statistics of draft-ietf-ippm-responsiveness. Pure; times are in milliseconds.

use crate::network::statistics::{mean, quantile};
use std::time::Duration;
use telemetry::Confidence;

/// How often it is looked whether the figures have settled (ID). The draft has a second; ours is a quarter of
/// it, since both directions together may take a few seconds.
pub const INTERVAL: Duration = Duration::from_millis(250);
/// So many intervals are averaged over, and looked at for stability (MAD).
pub const WINDOW: usize = 4;
/// Settled is what moves by no more than this share of itself (SDT).
const TOLERANCE: f64 = 0.05;
/// The best so many percent of the samples count (TMP).
const TRIMMED: f64 = 0.95;
/// Fewer handshakes under load than this say little.
const LEAST: usize = 3;
/// Nothing takes less than a microsecond.
const LEAST_TIME: f64 = 1e-3;
/// Connections find their speed within this, in seconds.
const GROWS: f64 = 0.5;
/// Where nothing came back at all, a wait counts from this length on: any shorter one may just have begun.
const WAITED: f64 = 500.0;

/// The single-sided trimmed mean: the mean of the best 95 %. `None` of nothing.
pub fn trimmed_mean(samples: &[f64]) -> Option<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    // Of fewer than twenty there is no twentieth part to leave out.
    let kept = (sorted.len() as f64 * TRIMMED).ceil() as usize;
    mean(&sorted[..kept])
}

/// The median: the middle one, or the mean of the middle two.
pub fn median(samples: &[f64]) -> Option<f64> {
    let low = quantile(samples, 0.5)?;
    let high = samples.iter().copied().filter(|s| *s > low).reduce(f64::min);
    let at_most = samples.iter().filter(|s| **s <= low).count();
    Some(if at_most * 2 == samples.len() { (low + high.unwrap_or(low)) / 2.0 } else { low })
}

/// Round trips a minute of samples of each kind. TLS is absent where there is none; what was asked on loaded
/// connections is absent where that cannot be done, and then the others count alone.
pub fn rpm(tcp: &[f64], tls: &[f64], http: &[f64], own: &[f64]) -> Option<f64> {
    let (tcp, http) = (trimmed_mean(tcp)?, trimmed_mean(http)?);
    let parts: Vec<f64> = [Some(tcp), trimmed_mean(tls), Some(http)].into_iter().flatten().collect();
    let foreign = 60_000.0 / mean(&parts)?.max(LEAST_TIME);
    let loaded = trimmed_mean(own).map(|own| 60_000.0 / own.max(LEAST_TIME));
    Some(loaded.map_or(foreign, |loaded| (foreign + loaded) / 2.0))
}

/// Samples together with what is still waited for. What has waited longer than the others took counts with
/// the time it has waited: it took that long at least, and to leave it out would call the worst line good.
pub fn with_waiting(done: &[f64], waiting: &[f64]) -> Vec<f64> {
    let from = mean(done).unwrap_or(WAITED);
    done.iter().copied().chain(waiting.iter().copied().filter(|w| *w > from)).collect()
}

/// Whether the last few values moved by no more than the tolerance around the last.
pub fn is_stable(values: &[f64]) -> bool {
    let Some(from) = values.len().checked_sub(WINDOW) else { return false };
    let last = &values[from..];
    let Some(centre) = mean(last) else { return false };
    let variance = last.iter().map(|v| (v - centre).powi(2)).sum::<f64>() / last.len() as f64;
    let now = values[values.len() - 1];
    now > 0.0 && variance.sqrt() <= TOLERANCE * now
}

/// Bytes a second over the last intervals, from what had been carried at each moment (seconds, bytes).
pub fn goodput(carried: &[(f64, u64)]) -> Option<f64> {
    let (now, all) = *carried.last()?;
    let (then, before) = carried[carried.len().saturating_sub(WINDOW + 1)];
    let time = now - then;
    (time > 0.0).then(|| all.saturating_sub(before) as f64 / time)
}

/// Bytes a second over a whole load, but for the time in which it grew. A second alone says too little of an upload: what
/// arrives after a lost packet is handed over all at once.
pub fn throughput(carried: &[(f64, u64)]) -> Option<f64> {
    let last = carried.last()?.0;
    let grown = if last < 2.0 * GROWS { 0.0 } else { GROWS };
    let from = carried.iter().position(|(at, _)| *at >= grown)?;
    let ((then, before), (now, all)) = (carried[from], carried[carried.len() - 1]);
    (now > then).then(|| all.saturating_sub(before) as f64 / (now - then))
}

/// How far to trust figures of so many intervals and handshakes.
pub fn confidence(intervals: usize, handshakes: usize, settled: bool) -> Confidence {
    if intervals < WINDOW || handshakes < LEAST {
        Confidence::Low
    } else if settled {
        Confidence::High
    } else {
        Confidence::Medium
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(value: Option<f64>, expected: f64) {
        let value = value.expect("a value");
        assert!((value - expected).abs() < 1e-9, "{value} is not {expected}");
    }

    #[test]
    fn the_worst_twentieth_is_left_out() {
        // 1 to 20: without the 20 the mean is 10.
        let all: Vec<f64> = (1..=20).map(f64::from).collect();
        close(trimmed_mean(&all), 10.0);
        // 1 to 100: without 96 to 100 the mean is 48.
        close(trimmed_mean(&(1..=100).map(f64::from).collect::<Vec<_>>()), 48.0);
        // Of ten nothing is left out; the order does not matter.
        close(trimmed_mean(&[1000.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0]), 101.0);
        close(trimmed_mean(&[7.0]), 7.0);
        assert_eq!(trimmed_mean(&[]), None);
    }

    #[test]
    fn medians() {
        close(median(&[3.0, 1.0, 2.0]), 2.0);
        close(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        close(median(&[2.0, 2.0]), 2.0);
        close(median(&[2.0, 2.0, 2.0, 9.0]), 2.0);
        close(median(&[2.0, 2.0, 5.0, 9.0]), 3.5);
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn round_trips_a_minute_by_the_draft() {
        // Foreign 60000/mean(100, 200, 300) = 300, loaded 60000/600 = 100: 200 on average.
        close(rpm(&[100.0], &[200.0], &[300.0], &[600.0]), 200.0);
        // Without TLS: 60000/mean(100, 300) = 300.
        close(rpm(&[100.0], &[], &[300.0], &[600.0]), 200.0);
        // HTTP/1.1: nothing can be asked on a loaded connection.
        close(rpm(&[100.0], &[200.0], &[300.0], &[]), 300.0);
        // The draft's bands: 200 ms is 300, 60 ms is 1000, 10 ms is 6000.
        for (ms, expected) in [(200.0, 300.0), (60.0, 1000.0), (10.0, 6000.0)] {
            close(rpm(&[ms], &[ms], &[ms], &[ms]), expected);
        }
        assert_eq!(rpm(&[], &[1.0], &[1.0], &[1.0]), None);
        assert!(rpm(&[0.0], &[], &[0.0], &[]).is_some_and(f64::is_finite));
    }

    #[test]
    fn a_long_wait_counts_and_a_short_one_does_not() {
        assert_eq!(with_waiting(&[100.0, 300.0], &[150.0, 250.0, 900.0]), [100.0, 300.0, 250.0, 900.0]);
        assert_eq!(with_waiting(&[], &[20.0, 499.0, 800.0]), [800.0]);
        assert!(with_waiting(&[], &[]).is_empty());
    }

    #[test]
    fn stable_is_what_moves_by_a_twentieth_at_most() {
        assert!(is_stable(&[100.0; 4]));
        // Standard deviation of 95, 95, 105, 105 is 5: exactly 5 % of 100, but 4.76 % of 105.
        assert!(is_stable(&[95.0, 95.0, 105.0, 105.0]));
        assert!(!is_stable(&[105.0, 105.0, 94.0, 94.0]));
        assert!(!is_stable(&[100.0; 3]), "too few");
        assert!(is_stable(&[1.0, 50.0, 100.0, 100.0, 100.0, 100.0]), "only the last four count");
        assert!(!is_stable(&[0.0; 4]) && !is_stable(&[f64::NAN; 4]) && !is_stable(&[]));
    }

    #[test]
    fn goodput_is_of_the_last_intervals() {
        // 1 MB in the first second, then half of that a second.
        let carried: Vec<(f64, u64)> = vec![
            (0.0, 0),
            (1.0, 1_000_000),
            (1.25, 1_125_000),
            (1.5, 1_250_000),
            (1.75, 1_375_000),
            (2.0, 1_500_000),
        ];
        close(goodput(&carried), 500_000.0);
        close(goodput(&carried[..2]), 1_000_000.0);
        assert_eq!(goodput(&carried[..1]), None);
        assert_eq!(goodput(&[]), None);
        // A count that goes backwards is a server's mistake, and no speed.
        close(goodput(&[(0.0, 9), (1.0, 3)]), 0.0);
    }

    #[test]
    fn throughput_is_of_all_but_the_beginning() {
        let carried = [(0.0, 0), (0.25, 10), (0.5, 1_000), (1.0, 51_000), (1.5, 51_000), (2.5, 201_000)];
        close(throughput(&carried), 100_000.0);
        // Too short to leave anything out.
        close(throughput(&carried[..3]), 2_000.0);
        assert_eq!(throughput(&carried[..1]), None);
        assert_eq!(throughput(&[]), None);
    }

    #[test]
    fn confidence_needs_time_and_answers() {
        assert_eq!(confidence(3, 9, true), Confidence::Low);
        assert_eq!(confidence(9, 2, true), Confidence::Low);
        assert_eq!(confidence(4, 3, false), Confidence::Medium);
        assert_eq!(confidence(4, 3, true), Confidence::High);
    }

    proptest::proptest! {
        #[test]
        fn nothing_is_beyond_the_samples(samples in proptest::collection::vec(0.1..1e5f64, 1..60)) {
            let (least, most) = (samples.iter().copied().reduce(f64::min).unwrap(), samples.iter().copied().reduce(f64::max).unwrap());
            for value in [trimmed_mean(&samples).unwrap(), median(&samples).unwrap()] {
                proptest::prop_assert!(least - 1e-6 <= value && value <= most + 1e-6);
            }
            let rpm = rpm(&samples, &samples, &samples, &samples).unwrap();
            proptest::prop_assert!(60_000.0 / most - 1e-6 <= rpm && rpm <= 60_000.0 / least + 1e-6);
        }
    }
}
