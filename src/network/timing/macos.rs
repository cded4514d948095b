//! macOS: `mach_wait_until`, on a thread that the user is waiting for: timers of others are coalesced.

use std::time::{Duration, Instant};

#[repr(C)]
struct Timebase {
    numer: u32,
    denom: u32,
}

// libc has deprecated its own declarations of these.
unsafe extern "C" {
    fn mach_absolute_time() -> u64;
    fn mach_timebase_info(info: *mut Timebase) -> libc::c_int;
    fn mach_wait_until(deadline: u64) -> libc::c_int;
}

#[derive(Debug)]
pub(super) struct Pacer {
    numer: u32,
    denom: u32,
}

impl Pacer {
    pub(super) fn new() -> Self {
        // SAFETY: changes the class of the calling thread only.
        unsafe { libc::pthread_set_qos_class_self_np(libc::qos_class_t::QOS_CLASS_USER_INTERACTIVE, 0) };
        let mut base = Timebase { numer: 1, denom: 1 };
        // SAFETY: `base` is written within the call.
        unsafe { mach_timebase_info(&raw mut base) };
        Self { numer: base.numer.max(1), denom: base.denom.max(1) }
    }

    pub(super) fn sleep_until(&self, at: Instant) {
        loop {
            let left = at.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            // SAFETY: only reads a clock.
            let now = unsafe { mach_absolute_time() };
            // SAFETY: takes a number and touches no memory.
            unsafe { mach_wait_until(now + self.ticks(left)) };
        }
    }

    fn ticks(&self, time: Duration) -> u64 {
        // Rounded up: waking a tick early would go round once more.
        (time.as_nanos() * u128::from(self.denom)).div_ceil(u128::from(self.numer)) as u64
    }
}
