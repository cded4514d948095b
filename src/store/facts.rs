//! The last snapshot of the environment, and what changed since.

use super::{Doing, Error, Store, Tx};
use rusqlite::params;
use telemetry::{Change, Fact, UnixMs};

/// Changes that are kept: years of them on an ordinary desk.
const CHANGES: i64 = 4_096;

impl Store {
    /// The facts of the last snapshot; empty before the first.
    pub fn snapshot(&self) -> Result<Vec<Fact>, Error> {
        self.read(|tx| tx.snapshot())
    }

    /// Replaces the snapshot, and remembers what changed.
    pub fn replace_snapshot(&self, facts: &[Fact], changes: &[Change]) -> Result<(), Error> {
        self.write(|tx| tx.replace_snapshot(facts, changes))
    }

    /// The changes since a moment, at most the last so many, oldest first.
    pub fn changes(&self, since: UnixMs, last: u32) -> Result<Vec<Change>, Error> {
        self.read(|tx| tx.changes(since, last))
    }
}

impl Tx<'_> {
    /// The facts of the last snapshot. One that no longer reads is left out, and so shows as new.
    pub fn snapshot(&self) -> Result<Vec<Fact>, Error> {
        self.strings("SELECT fact FROM facts ORDER BY key", [])
    }

    /// Replaces the snapshot, and remembers what changed.
    pub fn replace_snapshot(&self, facts: &[Fact], changes: &[Change]) -> Result<(), Error> {
        let json = |error: serde_json::Error| Error::Content(error.into());
        self.db.execute("DELETE FROM facts", []).doing("write facts")?;
        for fact in facts {
            let key = serde_json::to_string(&fact.key).map_err(json)?;
            let fact = serde_json::to_string(fact).map_err(json)?;
            self.db
                .prepare_cached("INSERT OR REPLACE INTO facts VALUES (?1, ?2)")
                .and_then(|mut q| q.execute([key, fact]))
                .doing("write facts")?;
        }
        for change in changes {
            let text = serde_json::to_string(change).map_err(json)?;
            self.db
                .prepare_cached("INSERT INTO changes (at, change) VALUES (?1, ?2)")
                .and_then(|mut q| q.execute(params![change.at.get(), text]))
                .doing("write changes")?;
        }
        self.trim_changes()
    }

    /// The changes since a moment, at most the last so many, oldest first.
    pub fn changes(&self, since: UnixMs, last: u32) -> Result<Vec<Change>, Error> {
        let mut changes = self.strings(
            "SELECT change FROM changes WHERE at >= ?1 ORDER BY id DESC LIMIT ?2",
            params![since.get(), last],
        )?;
        changes.reverse();
        Ok(changes)
    }

    pub(super) fn trim_changes(&self) -> Result<(), Error> {
        self.db
            .execute("DELETE FROM changes WHERE id <= (SELECT max(id) FROM changes) - ?1", [CHANGES])
            .doing("trim changes")
            .map(drop)
    }

    fn strings<T: serde::de::DeserializeOwned>(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
    ) -> Result<Vec<T>, Error> {
        let texts: Vec<String> = self
            .db
            .prepare_cached(sql)
            .and_then(|mut q| q.query_map(params, |row| row.get(0))?.collect())
            .doing("read facts")?;
        Ok(texts.iter().filter_map(|text| serde_json::from_str(text).ok()).collect())
    }
}
