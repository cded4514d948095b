//! Reports as they came: storing each exactly once, pruning, and reading a desk's latest.

use super::{Doing as _, StoreError};
use crate::ingest::{Content, Extra, verdict_name};
use rusqlite::{Connection, OptionalExtension as _, params};
use telemetry::{Epoch, GapReason, Lane, Report, UnixMs};

/// What storing a report came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// It is new.
    New,
    /// It was here already.
    Duplicate,
    /// Another report with this identity is here.
    Conflict,
}

/// The number of one sequence of a desk.
pub fn stream(db: &Connection, desk: i64, epoch: &Epoch, lane: Lane) -> Result<i64, StoreError> {
    let key = params![desk, epoch.as_str(), lane as i64];
    let known = db
        .prepare_cached("SELECT no FROM streams WHERE desk = ?1 AND epoch = ?2 AND lane = ?3")
        .and_then(|mut s| s.query_row(key, |r| r.get(0)).optional())
        .doing("look up a sequence")?;
    if let Some(no) = known {
        return Ok(no);
    }
    db.prepare_cached("INSERT INTO streams (desk, epoch, lane) VALUES (?1, ?2, ?3) RETURNING no")
        .and_then(|mut s| s.query_row(key, |r| r.get(0)))
        .doing("begin a sequence")
}

/// Stores a report, unless it is here.
pub fn store(
    db: &Connection,
    desk: i64,
    stream: i64,
    seq: u64,
    content: &Content,
    now: UnixMs,
) -> Result<Stored, StoreError> {
    let added = db
        .prepare_cached(
            "INSERT INTO reports (stream, seq, at, received, kind, digest, json) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (stream, seq) DO NOTHING",
        )
        .and_then(|mut s| {
            s.execute(params![
                stream,
                seq as i64,
                content.at.get(),
                now.get(),
                content.kind,
                content.digest,
                content.json.as_bytes()
            ])
        })
        .doing("store a report")?;
    if added == 0 {
        let same: bool = db
            .prepare_cached("SELECT digest = ?3 FROM reports WHERE stream = ?1 AND seq = ?2")
            .and_then(|mut s| s.query_row(params![stream, seq as i64, content.digest], |r| r.get(0)))
            .doing("compare a report")?;
        return Ok(if same { Stored::Duplicate } else { Stored::Conflict });
    }
    match &content.extra {
        Extra::None => {}
        Extra::Readiness { shift, verdict, valid_until, body } => {
            keep_verdict(db, desk, content.at, shift.as_ref(), *verdict, *valid_until, body)?;
        }
        Extra::Gap(gap) => {
            db.prepare_cached("INSERT INTO gaps VALUES (NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")
                .and_then(|mut s| {
                    s.execute(params![
                        desk,
                        content.at.get(),
                        gap.lane as i64,
                        gap.first as i64,
                        gap.last as i64,
                        gap.from.get(),
                        gap.to.get(),
                        reason_name(gap.reason)
                    ])
                })
                .doing("store a gap")?;
        }
    }
    Ok(Stored::New)
}

fn keep_verdict(
    db: &Connection,
    desk: i64,
    at: UnixMs,
    shift: Option<&telemetry::Id>,
    verdict: telemetry::Verdict,
    valid_until: UnixMs,
    body: &str,
) -> Result<(), StoreError> {
    let row: i64 = db
        .prepare_cached(
            "INSERT INTO verdicts (desk, at, shift, verdict, valid_until, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             RETURNING row",
        )
        .and_then(|mut s| {
            let shift = shift.map(|s| s.as_str());
            s.query_row(params![desk, at.get(), shift, verdict_name(verdict), valid_until.get(), body], |r| r.get(0))
        })
        .doing("store a verdict")?;
    // A spool that is sent late must not put an old verdict over a new one.
    db.prepare_cached(
        "UPDATE desks SET verdict = ?2 WHERE no = ?1
         AND ?3 >= coalesce((SELECT at FROM verdicts WHERE row = desks.verdict), 0)",
    )
    .and_then(|mut s| s.execute(params![desk, row, at.get()]))
    .doing("store a desk's latest verdict")?;
    Ok(())
}

fn reason_name(reason: GapReason) -> &'static str {
    match reason {
        GapReason::SpoolFull => "spool_full",
        GapReason::TooOld => "too_old",
        GapReason::NotWritten => "not_written",
    }
}

/// A desk's reports of one lane between two times, newest first.
pub fn of_desk(
    db: &Connection,
    desk: i64,
    lane: Lane,
    from: UnixMs,
    to: UnixMs,
    most: usize,
) -> Result<Vec<Report>, StoreError> {
    let rows: Vec<(i64, Vec<u8>)> = db
        .prepare_cached(
            "SELECT r.at, r.json FROM streams s JOIN reports r ON r.stream = s.no
             WHERE s.desk = ?1 AND s.lane = ?2 AND r.at BETWEEN ?3 AND ?4
             ORDER BY r.at DESC, r.seq DESC LIMIT ?5",
        )
        .and_then(|mut s| {
            s.query_map(params![desk, lane as i64, from.get(), to.get(), most as i64], |r| {
                Ok((r.get(0)?, r.get(1)?))
            })?
            .collect()
        })
        .doing("read a desk's reports")?;
    rows.into_iter()
        .map(|(at, json)| {
            let mut report: Report = serde_json::from_slice(&json)
                .map_err(|e| StoreError::Damaged { what: "a report", why: e.to_string() })?;
            // On the collector's clock, as far as the desk knew it.
            report.at = UnixMs::new(at);
            Ok(report)
        })
        .collect()
}

/// Removes what is older than the retention, at most `most` reports, so that a step stays short. Says
/// whether there may be more.
pub fn prune(db: &Connection, before: UnixMs, most: usize) -> Result<bool, StoreError> {
    let removed = db
        .execute(
            "DELETE FROM reports WHERE row IN (SELECT row FROM reports ORDER BY row LIMIT ?2) AND received < ?1",
            params![before.get(), most as i64],
        )
        .doing("prune reports")?;
    let rest = [
        "UPDATE desks SET verdict = NULL WHERE no IN
             (SELECT d.no FROM desks d JOIN verdicts v ON v.row = d.verdict WHERE v.at < ?1 LIMIT ?2)",
        "DELETE FROM verdicts WHERE row IN (SELECT row FROM verdicts WHERE at < ?1
             AND row NOT IN (SELECT verdict FROM desks WHERE verdict IS NOT NULL) LIMIT ?2)",
        "DELETE FROM gaps WHERE row IN (SELECT row FROM gaps WHERE to_at < ?1 LIMIT ?2)",
        "DELETE FROM instances WHERE (desk, instance) IN
             (SELECT desk, instance FROM instances WHERE replaced < ?1 LIMIT ?2)",
        "DELETE FROM shifts WHERE (desk, id) IN (SELECT desk, id FROM shifts WHERE end_at < ?1 LIMIT ?2)",
    ];
    for sql in rest {
        db.prepare_cached(sql)
            .and_then(|mut s| s.execute(params![before.get(), most as i64]))
            .doing("prune what belongs to old reports")?;
    }
    Ok(removed == most)
}
