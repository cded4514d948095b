//! Clocks that nobody sets, as macOS has them.
//!
//! Source: `man 3 clock_gettime` and Apple's Libc, `gen/clock_gettime.c`: `CLOCK_UPTIME_RAW` is
//! `mach_absolute_time`, which stands still while the computer sleeps; `CLOCK_MONOTONIC_RAW` is
//! `mach_continuous_time`, which does not.

use std::time::Duration;

/// Runs evenly while the computer is awake.
pub fn awake() -> Duration {
    read(libc::CLOCK_UPTIME_RAW)
}

/// Runs evenly, also while the computer sleeps: on macOS that is what `MONOTONIC` means.
pub fn since_boot() -> Duration {
    read(libc::CLOCK_MONOTONIC_RAW)
}

fn read(clock: libc::clockid_t) -> Duration {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is ours and outlives the call, which only writes it.
    let status = unsafe { libc::clock_gettime(clock, &mut now) };
    // Both clocks exist since macOS 10.12; the call cannot fail with them.
    debug_assert_eq!(status, 0);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}
