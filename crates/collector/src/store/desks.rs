//! The desks that are known: enrolment, revoking, labels, and what IT should look into.

use super::{Doing as _, StoreError, codes};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use telemetry::{DeskId, EnrollRequest, ErrorCode, Id, PublicKey, UnixMs};

/// A known desk.
#[derive(Debug, Clone)]
pub struct Desk {
    /// Its number in this store.
    pub no: i64,
    /// The id that it made for itself.
    pub id: DeskId,
    /// Its public key; never changes.
    pub key: PublicKey,
    /// Its team.
    pub team: Id,
    /// What IT calls it.
    pub label: Option<String>,
    /// When it enrolled.
    pub enrolled: UnixMs,
    /// When it was revoked or said goodbye.
    pub revoked: Option<UnixMs>,
    /// Preshift's version on it.
    pub daemon: String,
    /// When it last spoke.
    pub last_seen: Option<UnixMs>,
}

impl Desk {
    /// Columns that [`Desk`] is read from.
    pub(crate) const COLUMNS: &str =
        "d.no, d.id, d.key, d.team, d.label, d.enrolled, d.revoked, d.daemon, d.last_seen";

    pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            no: row.get(0)?,
            id: parsed(row, 1)?,
            key: parsed(row, 2)?,
            team: parsed(row, 3)?,
            label: row.get(4)?,
            enrolled: UnixMs::new(row.get(5)?),
            revoked: row.get::<_, Option<i64>>(6)?.map(UnixMs::new),
            daemon: row.get(7)?,
            last_seen: row.get::<_, Option<i64>>(8)?.map(UnixMs::new),
        })
    }

    /// How IT finds it: its label, or the beginning of its id.
    pub fn name(&self) -> &str {
        self.label.as_deref().unwrap_or(&self.id.as_str()[..8])
    }
}

/// A column that holds one of the wire's closed strings.
pub(crate) fn parsed<T: std::str::FromStr<Err = telemetry::BadText>>(
    row: &Row<'_>,
    i: usize,
) -> rusqlite::Result<T> {
    let text: String = row.get(i)?;
    text.parse().map_err(|e: telemetry::BadText| {
        rusqlite::Error::FromSqlConversionFailure(i, rusqlite::types::Type::Text, Box::new(e))
    })
}

/// The desk of this id.
pub fn by_id(db: &Connection, id: &DeskId) -> Result<Option<Desk>, StoreError> {
    let sql = format!("SELECT {} FROM desks d WHERE id = ?1", Desk::COLUMNS);
    db.prepare_cached(&sql)
        .and_then(|mut s| s.query_row([id.as_str()], Desk::read).optional())
        .doing("look up a desk")
}

/// Desks that a person means: by whole id, by label, or by the beginning of the id (6 digits or more).
pub fn meant(db: &Connection, text: &str) -> Result<Vec<Desk>, StoreError> {
    let hex = text.len() >= 6 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let sql = format!(
        "SELECT {} FROM desks d WHERE label = ?1 OR id = ?1 OR (?2 AND substr(id, 1, length(?1)) = ?1) \
         ORDER BY label IS ?1 DESC, no",
        Desk::COLUMNS
    );
    let mut found = all_of(db, &sql, params![text, hex])?;
    if found.first().is_some_and(|d| d.label.as_deref() == Some(text) || d.id.as_str() == text) {
        found.truncate(1);
    }
    Ok(found)
}

/// Every desk, by team and name.
pub fn list(db: &Connection) -> Result<Vec<Desk>, StoreError> {
    let sql = format!("SELECT {} FROM desks d ORDER BY team, label IS NULL, label, id", Desk::COLUMNS);
    all_of(db, &sql, [])
}

fn all_of(db: &Connection, sql: &str, params: impl rusqlite::Params) -> Result<Vec<Desk>, StoreError> {
    db.prepare_cached(sql).and_then(|mut s| s.query_map(params, Desk::read)?.collect()).doing("list desks")
}

/// Enrols a desk whose signature was checked, and returns its team. Asking again with the same key
/// and code is answered the same: the first answer may have been lost.
pub fn enroll(
    db: &Connection,
    request: &EnrollRequest,
    now: UnixMs,
) -> Result<Result<Id, ErrorCode>, StoreError> {
    let hash = crate::secret::hash(request.code.as_str());
    let known = by_id(db, &request.desk)?;
    if known.as_ref().is_some_and(|d| d.key != request.key) {
        return Ok(Err(ErrorCode::DeskTaken));
    }
    if let Some(desk) = known.as_ref().filter(|d| d.revoked.is_none()) {
        let same: bool = db
            .query_row("SELECT code = ?2 FROM desks WHERE no = ?1", params![desk.no, hash], |r| r.get(0))
            .doing("compare an enrolment code")?;
        if same {
            return Ok(Ok(desk.team.clone()));
        }
    }
    let Some(team) = codes::team(db, &hash, now)? else {
        return Ok(Err(ErrorCode::EnrollCode));
    };
    codes::consume(db, &hash)?;
    db.execute(
        "INSERT INTO desks (id, key, team, code, enrolled, daemon) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (id) DO UPDATE SET team = ?3, code = ?4, enrolled = ?5, daemon = ?6, revoked = NULL",
        params![request.desk.as_str(), request.key.as_str(), team, hash, now.get(), request.daemon.as_str()],
    )
    .doing("enrol a desk")?;
    let team = team.parse().map_err(|e| StoreError::Damaged { what: "a team", why: format!("{e}") })?;
    Ok(Ok(team))
}

/// From now on the desk is not answered any more. What it sent stays.
pub fn revoke(db: &Connection, no: i64, now: UnixMs) -> Result<(), StoreError> {
    db.execute("UPDATE desks SET revoked = ?2 WHERE no = ?1 AND revoked IS NULL", params![no, now.get()])
        .doing("revoke a desk")?;
    Ok(())
}

/// Gives a desk the name that IT uses for it, or takes it away.
pub fn label(db: &Connection, no: i64, label: Option<&str>) -> Result<(), StoreError> {
    db.execute("UPDATE desks SET label = ?2 WHERE no = ?1", params![no, label]).doing("label a desk")?;
    Ok(())
}

/// Counts something that IT should look into.
pub fn trouble(db: &Connection, desk: i64, kind: &str, now: UnixMs) -> Result<(), StoreError> {
    db.prepare_cached(
        "INSERT INTO troubles VALUES (?1, ?2, 1, ?3, ?3)
         ON CONFLICT DO UPDATE SET count = count + 1, last_at = ?3",
    )
    .and_then(|mut s| s.execute(params![desk, kind, now.get()]))
    .doing("note trouble with a desk")?;
    Ok(())
}
