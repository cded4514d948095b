//! The desk on Windows, from end to end: the real `preshift.exe` under Wine, in a network of its own with a
//! router, a resolver, a service and the real collector behind it, and a microphone of the audio lab.
//!
//! `tests/labs/xplat/wine.sh` builds the program and runs this; without it these tests say that they are skipped.
//! Needs root, Wine, pulseaudio and sox. Each test has a copy of the Wine prefix, and leaves nothing behind.
#![cfg(target_os = "linux")]

#[path = "common/collector.rs"]
mod binary;
#[path = "windows_desk/collector.rs"]
mod collector;
#[path = "desknet/mod.rs"]
#[allow(dead_code, reason = "the parts that only the probes' own tests need")]
mod desknet;
#[path = "audio_lab/lab.rs"]
#[allow(dead_code, reason = "the parts that only the audio tests need")]
mod lab;
#[path = "windows_desk/wine.rs"]
mod wine;

use collector::{Collector, URL};
use desknet::Desk;
use lab::Lab;
use std::{
    net::Ipv4Addr,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
    time::{Duration, Instant},
};
use telemetry::{
    Direction, DnsAnswer, FactKey, FactValue, GatewayMethod, Interference, LinkKind, NotChecked, Outcome,
    PowerSource, ProbeId, Readiness, TimestampQuality, Value, Verdict, Word,
};
use wine::{InTerminal, Windows, said};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const EMPTY: &str = "HTTP/1.1 204 No Content\r\n\r\n";
/// Where everything on the other side of the cable is.
const SERVICE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 9);
/// Level of a sine of 1 kHz at -27 dB of full scale: its energy is 3.01 dB below its peak, and the A weighting is
/// 0 dB there.
const REFERENCE: f64 = -30.01;
/// How near the level must come.
const NEAR_DB: f64 = 0.3;
/// What the daemon may take to end. It promises three seconds; to deliver Ctrl-C and to end a process of Windows
/// takes Wine up to another second, and more on a busy machine.
const TO_END: Duration = Duration::from_secs(5);

const POLICY: &str = r#"
id = "windows-lab"
version = 7
required = ["link", "dns", "https", "media", "audio_devices", "noise", "load", "environment"]

[targets]
names = ["service.example"]
portal = "http://open.example/204"

[[targets.reflectors]]
id = "collector"
host = "@collector"
port = 8443

[[targets.endpoints]]
id = "service"
url = "https://service.example/"
private_authority = true

[[targets.endpoints]]
id = "collector"
url = "https://@collector/v1/portal"
"#;

/// A Windows with a headset into which a tone is played.
fn with_headset(test: &str) -> Option<(Windows, Lab)> {
    let mut windows = Windows::start(test)?;
    let lab = Lab::start(test)?;
    lab.run(&["plug", "usb", "one"]);
    lab.run(&["default", "one"]);
    lab.feed("one", "tone.wav", "synth 600 sine 1000 gain -27");
    windows.set("PULSE_SERVER", format!("unix:{}/pulse/native", lab.path().display()));
    Some((windows, lab))
}

/// The same on a desk with a network, a service and a collector that it is enrolled with.
fn enrolled(test: &str) -> Option<(Windows, Collector, Desk, Lab)> {
    let (mut windows, lab) = with_headset(test)?;
    let desk = Desk::connected(test)?;
    desk.dns(SERVICE);
    desk.serve("203.0.113.9:443", Some(desk.certificate("service.example")), OK);
    desk.serve("203.0.113.9:80", None, EMPTY);
    collector::list_what_is_revoked(&desk);
    let collector = Collector::start(&desk, lab.path());
    let policy = lab.path().join("policy.toml");
    std::fs::write(&policy, POLICY).unwrap();
    collector.command(&["policy", "set", policy.to_str().unwrap()]);
    windows.within(&desk.name("desk"));
    windows.settle(Some(desk.authority.der()));
    let code = lab.path().join("code");
    std::fs::write(&code, collector.command(&["enroll-code", "--team", "windows", "--quiet"])).unwrap();
    let output = windows.run(&["enroll", URL, "--code-file", code.to_str().unwrap()]);
    assert!(output.status.success(), "{}", said(&output));
    Some((windows, collector, desk, lab))
}

