//! One local database: small state, history, facts, the spool and what was sent.
//!
//! Owns the file, its rights, its bounds and its repair. Every write is one durable transaction
//! (WAL with `synchronous=FULL`). It knows reports as bytes with a lane and a sequence; what is in
//! them is `report`'s, and when they leave is `deliver`'s. Its calls block: from async code use
//! `Store::run`.

mod facts;
mod gaps;
mod history;
mod losses;
mod open;
mod reserve;
mod schema;
mod sent;
mod spool;
mod state;

pub use history::{Entry, Wanted};
pub(crate) use sent::REFUSED_UNTOLD;
pub use sent::{Outgoing, Refusals, Refused, Sent};
pub use spool::{Answered, Make, MakeGap, Place, SpoolState, Spooled};
pub use state::{Key, LastGoodShift, keys};

use crate::{probe::Clock, random::Random};
use losses::Losses;
use rusqlite::Connection;
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
};
use telemetry::{Epoch, Lane, UnixMs};

/// How large and how old each part may get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of reports that wait. 16 MiB is two to three weeks of shifts without a collector.
    pub spool_bytes: u64,
    /// Age of reports that wait, in milliseconds.
    pub spool_age_ms: i64,
    /// Bytes of history.
    pub history_bytes: u64,
    /// Age of history, in milliseconds.
    pub history_age_ms: i64,
    /// Bytes of what was sent, as it travelled (compressed).
    pub sent_bytes: u64,
    /// Age of what was sent, in milliseconds.
    pub sent_age_ms: i64,
    /// Reports kept that the collector refused.
    pub refused_rows: u32,
    /// The whole file: the last line of defence, above the sum of the parts.
    pub file_bytes: u64,
}

/// A day in milliseconds.
const DAY_MS: i64 = 86_400_000;

impl Default for Limits {
    fn default() -> Self {
        Self {
            spool_bytes: 16 << 20,
            spool_age_ms: 30 * DAY_MS,
            history_bytes: 32 << 20,
            history_age_ms: 90 * DAY_MS,
            sent_bytes: 8 << 20,
            sent_age_ms: 30 * DAY_MS,
            refused_rows: 200,
            file_bytes: 96 << 20,
        }
    }
}

