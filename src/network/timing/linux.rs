//! Linux: `clock_nanosleep` to absolute moments, with the least timer slack.

use std::{
    mem, ptr,
    time::{Duration, Instant},
};

#[derive(Debug)]
pub(super) struct Pacer;

impl Pacer {
    pub(super) fn new() -> Self {
        // By default the kernel may wake a thread 50 µs late to save power. Only this thread is asked not to.
        // SAFETY: PR_SET_TIMERSLACK takes a number and touches no memory of ours.
        unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1 as libc::c_ulong) };
        Self
    }

    pub(super) fn sleep_until(&self, at: Instant) {
        loop {
            // `Instant` does not show its number; the distance to it, taken right before, does.
            let left = at.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let until = timespec(monotonic() + left);
            // SAFETY: `until` is read within the call, and no remainder is asked for.
            unsafe {
                libc::clock_nanosleep(
                    libc::CLOCK_MONOTONIC,
                    libc::TIMER_ABSTIME,
                    &raw const until,
                    ptr::null_mut(),
                )
            };
        }
    }
}

fn monotonic() -> Duration {
    // SAFETY: all-zero is a valid value of this plain C structure.
    let mut now = unsafe { mem::zeroed::<libc::timespec>() };
    // SAFETY: `now` is written within the call. This clock always exists.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

fn timespec(at: Duration) -> libc::timespec {
    // SAFETY: all-zero is a valid value; some systems have padding that cannot be named.
    let mut spec = unsafe { mem::zeroed::<libc::timespec>() };
    spec.tv_sec = at.as_secs() as libc::time_t;
    spec.tv_nsec = at.subsec_nanos() as _;
    spec
}