/// What Linux says in the first word of a line.
fn number(file: &str, line: &str) -> f64 {
    let text = std::fs::read_to_string(file).unwrap();
    let line = text.lines().find_map(|l| l.strip_prefix(line)).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// How long the computer runs by now.
fn uptime() -> f64 {
    number("/proc/uptime", "")
}

/// Runs a check and reads what it says.
fn check(windows: &Windows, arguments: &[&str]) -> Readiness {
    let output = windows.run(&[&["check", "--json"], arguments].concat());
    let readiness: Readiness =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", said(&output)));
    let code = match readiness.verdict {
        Verdict::Ready => 0,
        Verdict::AtRisk => 1,
        Verdict::NotReady => 2,
        Verdict::Unknown => 3,
    };
    assert_eq!(output.status.code(), Some(code), "{}", said(&output));
    for reading in readiness.readings.iter() {
        println!("{}", serde_json::to_string(reading).unwrap());
    }
    readiness
}

/// The value of a probe, of its target if that is named.
fn value<'a>(readiness: &'a Readiness, probe: ProbeId, target: Option<&str>) -> &'a Value {
    let wanted =
        |t: &Option<telemetry::Id>| target.is_none_or(|w| t.as_ref().is_some_and(|t| t.as_str() == w));
    let reading = readiness.readings.iter().find(|r| r.probe == probe && wanted(&r.target));
    let reading = reading.unwrap_or_else(|| panic!("no reading of {probe} {target:?}"));
    reading.measured().unwrap_or_else(|| panic!("{reading:?}"))
}

macro_rules! measured {
    ($readiness:expr, $kind:ident) => {
        measured!($readiness, $kind, None)
    };
    ($readiness:expr, $kind:ident, $target:expr) => {
        match value(&$readiness, ProbeId::$kind, $target) {
            Value::$kind(value) => value,
            other => panic!("{other:?}"),
        }
    };
}

#[track_caller]
fn heard(readiness: &Readiness) {
    let noise = measured!(readiness, Noise);
    for (name, level) in [("LAeq", noise.laeq), ("L90", noise.l90), ("L95", noise.l95)] {
        assert!((level.get() - REFERENCE).abs() <= NEAR_DB, "{name} {} dB, not {REFERENCE}", level.get());
    }
    assert_eq!(noise.rate.get(), 48_000.0);
    let devices = measured!(readiness, AudioDevices);
    let (microphone, speaker) = (devices.default_of(Direction::Input), devices.default_of(Direction::Output));
    let microphone = microphone.unwrap();
    assert_eq!((microphone.rate.map(|r| r.get()), microphone.muted), (Some(48_000.0), Some(false)));
    assert!(speaker.is_some() && noise.device.as_ref() == Some(&microphone.id));
}

/// Against what Linux says of the same computer.
#[track_caller]
fn knows_the_computer(readiness: &Readiness, windows: &Windows, before: f64) {
    let load = measured!(readiness, Load);
    let near = |what: &str, told: f64, truth: f64, part: f64| {
        assert!((told - truth).abs() <= truth * part, "{what}: {told}, and Linux says {truth}");
    };
    near("memory", load.memory_total.get(), number("/proc/meminfo", "MemTotal:") * 1024.0 / 1e6, 0.01);
    // Read while the check ran, and in the steps of a clock.
    let (told, after) = (load.uptime.get(), uptime());
    assert!(
        (before - 1.0..=after + 1.0).contains(&told),
        "uptime: {told}, and Linux says {before} to {after}"
    );
    let path = std::ffi::CString::new(windows.data().to_str().unwrap()).unwrap();
    // SAFETY: all zeros are a valid value, the path ends in 0, and the structure is ours to be written.
    let disk = unsafe {
        let mut disk: libc::statvfs = std::mem::zeroed();
        assert_eq!(libc::statvfs(path.as_ptr(), &mut disk), 0);
        disk
    };
    near("disk", load.disk_total.get(), disk.f_blocks as f64 * disk.f_frsize as f64 / 1e6, 0.01);
    assert!(load.memory.get() > 0.0 && load.memory.get() < 100.0 && load.cpu.get() > 0.0, "{load:?}");
    let battery = Path::new("/sys/class/power_supply/BAT0").exists();
    assert!(battery || load.power != PowerSource::Battery, "{load:?}");
}

