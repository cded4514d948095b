//! Clocks and timers.

use super::{Bench, Check, Found, Said, blocking};
use crate::{
    network::{
        statistics::quantile,
        timing::{Moment, Pacer},
    },
    platform::clock,
};
use std::time::{Duration, Instant};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "clock.timer",
        should: "half of a thread's sleeps end within 1 ms of their time",
        run: blocking!(timer),
    },
    Check {
        name: "clock.step",
        should: "the monotonic clock goes in steps below 0.1 ms",
        run: blocking!(step),
    },
    Check {
        name: "clock.wall",
        should: "the wall clock and the monotonic clock agree on a second to 20 ms",
        run: blocking!(wall),
    },
    Check {
        name: "clock.sleep",
        should: "the clock that counts sleep is not behind the one that does not, and both run",
        run: blocking!(sleep),
    },
];

/// Sleeps that are measured, and how long each is.
const SLEEPS: (u32, Duration) = (200, Duration::from_millis(2));
/// What a sleep by Windows' ordinary tick of 15.6 ms misses in the median, and a good timer does not.
const TIMER_MS: f64 = 1.0;
/// A second by one clock may be this much longer or shorter by the other: adjusting a clock runs it at most
/// 0.05 % fast (Linux) to a few percent (Windows).
const WALL_MS: f64 = 20.0;
/// The coarser of the two clocks goes in steps of this on Windows.
const TICK: Duration = Duration::from_millis(20);

fn timer(_: &Bench) -> Found {
    let pacer = Pacer::new();
    let begin = Instant::now();
    let late: Vec<f64> = (1..=SLEEPS.0)
        .map(|n| {
            let due = begin + SLEEPS.1 * n;
            pacer.sleep_until(due);
            due.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    let at = |q| quantile(&late, q).unwrap_or(f64::NAN);
    let was = Said::of("late by:").figure("p50", at(0.5), "ms").figure("p95", at(0.95), "ms").figure(
        "most",
        at(1.0),
        "ms",
    );
    Found::by(at(0.5) <= TIMER_MS, was)
}

fn step(_: &Bench) -> Found {
    let mut least = Duration::MAX;
    for _ in 0..100 {
        let before = Instant::now();
        let step = std::iter::repeat_with(|| before.elapsed()).find(|d| !d.is_zero()).unwrap_or_default();
        least = least.min(step);
    }
    let ms = least.as_secs_f64() * 1e3;
    Found::by(ms < 0.1, Said::of("least step").count(least.as_nanos() as u64).with("ns"))
}

fn wall(_: &Bench) -> Found {
    let first = Moment::now();
    Pacer::new().sleep_until(first.instant + Duration::from_secs(1));
    let second = Moment::now();
    let monotonic = (second.instant - first.instant).as_secs_f64() * 1e3;
    let wall = (second.wall as f64 - first.wall as f64) / 1e6;
    let was = Said::of("a second:").figure("monotonic", monotonic, "ms").figure(
        "wall less that",
        wall - monotonic,
        "ms",
    );
    Found::by((wall - monotonic).abs() <= WALL_MS, was)
}

fn sleep(_: &Bench) -> Found {
    let (awake, boot) = (clock::awake(), clock::since_boot());
    Pacer::new().sleep_until(Instant::now() + Duration::from_millis(200));
    let (awake_later, boot_later) = (clock::awake(), clock::since_boot());
    let runs = awake_later > awake && boot_later > boot;
    let was = Said::of("slept since the last start")
        .figure("for", boot.as_secs_f64() - awake.as_secs_f64(), "s")
        .and(if runs { "both run" } else { "one stands still" });
    Found::by(runs && boot + TICK >= awake, was)
}
