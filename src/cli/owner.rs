//! Who owns the desk now: this command, or the daemon that runs.

use crate::{
    config::Settings,
    control::{Answer, Client, ClientError, Lock, LockError, Request, Step},
    desk::{self, Desk},
};
use anyhow::Context as _;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// How long a command waits for another command to end: the longest check is shorter.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it looks.
const AGAIN: Duration = Duration::from_millis(100);
/// When it says that it waits.
const SAY: Duration = Duration::from_millis(500);

/// Who owns the desk.
pub enum Owner {
    /// This command, until it ends.
    Us(Box<Desk>),
    /// A daemon.
    Daemon(Client),
}

impl Owner {
    /// Becomes the owner, or finds the daemon that is.
    pub async fn find(settings: Arc<Settings>) -> anyhow::Result<Self> {
        let began = Instant::now();
        let mut said = false;
        loop {
            match Lock::take(&settings.data_dir) {
                Ok(lock) => {
                    let desk = Desk::open(settings, lock, desk::system_clock())
                        .context("this desk's data could not be opened")?;
                    return Ok(Self::Us(Box::new(desk)));
                }
                Err(LockError::Held) => {}
                Err(error) => return Err(error.into()),
            }
            match Client::connect(&settings.data_dir).await {
                Ok(client) => return Ok(Self::Daemon(client)),
                // Another command holds the lock, or a daemon that just starts or ends.
                Err(ClientError::NotRunning) if began.elapsed() < PATIENCE => {}
                Err(ClientError::NotRunning) => return Err(LockError::Held.into()),
                Err(error) => return Err(error.into()),
            }
            if !said && began.elapsed() > SAY {
                anstream::eprintln!(
                    "Another Preshift command is at work on this desk; waiting for it to end."
                );
                said = true;
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Has something done: by the daemon, or by us.
    pub async fn have_done(
        self,
        request: Request,
        by_us: impl AsyncFnOnce(&Desk) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        match self {
            Self::Us(desk) => by_us(&desk).await,
            Self::Daemon(client) => match client.ask(request, |_: Step| ()).await? {
                Answer::Done => Ok(()),
                _ => anyhow::bail!("the daemon gave an answer that does not fit the question"),
            },
        }
    }
}

/// A runtime for one command. It ends with it: what the system still hangs in, such as a name that nobody answers for, is
/// not waited for.
pub struct Runtime(Option<tokio::runtime::Runtime>);

/// What is nearly done may still finish.
const LEFT_OVER: Duration = Duration::from_millis(200);

impl Runtime {
    /// Does the command's work.
    pub fn block_on<F: Future>(&self, work: F) -> F::Output {
        self.0.as_ref().expect("it is there until it is dropped").block_on(work)
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_timeout(LEFT_OVER);
        }
    }
}

/// A runtime for one command.
pub fn runtime() -> anyhow::Result<Runtime> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().build().context("the system gives no event queue")?;
    Ok(Runtime(Some(runtime)))
}
