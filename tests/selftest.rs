//! `preshift doctor --selftest`, by driving the real binary: on its own, beside a daemon, with a desk that cannot
//! be opened; and that nothing about a person gets into what it prints, whatever is planted around it.
//! Nothing here needs a network, a sound server, a terminal or root.
//!
//! On Windows the self-test is for a real one: Wine's trust, rights and processes are not Windows', so that some
//! checks rightly fail there. The table's own tests run under Wine as well.
#![cfg(unix)]

use preshift::{
    deliver::StoredAssignment,
    desk,
    store::{Store, keys},
};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// What no output may hold: each is planted where a program could pick it up.
const PLANTED: [&str; 9] = [
    "annaplanted",
    "home-of-planted",
    "planted-host",
    "collector-planted",
    "proxy-planted",
    "planted-password",
    "planted-ssid",
    "203.0.113.77",
    "c0ffeec0ffeec0ffeec0ffeec0ffee99",
];

/// Long enough for the slowest machine; nothing waits for it when all is well.
const DEADLINE: Duration = Duration::from_secs(60);

struct Desk {
    root: TempDir,
}

impl Desk {
    /// Every path of it has a person's name in it.
    fn new() -> Self {
        let desk = Self { root: tempfile::tempdir().expect("a temporary folder") };
        for folder in [desk.home(), desk.temporary()] {
            fs::create_dir_all(folder).unwrap();
        }
        desk
    }

    fn home(&self) -> PathBuf {
        self.root.path().join("home-of-planted/annaplanted")
    }

    fn temporary(&self) -> PathBuf {
        self.home().join("tmp")
    }

    fn data(&self) -> PathBuf {
        self.home().join("data")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_preshift"));
        command
            .args(arguments)
            .env("PRESHIFT_DATA_DIR", self.data())
            .env("PRESHIFT_CONFIG", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/config/empty.toml"))
            .env("HOME", self.home())
            .env("TMPDIR", self.temporary())
            .env("PULSE_SERVER", format!("unix:{}/pulse", self.home().display()))
            .env_remove("PRESHIFT_LOG")
            .stdin(Stdio::null());
        command
    }

    fn selftest(&self, more: &[&str]) -> Output {
        let mut command = self.command(&["doctor", "--selftest"]);
        command.args(more).output().expect("the binary runs")
    }

    fn daemon(&self) -> Daemon {
        let daemon =
            Daemon(self.command(&["run"]).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap());
        let began = Instant::now();
        while !text(&self.command(&["status"]).output().unwrap().stdout).contains("process") {
            assert!(began.elapsed() < DEADLINE, "the daemon does not answer");
            std::thread::yield_now();
        }
        daemon
    }
}

struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output is UTF-8")
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {} {}", text(&output.stdout), text(&output.stderr)))
}

fn check<'a>(document: &'a Value, name: &str) -> &'a Value {
    let checks = document["checks"].as_array().unwrap();
    checks.iter().find(|c| c["name"] == name).unwrap_or_else(|| panic!("no check {name}"))
}

#[track_caller]
fn passed(document: &Value, name: &str) {
    let check = check(document, name);
    assert_eq!(check["result"], "pass", "{check}");
}

#[track_caller]
fn ends_by_its_failures(output: &Output, document: &Value) {
    let expected = if document["failed"] == 0 { 0 } else { 4 };
    assert_eq!(output.status.code(), Some(expected), "{document:#}");
}

/// What holds on every system, whatever network and sound it has.
const HOLDS_EVERYWHERE: [&str; 17] = [
    "desk.opens",
    "probe.audio_devices",
    "probe.load",
    "probe.environment",
    "media.loopback",
    "clock.step",
    "clock.sleep",
    "tls.stranger",
    "listening.starts",
    "listening.memory",
    "control.answers",
    "control.rights",
    "store.writes",
    "store.rights",
    "owner.lock",
    "owner.second",
    "owner.killed",
];