#[track_caller]
fn knows_its_versions(readiness: &Readiness) {
    let facts = measured!(readiness, Environment);
    let fact = |key| facts.iter().find(|f| f.key == key).map(|f| &f.value);
    let version = |key| match fact(key) {
        Some(FactValue::Version(version)) => version.to_string(),
        other => panic!("{key:?}: {other:?}"),
    };
    assert_eq!(fact(FactKey::OsName), Some(&FactValue::Word(Word::Windows)));
    assert_eq!((version(FactKey::OsVersion), version(FactKey::OsBuild)), ("11".into(), "22631.4501".into()));
    assert_eq!(version(FactKey::ChromeVersion), "131.0.6778.86");
    assert_eq!(fact(FactKey::PendingRestart), Some(&FactValue::Flag(true)));
    assert_eq!(fact(FactKey::AudioServer), Some(&FactValue::Word(Word::Wasapi)));
    assert_eq!(fact(FactKey::EdgeVersion), Some(&FactValue::Word(Word::None)));
}

/// Nobody else gets at what the desk keeps. Wine has no other place for rights than Unix', and gives the
/// group what it gives the owner.
#[track_caller]
fn keeps_it_to_itself(windows: &Windows) {
    let data = windows.data();
    let mut seen = Vec::new();
    let all = std::fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().path());
    for path in std::iter::once(data.clone()).chain(all) {
        let about = path.metadata().unwrap();
        let mode = about.permissions().mode() & 0o777;
        assert_eq!((mode & 0o007, mode & 0o600), (0, 0o600), "{} is {mode:o}", path.display());
        // SAFETY: takes nothing and cannot fail.
        assert_eq!(about.uid(), unsafe { libc::geteuid() });
        seen.push(path.file_name().unwrap().to_string_lossy().into_owned());
    }
    for name in ["preshift.db", "identity.json", "lock"] {
        assert!(seen.iter().any(|s| s == name), "{name} is not among {seen:?}");
    }
}

#[test]
fn a_check_without_a_network_hears_and_knows_the_computer() {
    let Some((windows, _lab)) = with_headset("a_check_without_a_network_hears_and_knows_the_computer") else {
        return;
    };
    windows.settle(None);
    let before = uptime();
    let readiness = check(&windows, &["--offline"]);
    heard(&readiness);
    knows_the_computer(&readiness, &windows, before);
    knows_its_versions(&readiness);
    for probe in [ProbeId::Link, ProbeId::Dns, ProbeId::Https, ProbeId::Media] {
        let reading = readiness.readings.iter().find(|r| r.probe == probe).unwrap();
        assert_eq!(reading.outcome, Outcome::NotChecked(NotChecked::Offline));
    }
    keeps_it_to_itself(&windows);
    // And for people.
    let output = windows.run(&["doctor"]);
    let shown = said(&output);
    let devices = shown.lines().find(|l| l.contains("headset and sound devices")).unwrap_or_default();
    assert!(output.status.success() && devices.ends_with("yes"), "{shown}");
}

