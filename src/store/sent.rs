//! What left the desk, to the byte, for the agent to see; and what the collector refused.

use super::{Doing, Error, Place, Store, Tx, gaps::lane_number, gaps::lane_of, state::Key};
use rusqlite::{OptionalExtension, params};
use telemetry::{ContentRefusal, Lane, UnixMs};

/// What is about to leave.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    /// The HTTP method.
    pub method: &'static str,
    /// The path, on the collector.
    pub path: &'static str,
    /// How many reports are in it.
    pub reports: u32,
    /// The body as it travels: zstd or plain JSON.
    pub bytes: &'a [u8],
}

/// What left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// When it was last tried.
    pub at: UnixMs,
    /// When it was answered, if it was.
    pub answered: Option<UnixMs>,
    /// The HTTP status of the answer.
    pub status: Option<u16>,
    /// How many times the same bytes were tried.
    pub times: u32,
    /// The HTTP method.
    pub method: String,
    /// The path, on the collector.
    pub path: String,
    /// How many reports were in it.
    pub reports: u32,
    /// Bytes on the wire.
    pub wire_bytes: usize,
    /// The body, unpacked.
    pub json: Vec<u8>,
}

/// A report that the collector refused for good, or that could not be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// When.
    pub at: UnixMs,
    /// Its lane.
    pub lane: Lane,
    /// Its sequence.
    pub seq: u64,
    /// Why: a `ContentRefusal` by its name, or `too_large` or `malformed`.
    pub code: String,
    /// Its JSON.
    pub json: Vec<u8>,
}

/// How many reports were refused, by code.
pub type Refusals = Vec<(String, u64)>;

/// Refused reports that no event tells yet.
pub(crate) const REFUSED_UNTOLD: Key<u32> = Key::new("refused_untold");

/// The first bytes of zstd.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

impl Store {
    /// The last things that left, newest last.
    pub fn sent(&self, last: u32) -> Result<Vec<Sent>, Error> {
        self.read(|tx| tx.sent(last))
    }

    /// The last reports that were refused, newest last.
    pub fn refused(&self, last: u32) -> Result<Vec<Refused>, Error> {
        self.read(|tx| tx.refused(last))
    }

    /// How many reports were refused since the store began, by code.
    pub fn refusals(&self) -> Result<Refusals, Error> {
        self.read(|tx| tx.refusals())
    }
}

