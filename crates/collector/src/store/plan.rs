//! What desks are told: the policy in force and their planned shifts.

use super::{Doing as _, StoreError, settings};
use readiness::{Assignment, Policy, Shift};
use rusqlite::{Connection, OptionalExtension as _, params};
use telemetry::{Id, UnixMs};

/// Keeps a policy as one that is served: from now on reports may name its ids.
pub fn keep_policy(db: &Connection, policy: &Policy, now: UnixMs) -> Result<(), StoreError> {
    let json = serde_json::to_string(policy).expect("a policy is plain data");
    let digest = policy.digest();
    db.execute(
        "INSERT INTO policies VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
        params![digest.as_str(), policy.id.as_str(), policy.version, json, now.get()],
    )
    .doing("keep a policy")?;
    for id in crate::assignment::ids(policy) {
        db.execute("INSERT INTO known_ids VALUES (?1) ON CONFLICT DO NOTHING", [id.as_str()])
            .doing("keep the ids of a policy")?;
    }
    Ok(())
}

/// Puts a policy into force.
pub fn set_policy(db: &Connection, key: &str, policy: &Policy, now: UnixMs) -> Result<(), StoreError> {
    keep_policy(db, policy, now)?;
    settings::set(db, key, policy.digest().as_str())?;
    settings::count_up(db)
}

/// The policy in force: what IT set, else what the server made for itself. `None` before its first start.
pub fn policy(db: &Connection) -> Result<Option<Policy>, StoreError> {
    let json: Option<String> = db
        .query_row(
            "SELECT json FROM policies WHERE digest = coalesce(
                 (SELECT value FROM settings WHERE key = ?1), (SELECT value FROM settings WHERE key = ?2))",
            [settings::POLICY, settings::DEFAULT_POLICY],
            |r| r.get(0),
        )
        .optional()
        .doing("read the policy")?;
    json.map(|json| serde_json::from_str(&json))
        .transpose()
        .map_err(|e| StoreError::Damaged { what: "a policy", why: e.to_string() })
}

/// Every id that a policy served so far defines.
pub fn known_ids(db: &Connection) -> Result<std::collections::HashSet<Id>, StoreError> {
    db.prepare("SELECT id FROM known_ids")
        .and_then(|mut s| s.query_map([], |r| super::desks::parsed(r, 0))?.collect())
        .doing("read the known ids")
}

/// What a desk is told. The shifts are those from the beginning of the UTC day on, for two weeks: so its
/// digest changes once a day and not by the minute.
pub fn assignment(
    db: &Connection,
    desk: i64,
    team: &Id,
    policy: &Policy,
    now: UnixMs,
) -> Result<Assignment, StoreError> {
    let (from, to) = crate::assignment::window(now);
    let shifts = db
        .prepare_cached(
            "SELECT id, begin, end, zone FROM shifts
             WHERE desk = ?1 AND NOT retired AND end_at > ?2 AND begin_at < ?3 ORDER BY begin_at, id",
        )
        .and_then(|mut s| {
            s.query_map(params![desk, from, to], |r| {
                Ok(Shift {
                    id: super::desks::parsed(r, 0)?,
                    begin: civil(r, 1)?,
                    end: civil(r, 2)?,
                    zone: r.get(3)?,
                })
            })?
            .collect()
        })
        .doing("read a desk's shifts")?;
    Ok(Assignment { team: team.clone(), policy: policy.clone(), shifts })
}

fn civil(row: &rusqlite::Row<'_>, i: usize) -> rusqlite::Result<jiff::civil::DateTime> {
    row.get::<_, String>(i)?.parse().map_err(|e: jiff::Error| {
        rusqlite::Error::FromSqlConversionFailure(i, rusqlite::types::Type::Text, Box::new(e))
    })
}

/// Whether this shift was ever given to this desk.
pub fn has_shift(db: &Connection, desk: i64, id: &Id) -> Result<bool, StoreError> {
    db.prepare_cached("SELECT EXISTS (SELECT 1 FROM shifts WHERE desk = ?1 AND id = ?2)")
        .and_then(|mut s| s.query_row(params![desk, id.as_str()], |r| r.get(0)))
        .doing("look up a shift")
}

/// Makes these the planned shifts; all others that have not begun are retired. What has begun stays:
/// the board's report of a shift must not vanish with the next week's plan.
pub fn set_shifts(
    db: &Connection,
    shifts: &[(i64, Shift, readiness::ShiftSpan)],
    now: UnixMs,
) -> Result<(), StoreError> {
    db.execute("UPDATE shifts SET retired = 1 WHERE begin_at > ?1", [now.get()]).doing("retire shifts")?;
    for (desk, shift, span) in shifts {
        db.prepare_cached(
            "INSERT INTO shifts (desk, id, begin, end, zone, begin_at, end_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT DO UPDATE SET begin = ?3, end = ?4, zone = ?5, begin_at = ?6, end_at = ?7, retired = 0",
        )
        .and_then(|mut s| {
            s.execute(params![
                desk,
                shift.id.as_str(),
                shift.begin.to_string(),
                shift.end.to_string(),
                shift.zone,
                span.begin.get(),
                span.end.get()
            ])
        })
        .doing("plan a shift")?;
    }
    settings::count_up(db)
}
