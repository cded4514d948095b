//! Reports that the collector has not answered for.
//!
//! A sequence number is given in the transaction that writes its report, so that none is used
//! twice and none vanishes. Going on and deleting are one durable transaction. Over the bound, the
//! oldest routine reports go first and priority last, and the same transaction
//! remembers the gap; gap reports themselves never go.

use super::{
    Doing, Error, Store, Tx,
    gaps::{lane_number, lane_of},
};
use rusqlite::{OptionalExtension, params};
use sha2::{Digest as _, Sha256};
use telemetry::{Answer, Epoch, Gap, GapReason, Lane, UnixMs};

/// Where a report stands: its identity beside the desk.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Which local store.
    pub epoch: Epoch,
    /// Which sequence.
    pub lane: Lane,
    /// Its place in the sequence, from 1.
    pub seq: u64,
}

/// A report that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spooled {
    /// Where it stands.
    pub place: Place,
    /// When it was made.
    pub at: UnixMs,
    /// Its JSON.
    pub bytes: Vec<u8>,
}

/// A report with the collector's final answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// Which.
    pub place: Place,
    /// The answer.
    pub answer: Answer,
}

/// How full the spool is.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SpoolState {
    /// Priority reports that wait.
    pub priority: u64,
    /// Routine reports that wait.
    pub routine: u64,
    /// Bytes of both.
    pub bytes: u64,
    /// The oldest of them.
    pub oldest: Option<UnixMs>,
    /// Gaps that are not told yet.
    pub gaps: u64,
}

/// Makes a report's bytes for the place it is given.
pub type Make<'m> = &'m dyn Fn(&Place) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>>;
/// Makes a gap's report for the place it is given.
pub type MakeGap<'m> = &'m dyn Fn(&Place, &Gap) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>>;

/// Gap reports in the spool at once: more wait as gaps, and grow together.
const GAP_REPORTS: i64 = 32;

impl Store {
    /// Spools one report.
    pub fn spool(&self, lane: Lane, at: UnixMs, make: Make<'_>) -> Result<Place, Error> {
        self.write_reports(&[(lane, at)], |tx| tx.spool(lane, at, make))
    }

    /// How full the spool is.
    pub fn spool_state(&self) -> Result<SpoolState, Error> {
        self.read(|tx| tx.spool_state())
    }
}

