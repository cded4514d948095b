//! Starts the launcher so that it outlives whoever started it.

use std::{
    io,
    os::windows::process::CommandExt as _,
    path::Path,
    process::{Command, Stdio},
};
use windows_sys::Win32::{
    Foundation::{ERROR_ACCESS_DENIED, HANDLE_FLAG_INHERIT, SetHandleInformation},
    System::{
        Console::{GetStdHandle, STD_ERROR_HANDLE, STD_INPUT_HANDLE, STD_OUTPUT_HANDLE},
        Threading::{CREATE_BREAKAWAY_FROM_JOB, CREATE_NEW_PROCESS_GROUP, DETACHED_PROCESS},
    },
};

/// Starts the daemon by its launcher, out of this console and, where it may, out of this job.
pub fn launcher(launcher: &Path) -> io::Result<()> {
    keep_our_outputs();
    let flags = DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP;
    match start(launcher, flags | CREATE_BREAKAWAY_FROM_JOB) {
        Err(e) if e.raw_os_error() == Some(ERROR_ACCESS_DENIED as i32) => start(launcher, flags),
        other => other,
    }
}

fn start(launcher: &Path, flags: u32) -> io::Result<()> {
    Command::new(launcher)
        .arg("run")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .creation_flags(flags)
        .spawn()
        .map(drop)
}

/// What this process prints to is not handed down: whoever waits for the end of our output, an installer
/// say, would wait for the daemon's end.
fn keep_our_outputs() {
    for which in [STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE] {
        // SAFETY: a handle that is none is refused, and one that is keeps working.
        unsafe { SetHandleInformation(GetStdHandle(which), HANDLE_FLAG_INHERIT, 0) };
    }
}