#[test]
fn everything_is_tried_and_counted() {
    let desk = Desk::new();
    let output = desk.selftest(&["--json"]);
    let document = json(&output);
    ends_by_its_failures(&output, &document);
    for name in HOLDS_EVERYWHERE {
        // Without a sound server this one is skipped, with that reason.
        if name == "probe.audio_devices" && check(&document, name)["result"] == "skipped" {
            assert_eq!(check(&document, name)["reason"], "no_sound_system");
        } else {
            passed(&document, name);
        }
    }
    let noise = check(&document, "probe.noise");
    assert_eq!((&noise["result"], &noise["reason"]), (&"skipped".into(), &"not_asked_for".into()));
    let checks = document["checks"].as_array().unwrap();
    for (result, total) in [("pass", "passed"), ("fail", "failed"), ("skipped", "skipped")] {
        let of = checks.iter().filter(|c| c["result"] == result);
        assert_eq!(document[total], of.count(), "{result}");
    }
    for check in checks {
        assert_eq!(check["result"] == "skipped", check.get("reason").is_some(), "{check}");
        assert!(!check["was"].as_str().unwrap().is_empty(), "{check}");
    }
    assert_eq!(document["preshift"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(document["system"]["architecture"], std::env::consts::ARCH);
    // The readings are a report's: the wire's own types read them.
    let readings: Vec<telemetry::Reading> = serde_json::from_value(document["readings"].clone()).unwrap();
    for probe in telemetry::ProbeId::ALL.into_iter().filter(|p| p.made_by() == *p) {
        assert!(readings.iter().any(|r| r.probe == probe), "no reading of {probe}");
    }
    let said = text(&output.stderr);
    assert!(said.contains(&format!("1 of {}: desk.opens", checks.len())), "{said}");
    assert!(said.contains("The microphone stays closed"), "{said}");
    assert_eq!(fs::read_dir(desk.temporary()).unwrap().count(), 0, "it clears up behind itself");
}

#[test]
fn beside_a_daemon_the_daemon_measures_and_goes_on() {
    let desk = Desk::new();
    let mut daemon = desk.daemon();
    let output = desk.selftest(&["--json"]);
    let document = json(&output);
    for name in ["desk.opens", "desk.daemon", "owner.lock", "owner.killed", "store.own_rights"] {
        passed(&document, name);
    }
    assert!(check(&document, "desk.opens")["was"].as_str().unwrap().contains("a daemon has it"));
    assert!(daemon.0.try_wait().unwrap().is_none(), "the daemon was not the one that was killed");
}

#[test]
fn data_that_others_can_read_fails_and_the_exit_code_says_so() {
    use std::os::unix::fs::PermissionsExt as _;
    let desk = Desk::new();
    fs::create_dir_all(desk.data()).unwrap();
    let stray = desk.data().join("stray");
    fs::write(&stray, "x").unwrap();
    fs::set_permissions(&stray, fs::Permissions::from_mode(0o644)).unwrap();
    let output = desk.selftest(&["--json"]);
    let document = json(&output);
    assert_eq!(check(&document, "store.own_rights")["result"], "fail");
    assert_eq!(output.status.code(), Some(4));
}

#[test]
fn a_desk_that_cannot_be_opened_is_the_first_finding_and_the_rest_is_tried() {
    let desk = Desk::new();
    // A file where the folder should be.
    fs::write(desk.data(), "x").unwrap();
    let output = desk.selftest(&["--json"]);
    let document = json(&output);
    assert_eq!(output.status.code(), Some(4));
    assert_eq!(document["checks"][0]["name"], "desk.opens");
    assert_eq!(document["checks"][0]["result"], "fail", "{document:#}");
    for name in ["probe.load", "media.loopback", "store.writes", "owner.killed"] {
        passed(&document, name);
    }
    assert_eq!(check(&document, "store.own_rights")["reason"], "needs_another");
    nothing_private(&text(&output.stdout), &["annaplanted", "home-of-planted"]);
}

#[test]
fn options_of_the_selftest_want_the_selftest() {
    let desk = Desk::new();
    for wrong in [&["doctor", "--output", "x"][..], &["doctor", "--microphone"], &["doctor", "--json"]] {
        assert_eq!(desk.command(wrong).output().unwrap().status.code(), Some(64), "{wrong:?}");
    }
    let nowhere = desk.root.path().join("no/folder/selftest.txt");
    let output = desk.command(&["doctor", "--selftest", "--output"]).arg(&nowhere).output().unwrap();
    assert_eq!(output.status.code(), Some(74));
    assert!(text(&output.stderr).contains("no/folder/selftest.txt"), "it names the file that failed");
}

/// Searches what is sent back for what must not be there.
#[track_caller]
fn nothing_private(printed: &str, private: &[&str]) {
    assert!(printed.len() > 2000, "something was printed: {printed}");
    let lower = printed.to_lowercase();
    for word in private.iter().filter(|w| !w.is_empty()) {
        assert!(!lower.contains(&word.to_lowercase()), "'{word}' is in what is sent back:\n{printed}");
    }
}

/// What identifies this very machine, as far as it can be told apart from ordinary words.
fn of_this_machine() -> Vec<String> {
    let mut found = Vec::new();
    let mut add = |text: String| {
        let text = text.trim().to_owned();
        let ordinary = ["root", "localhost", "debian", "runner", "user", "linux", "none", "preshift"];
        if text.len() > 3 && !ordinary.contains(&text.as_str()) {
            found.push(text);
        }
    };
    for file in
        ["/etc/hostname", "/proc/sys/kernel/hostname", "/etc/machine-id", "/proc/sys/kernel/random/boot_id"]
    {
        add(fs::read_to_string(file).unwrap_or_default());
    }
    for variable in ["USER", "LOGNAME", "USERNAME", "COMPUTERNAME", "HOME", "USERPROFILE"] {
        add(std::env::var(variable).unwrap_or_default());
    }
    for interface in fs::read_dir("/sys/class/net").into_iter().flatten().flatten() {
        let address = fs::read_to_string(interface.path().join("address")).unwrap_or_default();
        if address.trim() != "00:00:00:00:00:00" {
            add(address);
        }
    }
    let addresses =
        Command::new("ip").args(["-o", "addr"]).output().map(|o| text(&o.stdout)).unwrap_or_default();
    for address in addresses.lines().filter_map(|l| l.split_whitespace().nth(3)?.split('/').next()) {
        if address != "::1" {
            add(address.to_owned());
        }
    }
    found
}

/// As if the collector had served it: what IT calls a target may be anybody's name.
fn serve_a_policy_with_a_customers_name(data: &Path) {
    let mut policy = readiness::Policy::builtin();
    policy.targets.endpoints.push(readiness::Endpoint {
        id: "annaplanted-bank".parse().unwrap(),
        url: "https://127.0.0.1:1/".into(),
        private_authority: false,
    });
    let team = "annaplanted".parse().unwrap();
    let assignment = readiness::Assignment { team, policy, shifts: Vec::new() };
    let store = Store::open(data, desk::system_clock()).unwrap();
    let stored = StoredAssignment { digest: assignment.digest(), at: store.now(), assignment };
    store.set(keys::ASSIGNMENT, &stored).unwrap();
}

#[test]
fn nothing_about_a_person_is_printed_whatever_is_planted() {
    let desk = Desk::new();
    // A desk that is enrolled with a collector of a telling name, under a telling id.
    desk.command(&["check", "--offline", "--no-microphone"]).output().unwrap();
    let path = desk.data().join("identity.json");
    let mut identity: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    identity["enrolled"] = serde_json::json!({
        "desk": PLANTED[8],
        "key": "11".repeat(32),
        "collector": "https://collector-planted.invalid:8443/",
        "team": "annaplanted",
        "since": 1_760_000_000_000_i64,
    });
    fs::write(&path, serde_json::to_vec(&identity).unwrap()).unwrap();
    let hashing = identity["hashing"].as_str().unwrap().to_owned();
    serve_a_policy_with_a_customers_name(&desk.data());
    let settings = desk.home().join("annaplanted.toml");
    fs::write(&settings, "log_level = \"trace\"\n").unwrap();
    let mut private: Vec<String> = PLANTED.iter().map(|p| (*p).to_owned()).collect();
    private.push(desk.root.path().display().to_string());
    private.push(hashing);
    private.push("11".repeat(8));
    private.extend(of_this_machine());
    let private: Vec<&str> = private.iter().map(String::as_str).collect();
    let planted = |form: &[&str]| {
        let mut command = desk.command(&["doctor", "--selftest"]);
        command
            .args(form)
            .env("PRESHIFT_CONFIG", &settings)
            .env("USER", "annaplanted")
            .env("LOGNAME", "annaplanted")
            .env("USERNAME", "annaplanted")
            .env("HOSTNAME", "planted-host")
            .env("COMPUTERNAME", "planted-host")
            .env("WIFI_SSID", "planted-ssid")
            .env("https_proxy", "http://annaplanted:planted-password@proxy-planted.invalid:3128")
            .env("http_proxy", "http://203.0.113.77:3128")
            .env("no_proxy", "planted-host,203.0.113.77");
        command.output().unwrap()
    };
    let output = planted(&["--json"]);
    nothing_private(&text(&output.stdout), &private);
    let document = json(&output);
    // The plants were really in reach.
    passed(&document, "desk.enrolled");
    let targets: Vec<_> = document["readings"].as_array().unwrap().iter().map(|r| &r["target"]).collect();
    assert!(targets.contains(&&Value::from("target-1")), "{targets:?}");
    assert_eq!(check(&document, "network.proxy")["was"], "set for https, set for http");

    // The same as a text, in a file: what people send.
    let file = desk.home().join("selftest.txt");
    let output = planted(&["--output", file.to_str().unwrap()]);
    assert!(output.stdout.is_empty(), "it is in the file");
    assert!(text(&output.stderr).contains("Written to"), "{}", text(&output.stderr));
    let written = fs::read_to_string(&file).unwrap();
    nothing_private(&written, &private);
    for part in [
        "Preshift self-test",
        "checks passed",
        "\nChecks\n",
        "should be",
        "\nReadings",
        "End of the self-test",
    ] {
        assert!(written.contains(part), "{part}: {written}");
    }
    let narrow = |line: &str| line.starts_with("    {") || line.chars().count() <= 120;
    assert!(!written.contains('\x1b') && written.lines().all(narrow), "{written}");
}

#[test]
fn this_page_of_the_test_knows_its_own_paths() {
    // The search would be worth nothing if the planted words were not in the paths.
    let desk = Desk::new();
    let path = |p: &Path| p.display().to_string();
    assert!(path(&desk.data()).contains(PLANTED[0]) && path(&desk.temporary()).contains(PLANTED[1]));
}
