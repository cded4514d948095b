//! Whether the connection is paid for by the megabyte, as NetworkManager tells. Others keep no such note.

use crate::network::metered::of_network_manager;
use std::{
    io::Read as _,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// It answers within milliseconds.
const PATIENCE: Duration = Duration::from_millis(700);

/// Asks by `busctl`, which is part of systemd; starts nothing that does not run. `None` where there is no answer. Blocks.
pub fn metered() -> Option<bool> {
    const NAME: &str = "org.freedesktop.NetworkManager";
    const ASK: [&str; 8] = [
        "--system",
        "--auto-start=no",
        "--timeout=0.5",
        "get-property",
        NAME,
        "/org/freedesktop/NetworkManager",
        NAME,
        "Metered",
    ];
    let mut child = Command::new("/usr/bin/busctl")
        .args(ASK)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let began = Instant::now();
    let good = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status.success(),
            Ok(None) if began.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(5)),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                break false;
            }
        }
    };
    let mut printed = String::new();
    // A few bytes, that wait in the pipe of a program that has ended.
    child.stdout.take()?.take(64).read_to_string(&mut printed).ok()?;
    good.then(|| of_network_manager(&printed)).flatten()
}

#[cfg(test)]
mod tests {
    #[test]
    fn asking_ends_soon_whatever_runs_here() {
        let began = std::time::Instant::now();
        super::metered();
        assert!(began.elapsed() < super::PATIENCE * 3);
    }
}
