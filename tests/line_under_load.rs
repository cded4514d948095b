//! A line under load, with the real collector and the real desk: over TLS on this computer, and in the network lab,
//! where a line that chokes must be told from one that does not.
#![cfg(target_os = "linux")]

#[path = "common/collector.rs"]
mod collector;
mod netlab;

use netlab::{Netlab, Place};
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Nothing waits for it when all is well.
const DEADLINE: Duration = Duration::from_secs(60);
/// The promise, and a moment for starting a program.
const PROMISED: Duration = Duration::from_secs(8);

#[test]
fn over_tls_it_is_http2_and_a_second_desk_is_told_to_come_later() {
    let it = Collector::start(None, "127.0.0.1", &["--load-tests", "1"]);
    let (first, second) = (Desk::enrolled(None, &it), Desk::enrolled(None, &it));
    let checked = first.check();
    let line = &reading(&checked)["outcome"]["measured"]["responsiveness"];
    assert_eq!((&line["protocol"], &line["failure"]), (&"http2".into(), &Value::Null), "{checked:#}");
    assert!(line["idle_rtt"].as_f64().unwrap() < 100.0, "{line:#}");
    for way in ["download", "upload"] {
        assert!(line[way]["throughput"].as_f64().unwrap() > 5_000.0, "{line:#}");
        assert!(line[way]["rpm"].as_f64().unwrap() > 100.0, "{line:#}");
    }
    let moved = line["received"].as_u64().unwrap() + line["sent"].as_u64().unwrap();
    assert!((5_000_000..=20_000_000).contains(&moved), "{moved}");
    assert_eq!(codes(&checked, "line_"), Vec::<String>::new(), "{checked:#}");

    // The only place is still taken.
    let checked = second.check();
    assert_eq!(reading(&checked)["outcome"]["not_checked"], "server_busy", "{checked:#}");
    let missing = codes(&checked, "optional_reading_missing");
    assert!(missing.is_empty(), "it is no fault of the desk: {checked:#}");
}

#[test]
fn a_line_that_chokes_and_a_clean_one_are_told_apart() {
    let Some(lab) = netlab::up("a_line_that_chokes_and_a_clean_one_are_told_apart") else { return };
    let it = Collector::start(Some(&lab), netlab::Lab::SERVER_V4, &[]);
    let desk = Desk::enrolled(Some(&lab), &it);

    // 5 down and 1 up, with a queue of half a second before each.
    shape(&lab, "rate=5mbit queue=500ms", "rate=1mbit queue=500ms");
    let checked = desk.check();
    let line = measured(&checked);
    within(line, "download", "throughput", 3_500.0..=5_000.0);
    within(line, "upload", "throughput", 500.0..=1_000.0);
    for way in ["download", "upload"] {
        within(line, way, "added_delay", 250.0..=650.0);
        within(line, way, "rpm", 1.0..=299.0);
    }
    assert_eq!(codes(&checked, "line_"), ["line_chokes_upload", "line_chokes_download"], "{checked:#}");

    // 50 down and 10 up, and a queue as short as it should be.
    shape(&lab, "rate=50mbit queue=50ms", "rate=10mbit queue=50ms");
    let checked = desk.check();
    let line = measured(&checked);
    within(line, "download", "throughput", 25_000.0..=50_000.0);
    within(line, "upload", "throughput", 6_000.0..=10_000.0);
    for way in ["download", "upload"] {
        within(line, way, "added_delay", -5.0..=60.0);
        // Of the packets that a full queue of 50 ms drops, some are of what is asked beside the load, and waits for them
        // are in the mean: few round trips a minute on a line that is fit.
        within(line, way, "rpm", 60.0..=3_500.0);
    }
    assert_eq!(codes(&checked, "line_"), Vec::<String>::new(), "{checked:#}");

    // The same line with the queue of a bad modem: only one direction chokes.
    shape(&lab, "rate=50mbit queue=50ms", "rate=2mbit queue=800ms");
    let checked = desk.check();
    let line = measured(&checked);
    within(line, "upload", "added_delay", 350.0..=1_000.0);
    within(line, "download", "added_delay", -5.0..=60.0);
    assert_eq!(codes(&checked, "line_"), ["line_chokes_upload"], "{checked:#}");
}

/// What lies between the desk and its provider: 10 ms each way, and these queues.
fn shape(lab: &Netlab, down: &str, up: &str) {
    lab.set("all", "");
    lab.set("access.down", &format!("delay=10ms {down}"));
    lab.set("access.up", &format!("delay=10ms {up}"));
}

/// What the probe said; the others were not asked.
fn reading(checked: &Value) -> &Value {
    let all = checked["readings"].as_array().unwrap();
    all.iter().find(|r| r["probe"] == "responsiveness").unwrap()
}

