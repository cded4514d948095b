//! Enrolment codes: short-lived, for one desk unless IT says otherwise, bound to a team.

use super::{Doing as _, StoreError};
use rusqlite::{Connection, OptionalExtension as _, params};
use telemetry::{EnrollCode, Id, UnixMs};

/// Keeps a new code's hash.
pub fn add(
    db: &Connection,
    code: &EnrollCode,
    team: &Id,
    uses: u32,
    created: UnixMs,
    expires: UnixMs,
) -> Result<(), StoreError> {
    db.execute(
        "INSERT INTO codes (hash, team, created, expires, uses_left) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![crate::secret::hash(code.as_str()), team.as_str(), created.get(), expires.get(), uses],
    )
    .doing("keep an enrolment code")?;
    Ok(())
}

/// The team of a code that may still be used.
pub fn team(db: &Connection, hash: &[u8; 32], now: UnixMs) -> Result<Option<String>, StoreError> {
    db.query_row(
        "SELECT team FROM codes WHERE hash = ?1 AND uses_left > 0 AND expires > ?2",
        params![hash, now.get()],
        |r| r.get(0),
    )
    .optional()
    .doing("look up an enrolment code")
}

/// Uses it once.
pub fn consume(db: &Connection, hash: &[u8; 32]) -> Result<(), StoreError> {
    db.execute("UPDATE codes SET uses_left = uses_left - 1 WHERE hash = ?1", [hash])
        .doing("use an enrolment code")?;
    Ok(())
}

/// Forgets codes that can no longer be used.
pub fn forget_old(db: &Connection, now: UnixMs) -> Result<(), StoreError> {
    db.execute("DELETE FROM codes WHERE expires < ?1 OR uses_left <= 0", [now.get()])
        .doing("forget old enrolment codes")?;
    Ok(())
}
