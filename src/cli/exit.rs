//! How a command ends, as a number: the verdict of a check, or the reason why it could not be done.

use crate::{
    config,
    control::{ClientError, LockError},
    store,
};
use std::{io, process::ExitCode};
use telemetry::Verdict;

/// How a command ended. The numbers above 63 are those of BSD's `sysexits.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done; of a check: ready.
    Done = 0,
    /// At risk.
    AtRisk = 1,
    /// Not ready.
    NotReady = 2,
    /// Unknown.
    Unknown = 3,
    /// A check of the self-test failed.
    SelfTest = 4,
    /// The command line is wrong.
    Usage = 64,
    /// What was given is not valid.
    Data = 65,
    /// A file that was named cannot be read.
    NoInput = 66,
    /// Nobody answers: no daemon, no collector.
    Unavailable = 69,
    /// Our own fault.
    Software = 70,
    /// The disk or the store failed.
    Io = 74,
    /// Another Preshift is at work; try again.
    TryAgain = 75,
    /// Refused by the collector.
    Refused = 77,
    /// The settings are not valid.
    Config = 78,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl From<Verdict> for Exit {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Ready => Self::Done,
            Verdict::AtRisk => Self::AtRisk,
            Verdict::NotReady => Self::NotReady,
            Verdict::Unknown => Self::Unknown,
        }
    }
}

/// An error that knows how the command ends.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Ends {
    /// How.
    pub exit: Exit,
    /// What to say.
    pub message: String,
}

impl Ends {
    /// Makes one.
    pub fn with(exit: Exit, message: impl Into<String>) -> anyhow::Error {
        Self { exit, message: message.into() }.into()
    }
}

/// Says what went wrong, and how the command ends.
pub fn fail(error: &anyhow::Error) -> ExitCode {
    // Whoever read our output has enough of it: that is no failure of ours.
    let closed = |e: &(dyn std::error::Error + 'static)| {
        e.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
    };
    if error.chain().any(closed) {
        return Exit::Done.into();
    }
    let said: Vec<String> = error.chain().map(ToString::to_string).collect();
    anstream::eprintln!("preshift: {}", said.join(": "));
    code(error).into()
}

fn code(error: &anyhow::Error) -> Exit {
    for cause in error.chain() {
        if let Some(ends) = cause.downcast_ref::<Ends>() {
            return ends.exit;
        } else if cause.is::<config::Error>() {
            return Exit::Config;
        } else if let Some(lock) = cause.downcast_ref::<LockError>() {
            return if matches!(lock, LockError::Held) { Exit::TryAgain } else { Exit::Io };
        } else if cause.is::<ClientError>() {
            return Exit::Unavailable;
        } else if cause.is::<store::Error>() || cause.is::<io::Error>() {
            return Exit::Io;
        }
    }
    Exit::Software
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_end_with_the_number_of_their_cause() {
        let wrapped = |e: anyhow::Error| code(&e.context("doing something"));
        assert_eq!(wrapped(LockError::Held.into()), Exit::TryAgain);
        assert_eq!(wrapped(ClientError::NotRunning.into()), Exit::Unavailable);
        assert_eq!(wrapped(store::Error::Full.into()), Exit::Io);
        assert_eq!(wrapped(config::Error::NoHome.into()), Exit::Config);
        assert_eq!(wrapped(Ends::with(Exit::Data, "no")), Exit::Data);
        assert_eq!(wrapped(anyhow::anyhow!("no")), Exit::Software);
    }
}
