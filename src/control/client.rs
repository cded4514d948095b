//! A command's side: asks the daemon that holds the lock.

use super::{
    lines,
    protocol::{Answer, Ask, Refusal, Request, Step, VERSION},
};
use crate::platform::control;
use std::{io, path::Path, time::Duration};
use tokio::{io::BufReader, time::timeout};

/// Longest answer: a readiness report as it is kept, with room.
const ANSWER_BYTES: usize = 1024 * 1024;
/// A daemon that runs takes a connection at once.
const CONNECT_TIME: Duration = Duration::from_secs(3);
/// Between two answers: a check that waits for another, whose slowest probe takes its whole time.
const ANSWER_TIME: Duration = Duration::from_secs(180);

/// Why the daemon could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No daemon listens.
    #[error("no daemon runs on this desk")]
    NotRunning,
    /// The connection failed.
    #[error("the daemon could not be asked")]
    Connection(#[source] io::Error),
    /// It took too long.
    #[error("the daemon does not answer")]
    Silent,
    /// The daemon went away.
    #[error("the daemon ended before it answered")]
    Gone,
    /// The daemon said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// A connection to the daemon, for one request.
pub struct Client(control::Stream);

impl Client {
    /// Connects to the daemon of the desk whose data folder this is.
    pub async fn connect(data_dir: &Path) -> Result<Self, ClientError> {
        match timeout(CONNECT_TIME, control::connect(data_dir)).await {
            Ok(Ok(stream)) => Ok(Self(stream)),
            Ok(Err(e)) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
                Err(ClientError::NotRunning)
            }
            Ok(Err(e)) => Err(ClientError::Connection(e)),
            Err(_) => Err(ClientError::Silent),
        }
    }

    /// Asks, and gives back the last answer. Steps go to `on_step` as they come.
    pub async fn ask(self, request: Request, mut on_step: impl FnMut(Step)) -> Result<Answer, ClientError> {
        let (from, mut into) = tokio::io::split(self.0);
        lines::write(&mut into, &Ask { version: VERSION, request }).await.map_err(ClientError::Connection)?;
        let mut from = BufReader::new(from);
        loop {
            let answer = timeout(ANSWER_TIME, lines::read(&mut from, ANSWER_BYTES)).await;
            match answer.map_err(|_| ClientError::Silent)?.map_err(ClientError::Connection)? {
                Some(Answer::Step(step)) => on_step(step),
                Some(Answer::Refused(why)) => return Err(why.into()),
                Some(answer) => return Ok(answer),
                None => return Err(ClientError::Gone),
            }
        }
    }
}
