//! macOS: `mach_wait_until`, on a thread that the system is told to be punctual with.
//!
//! Ordinary threads have their timers gathered to save power. By xnu (`timer_compute_leeway` in
//! `osfmk/kern/timer_call.c`, the tables in `osfmk/arm/arm_timer.c` and `osfmk/i386/i386_timer.c`, read at
//! xnu-11417.101.15) a thread of the best quality of service may be woken an eighth of the wait late, up
//! to 1 ms; one with a time constraint not at all. Apple's Technical Note TN2169 says the same.

use std::time::{Duration, Instant};

/// How often the thread has work, how much computing that may take, and within what time.
/// A voice stream sends every 20 ms, which takes well under a millisecond; xnu takes 50 µs to 50 ms of
/// computing (`osfmk/kern/sched_prim.c`) and lets nobody take more than was asked for.
const PERIOD: Duration = Duration::from_millis(20);
const COMPUTATION: Duration = Duration::from_millis(1);
const CONSTRAINT: Duration = Duration::from_millis(2);

/// `struct mach_timebase_info` of `osfmk/mach/mach_time.h`: a tick is `numer / denom` nanoseconds.
#[repr(C)]
struct Timebase {
    numer: u32,
    denom: u32,
}

// osfmk/mach/mach_time.h. libc has deprecated its own declarations of these.
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
        let mut base = Timebase { numer: 1, denom: 1 };
        // SAFETY: `base` is written within the call.
        unsafe { mach_timebase_info(&raw mut base) };
        let pacer = Self { numer: base.numer.max(1), denom: base.denom.max(1) };
        if !pacer.ask_for_punctuality() {
            // The next best: <pthread/qos.h>.
            // SAFETY: changes the class of the calling thread only.
            unsafe { libc::pthread_set_qos_class_self_np(libc::qos_class_t::QOS_CLASS_USER_INTERACTIVE, 0) };
        }
        pacer
    }

    /// `THREAD_TIME_CONSTRAINT_POLICY` of `osfmk/mach/thread_policy.h`, in ticks. No rights are needed.
    fn ask_for_punctuality(&self) -> bool {
        let ticks = |time| u32::try_from(self.ticks(time)).unwrap_or(u32::MAX);
        let mut policy = libc::thread_time_constraint_policy {
            period: ticks(PERIOD),
            computation: ticks(COMPUTATION),
            constraint: ticks(CONSTRAINT),
            preemptible: 1,
        };
        // SAFETY: the port is the calling thread's own and belongs to it; `policy` is read within the
        // call, and the count is its size in integers.
        let result = unsafe {
            libc::thread_policy_set(
                libc::pthread_mach_thread_np(libc::pthread_self()),
                libc::THREAD_TIME_CONSTRAINT_POLICY as libc::thread_policy_flavor_t,
                (&raw mut policy).cast(),
                libc::THREAD_TIME_CONSTRAINT_POLICY_COUNT,
            )
        };
        result == libc::KERN_SUCCESS
    }

    pub(super) fn sleep_until(&self, at: Instant) {
        loop {
            // `Instant` is `mach_absolute_time` too (std's CLOCK_UPTIME_RAW), but does not show its number.
            let left = at.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            // SAFETY: only reads a clock.
            let now = unsafe { mach_absolute_time() };
            // SAFETY: takes a number and touches no memory.
            unsafe { mach_wait_until(now.saturating_add(self.ticks(left))) };
        }
    }

    fn ticks(&self, time: Duration) -> u64 {
        // Rounded up: waking a tick early would go round once more.
        (time.as_nanos() * u128::from(self.denom)).div_ceil(u128::from(self.numer)) as u64
    }
}
