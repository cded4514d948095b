//! Builds the zip with a stand-in for the program, and runs its commands under a home of their own.

use super::{LABEL, list, text};
use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// What only a Mac has, and who one is: each notes how it was called, and some answer.
const STAND_INS: [(&str, &str); 10] = [
    ("codesign", ""),
    ("tccutil", ""),
    // Whether the agent is loaded is a file.
    ("launchctl", r#"if [ "$1" = print ]; then [ -e "$STAND_INS/loaded" ]; exit; fi"#),
    ("id", r#"if [ "$*" = -u ]; then cat "$STAND_INS/uid"; exit; fi"#),
    ("stat", r#"if [ "$*" = "-f %u /dev/console" ]; then echo 501; exit; fi"#),
    ("preshift", ""),
    ("chown", ""),
    // Only macOS has lists of rights to be taken away.
    ("chmod", r#"[ "$1" = -RN ] || /bin/chmod "$@" || exit"#),
    // An end in the middle, if the test wants one.
    ("mv", r#"/bin/mv "$@" || exit; if rm "$STAND_INS/interrupt" 2>/dev/null; then kill -TERM $PPID; fi"#),
    ("ps", r#"if [ "$*" = "-axo uid=,comm=" ]; then cat "$STAND_INS/processes"; exit; fi"#),
];
/// Two are logged on, one of them switched away from, and somebody waits at the logon window.
const PROCESSES: &str = "    0 /sbin/launchd
    0 /System/Library/CoreServices/loginwindow.app/Contents/MacOS/loginwindow
  501 /System/Library/CoreServices/loginwindow.app/Contents/MacOS/loginwindow
  502 /System/Library/CoreServices/loginwindow.app/Contents/MacOS/loginwindow
  503 /usr/sbin/cfprefsd
";

struct Mac {
    folder: tempfile::TempDir,
}

impl Mac {
    /// None, and a word about it, where there is no bash or zip.
    fn new(test: &str) -> Option<Self> {
        for tool in ["bash", "zip", "unzip"] {
            if Command::new(tool).arg("--help").output().is_err() {
                assert!(std::env::var_os("PRESHIFT_LABS").is_none(), "{test} needs {tool}");
                eprintln!("*** SKIPPED: {test}: there is no {tool} here ***");
                return None;
            }
        }
        let mac = Self { folder: tempfile::tempdir().unwrap() };
        for name in ["bin", "home", "root"] {
            fs::create_dir(mac.path(name)).unwrap();
        }
        for (name, answer) in STAND_INS {
            let script =
                format!("#!/bin/bash\n{answer}\necho \"{name} $*\" >> \"$STAND_INS/calls\"\nexit 0\n");
            fs::write(mac.path("bin").join(name), script).unwrap();
            fs::set_permissions(mac.path("bin").join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        fs::write(mac.path("bin/processes"), PROCESSES).unwrap();
        mac.is("501");
        Some(mac)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn is(&self, user: &str) {
        fs::write(self.path("bin/uid"), user).unwrap();
    }

    fn loaded(&self, loaded: bool) {
        let mark = self.path("bin/loaded");
        if loaded { fs::write(mark, "").unwrap() } else { drop(fs::remove_file(mark)) }
    }

    fn run(&self, program: &Path, arguments: &[&str]) -> Output {
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
        Command::new(program)
            .args(arguments)
            .env("PATH", path)
            .env("HOME", self.path("home"))
            .env("PRESHIFT_ROOT", self.path("root"))
            .env("STAND_INS", self.path("bin"))
            .env("SOURCE_DATE_EPOCH", "1750000000")
            .env_remove("PRESHIFT_SIGN_IDENTITY")
            .env_remove("PRESHIFT_NOTARY_PROFILE")
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap()
    }

    fn good(&self, program: &Path, arguments: &[&str]) -> String {
        let output = self.run(program, arguments);
        assert!(output.status.success(), "{program:?} {arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// How the stand-ins were called since the last time.
    fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.path("bin/calls")).unwrap_or_default();
        let _ = fs::remove_file(self.path("bin/calls"));
        calls.lines().map(str::to_owned).collect()
    }

    /// Builds a zip of a version in a folder; its program is the stand-in.
    fn build(&self, version: &str, out: &str) -> PathBuf {
        let build = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/macos/build.sh");
        let (binary, out) = (self.path("bin/preshift"), self.path(out));
        let said = self.good(
            &build,
            &["--version", version, "--binary", binary.to_str().unwrap(), "--out", out.to_str().unwrap()],
        );
        let zip = PathBuf::from(said.lines().last().unwrap());
        assert_eq!(zip.parent().unwrap().canonicalize().unwrap(), out.canonicalize().unwrap());
        zip
    }

    /// Builds and unpacks; the folder that a person would then see.
    fn unpack(&self, version: &str) -> PathBuf {
        let zip = self.build(version, "out");
        let downloads = self.path("downloads");
        let unzip = Command::new("unzip").arg("-qo").arg(&zip).arg("-d").arg(&downloads).status().unwrap();
        assert!(unzip.success());
        self.calls();
        downloads.join(format!("Preshift-{version}"))
    }
}

/// Every file under a folder with its rights.
fn files(folder: &Path) -> BTreeMap<String, u32> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(at) = open.pop() {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                found.insert(name, path.metadata().unwrap().permissions().mode() & 0o777);
            }
        }
    }
    found
}

fn under(calls: &[String], word: &str) -> Vec<String> {
    calls.iter().filter(|c| c.starts_with(word)).cloned().collect()
}

/// What was done with the copy beside the app's place, before it got there.
#[track_caller]
fn put_in_order(calls: &[String], expected: &[&str], app: &Path) {
    let beside = format!("{}/.Preshift.", app.parent().unwrap().display());
    let steps = ["chown", "chmod -R", "codesign", "mv"].map(|word| under(calls, word)).concat();
    let done = calls.iter().filter(|c| steps.contains(c));
    let done: Vec<_> = done.take_while(|c| !c.starts_with("mv ")).collect();
    assert_eq!(done.len(), expected.len(), "{calls:?}");
    for (call, expected) in done.iter().zip(expected) {
        assert!(call.starts_with(&format!("{expected}{beside}")), "{call} is not {expected}{beside}");
    }
    assert!(calls.iter().any(|c| c.starts_with("mv ") && c.ends_with(app.to_str().unwrap())), "{calls:?}");
}

#[test]
fn the_zip_holds_what_the_install_command_expects() {
    let Some(mac) = Mac::new("the_zip_holds_what_the_install_command_expects") else { return };
    let folder = mac.unpack("1.2.3");
    let contents = "Preshift.app/Contents";
    let expected: BTreeMap<String, u32> = [
        (format!("{contents}/Info.plist"), 0o644),
        (format!("{contents}/MacOS/preshift"), 0o755),
        (format!("{contents}/PkgInfo"), 0o644),
        (format!("{contents}/Resources/LICENSE-APACHE"), 0o644),
        (format!("{contents}/Resources/LICENSE-MIT"), 0o644),
        (format!("{contents}/Resources/com.preshift.desk.plist"), 0o644),
        (format!("{contents}/Resources/what-is-sent.md"), 0o644),
        ("Read me.txt".into(), 0o644),
        ("install.command".into(), 0o755),
        ("uninstall.command".into(), 0o755),
    ]
    .into();
    assert_eq!(files(&folder), expected);
    let info = list(&fs::read_to_string(folder.join(contents).join("Info.plist")).unwrap());
    assert_eq!(text(&info, "CFBundleShortVersionString"), "1.2.3");
    assert_eq!(text(&info, "CFBundleVersion"), "1.2.3");
}

#[test]
fn building_twice_gives_the_same_bytes() {
    let Some(mac) = Mac::new("building_twice_gives_the_same_bytes") else { return };
    let (first, second) = (mac.build("1.2.3", "one"), mac.build("1.2.3", "two"));
    let bytes = fs::read(&first).unwrap();
    assert!(bytes.len() > 1000 && bytes == fs::read(&second).unwrap(), "the two zips differ");
    // 1750000000 in UTC, whatever the files' own times are and where the builder sits.
    let listed = Command::new("unzip").args(["-Z", "-T"]).arg(&first).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let entries: Vec<_> = listed.lines().filter(|l| l.contains("Preshift-1.2.3/")).collect();
    assert_eq!(entries.len(), 15, "{listed}");
    assert!(entries.iter().all(|l| l.contains("20250615.150640")), "{listed}");
}

#[test]
fn it_is_signed_for_the_hardened_runtime() {
    let Some(mac) = Mac::new("it_is_signed_for_the_hardened_runtime") else { return };
    mac.build("1.2.3", "out");
    let calls = under(&mac.calls(), "codesign");
    let [sign, verify] = &calls[..] else { panic!("{calls:?}") };
    for part in [
        "--sign - ",
        "--identifier com.preshift.desk ",
        "--options runtime ",
        "--timestamp=none ",
        "--entitlements packaging/macos/entitlements.plist ",
    ] {
        assert!(sign.contains(part), "{part}: {sign}");
    }
    assert!(sign.ends_with("/Preshift.app") && verify.starts_with("codesign --verify --strict"));
}

#[test]
fn a_version_that_macos_would_not_take_is_refused() {
    let Some(mac) = Mac::new("a_version_that_macos_would_not_take_is_refused") else { return };
    let build = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/macos/build.sh");
    let out = mac.path("out");
    for version in ["1.2.3-rc1", "", "1..2", ".1", "1/2", "v1"] {
        let output =
            mac.run(&build, &["--version", version, "--binary", "/dev/null", "--out", out.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(64), "{version}: {output:?}");
    }
    let output = mac.run(&build, &["--binary", "/nowhere/at/all", "--out", out.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(66));
    assert!(String::from_utf8_lossy(&output.stderr).contains("/nowhere/at/all"));
}

#[test]
fn an_agent_installs_upgrades_and_removes_it_without_rights() {
    let Some(mac) = Mac::new("an_agent_installs_upgrades_and_removes_it_without_rights") else { return };
    let folder = mac.unpack("1.2.3");
    let enrolment = mac.path("enrolment.toml");
    fs::write(&enrolment, "collector = \"https://c.example\"\ncode = \"x\"\n").unwrap();
    let install = folder.join("install.command");
    let said = mac.good(&install, &["--enrolment", enrolment.to_str().unwrap()]);

    let app = mac.path("home/Applications/Preshift.app");
    let program = app.join("Contents/MacOS/preshift");
    assert!(said.contains(program.to_str().unwrap()), "{said}");
    assert_eq!(files(&app), files(&folder.join("Preshift.app")));
    let calls = mac.calls();
    assert_eq!(under(&calls, "preshift"), ["preshift autostart on"]);
    put_in_order(&calls, &["chmod -RN ", "chmod -R go-w ", "codesign --verify --strict "], &app);
    assert!(under(&calls, "chown").is_empty(), "it is the user's own: {calls:?}");
    let settings = mac.path("home/Library/Application Support/preshift");
    let mode = |p: &Path| p.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(fs::read(settings.join("enrolment.toml")).unwrap(), fs::read(&enrolment).unwrap());
    assert_eq!((mode(&settings), mode(&settings.join("enrolment.toml"))), (0o700, 0o600));

    // What `preshift autostart on` leaves behind; then a newer version comes while the daemon runs.
    let agent = mac.path("home/Library/LaunchAgents").join(format!("{LABEL}.plist"));
    fs::create_dir_all(agent.parent().unwrap()).unwrap();
    fs::write(&agent, super::AGENT.replace("__PROGRAM__", program.to_str().unwrap())).unwrap();
    mac.loaded(true);
    let before = fs::metadata(&program).map(|m| std::os::unix::fs::MetadataExt::ino(&m)).unwrap();
    let newer = mac.unpack("1.2.4");
    mac.good(&newer.join("install.command"), &[]);
    let info = list(&fs::read_to_string(app.join("Contents/Info.plist")).unwrap());
    assert_eq!(text(&info, "CFBundleVersion"), "1.2.4");
    let after = fs::metadata(&program).map(|m| std::os::unix::fs::MetadataExt::ino(&m)).unwrap();
    assert_ne!(before, after, "the running program's file was written over");
    assert_eq!(under(&mac.calls(), "preshift"), Vec::<String>::new(), "a running daemon is left alone");
    let around: Vec<_> = fs::read_dir(mac.path("home/Applications")).unwrap().collect();
    assert_eq!(around.len(), 1, "nothing is left beside the app: {around:?}");

    // Without a word about it, what was kept stays; with one, it goes.
    let log = mac.path("home/Library/Logs/Preshift.log");
    fs::create_dir_all(log.parent().unwrap()).unwrap();
    fs::write(&log, "ready\n").unwrap();
    mac.good(&newer.join("uninstall.command"), &[]);
    assert!(!app.exists() && !agent.exists() && settings.exists());
    let calls = mac.calls();
    assert_eq!(under(&calls, "preshift"), ["preshift autostart off"]);
    assert_eq!(under(&calls, "launchctl"), ["launchctl bootout gui/501/com.preshift.desk"]);
    assert_eq!(under(&calls, "tccutil"), ["tccutil reset Microphone com.preshift.desk"]);
    mac.loaded(false);
    mac.good(&newer.join("uninstall.command"), &["--purge"]);
    assert!(!settings.exists() && !log.exists());
    assert_eq!(files(&mac.path("home")), BTreeMap::new(), "nothing of it is left");
}

#[test]
fn device_management_installs_it_for_everybody() {
    let Some(mac) = Mac::new("device_management_installs_it_for_everybody") else { return };
    mac.is("0");
    let folder = mac.unpack("1.2.3");
    // One beside the command is taken by itself.
    fs::write(folder.join("enrolment.toml"), "collector = \"https://c.example\"\n").unwrap();
    mac.good(&folder.join("install.command"), &[]);

    let root = mac.path("root");
    let program = root.join("Applications/Preshift.app/Contents/MacOS/preshift");
    assert!(program.exists());
    let agent_file = root.join("Library/LaunchAgents").join(format!("{LABEL}.plist"));
    let agent = list(&fs::read_to_string(&agent_file).unwrap());
    let arguments = agent.get("ProgramArguments").and_then(plist::Value::as_array).unwrap();
    assert_eq!(arguments[0].as_string(), program.to_str());
    assert!(agent.get("StandardErrorPath").is_none(), "there is no one file for everybody");
    assert_eq!(agent.len() + 1, list(super::AGENT).len(), "all else stays");
    let mode = |p: &Path| p.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&agent_file), 0o644);
    assert_eq!(mode(&root.join("Library/Application Support/Preshift/enrolment.toml")), 0o644);
    // root's own logon is nobody's: it is started for whoever sits there.
    let calls = mac.calls();
    let steps = ["chown -R root:wheel ", "chmod -RN ", "chmod -R go-w ", "codesign --verify --strict "];
    put_in_order(&calls, &steps, &root.join("Applications/Preshift.app"));
    assert_eq!(under(&calls, "preshift"), Vec::<String>::new());
    let bootstrap = format!("launchctl bootstrap gui/501 {}", agent_file.display());
    assert_eq!(under(&calls, "launchctl"), [bootstrap]);

    mac.loaded(true);
    mac.good(&folder.join("install.command"), &[]);
    assert_eq!(under(&mac.calls(), "launchctl"), Vec::<String>::new(), "a running daemon is left alone");

    let said = mac.good(&folder.join("uninstall.command"), &["--purge"]);
    assert!(said.contains("Each user's own data stays"), "{said}");
    assert_eq!(files(&root), BTreeMap::new(), "nothing of it is left");
    assert!(files(&mac.path("home")).is_empty());
    let ended = [501, 502].map(|user| format!("launchctl bootout gui/{user}/com.preshift.desk"));
    assert_eq!(under(&mac.calls(), "launchctl"), ended, "it ends for everybody who is logged on");
}

#[test]
fn who_switched_it_off_does_not_fail_the_installation() {
    let Some(mac) = Mac::new("who_switched_it_off_does_not_fail_the_installation") else { return };
    mac.is("0");
    let folder = mac.unpack("1.2.3");
    fs::write(mac.path("bin/launchctl"), "#!/bin/bash\nexit 5\n").unwrap();
    let output = mac.run(&folder.join("install.command"), &[]);
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("starts at the next logon"), "{output:?}");
}

#[test]
fn a_purge_says_goodbye_to_the_collector_first() {
    let Some(mac) = Mac::new("a_purge_says_goodbye_to_the_collector_first") else { return };
    let folder = mac.unpack("1.2.3");
    mac.good(&folder.join("install.command"), &[]);
    mac.calls();
    mac.good(&folder.join("uninstall.command"), &["--purge"]);
    assert_eq!(under(&mac.calls(), "preshift"), ["preshift unenroll", "preshift autostart off"]);
}

#[test]
fn an_end_in_the_middle_leaves_the_old_app() {
    let Some(mac) = Mac::new("an_end_in_the_middle_leaves_the_old_app") else { return };
    mac.good(&mac.unpack("1.2.3").join("install.command"), &[]);
    let newer = mac.unpack("1.2.4");
    fs::write(mac.path("bin/interrupt"), "").unwrap();
    assert!(!mac.run(&newer.join("install.command"), &[]).status.success());
    let info = mac.path("home/Applications/Preshift.app/Contents/Info.plist");
    let info = list(&fs::read_to_string(info).unwrap());
    assert_eq!(text(&info, "CFBundleVersion"), "1.2.3");
    let around = fs::read_dir(mac.path("home/Applications")).unwrap().count();
    assert_eq!(around, 1, "nothing is left beside the app");
}

#[test]
fn what_is_wrong_is_said_and_changes_nothing() {
    let Some(mac) = Mac::new("what_is_wrong_is_said_and_changes_nothing") else { return };
    let folder = mac.unpack("1.2.3");
    let install = folder.join("install.command");
    let fails = |arguments: &[&str], code: i32, word: &str| {
        let output = mac.run(&install, arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(word), "{arguments:?}: {said}");
        assert!(files(&mac.path("home")).is_empty(), "{arguments:?}");
    };
    fails(&["--what"], 64, "--enrolment FILE");
    fails(&["--enrolment"], 64, "needs a file");
    fails(&["--enrolment", "/nowhere/at/all"], 1, "/nowhere/at/all");
    let uninstall = mac.run(&folder.join("uninstall.command"), &["--everything"]);
    assert_eq!(uninstall.status.code(), Some(64));

    // An app that was tampered with.
    fs::write(mac.path("bin/codesign"), "#!/bin/bash\nexit 1\n").unwrap();
    fails(&[], 1, "not as it was signed");
    // Half a zip.
    fs::write(mac.path("bin/codesign"), "#!/bin/bash\nexit 0\n").unwrap();
    fs::remove_file(folder.join("Preshift.app/Contents/MacOS/preshift")).unwrap();
    fails(&[], 1, "no Preshift.app beside this command");
}
