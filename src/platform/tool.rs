//! One of the system's own small programs, within a deadline.

use std::{
    ffi::OsStr,
    io::{self, Read},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// Longest that such a program may take: systemd and launchd answer when a service has started.
pub const DEADLINE: Duration = Duration::from_secs(30);
/// How often it is looked whether it ended.
const AGAIN: Duration = Duration::from_millis(10);
/// Most that is kept of what it says on each of its outputs.
const MOST: usize = 65_536;
/// How long the rest of its words is waited for after it ended.
const LINGER: Duration = Duration::from_millis(500);

/// What a program said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub said: String,
    /// What it complained of.
    pub complained: String,
}

impl Output {
    /// Whether it ended with 0.
    pub fn is_good(&self) -> bool {
        self.code == Some(0)
    }

    /// An error that repeats what it complained of, unless it ended with 0.
    pub fn good(self, program: &str, arguments: &[&str]) -> Result<Self, Failed> {
        if self.is_good() {
            return Ok(self);
        }
        let words = if self.complained.trim().is_empty() { &self.said } else { &self.complained };
        let why = match words.trim() {
            "" => self.code.map_or("it was killed".into(), |code| format!("it ended with {code}")),
            words => words.lines().map(str::trim).collect::<Vec<_>>().join("; "),
        };
        Err(Failed { call: call(program, arguments), why })
    }
}

/// A program of the system that did not do what it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{call}' failed: {why}")]
pub struct Failed {
    call: String,
    why: String,
}

/// Runs a program to its end, without anything to read. Blocks.
pub fn run(program: &str, arguments: &[&str], deadline: Duration) -> Result<Output, Failed> {
    let failed = |why: String| Failed { call: call(program, arguments), why };
    let mut child = Command::new(program)
        .args(arguments.iter().map(OsStr::new))
        // Words that are read must not be translated.
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| {
            failed(match e.kind() {
                io::ErrorKind::NotFound => "this system has no such program".into(),
                _ => e.to_string(),
            })
        })?;
    let (said, complained) = (reader(child.stdout.take()), reader(child.stderr.take()));
    let Some(code) = wait(&mut child, deadline).map_err(|e| failed(e.to_string()))? else {
        return Err(failed(format!("no answer within {} s", deadline.as_secs_f32())));
    };
    Ok(Output { code, said: said.taken(), complained: complained.taken() })
}

fn wait(child: &mut Child, deadline: Duration) -> io::Result<Option<Option<i32>>> {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status.code()));
        }
        if began.elapsed() >= deadline {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(AGAIN);
    }
}

/// One output of a program, read as it comes.
struct Reading {
    so_far: Arc<Mutex<Vec<u8>>>,
    thread: JoinHandle<()>,
}

fn reader(from: Option<impl Read + Send + 'static>) -> Reading {
    let so_far = Arc::<Mutex<Vec<u8>>>::default();
    let to = so_far.clone();
    let thread = std::thread::spawn(move || {
        let Some(mut from) = from else { return };
        let mut some = [0; 4096];
        // A program that says more than is kept must not wait for us: the rest is read and dropped.
        while let Ok(length @ 1..) = from.read(&mut some) {
            let mut to = to.lock().unwrap_or_else(|e| e.into_inner());
            let room = MOST.saturating_sub(to.len());
            to.extend_from_slice(&some[..length.min(room)]);
        }
    });
    Reading { so_far, thread }
}

impl Reading {
    /// What was said. A program that ended may have left a child that holds its pipes for ever: the thread is
    /// then left to itself.
    fn taken(self) -> String {
        let began = Instant::now();
        while !self.thread.is_finished() && began.elapsed() < LINGER {
            std::thread::sleep(AGAIN);
        }
        String::from_utf8_lossy(&self.so_far.lock().unwrap_or_else(|e| e.into_inner())).into_owned()
    }
}

fn call(program: &str, arguments: &[&str]) -> String {
    [&[program], arguments].concat().join(" ")
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_says_and_how_it_ends_is_told() {
        let output = run("sh", &["-c", "echo yes; echo no >&2; exit 3"], DEADLINE).unwrap();
        assert_eq!(output, Output { code: Some(3), said: "yes\n".into(), complained: "no\n".into() });
        let said = output.good("sh", &["-c"]).unwrap_err().to_string();
        assert_eq!(said, "'sh -c' failed: no");
        let silent = Output { code: Some(5), said: String::new(), complained: " \n".into() };
        assert_eq!(silent.good("x", &[]).unwrap_err().to_string(), "'x' failed: it ended with 5");
    }

    #[test]
    fn a_child_that_it_leaves_behind_is_not_waited_for() {
        let began = Instant::now();
        let output = run("sh", &["-c", "echo said; sleep 3 &"], DEADLINE).unwrap();
        assert_eq!(output.said, "said\n");
        assert!(began.elapsed() < DEADLINE);
        let much = run("sh", &["-c", "head -c 300000 /dev/zero"], DEADLINE).unwrap();
        assert_eq!(much.said.len(), MOST);
    }

    #[test]
    fn a_program_that_hangs_is_ended_and_one_that_is_missing_is_named() {
        let began = Instant::now();
        let said = run("sleep", &["600"], Duration::from_millis(50)).unwrap_err().to_string();
        assert_eq!(said, "'sleep 600' failed: no answer within 0.05 s");
        assert!(began.elapsed() < Duration::from_secs(60));
        let said = run("no-such-program-of-ours", &["a"], DEADLINE).unwrap_err().to_string();
        assert_eq!(said, "'no-such-program-of-ours a' failed: this system has no such program");
    }
}
