//! The daemon's side of the listening child: start it, wait for its one answer, end it.
//!
//! A sound server that hangs can hold only the child, and the child can be killed. It is killed
//! when its deadline passes and when whoever waits for it goes away.

use super::{
    AudioError, Inventory, NoiseNumbers, child,
    wire::{Answer, MAX_BYTES, Request, SelfTest},
};
use crate::platform::program;
use std::{
    collections::BTreeSet,
    ffi::OsString,
    path::PathBuf,
    process::Stdio,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use telemetry::Digest;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::Command,
    time::{Instant, timeout_at},
};

/// How long a child may take that does not listen. A sound server answers within milliseconds;
/// the daemon has 3 s to end.
const INVENTORY: Duration = Duration::from_millis(2500);
/// What listening may take on top of its time: connecting, 3 s until the first block, the look
/// at the end.
const LISTEN_MARGIN: Duration = Duration::from_secs(6);

static CHILDREN: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// Starts children: which program, and what it needs to find the sound server.
#[derive(Debug, Clone)]
pub struct Children {
    program: PathBuf,
    environment: Vec<(OsString, OsString)>,
}

impl Children {
    /// Children of this very program, in its own environment.
    pub fn of_this_program() -> Self {
        // Not by its name: the file may have been replaced by an update since this one started.
        Self::new(program::itself(), std::env::vars_os())
    }

    /// Children of another program, in an environment of its own: a test's own program is not
    /// Preshift.
    pub fn new(program: PathBuf, environment: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        // Only what leads to the sound server; a desk's secrets may be in the rest.
        const KEPT: [&str; 5] =
            ["PULSE_SERVER", "PULSE_RUNTIME_PATH", "PULSE_COOKIE", "XDG_RUNTIME_DIR", "HOME"];
        // Windows programs do not start without SystemRoot and the like.
        let keep = |name: &OsString| cfg!(windows) || KEPT.iter().any(|kept| name == kept);
        Self { program, environment: environment.into_iter().filter(|(name, _)| keep(name)).collect() }
    }

    /// The devices, and who uses the microphone.
    pub async fn inventory(&self) -> Result<Inventory, AudioError> {
        match self.ask(&Request::Inventory { ours: ours() }, INVENTORY).await? {
            Answer::Inventory(inventory) => Ok(inventory),
            answer => Err(unexpected(answer)),
        }
    }

    /// Level and health of a microphone, the default one if none is named. Consent is the
    /// caller's affair; that no other program is disturbed is seen to here.
    pub async fn listen(&self, seconds: u32, device: Option<Digest>) -> Result<NoiseNumbers, AudioError> {
        let seconds = seconds.clamp(1, child::MAX_SECONDS);
        let deadline = Duration::from_secs(u64::from(seconds)) + LISTEN_MARGIN;
        match self.ask(&Request::Listen { device, seconds, ours: ours() }, deadline).await? {
            Answer::Noise(numbers) => Ok(numbers),
            answer => Err(unexpected(answer)),
        }
    }

    /// Lets a child try to break out.
    pub async fn self_test(&self) -> Result<SelfTest, AudioError> {
        match self.ask(&Request::SelfTest, INVENTORY).await? {
            Answer::SelfTest(result) => Ok(result),
            answer => Err(unexpected(answer)),
        }
    }
}

/// The devices, and who uses the microphone.
pub async fn inventory() -> Result<Inventory, AudioError> {
    Children::of_this_program().inventory().await
}

/// Level and health of a microphone; see `Children::listen`.
pub async fn listen(seconds: u32, device: Option<Digest>) -> Result<NoiseNumbers, AudioError> {
    Children::of_this_program().listen(seconds, device).await
}

fn unexpected(answer: Answer) -> AudioError {
    match answer {
        Answer::Error(error) => error,
        _ => AudioError::ChildEnded,
    }
}

/// Process ids of the children that are there now.
fn ours() -> Vec<u32> {
    CHILDREN.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
}

/// Remembers a child while it lives.
struct Registered(u32);

impl Registered {
    fn new(pid: u32) -> Self {
        CHILDREN.lock().unwrap_or_else(PoisonError::into_inner).insert(pid);
        Self(pid)
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        CHILDREN.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0);
    }
}

impl Children {
    async fn ask(&self, request: &Request, within: Duration) -> Result<Answer, AudioError> {
        let deadline = Instant::now() + within;
        let mut child = self.command().spawn().map_err(|_| AudioError::System)?;
        let _registered = child.id().map(Registered::new);
        // Kept open until the end: it is the child's lifeline.
        let mut lifeline = child.stdin.take().ok_or(AudioError::System)?;
        let mut output = child.stdout.take().ok_or(AudioError::System)?.take(MAX_BYTES as u64 + 1);
        let mut line = serde_json::to_vec(request).map_err(|_| AudioError::System)?;
        line.push(b'\n');

        let mut answer = Vec::new();
        let talk = async {
            lifeline.write_all(&line).await?;
            output.read_to_end(&mut answer).await
        };
        let talked = timeout_at(deadline, talk).await;
        // Whether it answered or not, it has nothing more to do here; and it is waited for, so that
        // nothing of it is left.
        let _ = child.start_kill();
        let _ = child.wait().await;
        match talked {
            Err(_) => Err(AudioError::SoundServer),
            Ok(Err(_)) => Err(AudioError::ChildEnded),
            Ok(Ok(_)) if answer.len() > MAX_BYTES => Err(AudioError::ChildEnded),
            Ok(Ok(_)) => serde_json::from_slice(&answer).map_err(|_| AudioError::ChildEnded),
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(child::WORD).env_clear().envs(self.environment.iter().cloned());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        #[cfg(unix)]
        command.current_dir("/");
        // CREATE_NO_WINDOW: no console flashes up on the agent's screen.
        #[cfg(windows)]
        command.creation_flags(0x0800_0000);
        command
    }
}