impl Tx<'_> {
    /// Spools a report under the next number of its lane, and keeps the spool within its bound.
    pub fn spool(&self, lane: Lane, at: UnixMs, make: Make<'_>) -> Result<Place, Error> {
        self.losses.attempt(lane, at);
        self.settle_losses()?;
        let place = Place { epoch: self.epoch()?, lane, seq: self.allot(lane, 1)? };
        let bytes = make(&place).map_err(Error::Content)?;
        self.put(&place, at, &bytes, false)?;
        self.thin()?;
        Ok(place)
    }

    /// The reports to send next, priority first, oldest first. Gaps that wait become reports.
    pub fn batch(
        &self,
        most: usize,
        most_bytes: usize,
        make_gap: MakeGap<'_>,
    ) -> Result<Vec<Spooled>, Error> {
        let epoch = self.epoch()?;
        self.tell_gaps(&epoch, make_gap)?;
        let mut out: Vec<Spooled> = Vec::new();
        let mut bytes = 0;
        let mut damaged = Vec::new();
        let mut query = self
            .db
            .prepare_cached("SELECT lane, seq, at, bytes, digest FROM spool ORDER BY lane, seq LIMIT ?1")
            .doing("read the spool")?;
        let mut rows = query.query([most as i64]).doing("read the spool")?;
        while let Some(row) = rows.next().doing("read the spool")? {
            let (spooled, digest) = read_row(row, &epoch).doing("read the spool")?;
            if Sha256::digest(&spooled.bytes).as_slice() != digest {
                damaged.push(spooled);
                continue;
            }
            bytes += spooled.bytes.len();
            if bytes > most_bytes && !out.is_empty() {
                break;
            }
            out.push(spooled);
        }
        drop(rows);
        drop(query);
        for bad in damaged {
            tracing::warn!(lane = bad.place.lane.name(), "a waiting report was damaged on disk");
            self.remove(bad.place.lane, bad.place.seq)?;
            self.lose(bad.place.lane, bad.place.seq, bad.at, GapReason::NotWritten)?;
        }
        Ok(out)
    }

    /// Takes reports out of the spool that the collector has answered for; keeps those it refused.
    /// Says how many were refused. Answers for another epoch or for what is not here change nothing.
    pub fn advance(&self, answers: &[Answered]) -> Result<u32, Error> {
        let epoch = self.epoch()?;
        let mut refused = 0;
        for Answered { place, answer } in answers.iter().filter(|a| a.place.epoch == epoch) {
            if let Answer::Refused(why) = answer {
                refused += u32::from(self.refuse(place, &super::sent::code_name(why))?);
            } else {
                self.remove(place.lane, place.seq)?;
            }
        }
        Ok(refused)
    }

    /// Takes a report out of the spool that cannot be delivered, keeps it aside and counts it. Says whether
    /// it was there.
    pub fn refuse(&self, place: &Place, code: &str) -> Result<bool, Error> {
        let bytes: Option<Vec<u8>> = self
            .db
            .prepare_cached("SELECT bytes FROM spool WHERE lane = ?1 AND seq = ?2")
            .and_then(|mut q| {
                q.query_row(params![lane_number(place.lane), place.seq as i64], |row| row.get(0)).optional()
            })
            .doing("read the spool")?;
        let Some(bytes) = bytes else { return Ok(false) };
        self.remove(place.lane, place.seq)?;
        self.keep_refused(place, code, &bytes)?;
        Ok(true)
    }

    /// How full the spool is.
    pub fn spool_state(&self) -> Result<SpoolState, Error> {
        let (rows, oldest) = self
            .db
            .prepare_cached(
                "SELECT (SELECT rows FROM totals WHERE name = 'spool'), (SELECT min(at) FROM spool)",
            )
            .and_then(|mut q| {
                q.query_row([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?)))
            })
            .doing("read the spool")?;
        let priority: i64 = self
            .db
            .prepare_cached("SELECT count(*) FROM spool WHERE lane = 0")
            .and_then(|mut q| q.query_row([], |row| row.get(0)))
            .doing("read the spool")?;
        Ok(SpoolState {
            priority: priority as u64,
            routine: (rows - priority).max(0) as u64,
            bytes: self.total("spool")?,
            oldest: oldest.map(UnixMs::new),
            gaps: self.count_gaps()? as u64,
        })
    }

    /// Lets reports go that are older than they are kept.
    pub(super) fn expire_spool(&self) -> Result<(), Error> {
        let oldest = self.now.plus_ms(-self.limits.spool_age_ms);
        let old: Vec<(i64, i64, i64)> = self
            .db
            .prepare_cached(
                "SELECT lane, seq, at FROM spool WHERE at < ?1 AND gap = 0 ORDER BY lane, seq LIMIT 4096",
            )
            .and_then(|mut q| {
                q.query_map([oldest.get()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
            })
            .doing("read the spool")?;
        for (lane, seq, at) in old {
            self.remove(lane_of(lane), seq as u64)?;
            self.lose(lane_of(lane), seq as u64, UnixMs::new(at), GapReason::TooOld)?;
        }
        Ok(())
    }

    /// Gives out numbers of a lane: the first of so many.
    pub(super) fn allot(&self, lane: Lane, count: u64) -> Result<u64, Error> {
        self.db
            .prepare_cached("UPDATE lanes SET next = next + ?2 WHERE lane = ?1 RETURNING next - ?2")
            .and_then(|mut q| {
                q.query_row(params![lane_number(lane), count as i64], |row| row.get::<_, i64>(0))
            })
            .map(|n| n as u64)
            .doing("give out a number")
    }

    fn put(&self, place: &Place, at: UnixMs, bytes: &[u8], gap: bool) -> Result<(), Error> {
        self.db
            .prepare_cached(
                "INSERT INTO spool (lane, seq, at, gap, digest, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )
            .and_then(|mut q| {
                q.execute(params![
                    lane_number(place.lane),
                    place.seq as i64,
                    at.get(),
                    gap,
                    Sha256::digest(bytes).as_slice(),
                    bytes
                ])
            })
            .doing("spool a report")
            .map(drop)
    }

    fn remove(&self, lane: Lane, seq: u64) -> Result<(), Error> {
        self.db
            .prepare_cached("DELETE FROM spool WHERE lane = ?1 AND seq = ?2")
            .and_then(|mut q| q.execute(params![lane_number(lane), seq as i64]))
            .doing("go on in the spool")
            .map(drop)
    }

    fn lose(&self, lane: Lane, seq: u64, at: UnixMs, reason: GapReason) -> Result<(), Error> {
        self.add_gap(&Gap { lane, first: seq, last: seq, from: at, to: at, reason })
    }

    /// Over the bound: lets the oldest go until a sixteenth is free, routine before priority.
    fn thin(&self) -> Result<(), Error> {
        let bound = self.limits.spool_bytes;
        let mut total = self.total("spool")?;
        if total <= bound {
            return Ok(());
        }
        for lane in [Lane::Routine, Lane::Priority] {
            while total > bound - bound / 16 {
                let oldest: Option<(i64, i64, i64)> = self
                    .db
                    .prepare_cached(
                        "SELECT seq, at, length(bytes) FROM spool WHERE lane = ?1 AND gap = 0 ORDER BY seq LIMIT 1",
                    )
                    .and_then(|mut q| {
                        q.query_row([lane_number(lane)], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                            .optional()
                    })
                    .doing("read the spool")?;
                let Some((seq, at, length)) = oldest else { break };
                self.remove(lane, seq as u64)?;
                self.lose(lane, seq as u64, UnixMs::new(at), GapReason::SpoolFull)?;
                total = total.saturating_sub(length as u64);
            }
        }
        Ok(())
    }

    /// Turns gaps that wait into reports, a few at a time.
    fn tell_gaps(&self, epoch: &Epoch, make_gap: MakeGap<'_>) -> Result<(), Error> {
        self.settle_losses()?;
        let told: i64 = self
            .db
            .prepare_cached("SELECT count(*) FROM spool WHERE lane = 0 AND gap = 1")
            .and_then(|mut q| q.query_row([], |row| row.get(0)))
            .doing("read the spool")?;
        for gap in self.waiting_gaps((GAP_REPORTS - told).max(0) as usize)? {
            let place =
                Place { epoch: epoch.clone(), lane: Lane::Priority, seq: self.allot(Lane::Priority, 1)? };
            let bytes = make_gap(&place, &gap).map_err(Error::Content)?;
            self.put(&place, self.now, &bytes, true)?;
            self.forget_gap(&gap)?;
        }
        Ok(())
    }
}

fn read_row(row: &rusqlite::Row<'_>, epoch: &Epoch) -> rusqlite::Result<(Spooled, Vec<u8>)> {
    let place = Place { epoch: epoch.clone(), lane: lane_of(row.get(0)?), seq: row.get::<_, i64>(1)? as u64 };
    Ok((Spooled { place, at: UnixMs::new(row.get(2)?), bytes: row.get(3)? }, row.get(4)?))
}