impl Tx<'_> {
    /// Notes what is about to leave, before it does; the same bytes again only count up.
    pub fn leaving(&self, out: &Outgoing<'_>) -> Result<i64, Error> {
        let again: Option<i64> = self
            .db
            .prepare_cached(
                "UPDATE sent SET times = times + 1, at = ?1 WHERE id = (SELECT max(id) FROM sent)
                 AND answered IS NULL AND method = ?2 AND path = ?3 AND bytes = ?4 RETURNING id",
            )
            .and_then(|mut q| {
                q.query_row(params![self.now.get(), out.method, out.path, out.bytes], |row| row.get(0))
                    .optional()
            })
            .doing("note what leaves")?;
        if let Some(id) = again {
            return Ok(id);
        }
        self.db
            .prepare_cached(
                "INSERT INTO sent (at, times, method, path, reports, bytes) VALUES (?1, 1, ?2, ?3, ?4, ?5)",
            )
            .and_then(|mut q| {
                q.execute(params![self.now.get(), out.method, out.path, out.reports, out.bytes])
            })
            .doing("note what leaves")?;
        let id = self.db.last_insert_rowid();
        if self.total("sent")? > self.limits.sent_bytes {
            self.trim_sent()?;
        }
        Ok(id)
    }

    /// It was answered.
    pub fn answered(&self, id: i64, status: u16) -> Result<(), Error> {
        self.db
            .prepare_cached("UPDATE sent SET answered = ?2, status = ?3 WHERE id = ?1")
            .and_then(|mut q| q.execute(params![id, self.now.get(), status]))
            .doing("note an answer")
            .map(drop)
    }

    /// No connection came about: nothing left.
    pub fn never_left(&self, id: i64) -> Result<(), Error> {
        self.db
            .execute("UPDATE sent SET times = times - 1 WHERE id = ?1", [id])
            .and_then(|_| self.db.execute("DELETE FROM sent WHERE id = ?1 AND times < 1", [id]))
            .doing("note that nothing left")
            .map(drop)
    }

    /// The last things that left, newest last.
    pub fn sent(&self, last: u32) -> Result<Vec<Sent>, Error> {
        let mut out: Vec<Sent> = self
            .db
            .prepare_cached(
                "SELECT at, answered, status, times, method, path, reports, bytes FROM sent ORDER BY id DESC LIMIT ?1",
            )
            .and_then(|mut q| {
                q.query_map([last], |row| {
                    let bytes: Vec<u8> = row.get(7)?;
                    Ok(Sent {
                        at: UnixMs::new(row.get(0)?),
                        answered: row.get::<_, Option<i64>>(1)?.map(UnixMs::new),
                        status: row.get(2)?,
                        times: row.get(3)?,
                        method: row.get(4)?,
                        path: row.get(5)?,
                        reports: row.get(6)?,
                        wire_bytes: bytes.len(),
                        json: unpacked(bytes),
                    })
                })?
                .collect()
            })
            .doing("read what was sent")?;
        out.reverse();
        Ok(out)
    }

    /// The last reports that were refused, newest last.
    pub fn refused(&self, last: u32) -> Result<Vec<Refused>, Error> {
        let mut out: Vec<Refused> = self
            .db
            .prepare_cached("SELECT at, lane, seq, code, bytes FROM refused ORDER BY id DESC LIMIT ?1")
            .and_then(|mut q| {
                q.query_map([last], |row| {
                    Ok(Refused {
                        at: UnixMs::new(row.get(0)?),
                        lane: lane_of(row.get(1)?),
                        seq: row.get::<_, i64>(2)? as u64,
                        code: row.get(3)?,
                        json: row.get(4)?,
                    })
                })?
                .collect()
            })
            .doing("read refusals")?;
        out.reverse();
        Ok(out)
    }

    /// How many reports were refused since the store began, by code.
    pub fn refusals(&self) -> Result<Refusals, Error> {
        self.db
            .prepare_cached("SELECT code, count FROM refusals ORDER BY code")
            .and_then(|mut q| {
                q.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64)))?.collect()
            })
            .doing("read refusals")
    }

    pub(super) fn keep_refused(&self, place: &Place, code: &str, bytes: &[u8]) -> Result<(), Error> {
        self.db
            .execute(
                "INSERT INTO refused (at, epoch, lane, seq, code, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    self.now.get(),
                    place.epoch.as_str(),
                    lane_number(place.lane),
                    place.seq as i64,
                    code,
                    bytes
                ],
            )
            .doing("keep a refused report")?;
        self.db
            .execute(
                "DELETE FROM refused WHERE id <= (SELECT max(id) FROM refused) - ?1",
                [self.limits.refused_rows],
            )
            .doing("keep a refused report")?;
        self.db
            .execute(
                "INSERT INTO refusals VALUES (?1, 1) ON CONFLICT (code) DO UPDATE SET count = count + 1",
                [code],
            )
            .doing("count a refusal")?;
        Ok(())
    }

    pub(super) fn trim_sent(&self) -> Result<(), Error> {
        let oldest = self.now.plus_ms(-self.limits.sent_age_ms);
        self.db.execute("DELETE FROM sent WHERE at < ?1", [oldest.get()]).doing("trim what was sent")?;
        while self.total("sent")? > self.limits.sent_bytes {
            let gone = self
                .db
                .execute("DELETE FROM sent WHERE id = (SELECT min(id) FROM sent)", [])
                .doing("trim what was sent")?;
            if gone == 0 {
                break;
            }
        }
        Ok(())
    }
}

/// A refusal's name on the wire.
pub(super) fn code_name(code: &ContentRefusal) -> String {
    serde_json::to_value(code).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

fn unpacked(bytes: Vec<u8>) -> Vec<u8> {
    if bytes.starts_with(&ZSTD) {
        zstd::bulk::decompress(&bytes, telemetry::limits::BATCH_UNPACKED).unwrap_or(bytes)
    } else {
        bytes
    }
}
