//! The clock, handed in so that tests can hold it.

use std::sync::Arc;
use telemetry::UnixMs;

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> UnixMs + Send + Sync>;

/// The computer's own clock.
pub fn system() -> Clock {
    Arc::new(|| UnixMs::new(jiff::Timestamp::now().as_millisecond()))
}

/// A minute in milliseconds.
pub const MINUTE: i64 = 60_000;
/// An hour in milliseconds.
pub const HOUR: i64 = 60 * MINUTE;
/// A day in milliseconds.
pub const DAY: i64 = 24 * HOUR;
