//! Every desk as it stands now, for the overview.

use crate::{
    clock::{DAY, MINUTE},
    store::{StoreError, desks::Desk, plan},
};
use rusqlite::Connection;
use std::collections::HashMap;
use telemetry::{Readiness, UnixMs, Verdict};

/// How a desk stands. The order is that of urgency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Its verdict is `not_ready`.
    NotReady,
    /// It should have been heard of by now.
    NotSeen,
    /// Its verdict is `unknown`, or it speaks but has no verdict that holds.
    Unknown,
    /// Its verdict is `at_risk`.
    AtRisk,
    /// Its check is not due yet.
    NotDue,
    /// Its verdict is `ready`.
    Ready,
    /// It has no shift and no verdict that holds.
    Idle,
}

impl Standing {
    /// Every one, most urgent first.
    pub const ALL: [Self; 7] =
        [Self::NotReady, Self::NotSeen, Self::Unknown, Self::AtRisk, Self::NotDue, Self::Ready, Self::Idle];

    /// The word for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::NotReady => "Not ready",
            Self::NotSeen => "Not seen",
            Self::Unknown => "Unknown",
            Self::AtRisk => "At risk",
            Self::NotDue => "Check not due",
            Self::Ready => "Ready",
            Self::Idle => "No shift",
        }
    }

    /// The name in addresses and style sheets.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotReady => "not_ready",
            Self::NotSeen => "not_seen",
            Self::Unknown => "unknown",
            Self::AtRisk => "at_risk",
            Self::NotDue => "not_due",
            Self::Ready => "ready",
            Self::Idle => "idle",
        }
    }

    /// A sign besides the word, so that the eye finds it without colours.
    pub fn sign(self) -> &'static str {
        match self {
            Self::NotReady => "✕",
            Self::NotSeen => "∅",
            Self::Unknown => "?",
            Self::AtRisk => "!",
            Self::NotDue => "…",
            Self::Ready => "✓",
            Self::Idle => "–",
        }
    }
}

impl From<Verdict> for Standing {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Ready => Self::Ready,
            Verdict::AtRisk => Self::AtRisk,
            Verdict::NotReady => Self::NotReady,
            Verdict::Unknown => Self::Unknown,
        }
    }
}

/// A shift as the board knows it.
#[derive(Debug, Clone)]
pub struct Planned {
    /// Its id.
    pub id: String,
    /// When it begins.
    pub begin: UnixMs,
    /// When it ends.
    pub end: UnixMs,
}

/// One desk as it stands.
pub struct State {
    /// The desk.
    pub desk: Desk,
    /// Its latest verdict: when, and all of it.
    pub latest: Option<(UnixMs, Readiness)>,
    /// The shift it is in, or its next.
    pub shift: Option<Planned>,
    /// Reports that are lost for good, of the last seven days.
    pub lost: u64,
    /// Whether there is something that IT should look into.
    pub trouble: bool,
    /// How it stands.
    pub standing: Standing,
}

/// A desk that was silent for so long in a shift is not seen. A daemon delivers what is routine every five
/// minutes, give or take a tenth: this is two deliveries that failed to come, and a little.
const SILENT: i64 = 12 * MINUTE;

/// How a desk stands, from what is known of it.
pub fn standing(
    last_seen: Option<UnixMs>,
    latest: Option<(Verdict, UnixMs)>,
    shift: Option<(UnixMs, UnixMs)>,
    pre_shift_ms: i64,
    now: UnixMs,
) -> Standing {
    let holds =
        latest.filter(|(_, valid_until)| *valid_until > now).map(|(verdict, _)| Standing::from(verdict));
    match shift {
        Some((begin, end)) if begin.plus_ms(-pre_shift_ms) <= now && now < end => {
            // Its computer may be off until the window opens; then it has a moment to speak.
            let opened = begin.plus_ms(-pre_shift_ms);
            let due = now.plus_ms(-SILENT).max(opened);
            let heard = last_seen.is_some_and(|seen| seen >= due) || now.since_ms(opened) < SILENT;
            match (heard, holds) {
                (false, _) => Standing::NotSeen,
                (true, Some(standing)) => standing,
                (true, None) if now.since_ms(opened) < SILENT => Standing::NotDue,
                (true, None) => Standing::Unknown,
            }
        }
        Some(_) => holds.unwrap_or(Standing::NotDue),
        None => holds.unwrap_or(Standing::Idle),
    }
}

