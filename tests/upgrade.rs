//! A new version that is put in the place of a running daemon's program: it takes over in the same process
//! when no shift is on, waits for the end of one, and never does if it is no program.
//!
//! The new version is another copy of the same program: that it runs is seen by which file the process
//! was made of. Linux tells that; how the file is watched and when is tested on every system beside the code.
#![cfg(target_os = "linux")]

use preshift::{
    deliver::StoredAssignment,
    desk,
    store::{Store, keys},
};
use readiness::{Assignment, Policy, Shift};
use std::{
    io::ErrorKind,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use telemetry::UnixMs;

/// Long enough for the slowest machine; nothing waits for it when all is well.
const DEADLINE: Duration = Duration::from_secs(120);
/// Until the shift of the test ends: to see the new version the daemon needs some six seconds of it, and on a
/// machine with much else to do its start and the trial can take ten times what they take alone.
const SHIFT_LEFT: Duration = Duration::from_secs(75);

/// A desk with a program of its own, to be replaced.
struct Desk {
    folder: tempfile::TempDir,
    daemon: Option<Child>,
}

impl Desk {
    fn new() -> Self {
        let desk = Self { folder: tempfile::tempdir().unwrap(), daemon: None };
        std::fs::copy(env!("CARGO_BIN_EXE_preshift"), desk.program()).unwrap();
        std::fs::write(desk.folder.path().join("settings.toml"), "").unwrap();
        desk
    }

    fn program(&self) -> PathBuf {
        self.folder.path().join("preshift")
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.program());
        command
            .args(arguments)
            .env("PRESHIFT_DATA_DIR", self.data())
            // Not this machine's own settings, sound server and terminal.
            .env("PRESHIFT_CONFIG", self.folder.path().join("settings.toml"))
            .env("PULSE_SERVER", "unix:/nonexistent/pulse")
            .stdin(Stdio::null());
        command
    }

    /// What a command prints, with single spaces. It is run from the original: the copy may be broken.
    fn says(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_preshift"));
        for (name, value) in self.command(arguments).get_envs() {
            command.env(name, value.unwrap());
        }
        let output = command.args(arguments).stdin(Stdio::null()).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        String::from_utf8(said).unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn start(&mut self) {
        let began = Instant::now();
        let daemon = loop {
            let log = std::fs::File::create(self.log()).unwrap();
            let mut command = self.command(&["run", "--log-level", "debug"]);
            match command.stderr(log).stdout(Stdio::null()).spawn() {
                // A program that another test starts just now has our copy open for writing for a moment.
                Err(e) if e.kind() == ErrorKind::ExecutableFileBusy && began.elapsed() < DEADLINE => {}
                started => break started.unwrap(),
            }
        };
        self.daemon = Some(daemon);
        let process = format!("process {}", self.pid());
        self.until("the daemon answers", |desk| desk.says(&["status"]).contains(&process));
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn pid(&self) -> u32 {
        self.daemon.as_ref().unwrap().id()
    }

    /// Puts something in the program's place as a package manager does: whole, by its name.
    fn replace(&self, make: impl FnOnce(&Path)) -> u64 {
        let new = self.folder.path().join("preshift.new");
        make(&new);
        std::fs::rename(&new, self.program()).unwrap();
        self.says(&["upgraded"]);
        std::fs::metadata(self.program()).unwrap().ino()
    }

    fn replace_by_a_version(&self) -> u64 {
        self.replace(|new| {
            std::fs::copy(env!("CARGO_BIN_EXE_preshift"), new).unwrap();
        })
    }

    /// Which file the process is made of.
    fn runs(&self) -> u64 {
        std::fs::metadata(format!("/proc/{}/exe", self.pid())).unwrap().ino()
    }

    fn until(&self, what: &str, is: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !is(self) {
            let log = || std::fs::read_to_string(self.log()).unwrap_or_default();
            assert!(began.elapsed() < DEADLINE, "{what}: {}\n{}", self.says(&["status"]), log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Gives the desk a shift that began an hour ago. Its collector is not there.
    fn in_a_shift(&self, left: Duration) -> UnixMs {
        let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let now = jiff::Timestamp::now();
        let end = now + left;
        let civil = |t: jiff::Timestamp| t.to_zoned(jiff::tz::TimeZone::UTC).datetime();
        let shift = Shift {
            id: "early".parse().unwrap(),
            begin: civil(now - jiff::SignedDuration::from_hours(1)),
            end: civil(end),
            zone: "UTC".into(),
        };
        let assignment =
            Assignment { team: "north".parse().unwrap(), policy: Policy::builtin(), shifts: vec![shift] };
        let store = Store::open(&self.data(), desk::system_clock()).unwrap();
        let stored = StoredAssignment { digest: assignment.digest(), at: store.now(), assignment };
        store.set(keys::ASSIGNMENT, &stored).unwrap();
        let identity = serde_json::json!({
            "version": 1,
            "hashing": "11".repeat(32),
            "enrolled": {
                "desk": "22".repeat(16), "key": "33".repeat(32), "collector": format!("http://{nobody}/"),
                "team": "north", "since": now.as_millisecond(),
            },
        });
        std::fs::write(self.data().join("identity.json"), identity.to_string()).unwrap();
        UnixMs::new(end.as_millisecond())
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        if let Some(daemon) = &mut self.daemon {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }
}

#[test]
fn without_a_shift_a_new_version_takes_over_in_the_same_process_and_keeps_the_store() {
    let mut desk = Desk::new();
    desk.says(&["consent", "give"]);
    desk.start();
    let before = desk.runs();
    let new = desk.replace_by_a_version();
    assert_ne!(before, new);
    desk.until("the new version runs", |desk| desk.runs() == new);
    let process = format!("process {}", desk.pid());
    desk.until("it answers", |desk| desk.says(&["status"]).contains(&process));
    let history = desk.says(&["history"]);
    assert!(history.contains("the daemon stopped"), "in order: {history}");
    assert_eq!(history.matches("the daemon started").count(), 2, "{history}");
    assert!(desk.says(&["consent", "show"]).starts_with("Between calls yes"), "the store is kept");
    assert!(!desk.says(&["status"]).contains("Upgrade"), "nothing waits any more");
    // It goes on with the same arguments, and ends when it is told to.
    let log = std::fs::read_to_string(desk.log()).unwrap();
    assert_eq!(log.matches("measuring by schedule").count(), 2, "{log}");
    // SAFETY: the process is our own child and was not waited for yet.
    assert_eq!(unsafe { libc::kill(desk.pid() as libc::pid_t, libc::SIGTERM) }, 0);
    assert_eq!(desk.daemon.as_mut().unwrap().wait().unwrap().code(), Some(0));
}

#[test]
fn in_a_shift_it_waits_for_its_end() {
    let mut desk = Desk::new();
    let end = desk.in_a_shift(SHIFT_LEFT);
    desk.start();
    let before = desk.runs();
    let new = desk.replace_by_a_version();
    desk.until("it says that it waits", |desk| {
        desk.says(&["status"]).contains("is installed and takes over after the shift")
    });
    let now = (desk::system_clock())();
    assert!(now < end, "this machine is too slow to see it in time");
    assert_eq!(desk.runs(), before);
    desk.until("the new version runs", |desk| {
        let took_over = desk.runs() == new;
        assert!(!took_over || (desk::system_clock())() >= end, "in the middle of the shift");
        took_over
    });
}

#[test]
fn what_is_no_program_is_never_taken_over_to() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut desk = Desk::new();
    desk.start();
    let before = desk.runs();
    desk.replace(|new| {
        std::fs::write(new, "half of a download").unwrap();
        std::fs::set_permissions(new, std::fs::Permissions::from_mode(0o755)).unwrap();
    });
    desk.until("it was looked at", |desk| {
        std::fs::read_to_string(desk.log()).unwrap().contains("is not taken over to")
    });
    assert_eq!(desk.runs(), before);
    assert!(!desk.says(&["status"]).contains("Upgrade"));
    let new = desk.replace_by_a_version();
    desk.until("the next one runs", |desk| desk.runs() == new);
}
