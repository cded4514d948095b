//! When to try again: exponential with full jitter, and the collector's `Retry-After`.

use crate::random::Random;
use std::time::Duration;

/// How fast a desk sends and tries again. The default is for production; tests that have many
/// outages to get through set their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    /// Routine reports are gathered for so long: a batch of five costs little more than one report.
    pub routine: Duration,
    /// After a failure the first wait is anywhere below this.
    pub first: Duration,
    /// No wait is above this, unless the collector asks for it.
    pub most: Duration,
    /// Without a network, something urgent shortens the wait to this.
    pub urgent: Duration,
    /// A stopped desk looks again so often: a collector may have been restored, a desk been let in again.
    pub stopped: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            routine: seconds(300),
            first: seconds(5),
            most: seconds(900),
            urgent: seconds(10),
            stopped: seconds(3_600),
        }
    }
}

/// A collector's wish is honoured up to this: a mistyped date must not silence a desk for a shift.
const MOST_ASKED: Duration = Duration::from_secs(60 * 60);
/// Even a lucky draw does not hammer: at least this part of the first bound.
const LEAST: f64 = 0.1;

/// Counts failures in a row and draws the waits.
#[derive(Debug)]
pub struct Backoff {
    pace: Pace,
    random: Random,
    failures: u32,
}

impl Backoff {
    /// No failure yet.
    pub fn new(pace: Pace, random: Random) -> Self {
        Self { pace, random, failures: 0 }
    }

    /// It worked: the next failure is the first again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// Failures in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// It failed: how long to wait. Full jitter: anywhere below an exponential bound, so
    /// that desks that lost a collector together do not come back together.
    pub fn next(&mut self, asked: Option<Duration>) -> Duration {
        let bound = self.pace.first.saturating_mul(1 << self.failures.min(20)).min(self.pace.most);
        self.failures = self.failures.saturating_add(1);
        let own = bound.mul_f64(self.random.unit()).max(self.pace.first.mul_f64(LEAST));
        match asked {
            // What was asked for is the least; a part on top, because others were asked the same.
            Some(asked) => {
                let asked = asked.min(MOST_ASKED);
                own.max(asked + asked.mul_f64(self.random.unit() / 4.0))
            }
            None => own,
        }
    }

    /// A time around a regular one, within a tenth: desks that started together drift apart.
    pub fn spread(&self, regular: Duration) -> Duration {
        regular.mul_f64(0.9 + self.random.unit() / 5.0)
    }
}

/// Reads `Retry-After`: seconds, or a date that is held against the answer's own `Date`, so that the desk's
/// clock does not matter.
pub fn retry_after(value: &str, date: Option<&str>) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        // More digits than a u64 holds mean a very long time.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)).min(MOST_ASKED));
    }
    let until = http_date(value)?;
    let now = http_date(date?)?;
    Some(Duration::from_secs(until.saturating_sub(now).max(0) as u64).min(MOST_ASKED))
}

/// Seconds since 1970 of a date such as `Sun, 06 Nov 1994 08:49:37 GMT`.
fn http_date(text: &str) -> Option<i64> {
    let text = text.trim();
    let zoned = text
        .is_ascii()
        .then(|| jiff::fmt::rfc2822::DateTimeParser::new().relaxed_weekday(true).parse_zoned(text))?;
    Some(zoned.ok()?.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_secs(5);
    const MOST: Duration = Duration::from_secs(900);

    #[test]
    fn waits_grow_are_spread_and_bounded_and_repeat_for_a_seed() {
        let draw = |seed| {
            let mut backoff = Backoff::new(Pace::default(), Random::seeded(seed));
            (0..40).map(|_| backoff.next(None)).collect::<Vec<_>>()
        };
        assert_eq!(draw(3), draw(3));
        assert_ne!(draw(3), draw(4));
        let mut late = Vec::new();
        for seed in 0..200 {
            let waits = draw(seed);
            for (n, wait) in waits.iter().enumerate() {
                assert!(*wait <= FIRST.saturating_mul(1 << n.min(20)).min(MOST) && *wait >= FIRST / 10);
            }
            late.extend(&waits[20..]);
        }
        // Full jitter: the mean of many is half the bound, and they come from all over it.
        let mean = late.iter().sum::<Duration>() / late.len() as u32;
        assert!(mean > MOST.mul_f64(0.47) && mean < MOST.mul_f64(0.53), "{mean:?}");
        assert!(
            late.iter().min() < Some(&MOST.mul_f64(0.02)) && late.iter().max() > Some(&MOST.mul_f64(0.98))
        );
    }

    #[test]
    fn success_begins_again() {
        let mut backoff = Backoff::new(Pace::default(), Random::seeded(1));
        for _ in 0..10 {
            backoff.next(None);
        }
        backoff.reset();
        assert!(backoff.next(None) <= FIRST);
        assert_eq!(backoff.failures(), 1);
    }

    #[test]
    fn what_the_collector_asks_for_is_kept_within_reason() {
        let mut backoff = Backoff::new(Pace::default(), Random::seeded(1));
        let asked = Duration::from_secs(60);
        for _ in 0..3 {
            let wait = backoff.next(Some(asked));
            assert!(wait >= asked && wait <= asked.mul_f64(1.25), "{wait:?}");
        }
        assert!(backoff.next(Some(Duration::MAX)) <= MOST_ASKED.mul_f64(1.25));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        let seconds = |v: &str, d| retry_after(v, d).map(|d| d.as_secs());
        assert_eq!(seconds("7", None), Some(7));
        assert_eq!(seconds(" 0 ", None), Some(0));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:50:37 GMT", Some(date)), Some(60));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:40:37 GMT", Some(date)), Some(0));
        assert_eq!(seconds("Sun, 06 Nov 2094 08:49:37 GMT", Some(date)), Some(3600));
        assert_eq!(seconds(&"9".repeat(40), None), Some(3600));
        for bad in ["", "-1", "1.5", "soon", "6 Nov", "\u{1F600}", "1e9", "Sun, 99 Nov 1994 08:49:37 GMT"] {
            assert_eq!(seconds(bad, Some(date)), None, "{bad}");
        }
        assert_eq!(seconds("Sun, 06 Nov 1994 08:50:37 GMT", None), None);
    }
}
