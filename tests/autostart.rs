//! `preshift autostart` on Linux, with a systemctl that notes what it is asked and plays a user's manager.
//! The real binary; no session, no systemd and no root is needed.
#![cfg(target_os = "linux")]

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};
use tempfile::TempDir;

/// Plays systemctl: state in files, calls noted. `enable --now` starts the daemon as systemd would.
const SYSTEMCTL: &str = r#"#!/bin/sh
echo "$*" >> "$PLAY/calls"
[ -e "$PLAY/no-bus" ] && { echo "Failed to connect to bus: No medium found" >&2; exit 1; }
[ "$1" = --user ] || exit 64
shift
unit=$HOME/.config/systemd/user/preshift.service
start() {
    PRESHIFT_DATA_DIR="$PLAY/data" setsid "$PRESHIFT" run > "$PLAY/daemon.log" 2>&1 < /dev/null &
    echo $! >> "$PLAY/started"
}
case $1 in
is-enabled)
    if [ -e "$PLAY/masked" ]; then echo masked; exit 1; fi
    if [ ! -e "$unit" ] && [ ! -e "$PLAY/packaged" ]; then
        echo "Failed to get unit file state for preshift.service: No such file or directory" >&2; exit 1
    fi
    if [ -e "$PLAY/enabled" ] || [ -e "$PLAY/enabled-for-all" ]; then echo enabled; else echo disabled; exit 1; fi ;;
is-active) exit 3 ;;
show) echo "$unit" ;;
enable) touch "$PLAY/enabled"; [ "$2" = --now ] && start; true ;;
disable) rm -f "$PLAY/enabled" ;;
mask) touch "$PLAY/masked" ;;
unmask) rm -f "$PLAY/masked" ;;
daemon-reload) ;;
*) exit 64 ;;
esac
"#;

struct Play(TempDir);

impl Play {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["bin", "home", "data"] {
            fs::create_dir(dir.path().join(folder)).unwrap();
        }
        let tool = dir.path().join("bin/systemctl");
        fs::write(&tool, SYSTEMCTL).unwrap();
        fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
        Self(dir)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn set(&self, name: &str) {
        fs::write(self.path(name), "").unwrap();
    }

    fn unit(&self) -> PathBuf {
        self.path("home/.config/systemd/user/preshift.service")
    }

    fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.path("calls")).unwrap_or_default();
        let _ = fs::remove_file(self.path("calls"));
        calls.lines().map(str::to_owned).collect()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let inherited = std::env::var_os("PATH").unwrap_or_default();
        let path =
            std::env::join_paths([self.path("bin")].into_iter().chain(std::env::split_paths(&inherited)));
        Command::new(env!("CARGO_BIN_EXE_preshift"))
            .args(arguments)
            .env("PATH", path.unwrap())
            .env("PLAY", self.0.path())
            .env("PRESHIFT", env!("CARGO_BIN_EXE_preshift"))
            .env("PRESHIFT_CONFIG", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/config/empty.toml"))
            .env("PRESHIFT_DATA_DIR", self.path("data"))
            .env("PULSE_SERVER", "unix:/nonexistent/pulse")
            .env("HOME", self.path("home"))
            .env_remove("XDG_CONFIG_HOME")
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    fn said(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }
}

impl Drop for Play {
    fn drop(&mut self) {
        // Whatever became of the test, no daemon outlives it: one that does not answer yet is killed.
        self.run(&["autostart", "off"]);
        for pid in fs::read_to_string(self.path("started")).unwrap_or_default().lines() {
            // Only what still is ours: the number may be another's by now.
            let program = fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
            if program == Path::new(env!("CARGO_BIN_EXE_preshift"))
                && fs::read(format!("/proc/{pid}/environ"))
                    .is_ok_and(|e| String::from_utf8_lossy(&e).contains(&*self.0.path().to_string_lossy()))
                && let Ok(pid) = pid.parse()
            {
                // SAFETY: it takes numbers, and the process is the one that this test started.
                unsafe { libc::kill(pid, libc::SIGKILL) };
            }
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn lock_is_free(data: &Path) -> bool {
    let file = fs::File::options().read(true).write(true).open(data.join("lock")).unwrap();
    file.try_lock().is_ok()
}

#[test]
fn without_a_package_the_unit_is_written_and_removed_again() {
    let play = Play::new();
    assert!(play.said(&["autostart", "show"]).contains("does not start"));
    let said = play.said(&["autostart", "on"]);
    assert!(said.contains("systemd user unit") && said.contains("It runs now"), "{said}");
    let unit = fs::read_to_string(play.unit()).unwrap();
    let start = format!("ExecStart=\"{}\" run\n", env!("CARGO_BIN_EXE_preshift"));
    assert!(unit.contains(&start), "{unit}");
    let calls = play.calls();
    let at = |call: &str| calls.iter().position(|c| c == call).unwrap_or_else(|| panic!("{call}: {calls:?}"));
    assert!(at("--user daemon-reload") < at("--user enable --now preshift.service"));
    assert!(play.said(&["autostart", "show"]).contains("Preshift starts"));

    // A second time: nothing is started twice, and nothing is stopped.
    let said = play.said(&["autostart", "on"]);
    assert!(said.contains("It runs now"), "{said}");
    assert!(play.calls().contains(&"--user enable preshift.service".to_owned()));
    assert!(!lock_is_free(&play.path("data")));

    let said = play.said(&["autostart", "off"]);
    assert!(said.contains("does not start at logon any more") && said.contains("has ended"), "{said}");
    assert!(lock_is_free(&play.path("data")), "the daemon still runs");
    assert!(!play.unit().exists());
    let said = play.said(&["autostart", "off"]);
    assert!(said.contains("did not start at logon") && said.contains("No daemon runs"), "{said}");
}

#[test]
fn a_packaged_unit_stays_and_one_agents_no_is_a_mask_of_their_own() {
    let play = Play::new();
    play.set("packaged");
    play.set("enabled-for-all");
    play.said(&["autostart", "off"]);
    let calls = play.calls();
    assert!(calls.contains(&"--user mask preshift.service".to_owned()), "{calls:?}");
    assert!(play.said(&["autostart", "show"]).contains("switched off"));
    play.said(&["autostart", "on"]);
    assert!(play.calls().contains(&"--user unmask preshift.service".to_owned()));
    assert!(!play.unit().exists(), "the package's unit must not be hidden by another");
}

#[test]
fn a_unit_of_somebody_else_in_the_users_folder_is_kept() {
    let play = Play::new();
    fs::create_dir_all(play.unit().parent().unwrap()).unwrap();
    let theirs = "[Service]\nExecStart=/opt/their/own run\n";
    fs::write(play.unit(), theirs).unwrap();
    play.said(&["autostart", "on"]);
    play.said(&["autostart", "off"]);
    assert_eq!(fs::read_to_string(play.unit()).unwrap(), theirs);
}

#[test]
fn without_a_manager_it_says_what_to_do_instead() {
    let play = Play::new();
    play.set("no-bus");
    for command in ["on", "off", "show"] {
        let output = play.run(&["autostart", command]);
        assert_eq!(output.status.code(), Some(69), "{command}");
        let said = text(&output.stderr);
        assert!(said.contains("No medium found") && said.contains("preshift run"), "{said}");
    }
    assert!(!play.unit().exists());
}
