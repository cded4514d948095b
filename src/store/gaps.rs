//! What is lost and not told yet.
//!
//! A gap waits here, written in the transaction that loses the reports, until a batch is made;
//! only then it becomes a report with a sequence of its own. Until then neighbours
//! can be joined without changing anything that may have left already.

use super::{Doing, Error, Tx};
use rusqlite::{OptionalExtension, Row, params};
use telemetry::{Gap, GapReason, Lane, UnixMs};

/// From so many on, touching gaps are joined whatever their reasons.
const MANY: i64 = 256;

pub(super) fn lane_number(lane: Lane) -> i64 {
    match lane {
        Lane::Priority => 0,
        Lane::Routine => 1,
    }
}

pub(super) fn lane_of(number: i64) -> Lane {
    if number == 0 { Lane::Priority } else { Lane::Routine }
}

fn reason_number(reason: GapReason) -> i64 {
    match reason {
        GapReason::SpoolFull => 0,
        GapReason::TooOld => 1,
        GapReason::NotWritten => 2,
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Gap> {
    Ok(Gap {
        lane: lane_of(row.get(0)?),
        first: row.get::<_, i64>(1)? as u64,
        last: row.get::<_, i64>(2)? as u64,
        from: UnixMs::new(row.get(3)?),
        to: UnixMs::new(row.get(4)?),
        reason: match row.get(5)? {
            0 => GapReason::SpoolFull,
            1 => GapReason::TooOld,
            _ => GapReason::NotWritten,
        },
    })
}

impl Tx<'_> {
    /// Remembers a gap, joined with its neighbours where they touch.
    pub(super) fn add_gap(&self, gap: &Gap) -> Result<(), Error> {
        let many = self.count_gaps()? >= MANY;
        let mut gap = gap.clone();
        for sql in [
            "SELECT lane, first, last, since, until, reason FROM gaps WHERE lane = ?1 AND last = ?2 - 1",
            "SELECT lane, first, last, since, until, reason FROM gaps WHERE lane = ?1 AND first = ?3 + 1",
        ] {
            let touching = self
                .db
                .prepare_cached(&format!("{sql} AND ?2 <= ?3"))
                .and_then(|mut q| {
                    q.query_row(params![lane_number(gap.lane), gap.first as i64, gap.last as i64], read)
                        .optional()
                })
                .doing("read gaps")?;
            let Some(other) = touching.filter(|other| many || other.reason == gap.reason) else { continue };
            self.forget_gap(&other)?;
            let reason =
                if other.last - other.first > gap.last - gap.first { other.reason } else { gap.reason };
            gap = Gap {
                lane: gap.lane,
                first: gap.first.min(other.first),
                last: gap.last.max(other.last),
                from: gap.from.min(other.from),
                to: gap.to.max(other.to),
                reason,
            };
        }
        self.db
            .prepare_cached("INSERT INTO gaps VALUES (?1, ?2, ?3, ?4, ?5, ?6)")
            .and_then(|mut q| {
                q.execute(params![
                    lane_number(gap.lane),
                    gap.first as i64,
                    gap.last as i64,
                    gap.from.get(),
                    gap.to.get(),
                    reason_number(gap.reason)
                ])
            })
            .doing("write a gap")
            .map(drop)
    }

    /// How many gaps wait.
    pub(super) fn count_gaps(&self) -> Result<i64, Error> {
        self.db.query_row("SELECT count(*) FROM gaps", [], |row| row.get(0)).doing("count gaps")
    }

    /// The first gaps that wait.
    pub(super) fn waiting_gaps(&self, most: usize) -> Result<Vec<Gap>, Error> {
        self.db
            .prepare_cached(
                "SELECT lane, first, last, since, until, reason FROM gaps ORDER BY lane, first LIMIT ?1",
            )
            .and_then(|mut q| q.query_map([most as i64], read)?.collect())
            .doing("read gaps")
    }

    /// It has become a report.
    pub(super) fn forget_gap(&self, gap: &Gap) -> Result<(), Error> {
        self.db
            .prepare_cached("DELETE FROM gaps WHERE lane = ?1 AND first = ?2")
            .and_then(|mut q| q.execute(params![lane_number(gap.lane), gap.first as i64]))
            .doing("write gaps")
            .map(drop)
    }
}
