//! What the collector takes before it says no. What the wire itself limits is in `telemetry::limits`.

use crate::load_tests::TestLimits;
use std::time::{Duration, Instant};

/// Limits of one server. The defaults are for production; tests and the load tool set their own.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections at once; more wait to be accepted. Each can hold one compressed batch (256 KiB), so
    /// this bounds memory as well.
    pub connections: usize,
    /// For the TLS handshake, and for the head of a request from the end of the one before.
    pub head: Duration,
    /// For the body of a request.
    pub body: Duration,
    /// A connection is closed in order after so long, whatever it does: nobody holds one for ever.
    pub connection_age: Duration,
    /// Write jobs that wait for the writer thread; more are answered 503.
    pub queue: usize,
    /// Requests a second of one desk, after its signature was checked.
    pub desk: Rate,
    /// Signed requests a second of all desks together.
    pub all: Rate,
    /// Enrolments a second.
    pub enroll: Rate,
    /// Failed sign-ins to the board a second.
    pub sign_in: Rate,
    /// Desks that load their line against the collector.
    pub tests: TestLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 2_000,
            head: Duration::from_secs(20),
            body: Duration::from_secs(20),
            connection_age: Duration::from_secs(900),
            queue: 1_024,
            // A desk in a shift sends every five minutes. After an outage it sends full batches one after another.
            desk: Rate { burst: 60.0, per_second: 5.0 },
            // Above what two cores can take: it bounds the queueing for the signature check.
            all: Rate { burst: 60_000.0, per_second: 60_000.0 },
            enroll: Rate { burst: 200.0, per_second: 20.0 },
            sign_in: Rate { burst: 10.0, per_second: 0.5 },
            tests: TestLimits::default(),
        }
    }
}

/// How often something may happen: `burst` at once, then `per_second`.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    /// At once, after a rest.
    pub burst: f64,
    /// In the long run.
    pub per_second: f64,
}

/// A token bucket for one [`Rate`].
#[derive(Debug, Clone, Copy)]
pub struct Bucket {
    left: f64,
    at: Instant,
}

impl Bucket {
    /// A full bucket.
    pub fn full(rate: Rate, now: Instant) -> Self {
        Self { left: rate.burst, at: now }
    }

    /// Takes one, or says that there is none.
    pub fn take(&mut self, rate: Rate, now: Instant) -> bool {
        let rest = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = (self.left + rest * rate.per_second).min(rate.burst);
        self.at = now;
        let some = self.left >= 1.0;
        if some {
            self.left -= 1.0;
        }
        some
    }

    /// Whether it has rested until it is full.
    pub fn is_full(&self, rate: Rate, now: Instant) -> bool {
        self.left + now.saturating_duration_since(self.at).as_secs_f64() * rate.per_second >= rate.burst
    }

    /// Whether there is one, without taking it.
    pub fn has(&self, rate: Rate, now: Instant) -> bool {
        self.left + now.saturating_duration_since(self.at).as_secs_f64() * rate.per_second >= 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let rate = Rate { burst: 3.0, per_second: 2.0 };
        let start = Instant::now();
        let mut bucket = Bucket::full(rate, start);
        let taken = (0..5).filter(|_| bucket.take(rate, start)).count();
        assert_eq!(taken, 3);
        let later = start + Duration::from_millis(500);
        assert!(bucket.has(rate, later) && bucket.take(rate, later) && !bucket.take(rate, later));
        let rested = start + Duration::from_secs(3600);
        assert_eq!((0..9).filter(|_| bucket.take(rate, rested)).count(), 3);
    }
}
