//! The daemon's side: takes requests, hands them to the daemon's loop, passes its answers on.

use super::{
    lines,
    protocol::{Answer, Ask, Refusal, Request, VERSION},
};
use crate::platform::control::{Listener, Stream};
use std::{io, path::Path, time::Duration};
use tokio::{
    io::BufReader,
    sync::mpsc,
    task::JoinSet,
    time::{sleep, timeout},
};

/// Longest request: a check with every probe named is below 300 bytes.
const REQUEST_BYTES: usize = 4096;
/// A request is one short line, written at once.
const REQUEST_TIME: Duration = Duration::from_secs(5);
/// More commands than a person has windows.
const CONNECTIONS: usize = 8;
/// Steps that wait to be written; more are dropped, for a slow reader must not slow a check.
const STEPS: usize = 256;
/// A reader that takes nothing for this long is gone.
const WRITE_TIME: Duration = Duration::from_secs(5);

/// A request, and where its answers go.
#[derive(Debug)]
pub struct Asked {
    /// What is asked.
    pub request: Request,
    /// Where answers go.
    pub replies: Replies,
}

/// Where the answers to one request go.
#[derive(Debug, Clone)]
pub struct Replies(mpsc::Sender<Answer>);

impl Replies {
    /// A place for the answers to one request, and where they come out.
    pub fn channel() -> (Self, mpsc::Receiver<Answer>) {
        let (to, from) = mpsc::channel(STEPS);
        (Self(to), from)
    }

    /// Sends an answer without waiting; one that finds no room is dropped, unless it is the last.
    pub fn send(&self, answer: Answer) {
        // Room for the last answer is kept: steps leave one place free.
        if matches!(answer, Answer::Step(_)) && self.0.capacity() <= 1 {
            return;
        }
        let _ = self.0.try_send(answer);
    }

    /// Whether nobody reads any more.
    pub fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    /// Waits until nobody reads any more.
    pub async fn closed(&self) {
        self.0.closed().await;
    }
}

/// Listens for commands of this user.
pub struct Server {
    listener: Listener,
}

impl Server {
    /// Listens for the desk whose data folder this is. Only the holder of its lock may call this.
    pub fn bind(data_dir: &Path) -> io::Result<Self> {
        Ok(Self { listener: Listener::bind(data_dir)? })
    }

    /// Serves until the future is dropped.
    pub async fn serve(mut self, to: mpsc::Sender<Asked>) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                Some(_) = connections.join_next() => {}
                accepted = self.listener.accept() => match accepted {
                    Ok(stream) if connections.len() < CONNECTIONS => {
                        connections.spawn(exchange(stream, to.clone()));
                    }
                    Ok(mut stream) => {
                        connections.spawn(async move {
                            let _ = timeout(WRITE_TIME, lines::write(&mut stream, &Answer::Refused(Refusal::Busy))).await;
                        });
                    }
                    Err(error) => {
                        tracing::warn!(kind = %error.kind(), "a command could not be served");
                        // Out of descriptors, say: do not spin on it.
                        sleep(Duration::from_millis(50)).await;
                    }
                },
            }
        }
    }
}

/// One request and its answers.
async fn exchange(stream: Stream, to: mpsc::Sender<Asked>) {
    let (from, mut into) = tokio::io::split(stream);
    let mut from = BufReader::with_capacity(1024, from);
    let asked = timeout(REQUEST_TIME, lines::read::<Ask>(&mut from, REQUEST_BYTES)).await;
    let refusal = match asked {
        Ok(Ok(Some(ask))) if ask.version == VERSION => {
            let (replies, mut answers) = Replies::channel();
            match to.try_send(Asked { request: ask.request, replies }) {
                Ok(()) => {
                    while let Some(answer) = answers.recv().await {
                        let last = !matches!(answer, Answer::Step(_));
                        let written = timeout(WRITE_TIME, lines::write(&mut into, &answer)).await;
                        if last || !matches!(written, Ok(Ok(()))) {
                            return;
                        }
                    }
                    Refusal::Ending
                }
                Err(_) => Refusal::Busy,
            }
        }
        Ok(Ok(Some(_))) => Refusal::Version,
        Ok(Err(_)) => Refusal::Malformed,
        // Nothing was asked.
        Ok(Ok(None)) | Err(_) => return,
    };
    let _ = timeout(WRITE_TIME, lines::write(&mut into, &Answer::Refused(refusal))).await;
}
