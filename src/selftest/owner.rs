//! That a desk has one owner: a second one is refused, and one that was killed leaves nothing in the way.
//!
//! The killed one is this program, started again with a hidden word and a folder of its own: it does
//! what a daemon does first, and nothing else.

use super::{Bench, Check, Desk, Found, Said, Why, blocking, waiting};
use crate::{
    config::Settings,
    control::{Client, Lock, LockError, Server},
};
use std::{
    io,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    sync::mpsc,
    time::timeout,
};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "owner.lock",
        should: "a second Preshift cannot take this desk while it is taken",
        run: blocking!(lock),
    },
    Check {
        name: "owner.second",
        should: "a second process is refused, with exit code 75",
        run: waiting!(second),
    },
    Check {
        name: "owner.killed",
        should: "a process that was killed leaves the desk free within 3 s, and its socket or pipe too",
        run: waiting!(killed),
    },
];

/// The hidden word that starts the process which is killed.
pub const WORD: &str = "selftest-holder";
/// What it says when it has the lock and listens.
const HELD: &str = "held";
/// A process of ours starts well within this, on a computer that a virus scanner slows down.
const PATIENCE: Duration = Duration::from_secs(10);

fn lock(bench: &Bench) -> Found {
    if matches!(bench.desk, Desk::Closed(_)) {
        return Found::skipped(Why::NeedsAnother, "the desk's data could not be opened");
    }
    match Lock::take(&bench.settings.data_dir) {
        Err(LockError::Held) => Found::pass(Said::of("refused: it is held")),
        Err(LockError::File { source, .. }) => {
            Found::fail(Said::of("the lock's file failed").refusal(&source))
        }
        Ok(_) => Found::fail(Said::of("it could be taken twice")),
    }
}

/// Takes a folder as a daemon would, until standard input ends. This is the other process.
pub fn hold(settings: &Settings) -> anyhow::Result<()> {
    let _lock = Lock::take(&settings.data_dir)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let server = Server::bind(&settings.data_dir)?;
        println!("{HELD}");
        let input = tokio::task::spawn_blocking(|| io::copy(&mut io::stdin().lock(), &mut io::sink()));
        let (to, _asked) = mpsc::channel(1);
        tokio::select! {
            () = server.serve(to) => {}
            _ = input => {}
        }
        Ok(())
    })
}

fn process(folder: &Path) -> io::Result<Child> {
    let program = if cfg!(target_os = "linux") {
        // Not by its name: the file may have been replaced since this one started.
        PathBuf::from("/proc/self/exe")
    } else {
        std::env::current_exe()?
    };
    let mut command = Command::new(program);
    command.arg("--data-dir").arg(folder).arg(WORD);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    // CREATE_NO_WINDOW.
    #[cfg(windows)]
    command.creation_flags(0x0800_0000);
    command.spawn()
}

/// Starts a process that takes a folder, and waits until it has.
async fn holder(folder: &Path) -> Result<Child, Found> {
    let mut child =
        process(folder).map_err(|e| Found::fail(Said::of("no process could be started").refusal(&e)))?;
    let mut line = String::new();
    let output = child.stdout.as_mut().map(BufReader::new);
    let read = async {
        match output {
            Some(mut output) => output.read_line(&mut line).await,
            None => Ok(0),
        }
    };
    let read = timeout(PATIENCE, read).await;
    if matches!(read, Ok(Ok(1..))) && line.trim_end() == HELD {
        Ok(child)
    } else {
        Err(Found::fail(Said::of("the first process did not take the folder")))
    }
}

async fn second(bench: Arc<Bench>) -> Found {
    let Ok(folder) = bench.scratch.folder("second") else {
        return Found::fail(Said::of("no folder could be made for it"));
    };
    let _first = match holder(&folder).await {
        Ok(first) => first,
        Err(found) => return found,
    };
    let mut second = match process(&folder) {
        Ok(second) => second,
        Err(e) => return Found::fail(Said::of("no process could be started").refusal(&e)),
    };
    match timeout(PATIENCE, second.wait()).await {
        Ok(Ok(status)) => {
            let code = status.code();
            let was = Said::of("it ended with code").count(code.map_or(0, |c| c.unsigned_abs().into()));
            Found::by(code == Some(75), was)
        }
        _ => Found::fail(Said::of("it was not refused")),
    }
}

async fn killed(bench: Arc<Bench>) -> Found {
    let Ok(folder) = bench.scratch.folder("killed") else {
        return Found::fail(Said::of("no folder could be made for it"));
    };
    let mut first = match holder(&folder).await {
        Ok(first) => first,
        Err(found) => return found,
    };
    let reached = Client::connect(&folder).await.is_ok();
    if !reached || Lock::take(&folder).is_ok() {
        return Found::fail(Said::of("the first process does not hold the folder"));
    }
    let began = Instant::now();
    if first.kill().await.is_err() {
        return Found::fail(Said::of("it could not be killed"));
    }
    let later = folder.clone();
    let lock = tokio::task::spawn_blocking(move || Lock::take_within(&later, Duration::from_secs(3))).await;
    let Ok(Ok(_lock)) = lock else { return Found::fail(Said::of("the lock is still held")) };
    let took = began.elapsed().as_secs_f64() * 1e3;
    match Server::bind(&folder) {
        Ok(_) => {
            Found::pass(Said::of("killed; lock and socket or pipe were free").figure("after", took, "ms"))
        }
        Err(e) => Found::fail(Said::of("the lock was free, the socket or pipe was not").refusal(&e)),
    }
}
