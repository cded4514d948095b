//! The lock of a desk: the operating system frees it with its holder, however that ends.

use crate::platform::files;
use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

const NAME: &str = "lock";
/// How often a held lock is tried again.
const AGAIN: Duration = Duration::from_millis(100);

/// The right to measure and to write on this desk. Free again when it is dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Why the lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process holds it.
    #[error("another Preshift is at work on this desk")]
    Held,
    /// The lock's file failed.
    #[error("cannot lock {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Lock {
    /// Takes the lock of the desk whose data folder this is; makes the folder if need be.
    pub fn take(data_dir: &Path) -> Result<Self, LockError> {
        let path = data_dir.join(NAME);
        let failed = |source| LockError::File { path: path.clone(), source };
        files::make_private_dir(data_dir).map_err(failed)?;
        files::make_private_file(&path).map_err(failed)?;
        let file = OpenOptions::new().read(true).write(true).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(LockError::Held),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// Takes the lock, waiting for its holder to end for at most so long.
    pub fn take_within(data_dir: &Path, patience: Duration) -> Result<Self, LockError> {
        let until = std::time::Instant::now() + patience;
        loop {
            match Self::take(data_dir) {
                Err(LockError::Held) if std::time::Instant::now() < until => std::thread::sleep(AGAIN),
                other => return other,
            }
        }
    }
}
