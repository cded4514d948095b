//! Processes that do nothing but compute.

use std::{
    os::unix::process::CommandExt as _,
    process::{Child, Command, Stdio},
    thread,
};

/// They end when this is dropped.
pub struct Busy(Vec<Child>);

/// Starts so many for each processor.
pub fn start(for_each_processor: u8) -> anyhow::Result<Busy> {
    let processors = thread::available_parallelism()?.get();
    let mut busy = Busy(Vec::new());
    for _ in 0..usize::from(for_each_processor) * processors {
        let mut command = Command::new("sh");
        command
            .args(["-c", "while :; do :; done"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        // SAFETY: between fork and exec it makes one call, which has the kernel end this process with its parent.
        unsafe { command.pre_exec(end_with_parent) };
        busy.0.push(command.spawn()?);
    }
    Ok(busy)
}

impl Drop for Busy {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // One that is gone already needs no ending.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn end_with_parent() -> std::io::Result<()> {
    // SAFETY: changes only this process's own attribute.
    match unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}
