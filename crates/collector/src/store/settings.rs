//! Single values: the generation, the admin token's hash, the policy in force.

use super::{Doing as _, StoreError};
use rusqlite::{Connection, OptionalExtension as _, params};

/// SHA-256 of the admin token, in hex.
pub const TOKEN: &str = "token";
/// Digest of the policy that IT set.
pub const POLICY: &str = "policy";
/// Digest of the policy that is served while IT has set none.
pub const DEFAULT_POLICY: &str = "default_policy";

/// A setting's value.
pub fn get(db: &Connection, key: &str) -> Result<Option<String>, StoreError> {
    db.prepare_cached("SELECT value FROM settings WHERE key = ?1")
        .and_then(|mut s| s.query_row([key], |r| r.get(0)).optional())
        .doing("read a setting")
}

/// Sets it.
pub fn set(db: &Connection, key: &str, value: &str) -> Result<(), StoreError> {
    db.execute(
        "INSERT INTO settings VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = ?2",
        params![key, value],
    )
    .doing("write a setting")?;
    Ok(())
}

/// Counts up with every change of what desks are told. A running server compares it.
pub fn generation(db: &Connection) -> Result<i64, StoreError> {
    db.prepare_cached("SELECT CAST(value AS INTEGER) FROM settings WHERE key = 'generation'")
        .and_then(|mut s| s.query_row([], |r| r.get(0)))
        .doing("read the generation")
}

/// Lets a running server notice that something changed.
pub fn count_up(db: &Connection) -> Result<(), StoreError> {
    db.execute("UPDATE settings SET value = CAST(value AS INTEGER) + 1 WHERE key = 'generation'", [])
        .doing("count up the generation")?;
    Ok(())
}

/// Makes a new admin token, keeps its hash and returns it: the only time it is known.
pub fn new_token(db: &Connection) -> Result<String, StoreError> {
    let token =
        crate::secret::token().map_err(|e| StoreError::Damaged { what: "no token", why: e.to_string() })?;
    set(db, TOKEN, &hex(&crate::secret::hash(&token)))?;
    Ok(token)
}

/// Bytes in hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
