//! The output of one of the system's own small programs, within a deadline.

use std::{
    io::Read,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// Longest that such a program may take.
const DEADLINE: Duration = Duration::from_secs(2);
/// Most that it may say.
const MOST: u64 = 65_536;

/// Runs a program of the system, given by its whole path, and returns what it printed. `None` if
/// it failed or took too long; it is then ended. Blocks.
pub fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let pipe = child.stdout.take()?;
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        pipe.take(MOST).read_to_string(&mut text).ok().map(|_| text)
    });
    let began = Instant::now();
    let good = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status.success(),
            Ok(None) if began.elapsed() < DEADLINE => std::thread::sleep(Duration::from_millis(5)),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                break false;
            }
        }
    };
    // A dead child's pipe is at its end, so that this does not wait.
    reader.join().ok().flatten().filter(|_| good)
}
