//! Starting the daemon at logon, for this user: what is registered, in which words.
//!
//! Owns the texts that the systems want (a task, a property list, a unit) as pure functions. Registering is
//! `platform::autostart`'s; what is said of it is the command line's. Must not decide what the daemon does.

pub mod agent;
#[cfg(unix)]
pub(crate) mod file;
mod fit;
pub mod task;
pub mod unit;

pub use fit::Unfit;

use std::{fmt, io, path::PathBuf};

/// The name of what is registered on Windows.
pub const NAME: &str = "Preshift";

/// By what the daemon is started at logon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// A task of Windows' task scheduler.
    Task,
    /// A value of the user's Run key in Windows' registry.
    RunKey,
    /// A user unit of systemd.
    UserUnit,
    /// A launch agent of macOS.
    LaunchAgent,
}

impl fmt::Display for Means {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Task => "the scheduled task 'Preshift'",
            Self::RunKey => "the value 'Preshift' of the Run key",
            Self::UserUnit => "the systemd user unit preshift.service",
            Self::LaunchAgent => "the launch agent com.preshift.desk",
        })
    }
}

/// One thing that is registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// By what.
    pub means: Means,
    /// What it starts, where the system says it.
    pub starts: Option<String>,
    /// Whether the system will act on it: somebody may have switched it off.
    pub enabled: bool,
}

/// What became of registering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// By what the daemon starts from now on.
    pub means: Means,
    /// What the agent may want to know of it.
    pub remark: Option<String>,
}

/// Why nothing was registered.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program of ours is missing.
    #[error("{} is missing; it comes with the package, beside preshift", .0.display())]
    Missing(PathBuf),
    /// The path of this program cannot be written where the system wants it.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// A program of the system failed.
    #[error(transparent)]
    Tool(#[from] crate::platform::tool::Failed),
    /// A file failed.
    #[error("cannot {doing} {}: {source}", path.display())]
    File {
        /// What was being done.
        doing: &'static str,
        /// To which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The system refused in every way there is, and said this.
    #[error("{0}")]
    Refused(String),
}

impl Error {
    /// What failed to be done to a file.
    pub(crate) fn file(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { doing, path, source }
    }
}
