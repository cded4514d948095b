//! A shift as everybody lives it: the real daemon and the real collector, from the plan to the board.
//!
//! IT plans a shift, the daemon learns of it, checks the desk before it, and the board shows the
//! verdict. A new policy takes effect without a restart, a collector that was away gets what it
//! missed, and the daemon ends when it is told to. Nothing here needs root, sound or a network: most
//! probes find nothing to measure, and their readings say so, which is a verdict as well.
#![cfg(unix)]

#[path = "common/collector.rs"]
mod collector;

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Long enough for the slowest machine; nothing waits for it when all is well.
const DEADLINE: Duration = Duration::from_secs(90);
/// The daemon promises to end within 3 s; the process itself takes a moment more.
const ENDS: Duration = Duration::from_secs(4);

#[test]
fn from_the_plan_to_the_board() {
    let mut it = Collector::start();
    let desk = Desk::enrolled(&it);
    let daemon = desk.daemon();
    assert!(desk.says(&["status"]).contains("none is planned"));

    // The window before this shift opened before the daemon started, so it checks as it does at logon:
    // soon, but spread out, because others log on at the same minute.
    it.plan("late-1");
    // The plan comes with the next delivery; a self-check makes one.
    desk.check();
    let row = it.wait_for_verdict("late-1", "logon");
    assert!(row.contains("unknown") || row.contains("not_ready"), "nothing can be measured here: {row}");
    let status = desk.says(&["status"]);
    assert!(status.contains("the check before it is due or done"), "{status}");
    let board = it.board();
    assert!(board.contains("home-office"), "the board names the desk by its label");
    assert!(desk.says(&["history"]).contains("Preshift started"), "{}", desk.says(&["history"]));

    // A new policy: in force with the next delivery, by the same process.
    let process = daemon.0.id().to_string();
    it.set_policy("night-rules");
    desk.check();
    wait("the new policy", || desk.says(&["status"]).contains("night-rules"));
    assert!(desk.says(&["status"]).contains(&process), "it is still the same daemon");

    // The collector goes away and comes back: what was measured meanwhile arrives.
    let before = it.rows();
    it.stop();
    desk.check();
    assert_eq!(it.rows(), before, "the collector was away");
    it.start_again();
    wait("what was kept meanwhile", || it.rows() > before);

    let told = Instant::now();
    assert!(daemon.end(), "told to stop, it ends well");
    assert!(told.elapsed() < ENDS, "it took {:?} to end", told.elapsed());
}

