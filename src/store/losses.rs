//! Reports that could not be written, remembered until they can be told as a gap.
//!
//! When the disk is full the database cannot even count what it loses. This small file was given its
//! blocks when the store was begun and is overwritten in place, which a full disk allows: so the count
//! survives a restart. A generation says which count the database has already turned into a gap.

use super::{Doing, Error, Tx, state, state::Key};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use std::{
    cell::{Cell, RefCell},
    fs::OpenOptions,
    io::{Read, Seek, Write},
    path::Path,
};
use telemetry::{GapReason, Lane, UnixMs};

const FILE: &str = "losses";
/// Always this long, so that an overwrite needs no new block.
const LENGTH: usize = 512;
const SETTLED: Key<u64> = Key::new("losses_settled");

/// What was lost in one lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Lost {
    count: u64,
    from: UnixMs,
    to: UnixMs,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Ledger {
    generation: u64,
    priority: Option<Lost>,
    routine: Option<Lost>,
}

impl Ledger {
    fn of(&mut self, lane: Lane) -> &mut Option<Lost> {
        match lane {
            Lane::Priority => &mut self.priority,
            Lane::Routine => &mut self.routine,
        }
    }
}

/// The losses that no gap tells yet, and what the transaction that is under way tries to spool.
#[derive(Debug, Default)]
pub(super) struct Losses {
    ledger: RefCell<Ledger>,
    attempts: RefCell<Vec<(Lane, UnixMs)>>,
    settling: Cell<bool>,
}

impl Losses {
    /// Reads what an earlier start left; the owner makes the file if it is not there. Whoever only looks
    /// writes nothing: the daemon may be counting a loss at that moment.
    pub fn load(dir: &Path, db: &Connection, owner: bool) -> Result<Self, Error> {
        let path = dir.join(FILE);
        if owner {
            crate::platform::files::make_private_file(&path).doing("set its rights")?;
        }
        let mut text = String::new();
        let read = std::fs::File::open(&path).and_then(|f| f.take(LENGTH as u64).read_to_string(&mut text));
        // A torn or foreign file counts as empty: nothing better can be known from it.
        let mut ledger: Ledger =
            read.ok().and_then(|_| serde_json::from_str(text.trim_end()).ok()).unwrap_or_default();
        let settled = state::take::<u64>(db, "losses_settled")?.unwrap_or(0);
        if settled >= ledger.generation {
            ledger = Ledger { generation: settled + 1, ..Ledger::default() };
        }
        let losses = Self { ledger: RefCell::new(ledger), ..Self::default() };
        if owner {
            losses.save(dir);
        }
        Ok(losses)
    }

    /// A transaction begins.
    pub fn begin(&self) {
        self.attempts.borrow_mut().clear();
        self.settling.set(false);
    }

    /// The transaction tries to spool a report.
    pub fn attempt(&self, lane: Lane, at: UnixMs) {
        self.attempts.borrow_mut().push((lane, at));
    }

    /// What the failed transaction tried to spool.
    pub fn take_attempts(&self) -> Vec<(Lane, UnixMs)> {
        self.attempts.take()
    }

    /// The transaction is durable: what it settled is told.
    pub fn committed(&self, dir: &Path) {
        self.attempts.borrow_mut().clear();
        if self.settling.replace(false) {
            let mut ledger = self.ledger.borrow_mut();
            *ledger = Ledger { generation: ledger.generation + 1, ..Ledger::default() };
            drop(ledger);
            self.save(dir);
        }
    }

    /// Reports were lost.
    pub fn note(&self, dir: &Path, lost: &[(Lane, UnixMs)]) {
        if lost.is_empty() {
            return;
        }
        for (lane, at) in lost {
            let mut ledger = self.ledger.borrow_mut();
            let slot = ledger.of(*lane);
            let before = slot.unwrap_or(Lost { count: 0, from: *at, to: *at });
            *slot =
                Some(Lost { count: before.count + 1, from: before.from.min(*at), to: before.to.max(*at) });
        }
        tracing::warn!(reports = lost.len(), "reports could not be written; the gap will be told");
        self.save(dir);
    }

    /// A new epoch owes nothing.
    pub fn forget(&self, dir: &Path) {
        let mut ledger = self.ledger.borrow_mut();
        *ledger = Ledger { generation: ledger.generation, ..Ledger::default() };
        drop(ledger);
        self.save(dir);
    }

    /// Overwrites the file in place. If even that fails, the count lives as long as this process.
    fn save(&self, dir: &Path) {
        let mut bytes = serde_json::to_vec(&*self.ledger.borrow()).unwrap_or_default();
        bytes.resize(LENGTH, b' ');
        let saved = OpenOptions::new().write(true).open(dir.join(FILE)).and_then(|mut file| {
            file.rewind()?;
            file.write_all(&bytes)?;
            file.sync_data()
        });
        if let Err(error) = saved {
            tracing::warn!(kind = ?error.kind(), "the count of lost reports could not be saved");
        }
    }
}

impl Tx<'_> {
    /// Gives lost reports the sequence numbers they would have had, as a gap.
    pub(super) fn settle_losses(&self) -> Result<(), Error> {
        let mut ledger = *self.losses.ledger.borrow();
        if self.losses.settling.get()
            || ledger == (Ledger { generation: ledger.generation, ..Ledger::default() })
        {
            return Ok(());
        }
        for lane in [Lane::Priority, Lane::Routine] {
            if let Some(lost) = *ledger.of(lane) {
                let first = self.allot(lane, lost.count)?;
                self.add_gap(&telemetry::Gap {
                    lane,
                    first,
                    last: first + lost.count - 1,
                    from: lost.from,
                    to: lost.to,
                    reason: GapReason::NotWritten,
                })?;
            }
        }
        self.set(SETTLED, &ledger.generation)?;
        self.losses.settling.set(true);
        Ok(())
    }
}