/// Reads every desk that is not revoked, of one team or of all.
pub fn read(db: &Connection, team: Option<&str>, now: UnixMs) -> Result<Vec<State>, StoreError> {
    let pre_shift = plan::policy(db)?.map_or(30, |p| p.schedule.pre_shift_minutes);
    let shifts = next_shifts(db, now)?;
    let since = now.plus_ms(-7 * DAY).get();
    let lost = by_desk(
        db,
        "SELECT desk, CAST(min(total(last - first + 1), 9e15) AS INTEGER) FROM gaps WHERE to_at > ?1 GROUP BY desk",
        since,
    )?;
    let troubles =
        by_desk(db, "SELECT desk, sum(count) FROM troubles WHERE last_at > ?1 GROUP BY desk", since)?;
    let sql = format!(
        "SELECT {}, v.at, v.body FROM desks d LEFT JOIN verdicts v ON v.row = d.verdict
         WHERE d.revoked IS NULL AND (?1 IS NULL OR d.team = ?1)",
        Desk::COLUMNS
    );
    let sqlite = |source| StoreError::Sqlite { operation: "read the desks", source };
    let mut query = db.prepare_cached(&sql).map_err(sqlite)?;
    let rows = query
        .query_map([team], |r| {
            let latest = r.get::<_, Option<i64>>(9)?.zip(r.get::<_, Option<String>>(10)?);
            Ok((Desk::read(r)?, latest))
        })
        .map_err(sqlite)?;
    let mut states = Vec::new();
    for row in rows {
        let (desk, latest) = row.map_err(sqlite)?;
        let latest = latest.map(|(at, body)| verdict(at, &body)).transpose()?;
        let shift = shifts.get(&desk.no).cloned();
        let standing = standing(
            desk.last_seen,
            latest.as_ref().map(|(_, r)| (r.verdict, r.valid_until)),
            shift.as_ref().map(|s| (s.begin, s.end)),
            i64::from(pre_shift) * MINUTE,
            now,
        );
        let lost = lost.get(&desk.no).copied().unwrap_or(0).unsigned_abs();
        let trouble = troubles.contains_key(&desk.no);
        states.push(State { desk, latest, shift, lost, trouble, standing });
    }
    Ok(states)
}

/// A verdict as it is stored.
pub fn verdict(at: i64, body: &str) -> Result<(UnixMs, Readiness), StoreError> {
    let body = serde_json::from_str(body)
        .map_err(|e| StoreError::Damaged { what: "a verdict", why: e.to_string() })?;
    Ok((UnixMs::new(at), body))
}

/// For each desk the shift that it is in, or its next.
fn next_shifts(db: &Connection, now: UnixMs) -> Result<HashMap<i64, Planned>, StoreError> {
    let sqlite = |source| StoreError::Sqlite { operation: "read the shifts", source };
    let mut query = db
        .prepare_cached(
            "SELECT desk, id, begin_at, end_at FROM shifts WHERE NOT retired AND end_at > ?1 ORDER BY begin_at DESC",
        )
        .map_err(sqlite)?;
    query
        .query_map([now.get()], |r| {
            let planned =
                Planned { id: r.get(1)?, begin: UnixMs::new(r.get(2)?), end: UnixMs::new(r.get(3)?) };
            Ok((r.get(0)?, planned))
        })
        // The earliest comes last and stays.
        .and_then(Iterator::collect)
        .map_err(sqlite)
}

fn by_desk(db: &Connection, sql: &str, since: i64) -> Result<HashMap<i64, i64>, StoreError> {
    let sqlite = |source| StoreError::Sqlite { operation: "count by desk", source };
    let mut query = db.prepare_cached(sql).map_err(sqlite)?;
    query.query_map([since], |r| Ok((r.get(0)?, r.get(1)?))).and_then(Iterator::collect).map_err(sqlite)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_desk_stands_as_it_was_heard_of() {
        let now = UnixMs::new(1_795_419_000_000);
        let at = |minutes: i64| now.plus_ms(minutes * MINUTE);
        let say = |seen: Option<i64>, verdict: Option<(Verdict, i64)>, shift: Option<(i64, i64)>| {
            standing(
                seen.map(at),
                verdict.map(|(v, until)| (v, at(until))),
                shift.map(|(b, e)| (at(b), at(e))),
                30 * MINUTE,
                now,
            )
        };
        let ready = Some((Verdict::Ready, 40));
        let old = Some((Verdict::Ready, -1));
        assert_eq!(say(None, None, None), Standing::Idle);
        assert_eq!(say(Some(-1), ready, None), Standing::Ready);
        assert_eq!(say(Some(-900), old, Some((120, 600))), Standing::NotDue);
        // The window opened three minutes ago: it may still start.
        assert_eq!(say(Some(-900), old, Some((27, 600))), Standing::NotDue);
        // It opened twenty minutes ago, and nothing was heard since.
        assert_eq!(say(Some(-21), old, Some((10, 600))), Standing::NotSeen);
        assert_eq!(say(None, None, Some((10, 600))), Standing::NotSeen);
        // In its shift, silent for thirteen minutes, though its verdict would still hold.
        assert_eq!(say(Some(-11), ready, Some((-60, 600))), Standing::Ready, "one delivery may fail");
        assert_eq!(say(Some(-13), ready, Some((-60, 600))), Standing::NotSeen);
        assert_eq!(say(Some(-2), ready, Some((-60, 600))), Standing::Ready);
        assert_eq!(say(Some(-2), Some((Verdict::NotReady, 5)), Some((-60, 600))), Standing::NotReady);
        assert_eq!(
            say(Some(-2), old, Some((-60, 600))),
            Standing::Unknown,
            "an old verdict never reads as good"
        );
    }
}
