//! Windows: a high-resolution waitable timer (since 1803), on a thread of high priority.
//!
//! An ordinary sleep is as coarse as the system's tick of 15.6 ms. Where there is no such timer, that
//! is what remains, and the reading's send-time error says so. Windows 11 may run the threads of a program
//! without a window at low power, which would be late; this one asks not to be.

use std::{
    ptr, thread,
    time::{Duration, Instant},
};
use windows_sys::Win32::{
    Foundation::{CloseHandle, HANDLE},
    System::Threading::{
        CREATE_WAITABLE_TIMER_HIGH_RESOLUTION, CreateWaitableTimerExW, GetCurrentThread, INFINITE,
        SetThreadInformation, SetThreadPriority, SetWaitableTimer, THREAD_POWER_THROTTLING_CURRENT_VERSION,
        THREAD_POWER_THROTTLING_EXECUTION_SPEED, THREAD_POWER_THROTTLING_STATE,
        THREAD_PRIORITY_TIME_CRITICAL, TIMER_ALL_ACCESS, ThreadPowerThrottling, WaitForSingleObject,
    },
};

#[derive(Debug)]
pub(super) struct Pacer {
    timer: HANDLE,
}

impl Pacer {
    pub(super) fn new() -> Self {
        // SAFETY: no names or attributes; a failure is a null handle.
        let timer = unsafe {
            CreateWaitableTimerExW(
                ptr::null(),
                ptr::null(),
                CREATE_WAITABLE_TIMER_HIGH_RESOLUTION,
                TIMER_ALL_ACCESS,
            )
        };
        // SAFETY: a pseudo handle of the calling thread, which needs no closing. This thread sleeps nearly always.
        unsafe { SetThreadPriority(GetCurrentThread(), THREAD_PRIORITY_TIME_CRITICAL) };
        let full_speed = THREAD_POWER_THROTTLING_STATE {
            Version: THREAD_POWER_THROTTLING_CURRENT_VERSION,
            ControlMask: THREAD_POWER_THROTTLING_EXECUTION_SPEED,
            StateMask: 0,
        };
        // SAFETY: the structure is given with its length and read within the call; systems that do not know
        // it refuse.
        unsafe {
            SetThreadInformation(
                GetCurrentThread(),
                ThreadPowerThrottling,
                (&raw const full_speed).cast(),
                size_of::<THREAD_POWER_THROTTLING_STATE>() as u32,
            )
        };
        Self { timer }
    }

    pub(super) fn sleep_until(&self, at: Instant) {
        loop {
            let left = at.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            if !self.wait(left) {
                thread::sleep(left);
            }
        }
    }

    fn wait(&self, time: Duration) -> bool {
        if self.timer.is_null() {
            return false;
        }
        // In units of 100 ns; negative is from now on.
        let due = -(time.as_nanos().div_ceil(100) as i64);
        // SAFETY: the handle is ours and open, and `due` is read within the call.
        let set = unsafe { SetWaitableTimer(self.timer, &raw const due, 0, None, ptr::null(), 0) } != 0;
        // SAFETY: the handle is ours and open.
        set && unsafe { WaitForSingleObject(self.timer, INFINITE) } == 0
    }
}

impl Drop for Pacer {
    fn drop(&mut self) {
        if !self.timer.is_null() {
            // SAFETY: the handle is ours and closed only here.
            unsafe { CloseHandle(self.timer) };
        }
    }
}
