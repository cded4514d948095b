//! The tables, and how an older store becomes one of this version.

use super::{Doing, Error};
use rusqlite::Connection;

/// Marks a file as ours, in SQLite's `application_id`: "PRSH".
pub(super) const APPLICATION: i64 = 0x5052_5348;

/// Each step makes the version after it from the one before; a step that was released never changes.
const STEPS: &[&str] = &[FIRST];

/// The version this Preshift writes.
pub(super) const VERSION: i64 = STEPS.len() as i64;

/// Totals are kept by triggers, so that a bound costs no scan and cannot drift from its table.
const FIRST: &str = "
CREATE TABLE state (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE totals (name TEXT PRIMARY KEY, rows INTEGER NOT NULL, bytes INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO totals VALUES ('spool', 0, 0), ('history', 0, 0), ('sent', 0, 0);

CREATE TABLE lanes (lane INTEGER PRIMARY KEY, next INTEGER NOT NULL);
INSERT INTO lanes VALUES (0, 1), (1, 1);

CREATE TABLE spool (
    lane INTEGER NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, gap INTEGER NOT NULL,
    digest BLOB NOT NULL, bytes BLOB NOT NULL, UNIQUE (lane, seq));
CREATE TRIGGER spool_in AFTER INSERT ON spool BEGIN
    UPDATE totals SET rows = rows + 1, bytes = bytes + length(new.bytes) WHERE name = 'spool'; END;
CREATE TRIGGER spool_out AFTER DELETE ON spool BEGIN
    UPDATE totals SET rows = rows - 1, bytes = bytes - length(old.bytes) WHERE name = 'spool'; END;

CREATE TABLE gaps (
    lane INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    since INTEGER NOT NULL, until INTEGER NOT NULL, reason INTEGER NOT NULL, UNIQUE (lane, first));

CREATE TABLE history (
    id INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, verdict TEXT, body TEXT NOT NULL);
CREATE INDEX history_by_time ON history (at);
CREATE TRIGGER history_in AFTER INSERT ON history BEGIN
    UPDATE totals SET rows = rows + 1, bytes = bytes + length(new.body) WHERE name = 'history'; END;
CREATE TRIGGER history_out AFTER DELETE ON history BEGIN
    UPDATE totals SET rows = rows - 1, bytes = bytes - length(old.body) WHERE name = 'history'; END;

CREATE TABLE facts (key TEXT PRIMARY KEY, fact TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE changes (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, change TEXT NOT NULL);

CREATE TABLE sent (
    id INTEGER PRIMARY KEY, at INTEGER NOT NULL, answered INTEGER, status INTEGER, times INTEGER NOT NULL,
    method TEXT NOT NULL, path TEXT NOT NULL, reports INTEGER NOT NULL, bytes BLOB NOT NULL);
CREATE TRIGGER sent_in AFTER INSERT ON sent BEGIN
    UPDATE totals SET rows = rows + 1, bytes = bytes + length(new.bytes) WHERE name = 'sent'; END;
CREATE TRIGGER sent_out AFTER DELETE ON sent BEGIN
    UPDATE totals SET rows = rows - 1, bytes = bytes - length(old.bytes) WHERE name = 'sent'; END;

CREATE TABLE refused (
    id INTEGER PRIMARY KEY, at INTEGER NOT NULL, epoch TEXT NOT NULL, lane INTEGER NOT NULL,
    seq INTEGER NOT NULL, code TEXT NOT NULL, bytes BLOB NOT NULL);
CREATE TABLE refusals (code TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
";

/// Brings a store of this or an older version to this version, each step in a transaction of its own.
pub(super) fn migrate(db: &mut Connection, from: i64) -> Result<(), Error> {
    for version in from..VERSION {
        let step = db.transaction().doing("begin a transaction")?;
        step.execute_batch(STEPS[version as usize]).doing("migrate")?;
        step.pragma_update(None, "application_id", APPLICATION).doing("migrate")?;
        step.pragma_update(None, "user_version", version + 1).doing("migrate")?;
        step.commit().doing("migrate")?;
    }
    Ok(())
}
