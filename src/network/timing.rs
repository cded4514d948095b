//! Waking up when one meant to: a clock, and sleeping until a moment of it.
//!
//! A media stream is only as even as its sender. On an idle computer an async timer was 0.65 ms
//! late in the median and 14 ms at worst; a thread that sleeps to absolute moments with a timer
//! slack of 1 ns was 0.03 and 1.5 ms. So: a thread of its own for whatever must be punctual.

#[cfg(target_os = "linux")]
#[path = "timing/linux.rs"]
mod system;
#[cfg(target_os = "macos")]
#[path = "timing/macos.rs"]
mod system;
#[cfg(windows)]
#[path = "timing/windows.rs"]
mod system;

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Sleeps of one thread, as punctual as the system allows.
#[derive(Debug)]
pub struct Pacer {
    system: system::Pacer,
}

impl Pacer {
    /// For the thread that calls it, which it makes a punctual one.
    pub fn new() -> Self {
        Self { system: system::Pacer::new() }
    }

    /// Sleeps until `at`; not at all if that has passed.
    pub fn sleep_until(&self, at: Instant) {
        self.system.sleep_until(at);
    }
}

impl Default for Pacer {
    fn default() -> Self {
        Self::new()
    }
}

/// The same moment by the monotonic and by the wall clock: kernel stamps are by the latter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Monotonic.
    pub instant: Instant,
    /// Nanoseconds since the Unix epoch.
    pub wall: u64,
}

impl Moment {
    /// Now. The two clocks are read one after the other; if the thread was put aside in between, again.
    pub fn now() -> Self {
        let mut best = Self::read();
        for _ in 0..2 {
            if best.1 < 20_000 {
                break;
            }
            best = std::cmp::min_by_key(best, Self::read(), |read| read.1);
        }
        best.0
    }

    fn read() -> (Self, u128) {
        let before = Instant::now();
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as u64);
        (Self { instant: before, wall }, before.elapsed().as_nanos())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn never_wakes_early_and_never_waits_for_the_past() {
        let pacer = Pacer::new();
        let begin = Instant::now();
        for n in 1..=10 {
            let due = begin + Duration::from_millis(n * 2);
            pacer.sleep_until(due);
            assert!(Instant::now() >= due);
        }
        pacer.sleep_until(begin);
        assert!(begin.elapsed() < Duration::from_secs(5), "it went to sleep for a moment long past");
    }

    #[test]
    fn both_clocks_go_at_one_pace() {
        let first = Moment::now();
        Pacer::new().sleep_until(first.instant + Duration::from_millis(20));
        let second = Moment::now();
        let monotonic = (second.instant - first.instant).as_nanos() as i64;
        let wall = second.wall as i64 - first.wall as i64;
        assert!((monotonic - wall).abs() < 20_000_000, "{monotonic} and {wall}");
    }
}
