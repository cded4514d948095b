//! Tables of the store, and how an older store becomes a current one.

use super::{Doing as _, StoreError};
use rusqlite::{Connection, TransactionBehavior};

/// Each step makes the next version; a step that was released is never changed.
const STEPS: [&str; 1] = [V1];

/// Brings the store to the current version.
pub fn migrate(db: &mut Connection) -> Result<(), StoreError> {
    let known = STEPS.len() as i64;
    let version = |db: &Connection| {
        db.query_row("PRAGMA user_version", [], |r| r.get::<_, i64>(0)).doing("read the store's version")
    };
    if version(db)? == known {
        return Ok(());
    }
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate).doing("update the store")?;
    // Read again: another process may have been faster.
    let found = version(&tx)?;
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    for step in &STEPS[found as usize..] {
        tx.execute_batch(step).doing("update the store")?;
    }
    tx.pragma_update(None, "user_version", known).doing("update the store")?;
    tx.commit().doing("update the store")
}

/// Times are milliseconds since 1970, UTC. Reports are only ever appended and pruned from the front.
const V1: &str = "
CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO settings VALUES ('generation', '1');

CREATE TABLE codes (
    hash BLOB PRIMARY KEY, team TEXT NOT NULL, created INTEGER NOT NULL,
    expires INTEGER NOT NULL, uses_left INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE desks (
    no INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    key TEXT NOT NULL,
    team TEXT NOT NULL,
    label TEXT UNIQUE,
    code BLOB NOT NULL,
    enrolled INTEGER NOT NULL,
    revoked INTEGER,
    daemon TEXT NOT NULL,
    last_seen INTEGER,
    instance TEXT,
    assignment TEXT,
    verdict INTEGER
);

-- Starts of the daemon that a later one took the place of.
CREATE TABLE instances (
    desk INTEGER NOT NULL, instance TEXT NOT NULL, replaced INTEGER NOT NULL,
    PRIMARY KEY (desk, instance)
) WITHOUT ROWID;

-- One sequence of one local store of one desk.
CREATE TABLE streams (
    no INTEGER PRIMARY KEY,
    desk INTEGER NOT NULL, epoch TEXT NOT NULL, lane INTEGER NOT NULL,
    UNIQUE (desk, epoch, lane)
);

-- Every report as it came. The unique index is what makes 'exactly once' true whatever fails.
CREATE TABLE reports (
    row INTEGER PRIMARY KEY,
    stream INTEGER NOT NULL, seq INTEGER NOT NULL,
    at INTEGER NOT NULL, received INTEGER NOT NULL,
    kind TEXT NOT NULL, digest BLOB NOT NULL, json BLOB NOT NULL
);
CREATE UNIQUE INDEX reports_identity ON reports (stream, seq);

-- Readiness reports again, for the board: there are few of them and all of its pages ask for them.
CREATE TABLE verdicts (
    row INTEGER PRIMARY KEY,
    desk INTEGER NOT NULL, at INTEGER NOT NULL, shift TEXT, verdict TEXT NOT NULL,
    valid_until INTEGER NOT NULL, body TEXT NOT NULL
);
CREATE INDEX verdicts_desk ON verdicts (desk, at);
CREATE INDEX verdicts_at ON verdicts (at);

CREATE TABLE gaps (
    row INTEGER PRIMARY KEY,
    desk INTEGER NOT NULL, at INTEGER NOT NULL, lane INTEGER NOT NULL,
    first INTEGER NOT NULL, last INTEGER NOT NULL,
    from_at INTEGER NOT NULL, to_at INTEGER NOT NULL, reason TEXT NOT NULL
);
CREATE INDEX gaps_desk ON gaps (desk, to_at);

-- What IT should look into: conflicts, clones, refusals. One row of each kind for a desk.
CREATE TABLE troubles (
    desk INTEGER NOT NULL, kind TEXT NOT NULL, count INTEGER NOT NULL,
    first_at INTEGER NOT NULL, last_at INTEGER NOT NULL,
    PRIMARY KEY (desk, kind)
) WITHOUT ROWID;

CREATE TABLE policies (
    digest TEXT PRIMARY KEY, id TEXT NOT NULL, version INTEGER NOT NULL, json TEXT NOT NULL,
    served INTEGER NOT NULL
) WITHOUT ROWID;
-- Ids that any policy served so far defines; reports may name only these.
CREATE TABLE known_ids (id TEXT PRIMARY KEY) WITHOUT ROWID;

CREATE TABLE shifts (
    desk INTEGER NOT NULL, id TEXT NOT NULL,
    begin TEXT NOT NULL, end TEXT NOT NULL, zone TEXT NOT NULL,
    begin_at INTEGER NOT NULL, end_at INTEGER NOT NULL,
    -- No longer planned, but a desk may still report on it.
    retired INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (desk, id)
) WITHOUT ROWID;
CREATE INDEX shifts_time ON shifts (end_at);
";
