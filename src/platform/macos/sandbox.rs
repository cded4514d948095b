//! Shuts the listening child in, as far as macOS lets a program do it to itself.
//!
//! By Seatbelt: no network and no local socket, no file written, no second process, no other program. What a
//! process of the sound service needs goes by Mach messages and shared memory, which stay open; other
//! programs' audio processes live with less. Apple calls `sandbox_init` (`sandbox.h`, `man 3 sandbox_init`)
//! deprecated, has nothing in its place for a program that is no app of the store, and enforces it. Where it
//! should be gone one day, what is left is the rest: no file can grow (`RLIMIT_FSIZE` 0), no core be
//! dumped (`RLIMIT_CORE` 0, `man 2 setrlimit`), no debugger attach (`PT_DENY_ATTACH`, `man 2 ptrace`; the
//! hardened runtime of the signed app refuses one as well).

use crate::audio::wire::{Refused, ShutIn};
use std::{
    ffi::{CStr, c_char, c_int},
    net::{Ipv4Addr, Ipv6Addr, UdpSocket},
    os::unix::net::UnixDatagram,
    path::PathBuf,
    time::Duration,
};

/// What is closed, in Seatbelt's own language. All else stays open: the frameworks behind the microphone
/// read what they like, and differently in each version of macOS.
const RULES: &CStr =
    c"(version 1)(allow default)(deny network*)(deny file-write*)(deny process-fork)(deny process-exec*)";
/// `flags` of `sandbox_init` for rules that are handed over as text, and not by name.
const AS_TEXT: u64 = 0;

type SandboxInit = unsafe extern "C" fn(profile: *const c_char, flags: u64, error: *mut *mut c_char) -> c_int;

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

/// No file can grow; and what Seatbelt closes. If that is there and refuses, nothing is listened to.
pub fn enter(_readable: &[PathBuf]) -> Result<ShutIn, NotShutIn> {
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: a number and a pointer to the struct above.
    if unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &none) } != 0 {
        return Err(NotShutIn);
    }
    // Looked up and not linked, so that a macOS without it can still start the program.
    // SAFETY: a terminated string; the answer is null or the function of that name.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"sandbox_init".as_ptr()) };
    if found.is_null() {
        return Ok(ShutIn::default());
    }
    // SAFETY: sandbox.h declares it with this signature, and it is not null.
    let sandbox_init = unsafe { std::mem::transmute::<*mut libc::c_void, SandboxInit>(found) };
    let mut error = std::ptr::null_mut();
    // SAFETY: the rules are terminated and live for ever. What it may write to `error` is freed by nobody:
    // this process ends within seconds.
    let result = unsafe { sandbox_init(RULES.as_ptr(), AS_TEXT, &raw mut error) };
    if result == 0 { Ok(ShutIn { seatbelt: true, ..ShutIn::default() }) } else { Err(NotShutIn) }
}

/// All was closed at the start.
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

/// Tries what must not work. Whatever works is undone or harmless; what macOS does not have, or what the
/// rules leave open, counts as not refused.
pub fn try_to_break_out() -> Refused {
    let new_file = c"/private/tmp/preshift-must-not-be-here";
    let arguments = [c"/usr/bin/true".as_ptr(), std::ptr::null()];
    // SAFETY: each takes numbers, terminated strings and arrays that outlive the call; descriptors that come
    // back are closed. A process that is forked against all rules ends at once.
    unsafe {
        let created = libc::open(new_file.as_ptr(), libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL, 0o600);
        if created >= 0 {
            libc::unlink(new_file.as_ptr());
        }
        Refused {
            write: refused(libc::open(c"/dev/null".as_ptr(), libc::O_WRONLY)),
            create: refused(created),
            // Seatbelt lets a socket be made, and nothing be done with it.
            inet: denied(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))),
            inet6: denied(UdpSocket::bind((Ipv6Addr::LOCALHOST, 0))),
            unix: denied(UnixDatagram::unbound().and_then(|s| s.connect("/var/run/syslog"))),
            fork: match libc::fork() {
                0 => libc::_exit(0),
                pid => pid < 0,
            },
            exec: libc::execv(arguments[0], arguments.as_ptr()) < 0,
            ..Refused::default()
        }
    }
}

/// Whether the rules are what refused it: `EPERM`.
fn denied<T>(result: std::io::Result<T>) -> bool {
    result.is_err_and(|e| e.raw_os_error() == Some(libc::EPERM))
}

fn refused(descriptor: c_int) -> bool {
    if descriptor >= 0 {
        // SAFETY: a descriptor that nobody else knows of.
        unsafe { libc::close(descriptor) };
    }
    descriptor < 0
}
