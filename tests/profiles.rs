//! Profiles by driving the real binary: what it says of them, and a check by one against servers of the test's own
//! on loopback. Nothing here needs a network.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, UdpSocket},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};
use telemetry::{Outcome, ProbeId, Readiness, Value};
use tempfile::TempDir;

struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_preshift"));
        command
            .args(arguments)
            .env("PRESHIFT_DATA_DIR", self.0.path())
            .env("PRESHIFT_CONFIG", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/config/empty.toml"))
            .env("PULSE_SERVER", "unix:/nonexistent/pulse")
            .env_remove("PRESHIFT_LOG")
            .env_remove("NO_COLOR")
            .stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the binary runs")
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

fn said(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("output is UTF-8");
    (output.status.code().expect("it was not killed"), text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_list_names_every_platform_and_explains_each() {
    let desk = Desk::new();
    let (code, list, err) = said(&desk.run(&["profiles"]));
    assert_eq!((code, err.as_str()), (0, ""));
    for profile in readiness::profile::builtin() {
        assert!(list.lines().any(|l| l.starts_with(profile.id.as_str())), "{}", profile.id);
        let (code, explained, _) = said(&desk.run(&["profiles", profile.id.as_str()]));
        assert_eq!(code, 0);
        for heading in
            ["What must be reachable", "What a check measures", "Limits that it publishes", "Read in"]
        {
            assert!(explained.contains(heading), "{}: {heading}", profile.id);
        }
        for source in &profile.sources {
            assert!(explained.contains(&source.url), "{}: {}", profile.id, source.url);
        }
        assert!(!explained.contains(['{', '\u{1b}']), "{explained}");
    }
    let json: serde_json::Value = serde_json::from_str(&said(&desk.run(&["profiles", "--json"])).1).unwrap();
    assert_eq!(json.as_array().unwrap().len(), readiness::profile::builtin().len());
    let one: serde_json::Value =
        serde_json::from_str(&said(&desk.run(&["profiles", "microsoft-teams", "--json"])).1).unwrap();
    assert_eq!(one["limits"][0]["metric"], "rtt");
    assert_eq!(one["limits"][0]["good"], 100.0);
}

#[test]
fn a_region_is_explained_with_its_own_hosts() {
    let desk = Desk::new();
    let (code, out, _) = said(&desk.run(&["profiles", "amazon-connect/eu-west-2"]));
    assert_eq!(code, 0);
    assert!(out.contains("*.transport.connect.eu-west-2.amazonaws.com"), "{out}");
    assert!(out.contains("TurnNlb-1dc64a459ead57ea.elb.eu-west-2.amazonaws.com"), "{out}");
    assert!(!out.contains("us-east-1.amazonaws"), "{out}");
}

#[test]
fn what_cannot_be_chosen_is_said_with_what_can() {
    let desk = Desk::new();
    for (arguments, wanted) in [
        (&["profiles", "amazon"][..], "did you mean 'amazon-connect'?"),
        (&["profiles", "talkdesk/moon"], "it has us, eu, ca"),
        (&["check", "--profile", "talkdesk"], "needs a region: write talkdesk/REGION with one of us, eu, ca"),
        (&["check", "--profile", "avaya"], "there is no profile 'avaya'; there are 8x8, "),
        (&["check", "--profile", "five9/us"], "has no regions: write five9 alone"),
    ] {
        let (code, out, err) = said(&desk.run(arguments));
        assert_eq!((code, out.as_str()), (64, ""), "{arguments:?}");
        assert!(err.contains(wanted), "{arguments:?}: {err}");
    }
    for wrong in [&["check", "--profile", "five9", "--offline"][..], &["check", "--profile-file", "x.toml"]] {
        assert_eq!(said(&desk.run(wrong)).0, 64, "{wrong:?}");
    }
    let (code, _, err) =
        said(&desk.run(&["check", "--profile", "ours", "--profile-file", "/nonexistent.toml"]));
    assert_eq!(code, 66, "{err}");
    let bad = desk.file("bad.toml", "id = \"ours\"\nname = 7\n");
    let (code, _, err) = said(&desk.run(&["profiles", "--profile-file", bad.to_str().unwrap()]));
    assert_eq!(code, 65);
    assert!(err.contains("is not valid") && err.contains("line 2"), "{err}");
}

/// Answers every request on loopback with 200.
fn web_server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            thread::spawn(move || {
                let mut asked = [0; 1024];
                let _ = stream.read(&mut asked);
                let _ =
                    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            });
        }
    });
    port
}

/// A STUN server on loopback: tells each who asks where the question came from (RFC 8489).
fn stun_server() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    thread::spawn(move || {
        let mut asked = [0; 1500];
        while let Ok((length, SocketAddr::V4(from))) = socket.recv_from(&mut asked) {
            if length < 20 || asked[..2] != [0, 1] {
                continue;
            }
            let cookie = [0x21, 0x12, 0xa4, 0x42];
            let mut answer = vec![1, 1, 0, 12];
            answer.extend(&asked[4..20]);
            answer.extend([0, 0x20, 0, 8, 0, 1]);
            answer.extend((from.port() ^ 0x2112).to_be_bytes());
            answer.extend(from.ip().octets().iter().zip(cookie).map(|(a, c)| a ^ c));
            let _ = socket.send_to(&answer, from);
        }
    });
    port
}