fn wait(what: &str, mut until: impl FnMut() -> bool) {
    let began = Instant::now();
    while !until() {
        assert!(began.elapsed() < DEADLINE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

struct Collector {
    dir: TempDir,
    address: String,
    process: Option<Child>,
    token: String,
}

impl Collector {
    fn start() -> Self {
        let mut new = Self {
            dir: tempfile::tempdir().unwrap(),
            address: "127.0.0.1:0".into(),
            process: None,
            token: String::new(),
        };
        new.start_again();
        new.token = new.command(&["token", "rotate", "--quiet"]).trim().into();
        new
    }

    /// At the same address as before.
    fn start_again(&mut self) {
        let announced = self.dir.path().join("address");
        let _ = std::fs::remove_file(&announced);
        let mut serve = Command::new(collector::binary());
        serve.args(["serve", "--reflector-port", "0", "--listen", &self.address]);
        serve.arg("--data").arg(self.data()).arg("--announce").arg(&announced);
        self.process = Some(serve.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        wait("the collector", || announced.exists());
        self.address = std::fs::read_to_string(&announced).unwrap().trim().replace("http://", "");
    }

    fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    fn command(&self, arguments: &[&str]) -> String {
        let output = Command::new(collector::binary())
            .args(arguments)
            .arg("--data")
            .arg(self.data())
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        text(&output)
    }

    fn desk_id(&self) -> String {
        let desks = self.command(&["desks", "list"]);
        desks.lines().nth(1).and_then(|l| l.split(',').next()).expect("a desk").to_owned()
    }

    /// A shift from some minutes on, for the only desk.
    fn plan(&self, shift: &str) {
        let desk = self.desk_id();
        self.command(&["desks", "label", &desk, "home-office"]);
        let at = |minutes: i64| {
            let moment = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(minutes);
            moment.strftime("%Y-%m-%dT%H:%M").to_string()
        };
        let file = self.dir.path().join("shifts.csv");
        let row = format!("home-office,{shift},{},{},UTC", at(10), at(120));
        std::fs::write(&file, format!("desk,shift,begin,end,zone\n{row}\n")).unwrap();
        self.command(&["shifts", "set", file.to_str().unwrap()]);
    }

    fn set_policy(&self, id: &str) {
        let file = self.dir.path().join("policy.toml");
        let shown = self.command(&["policy", "show"]);
        let mut lines: Vec<String> = shown.lines().map(Into::into).collect();
        let line = lines.iter_mut().find(|l| l.starts_with("id = ")).expect("a policy has an id");
        *line = format!("id = \"{id}\"");
        std::fs::write(&file, lines.join("\n")).unwrap();
        self.command(&["policy", "set", file.to_str().unwrap()]);
    }

    fn rows(&self) -> usize {
        self.command(&["export", "--csv"]).lines().count()
    }

    /// The row of a shift's verdict, as soon as it is there.
    fn wait_for_verdict(&self, shift: &str, trigger: &str) -> String {
        let mut found = None;
        wait("the verdict of the shift", || {
            let rows = self.command(&["export", "--csv"]);
            found = rows.lines().find(|l| l.contains(shift) && l.contains(trigger)).map(Into::into);
            found.is_some()
        });
        found.expect("it was waited for")
    }

    /// The first page of the board, signed in.
    fn board(&self) -> String {
        let form = format!("token={}", self.token);
        let answer = self.request(&format!(
            "POST /sign-in HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: \
             application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            self.address,
            form.len()
        ));
        let cookie = answer
            .lines()
            .find_map(|l| l.strip_prefix("set-cookie: "))
            .and_then(|c| c.split(';').next())
            .unwrap_or_else(|| panic!("not signed in: {answer}"));
        self.request(&format!(
            "GET / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nCookie: {cookie}\r\n\r\n",
            self.address
        ))
    }

    fn request(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Desk(TempDir);

impl Desk {
    fn enrolled(with: &Collector) -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        let code = desk.data().join("code");
        std::fs::write(&code, with.command(&["enroll-code", "--team", "support", "--quiet"])).unwrap();
        let url = format!("http://{}", with.address);
        let enrolled = desk.run(&["enroll", &url, "--code-file", code.to_str().unwrap()]);
        assert!(enrolled.status.success(), "{}", String::from_utf8_lossy(&enrolled.stderr));
        desk
    }

    fn data(&self) -> &Path {
        self.0.path()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_preshift"));
        command
            .args(arguments)
            .env("PRESHIFT_DATA_DIR", self.data())
            // Not this machine's own settings and sound server.
            .env("PRESHIFT_CONFIG", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/config/empty.toml"))
            .env("PULSE_SERVER", "unix:/nonexistent/pulse")
            .env_remove("PRESHIFT_LOG")
            .stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn says(&self, arguments: &[&str]) -> String {
        text(&self.run(arguments))
    }

    /// A self-check by the daemon; whatever it finds, it must have been run.
    fn check(&self) {
        let output = self.run(&["check"]);
        let code = output.status.code().expect("it was not killed");
        assert!(code <= 3, "{code}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn daemon(&self) -> Daemon {
        let log = std::fs::File::create(self.data().join("daemon.log")).unwrap();
        let child = self.command(&["run"]).stderr(log).stdout(Stdio::null()).spawn().unwrap();
        let daemon = Daemon(child);
        wait("the daemon", || self.says(&["status"]).contains("process"));
        daemon
    }
}

struct Daemon(Child);

impl Daemon {
    /// Tells it to end, as systemd does, and says whether it ended well.
    fn end(mut self) -> bool {
        // SAFETY: a signal to a child that has not been waited for.
        unsafe { libc::kill(self.0.id() as libc::pid_t, libc::SIGTERM) };
        self.0.wait().unwrap().success()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
