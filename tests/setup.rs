//! `preshift setup`, which installers call, by driving the real binary in a folder of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};
use tempfile::TempDir;

/// A program folder, a data folder and a settings folder of one user.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["program", "data", "settings"] {
            fs::create_dir(dir.path().join(folder)).unwrap();
        }
        fs::write(dir.path().join("settings/config.toml"), "").unwrap();
        let place = Self(dir);
        fs::copy(env!("CARGO_BIN_EXE_preshift"), place.program()).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn program(&self) -> PathBuf {
        self.path("program").join(format!("preshift{}", std::env::consts::EXE_SUFFIX))
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(self.program())
            .args(arguments)
            .env("PRESHIFT_CONFIG", self.path("settings/config.toml"))
            .env("PRESHIFT_DATA_DIR", self.path("data"))
            // No manager of services is to be found, whatever this computer has.
            .env("PATH", self.path("nothing"))
            .env("HOME", self.path("home"))
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    fn names(&self, folder: &str) -> Vec<String> {
        names(&self.path(folder))
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_program_that_runs_is_set_aside_and_an_upgrade_removes_nothing() {
    let place = Place::new();
    // The command itself is a running program of this folder.
    let output = place.run(&["setup", "aside"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let suffix = std::env::consts::EXE_SUFFIX;
    let aside = format!("preshift.old-1{suffix}");
    assert_eq!(place.names("program"), [format!("preshift{suffix}"), aside, "upgrading".into()]);

    // The installer of the old version may think that the agent removes it.
    place.run(&["pause"]);
    assert!(place.path("data/preshift.db").exists());
    let output = place.run(&["setup", "remove"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("upgrade"), "{}", text(&output.stdout));
    assert!(place.path("data/preshift.db").exists());
}

#[test]
fn an_enrolment_file_that_is_none_ends_the_installation_with_its_reason() {
    let place = Place::new();
    let file = place.path("enrolment.toml");
    let refused = |written: Option<&str>, code: i32, why: &str| {
        match written {
            Some(text) => fs::write(&file, text).unwrap(),
            None => drop(fs::remove_file(&file)),
        }
        let output = place.run(&["setup", "install", "--enrolment", file.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(code), "{}", text(&output.stderr));
        let said = text(&output.stderr);
        assert!(said.contains(why) && said.contains("enrolment.toml"), "{said}");
        assert_eq!(place.names("settings"), ["config.toml"], "nothing is left of it");
    };
    refused(None, 65, "cannot be read");
    refused(Some(""), 65, "collector is missing");
    refused(Some("collector = \"https://c.example\"\ncode = \"none\"\n"), 65, "code");
    refused(Some("collector = 1"), 65, "line 1");
    let output = place.run(&["setup", "install", "--enrolment", "enrolment.toml"]);
    assert_eq!(output.status.code(), Some(64));
    assert!(text(&output.stderr).contains("full path"), "{}", text(&output.stderr));
}

#[test]
fn an_upgrade_that_fails_keeps_no_removal_from_removing() {
    let place = Place::new();
    place.run(&["setup", "aside"]);
    assert!(place.path("program/upgrading").exists());
    let missing = place.path("missing.toml");
    let output =
        place.run(&["setup", "install", "--upgrade", "{1}", "--enrolment", missing.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(65), "{}", text(&output.stderr));
    assert!(!place.path("program/upgrading").exists());
}

/// On the other systems it would ask for the autostart of whoever runs the tests; the package's test shows it
/// on Windows.
#[cfg(target_os = "linux")]
#[test]
fn an_upgrade_starts_nothing_that_was_not_to_start() {
    let place = Place::new();
    // Nothing is registered here, nor can be: so a first installation fails, and an upgrade leaves it at that.
    let first = place.run(&["setup", "install", "--upgrade", ""]);
    assert_ne!(first.status.code(), Some(0), "{}", text(&first.stdout));
    let upgrade = place.run(&["setup", "install", "--upgrade", "{609AE10D-1EC4-4A70-9641-36D6D648B32B}"]);
    assert_eq!(upgrade.status.code(), Some(0), "{}", text(&upgrade.stderr));
    assert!(text(&upgrade.stdout).contains("as before"), "{}", text(&upgrade.stdout));
}

/// On the other systems it would take the autostart from whoever runs the tests; the package's test shows it
/// on Windows.
#[cfg(target_os = "linux")]
#[test]
fn a_removal_leaves_what_was_to_be_kept_and_nothing_else_of_ours() {
    let place = Place::new();
    let data = place.path("data");
    place.run(&["pause"]);
    fs::write(place.path("settings/enrolment.toml"), "collector = \"https://c.example\"\n").unwrap();
    fs::write(data.join("letters.doc"), "the agent's own").unwrap();
    let before = names(&data);
    assert!(before.contains(&"identity.json".to_owned()), "{before:?}");

    // What cannot be done - here no manager of services answers - is said, and keeps nothing else from being done.
    place.run(&["setup", "remove", "--keep-data", "1"]);
    assert_eq!(names(&data), before);
    assert_eq!(place.names("settings"), ["config.toml"], "a code does not outlive the program");
    let output = place.run(&["setup", "remove", "--keep-data", "yes please"]);
    assert!(text(&output.stderr).contains("neither 0 nor 1"), "{}", text(&output.stderr));
    assert_eq!(names(&data), before, "when in doubt, it is kept");

    place.run(&["setup", "remove", "--keep-data", "0"]);
    assert_eq!(names(&data), ["letters.doc"]);
}
