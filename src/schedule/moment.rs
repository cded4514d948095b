//! What the clocks say about each other: a computer that slept, a clock that was set.

use std::time::Duration;
use telemetry::UnixMs;

/// Clocks that agree within this are taken as running together: above what a time service
/// slews within a wait, and above the second to which some firmware keeps time over a sleep.
const TOLERANCE: Duration = Duration::from_secs(3);

/// A sleep shorter than this changes nothing about a desk.
pub const SLEEP_MATTERS: Duration = Duration::from_secs(60);

/// Three clocks at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The wall clock. Somebody may set it.
    pub utc: UnixMs,
    /// Runs evenly while the computer is awake.
    pub awake: Duration,
    /// Runs evenly, also while the computer sleeps.
    pub boot: Duration,
}

/// What happened between two moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Noticed {
    /// The computer slept, for so long.
    pub slept: Option<Duration>,
    /// The wall clock was set, by so many milliseconds forward.
    pub jumped_ms: Option<i64>,
}

/// Compares two moments. Neither a sleep nor a set clock is an outage, and neither is the other.
pub fn notice(before: &Moment, now: &Moment) -> Noticed {
    let passed = now.boot.saturating_sub(before.boot);
    let slept = passed.saturating_sub(now.awake.saturating_sub(before.awake));
    let jumped = now.utc.since_ms(before.utc) - passed.as_millis() as i64;
    Noticed {
        slept: (slept > TOLERANCE).then_some(slept),
        jumped_ms: (jumped.unsigned_abs() > TOLERANCE.as_millis() as u64).then_some(jumped),
    }
}