#[test]
fn a_full_check_of_an_enrolled_desk_arrives_at_the_collector() {
    let test = "a_full_check_of_an_enrolled_desk_arrives_at_the_collector";
    let Some((windows, collector, _desk, _lab)) = enrolled(test) else { return };
    let before = uptime();
    let readiness = check(&windows, &[]);
    assert_ne!(readiness.verdict, Verdict::Unknown, "everything that is required was measured");
    heard(&readiness);
    knows_the_computer(&readiness, &windows, before);
    knows_its_versions(&readiness);

    let link = measured!(readiness, Link);
    assert_eq!((link.default_route, link.ipv4, link.kind), (true, true, Some(LinkKind::Ethernet)));
    assert_eq!((link.gateway_reachable, link.gateway_method), (Some(true), Some(GatewayMethod::IcmpEcho)));
    assert_eq!(link.mtu, Some(1500));
    let facts = measured!(readiness, Environment);
    let gateway = facts.iter().find(|f| f.key == FactKey::GatewayHash).map(|f| &f.value);
    assert!(
        matches!(gateway, Some(FactValue::Hash(_))),
        "the gateway's hardware address was seen: {gateway:?}"
    );

    let queries = &measured!(readiness, Dns).queries;
    let answers: Vec<_> = queries.iter().map(|q| (q.answer, q.time.is_some())).collect();
    assert_eq!(answers, [(DnsAnswer::Answered, true), (DnsAnswer::NoData, true)]);

    for target in ["service", "collector"] {
        let https = measured!(readiness, Https, Some(target));
        assert_eq!((https.failure, https.interference), (None, Interference::None), "{target}: {https:?}");
        assert!(https.status.is_some_and(|s| (200..300).contains(&s)), "{target}: {https:?}");
        assert!(
            https.dns.is_some() && https.tcp.is_some() && https.tls.is_some() && https.first_byte.is_some()
        );
    }

    let media = measured!(readiness, Media, Some("collector"));
    // Wine 8 has no SIO_TIMESTAMPING, and the reading says what that means.
    assert_eq!(media.timestamps, TimestampQuality::UserSpace, "{media:?}");
    assert!(media.sent >= 200 && media.received >= media.sent * 9 / 10, "{media:?}");
    assert!(media.reflected >= media.received && media.rtt_min.is_some_and(|t| t.get() < 100.0), "{media:?}");

    // It left by itself; the desk shows what, and the collector has it.
    until(|| "the report".into(), || collector.command(&["export", "--csv"]).lines().count() > 1);
    let sent = said(&windows.run(&["sent", "--last", "20"]));
    assert!(sent.contains("POST /v1/") && sent.contains("answered 200"), "{sent}");
    let told = collector.command(&["desks", "list"]);
    assert!(told.lines().count() == 2 && told.contains(",windows,enrolled,"), "{told}");
    println!("{told}");
    keeps_it_to_itself(&windows);
}

#[test]
fn the_daemon_takes_commands_by_its_pipe_delivers_and_ends_when_told() {
    let test = "the_daemon_takes_commands_by_its_pipe_delivers_and_ends_when_told";
    let Some((windows, collector, _desk, _lab)) = enrolled(test) else { return };
    let daemon = InTerminal::start(windows.preshift(&["run"]));
    let status = || said(&windows.run(&["status"]));
    until(|| format!("the daemon: {}", daemon.screen()), || status().contains("process"));
    let shown = status();
    assert!(shown.contains("windows-lab version 7") && shown.contains("team windows"), "{shown}");

    // One of them.
    let second = windows.run(&["run"]);
    assert_eq!(second.status.code(), Some(75), "{}", said(&second));
    assert!(said(&second).contains("the daemon runs already"), "{}", said(&second));

    // The daemon is asked, and keeps it.
    for (command, paused) in [("pause", true), ("resume", false)] {
        let output = windows.run(&[command]);
        assert!(output.status.success(), "{}", said(&output));
        assert_eq!(status().contains("until you say 'preshift resume'"), paused, "{}", status());
    }
    let readiness = check(&windows, &[]);
    heard(&readiness);

    // What was measured arrives, and the agent sees the bytes.
    until(|| "the report".into(), || collector.command(&["export", "--csv"]).lines().count() > 1);
    let verdicts = collector.command(&["export", "--csv"]);
    println!("{verdicts}");
    let sent = said(&windows.run(&["sent", "--last", "20"]));
    for what in ["POST /v1/", "answered 200", "\"readiness\"", "\"laeq\""] {
        assert!(sent.contains(what), "{what} is not in {sent}");
    }
    let told = collector.command(&["desks", "list"]);
    assert!(told.contains(env!("CARGO_PKG_VERSION")), "{told}");
    keeps_it_to_itself(&windows);

    let (status, took, screen) = daemon.interrupt();
    println!("ended after {took:?}");
    assert!(status.success() && took < TO_END, "{status} after {took:?}: {screen}");
    // A new one can begin, so nothing was left locked.
    let again = InTerminal::start(windows.preshift(&["run"]));
    until(
        || format!("the daemon: {}", again.screen()),
        || said(&windows.run(&["status"])).contains("process"),
    );
    let (status, _, screen) = again.interrupt();
    assert!(status.success(), "{status}: {screen}");
}

#[track_caller]
fn until(what: impl Fn() -> String, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(60), "waited in vain for {}", what());
        std::thread::sleep(Duration::from_millis(50));
    }
}
