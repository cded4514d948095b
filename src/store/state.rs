//! Small things by name, as JSON.

use super::{Doing, Error, Store, Tx};
use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::marker::PhantomData;
use telemetry::{Consent, Epoch, Id, Millis, UnixMs};

/// The name of a small thing, with its type.
pub struct Key<T>(&'static str, PhantomData<fn() -> T>);

impl<T> Clone for Key<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Key<T> {}

impl<T> Key<T> {
    /// Names one.
    pub const fn new(name: &'static str) -> Self {
        Self(name, PhantomData)
    }
}

/// The last shift that began ready and had no blocking finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastGoodShift {
    /// Which.
    pub shift: Id,
    /// When it began.
    pub at: UnixMs,
}

/// The names that are used.
pub mod keys {
    use super::*;

    /// What the agent consented to.
    pub const CONSENT: Key<Consent> = Key::new("consent");
    /// Until when measuring is paused.
    pub const PAUSED_UNTIL: Key<UnixMs> = Key::new("paused_until");
    /// Whether the agent saw what is measured.
    pub const WELCOMED: Key<bool> = Key::new("welcomed");
    /// How far the desk's clock was ahead of the collector's.
    pub const CLOCK_OFFSET: Key<Millis> = Key::new("clock_offset");
    /// The assignment as the collector sent it.
    pub const ASSIGNMENT: Key<crate::deliver::StoredAssignment> = Key::new("assignment");
    /// The last good shift.
    pub const LAST_GOOD_SHIFT: Key<LastGoodShift> = Key::new("last_good_shift");
    /// When the newest start of the daemon was.
    pub const STARTED: Key<UnixMs> = Key::new("started");
    /// How the last deliveries went.
    pub const DELIVERY: Key<crate::deliver::Delivery> = Key::new("delivery");
    /// How enrolling by a file goes.
    pub const PRESET: Key<crate::deliver::PresetStatus> = Key::new("preset");
}

impl Store {
    /// Reads a small thing. One that no longer reads counts as absent.
    pub fn get<T: DeserializeOwned>(&self, key: Key<T>) -> Result<Option<T>, Error> {
        self.read(|tx| tx.get(key))
    }

    /// Writes a small thing.
    pub fn set<T: Serialize>(&self, key: Key<T>, value: &T) -> Result<(), Error> {
        self.write(|tx| tx.set(key, value))
    }

    /// Forgets a small thing.
    pub fn unset<T>(&self, key: Key<T>) -> Result<(), Error> {
        self.write(|tx| tx.unset(key))
    }

    /// Whether a damaged store was put aside and nobody has been told.
    pub fn untold_reset(&self) -> Result<bool, Error> {
        self.read(|tx| Ok(tx.get(RESET_UNTOLD)?.unwrap_or(false)))
    }
}

const RESET_UNTOLD: Key<bool> = Key::new("reset_untold");

impl Tx<'_> {
    /// Reads a small thing.
    pub fn get<T: DeserializeOwned>(&self, key: Key<T>) -> Result<Option<T>, Error> {
        take(self.db, key.0)
    }

    /// Writes a small thing.
    pub fn set<T: Serialize>(&self, key: Key<T>, value: &T) -> Result<(), Error> {
        let json = serde_json::to_string(value).map_err(|e| Error::Content(e.into()))?;
        put(self.db, key.0, &json)
    }

    /// Forgets a small thing.
    pub fn unset<T>(&self, key: Key<T>) -> Result<(), Error> {
        self.db.execute("DELETE FROM state WHERE key = ?1", [key.0]).doing("write state").map(drop)
    }

    /// The reset was told.
    pub fn reset_told(&self) -> Result<(), Error> {
        self.unset(RESET_UNTOLD)
    }

    pub(super) fn epoch(&self) -> Result<Epoch, Error> {
        self.get(Key::new("epoch"))?.ok_or(Error::Damaged)
    }

    pub(super) fn begin_epoch(&self, epoch: &Epoch) -> Result<u64, Error> {
        let dropped = self
            .db
            .query_row("SELECT rows FROM totals WHERE name = 'spool'", [], |row| row.get::<_, i64>(0))
            .doing("begin an epoch")?;
        self.db
            .execute_batch("DELETE FROM spool; DELETE FROM gaps; UPDATE lanes SET next = 1;")
            .doing("begin an epoch")?;
        self.set(Key::new("epoch"), epoch)?;
        self.unset(RESET_UNTOLD)?;
        Ok(dropped.max(0) as u64)
    }
}

pub(super) fn take<T: DeserializeOwned>(db: &Connection, key: &str) -> Result<Option<T>, Error> {
    let json: Option<String> = db
        .prepare_cached("SELECT value FROM state WHERE key = ?1")
        .and_then(|mut q| q.query_row([key], |row| row.get(0)).optional())
        .doing("read state")?;
    // What an older or newer Preshift wrote in another form is absent, and that is the safe reading
    // of each of them: no consent, no assignment, not paused.
    Ok(json.and_then(|json| serde_json::from_str(&json).ok()))
}

pub(super) fn put(db: &Connection, key: &str, json: &str) -> Result<(), Error> {
    db.prepare_cached("INSERT INTO state VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2")
        .and_then(|mut q| q.execute([key, json]))
        .doing("write state")
        .map(drop)
}
