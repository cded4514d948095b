//! Clocks that nobody sets, as Windows has them.

use std::time::Duration;
use windows_sys::Win32::System::{
    SystemInformation::GetTickCount64, WindowsProgramming::QueryUnbiasedInterruptTime,
};

/// Runs evenly while the computer is awake.
pub fn awake() -> Duration {
    let mut ticks = 0u64;
    // SAFETY: `ticks` is ours and outlives the call, which only writes it. It cannot fail with a valid pointer.
    unsafe { QueryUnbiasedInterruptTime(&mut ticks) };
    // Units of 100 ns.
    Duration::from_nanos(ticks.saturating_mul(100))
}

/// Runs evenly, also while the computer sleeps. To some 16 ms: enough to tell a sleep.
pub fn since_boot() -> Duration {
    // SAFETY: takes nothing and cannot fail.
    Duration::from_millis(unsafe { GetTickCount64() })
}
