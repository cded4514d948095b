//! Doing something inside a network namespace.

use std::{fs::File, io, os::fd::AsRawFd, thread};

/// Runs `work` on a thread inside a namespace. Sockets and threads that it makes stay there.
pub fn inside<T: Send>(namespace: &str, work: impl FnOnce() -> T + Send) -> io::Result<T> {
    let namespace = File::open(format!("/run/netns/{namespace}"))?;
    let work = move || {
        // SAFETY: the descriptor is open, and only the calling thread, which ends with `work`, is moved.
        if unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) } != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(work())
    };
    thread::scope(|scope| {
        match thread::Builder::new().name("inside".into()).spawn_scoped(scope, work)?.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}
