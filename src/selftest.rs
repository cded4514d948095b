//! `preshift doctor --selftest`: tries on this computer what Preshift needs of it, and says how each
//! thing went, as one document that a person can send back.
//!
//! Owns the table of checks. A check has a name, what should be, what was, and one of three ends: it
//! passed, it failed, or it was skipped for a reason from a closed list. A check can say only
//! what [`Said`] can hold, which is why the document has no names, addresses, paths or serial numbers in it.
//! Must not show anything, and must not touch the desk's own data but by looking.

mod autostart;
mod bench;
mod clock;
mod control;
mod document;
mod media;
mod network;
mod owner;
mod probes;
mod program;
mod rights;
mod said;
mod sandbox;
mod sound;
mod store;
mod tls;

pub use bench::{Bench, Desk, OpenTrouble, Scratch};
pub use document::{Document, Done, Program, System};
pub use owner::hold;
pub use said::{Closed, Said};

use crate::probe::BoxFuture;
use serde::Serialize;
use std::{sync::Arc, time::Duration};
use telemetry::{NotChecked, Unsupported};
use tokio::task::JoinSet;

/// One thing that is tried.
#[derive(Clone, Copy)]
pub struct Check {
    /// Its name: group and thing.
    pub name: &'static str,
    /// What should be.
    pub should: &'static str,
    /// Tries it.
    pub run: fn(Arc<Bench>) -> BoxFuture<Found>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// In words.
    pub was: Said,
    /// How that compares with what should be.
    pub result: Outcome,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// As it should be.
    Pass,
    /// Not as it should be.
    Fail,
    /// It was not tried.
    Skipped(Why),
}

/// Why a check was not tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Nobody asked for it: the microphone, without `--microphone`.
    NotAskedFor,
    /// This system has nothing of the kind.
    NotOnThisSystem,
    /// What it would be tried on is not there: no Wi-Fi, no headset.
    NothingThere,
    /// No daemon runs.
    NoDaemon,
    /// This user may not do it here, and Preshift has another way.
    ClosedToUsers,
    /// Something that was tried before it did not work.
    NeedsAnother,
    /// A probe says so.
    #[serde(untagged)]
    NotChecked(NotChecked),
    /// A probe says that it cannot work here.
    #[serde(untagged)]
    Unsupported(Unsupported),
}

impl Found {
    /// As it should be.
    pub fn pass(was: Said) -> Self {
        Self { was, result: Outcome::Pass }
    }

    /// Not as it should be.
    pub fn fail(was: Said) -> Self {
        Self { was, result: Outcome::Fail }
    }

    /// By whether it is as it should be.
    pub fn by(good: bool, was: Said) -> Self {
        Self { was, result: if good { Outcome::Pass } else { Outcome::Fail } }
    }

    /// Not tried.
    pub fn skipped(why: Why, was: &'static str) -> Self {
        Self { was: Said::of(was), result: Outcome::Skipped(why) }
    }
}

/// A check that is done at once.
macro_rules! at_once {
    ($run:expr) => {
        |bench| Box::pin(async move { ($run)(&bench) }) as crate::probe::BoxFuture<_>
    };
}

/// A check that blocks: on a thread of its own.
macro_rules! blocking {
    ($run:path) => {
        |bench| {
            Box::pin(async move {
                let run = move || $run(&bench);
                match tokio::task::spawn_blocking(run).await {
                    Ok(found) => found,
                    Err(_) => crate::selftest::Found::fail(crate::selftest::Said::of("the check panicked")),
                }
            }) as crate::probe::BoxFuture<_>
        }
    };
}

/// A check that waits.
macro_rules! waiting {
    ($run:path) => {
        |bench| Box::pin($run(bench)) as crate::probe::BoxFuture<_>
    };
}

use {at_once, blocking, waiting};

/// Every check, in the order in which they are tried and shown.
pub const TABLE: &[&[Check]] = &[
    program::CHECKS,
    probes::CHECKS,
    media::CHECKS,
    clock::CHECKS,
    network::CHECKS,
    tls::CHECKS,
    sound::CHECKS,
    sandbox::CHECKS,
    control::CHECKS,
    store::CHECKS,
    owner::CHECKS,
    autostart::CHECKS,
];

/// Longest that one check may take: what hangs is a result, not the end of the rest.
const LONGEST: Duration = Duration::from_secs(30);

/// Every check of the table, in a row.
pub fn checks() -> impl Iterator<Item = &'static Check> {
    TABLE.iter().copied().flatten()
}

/// Tries every check, one after the other; `progress` is told of each before it begins.
pub async fn run(bench: Bench, mut progress: impl FnMut(&Check)) -> Document {
    let bench = Arc::new(bench);
    let mut done = Vec::new();
    for check in checks() {
        progress(check);
        done.push(Done::new(check, try_one(check, bench.clone()).await));
    }
    Document::new(&bench, done)
}

/// In a task of its own, so that a panic is that check's failure.
async fn try_one(check: &Check, bench: Arc<Bench>) -> Found {
    let mut own = JoinSet::new();
    own.spawn((check.run)(bench));
    match tokio::time::timeout(LONGEST, own.join_next()).await {
        Ok(Some(Ok(found))) => found,
        Ok(_) => Found::fail(Said::of("the check panicked")),
        Err(_) => Found::fail(Said::of("it did not end within").count(LONGEST.as_secs()).with("s")),
    }
}

#[cfg(test)]
mod tests;