/// What was measured, within its bounds.
fn measured(checked: &Value) -> &Value {
    let reading = reading(checked);
    assert!(reading["took_ms"].as_u64().unwrap() <= PROMISED.as_millis() as u64, "{reading:#}");
    let line = &reading["outcome"]["measured"]["responsiveness"];
    assert_eq!((&line["protocol"], &line["failure"]), (&"http2".into(), &Value::Null), "{checked:#}");
    let moved = line["received"].as_u64().unwrap() + line["sent"].as_u64().unwrap();
    assert!(moved <= 20_000_000, "{moved}");
    for way in ["download", "upload"] {
        assert!(line[way]["voice"]["median"].is_number(), "voice was beside it: {line:#}");
        assert_ne!(line[way]["confidence"], "low", "{line:#}");
    }
    eprintln!("{line}");
    line
}

#[track_caller]
fn within(line: &Value, way: &str, figure: &str, range: std::ops::RangeInclusive<f64>) {
    let value = line[way][figure].as_f64();
    assert!(
        value.is_some_and(|v| range.contains(&v)),
        "{way} {figure} {value:?} is not in {range:?}: {line:#}"
    );
}

/// Codes of findings that begin so.
fn codes(checked: &Value, begin: &str) -> Vec<String> {
    let all = checked["findings"].as_array().unwrap().iter().map(|f| f["code"].as_str().unwrap().to_owned());
    all.filter(|code| code.starts_with(begin)).collect()
}

fn command(lab: Option<(&Netlab, Place)>, program: &Path) -> Command {
    match lab {
        Some((lab, place)) => lab.command(place, program),
        None => Command::new(program),
    }
}

struct Collector {
    dir: TempDir,
    url: String,
    process: Child,
}

impl Collector {
    /// On this address, with a certificate for it.
    fn start(lab: Option<&Netlab>, address: &str, more: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let [root, cert, key, announced] =
            ["root.pem", "cert.pem", "key.pem", "address"].map(|f| dir.path().join(f));
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let authority =
            rcgen::CertifiedIssuer::self_signed(params, rcgen::KeyPair::generate().unwrap()).unwrap();
        let own = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(vec![address.to_owned()]).unwrap();
        // One whose name is its issuer's looks like a root.
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::CommonName, "collector");
        std::fs::write(&root, authority.pem()).unwrap();
        std::fs::write(&cert, params.signed_by(&own, &authority).unwrap().pem()).unwrap();
        std::fs::write(&key, own.serialize_pem()).unwrap();
        let mut serve = command(lab.map(|lab| (lab, Place::Srv)), &collector::binary());
        serve.args(["serve", "--reflector-port", "0", "--listen", &format!("{address}:0")]).args(more);
        serve.arg("--tls-cert").arg(&cert).arg("--tls-key").arg(&key);
        serve.arg("--data").arg(dir.path().join("store")).arg("--announce").arg(&announced);
        let process = serve.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let began = Instant::now();
        while !announced.exists() {
            assert!(began.elapsed() < DEADLINE, "waited in vain for the collector");
            std::thread::sleep(Duration::from_millis(20));
        }
        let url = std::fs::read_to_string(&announced).unwrap().trim().to_owned();
        Self { dir, url, process }
    }

    fn code(&self) -> Vec<u8> {
        let output = Command::new(collector::binary())
            .args(["enroll-code", "--team", "support", "--quiet", "--data"])
            .arg(self.dir.path().join("store"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

struct Desk<'a> {
    dir: TempDir,
    roots: PathBuf,
    lab: Option<&'a Netlab>,
}

impl<'a> Desk<'a> {
    fn enrolled(lab: Option<&'a Netlab>, with: &Collector) -> Self {
        let desk = Self { dir: tempfile::tempdir().unwrap(), roots: with.dir.path().join("root.pem"), lab };
        let code = desk.dir.path().join("code");
        std::fs::write(&code, with.code()).unwrap();
        let output = desk.command().args(["enroll", &with.url, "--code-file"]).arg(&code).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        desk
    }

    fn command(&self) -> Command {
        let program = Path::new(env!("CARGO_BIN_EXE_preshift"));
        let mut command = command(self.lab.map(|lab| (lab, Place::Ws)), program);
        command
            .env("PRESHIFT_DATA_DIR", self.dir.path())
            .env("PRESHIFT_TLS_ROOTS_FILE", &self.roots)
            // Not this machine's own settings, proxy and sound server.
            .env("PRESHIFT_CONFIG", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/config/empty.toml"))
            .env("PULSE_SERVER", "unix:/nonexistent/pulse")
            .env("PRESHIFT_PROXY", "none")
            .env_remove("PRESHIFT_LOG")
            .stdin(Stdio::null());
        command
    }

    /// A check of the line alone.
    fn check(&self) -> Value {
        let output = self.command().args(["check", "--json", "--only", "responsiveness"]).output().unwrap();
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)))
    }
}
