//! A private sound server with virtual headsets, one for each test, gone when it is dropped.

use preshift::audio::Children;
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::{Duration, Instant},
};

/// A lab.
pub struct Lab {
    dir: tempfile::TempDir,
    latency_ms: u32,
}

/// What the lab needs, in a word for who reads that a test was skipped.
const NEEDS: [&str; 4] = ["pulseaudio", "pactl", "pacat", "sox"];

impl Lab {
    /// Starts a lab; `None`, with a line about it, where that cannot be done.
    pub fn start(test: &str) -> Option<Self> {
        Self::start_with(test, 20)
    }

    /// Starts a lab whose microphones deliver longer or shorter blocks.
    pub fn start_with(test: &str, latency_ms: u32) -> Option<Self> {
        let missing = NEEDS.into_iter().find(|need| !is_installed(need));
        if let Some(need) = missing {
            assert!(std::env::var_os("PRESHIFT_LABS").is_none(), "{test}: needs {need}");
            println!("SKIPPED: {test}: needs {need}");
            return None;
        }
        let lab = Self { dir: tempfile::tempdir().unwrap(), latency_ms };
        lab.run(&["start"]);
        Some(lab)
    }

    /// A command of `audiolab.sh`.
    pub fn run(&self, arguments: &[&str]) -> String {
        let Output { status, stdout, stderr } = self.command(arguments).output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        assert!(status.success(), "audiolab {arguments:?}: {out}{err}");
        out.into_owned()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("bash");
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/labs/audio/audiolab.sh")).args(arguments);
        command.env("AUDIOLAB_DIR", self.dir.path());
        command.env("AUDIOLAB_LATENCY_MS", self.latency_ms.to_string());
        command
    }

    /// Children of the real program that look for the lab's sound server.
    pub fn children(&self) -> Children {
        let environment = [
            ("PULSE_SERVER", format!("unix:{}/pulse/native", self.dir.path().display())),
            ("HOME", self.dir.path().display().to_string()),
        ];
        children(environment)
    }

    /// A folder for the test's files.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Makes a sound with sox and plays it into a microphone; returns when it is being played.
    pub fn feed(&self, name: &str, file: &str, effects: &str) {
        let path = self.sound(file, effects);
        self.run(&["play", name, path.to_str().unwrap()]);
        self.until("the feed to play", || self.pactl(&["list", "short", "sink-inputs"]).lines().count() > 1);
    }

    /// Makes 30 s of sound as sox's effects say.
    pub fn sound(&self, file: &str, effects: &str) -> PathBuf {
        let path = self.dir.path().join(file);
        let mut sox = Command::new("sox");
        sox.args("-R -D -n -r 48000 -c 1 -b 32 -e float".split(' ')).arg(&path).args(effects.split(' '));
        assert!(sox.status().unwrap().success(), "sox {effects}");
        path
    }

    /// Asks the lab's sound server.
    pub fn pactl(&self, arguments: &[&str]) -> String {
        let server = format!("unix:{}/pulse/native", self.dir.path().display());
        let output = Command::new("pactl").arg("-s").arg(server).args(arguments).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Waits for something to become true, for 10 s at most.
    #[track_caller]
    pub fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while !is_so() {
            assert!(Instant::now() < deadline, "waited in vain for {what}: {}", self.run(&["list"]));
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until something of ours records.
    #[track_caller]
    pub fn until_recording(&self) {
        self.until("the child to record", || {
            self.pactl(&["list", "source-outputs"]).contains("cpal-pulseaudio")
        });
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.command(&["stop"]).output();
    }
}

/// Children of the real program in an environment of their own.
pub fn children<const N: usize>(environment: [(&str, String); N]) -> Children {
    let environment = environment.map(|(name, value)| (OsString::from(name), OsString::from(value)));
    Children::new(PathBuf::from(env!("CARGO_BIN_EXE_preshift")), environment)
}

fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
}

/// Our children that are there now, zombies among them: process id and state.
pub fn left_over() -> Vec<(u32, char)> {
    let me = std::process::id().to_string();
    std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            // "pid (name) state parent …"
            let (head, tail) = stat.rsplit_once(')')?;
            let mut fields = tail.split_whitespace();
            let state = fields.next()?.chars().next()?;
            (head.ends_with("(preshift") && fields.next()? == me).then_some((pid, state))
        })
        .collect()
}

/// Waits until no child of ours is left.
pub async fn nothing_left() {
    let deadline = Instant::now() + Duration::from_secs(3);
    while !left_over().is_empty() {
        assert!(Instant::now() < deadline, "still there: {:?}", left_over());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