/// What can go wrong with the store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk, or the bound of the file, is full.
    #[error("the local store cannot write: the disk is full")]
    Full,
    /// The database is damaged; it was or will be put aside.
    #[error("the local store is damaged")]
    Damaged,
    /// The database was written by a newer Preshift.
    #[error(
        "the local store is of version {found}; this Preshift knows versions up to {known}: update Preshift"
    )]
    Newer {
        /// Its version.
        found: i64,
        /// The newest that is known here.
        known: i64,
    },
    /// The database said something else.
    #[error("the local store failed to {doing}")]
    Sqlite {
        /// What was being done.
        doing: &'static str,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// A file or folder of the store failed.
    #[error("the local store failed to {doing}")]
    File {
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// A report could not be made.
    #[error("a report could not be made")]
    Content(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The background task ended early.
    #[error("the store's task ended early")]
    Task,
}

impl Error {
    /// Whether the disk, and not the content, was the reason.
    fn is_storage(&self) -> bool {
        matches!(self, Self::Full | Self::Damaged | Self::Sqlite { .. } | Self::File { .. })
    }
}

/// Names what was being done, and tells a full disk and a damaged file from the rest.
pub(crate) trait Doing<T> {
    fn doing(self, doing: &'static str) -> Result<T, Error>;
}

impl<T> Doing<T> for rusqlite::Result<T> {
    fn doing(self, doing: &'static str) -> Result<T, Error> {
        use rusqlite::Error::{FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType};
        use rusqlite::ErrorCode::{DatabaseCorrupt, DiskFull, NotADatabase};
        self.map_err(|source| match (&source, source.sqlite_error_code()) {
            (_, Some(DiskFull)) => Error::Full,
            (_, Some(DatabaseCorrupt | NotADatabase)) => Error::Damaged,
            // We wrote another type than what is there now.
            (InvalidColumnType(..) | FromSqlConversionFailure(..) | IntegralValueOutOfRange(..), _) => {
                Error::Damaged
            }
            _ => Error::Sqlite { doing, source },
        })
    }
}

impl<T> Doing<T> for std::io::Result<T> {
    fn doing(self, doing: &'static str) -> Result<T, Error> {
        self.map_err(|source| match source.kind() {
            std::io::ErrorKind::StorageFull => Error::Full,
            _ => Error::File { doing, source },
        })
    }
}

/// The local store. Clones share it.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    dir: PathBuf,
    limits: Limits,
    clock: Clock,
    random: Random,
    /// Whether it may put a damaged file aside.
    owner: bool,
    guarded: Mutex<Guarded>,
}

struct Guarded {
    /// `None` while a damaged store could not be replaced: every call tries again.
    connection: Option<Connection>,
    losses: Losses,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("limits", &self.0.limits).finish_non_exhaustive()
    }
}

/// Whether there is a store in a folder.
pub fn exists(dir: &Path) -> bool {
    dir.join(open::FILE).exists()
}

impl Store {
    /// Opens the store in a folder, or begins one. A damaged one is put aside, a new epoch begins,
    /// and `untold_reset` says so until it was told.
    pub fn open(dir: &Path, clock: Clock) -> Result<Self, Error> {
        Self::open_with(dir, Limits::default(), clock, Random::system())
    }

    /// Opens with other limits and random numbers.
    pub fn open_with(dir: &Path, limits: Limits, clock: Clock, random: Random) -> Result<Self, Error> {
        let connection = open::open(dir, &limits, clock(), &random)?;
        let store = Self::with(dir, limits, clock, random, connection, true)?;
        reserve::hold(dir);
        Ok(store)
    }

    /// Opens the store beside its owner, only to look: a damaged one is an error and stays where it
    /// is. Putting it aside under a running daemon would take its spool away from it.
    pub fn open_beside(dir: &Path, clock: Clock) -> Result<Self, Error> {
        let (limits, random) = (Limits::default(), Random::system());
        let connection = open::open_as_it_is(dir, &limits, &random)?;
        Self::with(dir, limits, clock, random, connection, false)
    }

    fn with(
        dir: &Path,
        limits: Limits,
        clock: Clock,
        random: Random,
        connection: Connection,
        owner: bool,
    ) -> Result<Self, Error> {
        let losses = Losses::load(dir, &connection, owner)?;
        let guarded = Mutex::new(Guarded { connection: Some(connection), losses });
        Ok(Self(Arc::new(Inner { dir: dir.to_owned(), limits, clock, random, owner, guarded })))
    }

    /// The folder it is in.
    pub fn dir(&self) -> &Path {
        &self.0.dir
    }

    /// The time by the clock that was handed in.
    pub fn now(&self) -> UnixMs {
        (self.0.clock)()
    }

    /// Which store this is: reports carry it.
    pub fn epoch(&self) -> Result<Epoch, Error> {
        self.read(|tx| tx.epoch())
    }

    /// Begins a new epoch with an empty spool: for a new enrolment, whose reports must not continue
    /// another's sequences. Says how many reports were dropped.
    pub fn begin_epoch(&self) -> Result<u64, Error> {
        let epoch = Epoch::from_bytes(self.0.random.bytes());
        let dropped = self.write(|tx| tx.begin_epoch(&epoch))?;
        self.lock().losses.forget(&self.0.dir);
        Ok(dropped)
    }

    /// Trims by age, and lets go of space. Cheap; once an hour is enough.
    pub fn maintain(&self) -> Result<(), Error> {
        reserve::hold(&self.0.dir);
        self.write(|tx| {
            tx.expire_spool()?;
            tx.trim_history(tx.limits.history_bytes)?;
            tx.trim_sent()?;
            tx.trim_changes()
        })
    }

    /// Runs a blocking piece of work with the store on a thread where blocking is allowed.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let store = self.clone();
        tokio::task::spawn_blocking(move || work(&store)).await.map_err(|_| Error::Task)?
    }

    /// Everything that `work` does is written in one transaction, or nothing of it.
    ///
    /// If the disk is full, old history makes room and `work` is run once more. Reports that could
    /// not be spooled are counted, and become a gap as soon as writing works again.
    pub fn write<T>(&self, work: impl Fn(&Tx<'_>) -> Result<T, Error>) -> Result<T, Error> {
        self.write_reports(&[], work)
    }

    /// As `write`, with the reports that `work` will spool: they are counted as lost even if the
    /// transaction cannot begin.
    pub fn write_reports<T>(
        &self,
        reports: &[(Lane, UnixMs)],
        work: impl Fn(&Tx<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut guarded = self.lock();
        let mut result = self.attempt(&mut guarded, &work);
        if matches!(result, Err(Error::Full)) && self.make_room(&mut guarded) {
            result = self.attempt(&mut guarded, &work);
        }
        if matches!(result, Err(Error::Damaged)) {
            self.replace(&mut guarded);
        }
        let mut attempts = guarded.losses.take_attempts();
        if attempts.len() < reports.len() {
            attempts = reports.to_vec();
        }
        if let Err(error) = &result
            && error.is_storage()
        {
            guarded.losses.note(&self.0.dir, &attempts);
        }
        result
    }

    /// Reads; writes nothing.
    pub fn read<T>(&self, work: impl FnOnce(&Tx<'_>) -> Result<T, Error>) -> Result<T, Error> {
        let mut guarded = self.lock();
        let Guarded { connection, losses } = self.connected(&mut guarded)?;
        let Some(connection) = connection else { return Err(Error::Damaged) };
        let result = work(&Tx { db: connection, limits: &self.0.limits, now: (self.0.clock)(), losses });
        if matches!(result, Err(Error::Damaged)) {
            self.replace(&mut guarded);
        }
        result
    }

    fn attempt<T>(
        &self,
        guarded: &mut Guarded,
        work: &impl Fn(&Tx<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        guarded.losses.begin();
        let Guarded { connection, losses } = self.connected(guarded)?;
        let Some(connection) = connection else { return Err(Error::Damaged) };
        // Immediate: the sequence that is read is the one that is written, whoever else has it open.
        let db = connection
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
            .doing("begin a transaction")?;
        let value = work(&Tx { db: &db, limits: &self.0.limits, now: (self.0.clock)(), losses })?;
        db.commit().doing("commit")?;
        losses.committed(&self.0.dir);
        Ok(value)
    }

    /// Gives up a part of history, so that what must be written has room. A full disk may refuse even that.
    fn make_room(&self, guarded: &mut Guarded) -> bool {
        let Some(connection) = &mut guarded.connection else { return false };
        let make = |connection: &mut Connection| -> Result<bool, Error> {
            let db = connection.transaction().doing("begin a transaction")?;
            let tx =
                Tx { db: &db, limits: &self.0.limits, now: (self.0.clock)(), losses: &Losses::default() };
            let before = tx.total("history")?;
            tx.trim_history(before - before.div_ceil(4))?;
            let freed = tx.total("history")? < before;
            db.commit().doing("commit")?;
            connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").doing("checkpoint")?;
            Ok(freed)
        };
        reserve::release(&self.0.dir);
        // The log first: what is in it may fit into the database's own free pages.
        let _ = connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
        make(connection).unwrap_or(false)
    }

    /// Puts a store aside that turned out damaged while it was open, and begins a new one.
    fn replace(&self, guarded: &mut Guarded) {
        if !self.0.owner {
            return;
        }
        tracing::error!("the local store is damaged; it is put aside and a new one begins");
        guarded.connection = None;
        let _ = self.connected(guarded);
    }

    fn connected<'a>(&self, guarded: &'a mut Guarded) -> Result<&'a mut Guarded, Error> {
        if guarded.connection.is_none() {
            let at = (self.0.clock)();
            open::put_aside(&self.0.dir, at)?;
            guarded.connection = Some(open::begin_anew(&self.0.dir, &self.0.limits, &self.0.random)?);
        }
        Ok(guarded)
    }

    fn lock(&self) -> MutexGuard<'_, Guarded> {
        // A panic inside a transaction rolled it back; what is left is sound.
        self.0.guarded.lock().unwrap_or_else(|e| e.into_inner())
    }
}

/// One transaction.
pub struct Tx<'a> {
    db: &'a Connection,
    limits: &'a Limits,
    now: UnixMs,
    losses: &'a Losses,
}

impl Tx<'_> {
    /// When this transaction is, by the clock that was handed in.
    pub fn now(&self) -> UnixMs {
        self.now
    }

    /// Bytes in a table with a bound, as its triggers count them.
    fn total(&self, table: &'static str) -> Result<u64, Error> {
        self.db
            .prepare_cached("SELECT bytes FROM totals WHERE name = ?1")
            .and_then(|mut q| q.query_row([table], |row| row.get::<_, i64>(0)))
            .map(|n| n.max(0) as u64)
            .doing("read a total")
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
