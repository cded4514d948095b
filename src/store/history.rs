//! What the desk measured and how it was judged, for the agent and for the next judgement.

use super::{Doing, Error, Store, Tx};
use rusqlite::{params, params_from_iter, types::Value};
use telemetry::{Body, UnixMs, Verdict};

/// One thing of the past, as its report said it: findings and readings included. It is
/// kept whether or not the desk is enrolled.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// When.
    pub at: UnixMs,
    /// The verdict at that time, where one was made.
    pub verdict: Option<Verdict>,
    /// What was measured, found or noted.
    pub body: Body,
}

/// Which entries are wanted; without anything, all.
#[derive(Debug, Clone, Default)]
pub struct Wanted<'a> {
    /// Only the last so many.
    pub last: Option<u32>,
    /// Only from this moment on.
    pub since: Option<UnixMs>,
    /// Only these kinds, by `Body::kind`.
    pub kinds: &'a [&'static str],
}

impl Store {
    /// Remembers one.
    pub fn remember(&self, entry: &Entry) -> Result<(), Error> {
        self.write(|tx| tx.remember(entry))
    }

    /// The entries that are wanted, oldest first.
    pub fn history(&self, wanted: &Wanted<'_>) -> Result<Vec<Entry>, Error> {
        self.read(|tx| tx.history(wanted))
    }
}

impl Tx<'_> {
    /// Remembers one, and keeps history within its bound.
    pub fn remember(&self, entry: &Entry) -> Result<(), Error> {
        let json = |error: serde_json::Error| Error::Content(error.into());
        let body = serde_json::to_string(&entry.body).map_err(json)?;
        let verdict = entry.verdict.map(|v| serde_json::to_string(&v)).transpose().map_err(json)?;
        self.db
            .prepare_cached("INSERT INTO history (at, kind, verdict, body) VALUES (?1, ?2, ?3, ?4)")
            .and_then(|mut q| q.execute(params![entry.at.get(), entry.body.kind(), verdict, body]))
            .doing("write history")?;
        if self.total("history")? > self.limits.history_bytes {
            self.trim_history(self.limits.history_bytes - self.limits.history_bytes / 16)?;
        }
        Ok(())
    }

    /// The entries that are wanted, oldest first. One that no longer reads is left out.
    pub fn history(&self, wanted: &Wanted<'_>) -> Result<Vec<Entry>, Error> {
        let mut sql = "SELECT at, verdict, body FROM history WHERE at >= ?".to_owned();
        let mut values = vec![Value::from(wanted.since.map_or(i64::MIN, UnixMs::get))];
        if !wanted.kinds.is_empty() {
            sql += &format!(" AND kind IN ({})", vec!["?"; wanted.kinds.len()].join(","));
            values.extend(wanted.kinds.iter().map(|k| Value::from((*k).to_owned())));
        }
        sql += " ORDER BY id DESC LIMIT ?";
        values.push(Value::from(wanted.last.map_or(-1, i64::from)));
        let mut entries: Vec<Entry> = self
            .db
            .prepare_cached(&sql)
            .and_then(|mut q| {
                q.query_map(params_from_iter(values), |row| {
                    Ok((row.get::<_, i64>(0)?, row.get::<_, Option<String>>(1)?, row.get::<_, String>(2)?))
                })?
                .collect::<rusqlite::Result<Vec<_>>>()
            })
            .doing("read history")?
            .into_iter()
            .filter_map(|(at, verdict, body)| {
                Some(Entry {
                    at: UnixMs::new(at),
                    verdict: verdict.and_then(|v| serde_json::from_str(&v).ok()),
                    body: serde_json::from_str(&body).ok()?,
                })
            })
            .collect();
        entries.reverse();
        Ok(entries)
    }

    /// Lets go of what is too old, and of the oldest until so many bytes are left.
    pub(super) fn trim_history(&self, bytes: u64) -> Result<(), Error> {
        let oldest = self.now.plus_ms(-self.limits.history_age_ms);
        self.db.execute("DELETE FROM history WHERE at < ?1", [oldest.get()]).doing("trim history")?;
        while self.total("history")? > bytes {
            let gone = self
                .db
                .execute("DELETE FROM history WHERE id IN (SELECT id FROM history ORDER BY id LIMIT 32)", [])
                .doing("trim history")?;
            if gone == 0 {
                break;
            }
        }
        Ok(())
    }
}
