//! Shuts the listening child in, as far as macOS lets a program do it to itself.
//!
//! No file can grow, no core be dumped, no debugger attach. What is still open: it could make a
//! second process or open a socket. Closing that needs the App Sandbox with the audio-input
//! entitlement in a signed helper, which has to be tried on a real Mac.

use crate::audio::wire::{Refused, ShutIn};
use std::{path::PathBuf, time::Duration};

/// Why the child is not shut in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the listening child could not be shut in")]
pub struct NotShutIn;

/// No debugger, no core file.
pub fn hide() {
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: numbers, and a pointer to the struct above.
    unsafe {
        libc::ptrace(libc::PT_DENY_ATTACH, 0, std::ptr::null_mut(), 0);
        libc::setrlimit(libc::RLIMIT_CORE, &none);
    }
}

/// No file can grow.
pub fn enter(_readable: &[PathBuf]) -> Result<ShutIn, NotShutIn> {
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: a number and a pointer to the struct above.
    let result = unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &none) };
    if result == 0 { Ok(ShutIn::default()) } else { Err(NotShutIn) }
}

/// Nothing more can be closed here.
pub fn close() -> Result<(), NotShutIn> {
    Ok(())
}

/// Ends this process at once, without waiting for anything.
pub fn exit(code: i32) -> ! {
    // SAFETY: takes a number and does not come back.
    unsafe { libc::_exit(code) }
}

/// Processor time of this process so far.
pub fn processor_time() -> Duration {
    // SAFETY: all-zero is a valid rusage.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: writes into the struct above.
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut usage) };
    let time = |t: libc::timeval| {
        Duration::from_secs(t.tv_sec.max(0) as u64) + Duration::from_micros(t.tv_usec.max(0) as u64)
    };
    time(usage.ru_utime) + time(usage.ru_stime)
}

/// Whether a debugger could look in, and whether a core file could be written.
pub fn is_visible() -> (bool, bool) {
    let mut core = libc::rlimit { rlim_cur: 1, rlim_max: 1 };
    // SAFETY: a number and a pointer to the struct above.
    unsafe { libc::getrlimit(libc::RLIMIT_CORE, &mut core) };
    (false, core.rlim_cur != 0)
}

/// Nothing is claimed to be refused that was not tried.
pub fn try_to_break_out() -> Refused {
    Refused::default()
}