fn profile(port: u16) -> String {
    format!(
        "id = 'lab'\nname = 'A lab'\nversion = 3\nsummary = 'On loopback.'\n\
         [[sources]]\nid = 'it'\ntitle = 'IT'\nurl = 'https://it.example.com/'\nread = '2026-11-26'\n\
         [[limits]]\nmetric = 'service_time'\ngood = 5000\nbad = 9000\nsays = 'five seconds'\nsource = 'it'\n\
         [[regions]]\nid = 'here'\nname = 'Here'\n\
         [[regions.endpoints]]\nid = 'web'\nurl = 'http://127.0.0.1:{port}/'\nsource = 'it'\n"
    )
}

#[test]
fn a_check_by_a_profile_measures_its_targets_and_says_so() {
    let desk = Desk::new();
    let file = desk.file("lab.toml", &profile(web_server()));
    let file = file.to_str().unwrap();
    let by = |more: &[&str]| {
        let all =
            [&["check", "--profile", "lab/here", "--profile-file", file, "--only", "https"], more].concat();
        said(&desk.run(&all))
    };
    let (code, out, err) = by(&["--json"]);
    assert!((0..=3).contains(&code), "{err}");
    let mut json: serde_json::Value = serde_json::from_str(&out).unwrap();
    let mark = json.as_object_mut().unwrap().remove("profile").expect("the profile is named");
    assert_eq!((&mark["id"], &mark["region"], &mark["version"]), (&"lab".into(), &"here".into(), &3.into()));
    assert_eq!(mark["digest"].as_str().unwrap().len(), 64);
    // But for that it is what a report would hold.
    let readiness: Readiness = serde_json::from_value(json).unwrap();
    let reading = readiness.readings.iter().find(|r| r.probe == ProbeId::Https).expect("a reading");
    assert_eq!(reading.target.as_ref().unwrap().as_str(), "lab-web");
    match &reading.outcome {
        Outcome::Measured(Value::Https(https)) => assert_eq!(https.status, Some(200)),
        other => panic!("{other:?}"),
    }
    let (_, out, _) = by(&[]);
    assert!(
        out.contains("services (lab-web)") && out.contains("With what lab/here needs (version 3, digest"),
        "{out}"
    );
    // What calls need beside the web is measured too.
    let with_stun = format!(
        "{}[[regions.stun]]\nid = 'stun'\nhost = '127.0.0.1'\nport = {}\nsource = 'it'\n",
        profile(web_server()),
        stun_server()
    );
    let with_stun = desk.file("stun.toml", &with_stun);
    let (_, out, _) = said(&desk.run(&[
        "check",
        "--json",
        "--only",
        "stun",
        "--profile",
        "lab/here",
        "--profile-file",
        with_stun.to_str().unwrap(),
    ]));
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    let readings = json["readings"].as_array().unwrap();
    let stun = readings.iter().find(|r| r["target"] == "lab-stun").unwrap_or_else(|| panic!("{out}"));
    assert!(stun.to_string().contains("\"measured\""), "{stun}");
    // It was for the agent's eyes.
    assert_eq!(said(&desk.run(&["history", "--all"])).1, "");
}

/// The daemon measures on top of its own policy, and other checks go on as before.
#[test]
fn a_daemon_does_it_as_well() {
    let desk = Desk::new();
    let file = desk.file("lab.toml", &profile(web_server()));
    let log = std::fs::File::create(desk.0.path().join("daemon.log")).unwrap();
    let daemon = Daemon(desk.command(&["run"]).stderr(log).stdout(Stdio::null()).spawn().unwrap());
    let began = Instant::now();
    while !said(&desk.run(&["status"])).1.contains("process") {
        assert!(began.elapsed() < DEADLINE, "the daemon does not answer");
        thread::yield_now();
    }
    let target = |arguments: &[&str]| {
        let (_, out, err) = said(&desk.run(arguments));
        let mut json: serde_json::Value =
            serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}{err}"));
        json.as_object_mut().unwrap().remove("profile");
        let readiness: Readiness = serde_json::from_value(json).unwrap();
        readiness.readings.iter().find(|r| r.probe == ProbeId::Https).unwrap().target.clone()
    };
    let file = file.to_str().unwrap();
    let by = ["check", "--json", "--only", "https", "--profile", "lab/here", "--profile-file", file];
    assert_eq!(target(&by).unwrap().as_str(), "lab-web");
    assert_eq!(target(&["check", "--json", "--only", "https"]), None);
    drop(daemon);
}

/// Long enough for the slowest machine; nothing waits for it when all is well.
const DEADLINE: Duration = Duration::from_secs(60);

struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_policy_takes_a_profile_and_tells_plain_targets() {
    let desk = Desk::new();
    let policy = desk.file(
        "policy.toml",
        "id = \"p\"\nversion = 1\nprofile = \"twilio-flex/dublin\"\nrequired = [\"signalling\"]\n",
    );
    let (code, out, err) = said(&desk.run(&["policy", "check", policy.to_str().unwrap()]));
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("It takes profile twilio-flex/dublin version 1."), "{out}");
    let missing = desk.file("other.toml", "id = \"p\"\nversion = 1\nprofile = \"twilio-flex\"\n");
    let (code, _, err) = said(&desk.run(&["policy", "check", missing.to_str().unwrap()]));
    assert_eq!(code, 65);
    assert!(err.contains("needs a region") && err.contains("dublin"), "{err}");
}
