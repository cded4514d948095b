//! The embedded store: one SQLite file in the data folder.
//!
//! The server writes through one thread (`writer`), so that many requests share one durable
//! commit; commands write with a connection of their own while the server runs. Whoever
//! changes what desks are told also counts up the `generation`, by which the server notices.

pub mod codes;
pub mod desks;
pub mod export;
pub mod plan;
pub mod reports;
pub mod schema;
pub mod settings;
pub mod writer;

use rusqlite::{Connection, OpenFlags};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

/// Name of the database in the data folder.
pub const FILE: &str = "collector.db";

/// What went wrong with the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The data folder could not be used.
    #[error("cannot use the data folder {path}: {source}")]
    Folder {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is no store yet.
    #[error("there is no store in {path}: start the collector there once, or name its folder with --data")]
    Missing {
        /// The folder.
        path: PathBuf,
    },
    /// SQLite failed.
    #[error("cannot {operation}: {source}")]
    Sqlite {
        /// What was tried.
        operation: &'static str,
        /// Why it failed.
        source: rusqlite::Error,
    },
    /// The store was written by a later version.
    #[error("the store has version {found}, and this collector knows up to {known}: use the newer collector")]
    Newer {
        /// Version of the store.
        found: i64,
        /// Newest that is known here.
        known: i64,
    },
    /// A value in the store cannot be read.
    #[error("the store holds {what} that cannot be read: {why}")]
    Damaged {
        /// What.
        what: &'static str,
        /// Why.
        why: String,
    },
}

/// Names the operation that failed.
pub(crate) trait Doing<T> {
    fn doing(self, operation: &'static str) -> Result<T, StoreError>;
}

impl<T> Doing<T> for rusqlite::Result<T> {
    fn doing(self, operation: &'static str) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::Sqlite { operation, source })
    }
}

/// Opens the store for writing; makes the folder and the file if `create`.
pub fn open(dir: &Path, create: bool) -> Result<Connection, StoreError> {
    let path = dir.join(FILE);
    if create {
        make_private(dir, &path).map_err(|source| StoreError::Folder { path: dir.into(), source })?;
    } else if !path.is_file() {
        return Err(StoreError::Missing { path: dir.into() });
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut db = Connection::open_with_flags(&path, flags).doing("open the store")?;
    db.busy_timeout(Duration::from_secs(10)).doing("open the store")?;
    // FULL: an answer to a desk means that the report survives a power cut.
    db.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
         PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY;",
    )
    .doing("set up the store")?;
    db.set_prepared_statement_cache_capacity(64);
    schema::migrate(&mut db)?;
    Ok(db)
}

/// Makes folder and file for their owner only. Run as root, the file is given to the folder's owner:
/// an administrator's command must not lock the service out of its own store.
#[cfg(unix)]
fn make_private(dir: &Path, file: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    match made {
        Ok(made) => {
            let (owner, mine) = (std::fs::metadata(dir)?, made.metadata()?);
            if (owner.uid(), owner.gid()) != (mine.uid(), mine.gid()) && mine.uid() == 0 {
                std::os::unix::fs::chown(file, Some(owner.uid()), Some(owner.gid()))?;
            }
            Ok(())
        }
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(e) => Err(e),
    }
}

#[cfg(not(unix))]
fn make_private(dir: &Path, file: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    match std::fs::OpenOptions::new().write(true).create_new(true).open(file) {
        Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => Err(e),
        _ => Ok(()),
    }
}

/// Connections that only read, for the board and for assignments; used on blocking threads.
#[derive(Clone)]
pub struct Readers {
    path: PathBuf,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Readers {
    /// Readers of the store in this folder.
    pub fn new(dir: &Path) -> Self {
        Self { path: dir.join(FILE), idle: Arc::default() }
    }

    /// Runs `work` with a connection. Blocks.
    pub fn with<T>(&self, work: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let idle = self.idle.lock().expect("nothing panics with it held").pop();
        let db = match idle {
            Some(db) => db,
            None => self.connect()?,
        };
        // One moment of the store for the whole of the work.
        db.execute_batch("BEGIN").doing("read the store")?;
        let result = work(&db);
        let ended = db.execute_batch("COMMIT");
        if ended.is_ok() {
            let mut idle = self.idle.lock().expect("nothing panics with it held");
            if idle.len() < 8 {
                idle.push(db);
            }
        }
        result
    }

    fn connect(&self) -> Result<Connection, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(&self.path, flags).doing("open the store for reading")?;
        db.busy_timeout(Duration::from_secs(10)).doing("open the store for reading")?;
        db.execute_batch("PRAGMA query_only = ON; PRAGMA cache_size = -16384;").doing("set up reading")?;
        db.set_prepared_statement_cache_capacity(64);
        Ok(db)
    }
}
