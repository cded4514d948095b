//! The one thread that writes for the server.
//!
//! It takes every job that waits, does them in one transaction and commits durably; only then are
//! they answered. So many desks share one fsync, and an answer means that the report survives a
//! power cut. The queue is bounded: what does not fit is told to come back.

use super::{Doing as _, StoreError, codes, desks, plan, reports, settings};
use crate::{
    assignment,
    clock::{Clock, DAY},
    ingest::Batch,
};
use readiness::Policy;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use std::{
    collections::{HashMap, HashSet},
    thread::JoinHandle,
};
use telemetry::{
    Answer, BatchAnswer, ContentRefusal, Digest, EnrollRequest, ErrorCode, Id, ReportAnswer, UnixMs, Versions,
};
use tokio::sync::{mpsc, oneshot};

/// Most reports in one transaction: it bounds how long an answer waits for those before it.
const GROUP: usize = 4_000;
/// Reports that one pruning step removes.
const PRUNE_STEP: usize = 20_000;
/// Retention counts from a report's own time, which may be a day ahead, and pruning from when it came: with
/// these days more, a report that comes again is refused as too old before it is forgotten.
const PRUNE_MARGIN: i64 = 2 * DAY;

type Reply<T> = oneshot::Sender<Result<T, ErrorCode>>;

enum Job {
    Batch { desk: i64, batch: Batch, reply: Reply<BatchAnswer> },
    Enroll { request: EnrollRequest, reply: Reply<Id> },
    Unenroll { desk: i64, reply: Reply<()> },
    Prune,
}

/// The way to the writer thread.
#[derive(Clone)]
pub struct Writer {
    jobs: mpsc::Sender<Job>,
}

impl Writer {
    /// Starts the thread. It ends when every `Writer` is gone and all jobs are done.
    pub fn start(
        db: Connection,
        clock: Clock,
        queue: usize,
        retention_days: u32,
    ) -> Result<(Self, JoinHandle<()>), StoreError> {
        let (jobs, waiting) = mpsc::channel(queue);
        let mut state = State { db, clock, retention_days, told: Told::default(), digests: HashMap::new() };
        state.told = Told::read(&state.db)?;
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || state.run(waiting))
            .map_err(|source| StoreError::Folder { path: super::FILE.into(), source })?;
        Ok((Self { jobs }, thread))
    }

    /// Stores a batch of a desk.
    pub async fn batch(&self, desk: i64, batch: Batch) -> Result<BatchAnswer, ErrorCode> {
        self.ask(|reply| Job::Batch { desk, batch, reply }).await
    }

    /// Enrols a desk.
    pub async fn enroll(&self, request: EnrollRequest) -> Result<Id, ErrorCode> {
        self.ask(|reply| Job::Enroll { request, reply }).await
    }

    /// A desk says goodbye.
    pub async fn unenroll(&self, desk: i64) -> Result<(), ErrorCode> {
        self.ask(|reply| Job::Unenroll { desk, reply }).await
    }

    /// Removes a little of what is too old. Skipped when the thread has better to do.
    pub fn prune(&self) {
        let _ = self.jobs.try_send(Job::Prune);
    }

    async fn ask<T>(&self, job: impl FnOnce(Reply<T>) -> Job) -> Result<T, ErrorCode> {
        let (reply, answer) = oneshot::channel();
        self.jobs.try_send(job(reply)).map_err(|_| ErrorCode::Busy)?;
        // Gone without an answer: the transaction failed, and the desk should come again.
        answer.await.unwrap_or(Err(ErrorCode::Busy))
    }
}

/// What reports are held to, as of one generation of the store.
#[derive(Default)]
struct Told {
    generation: i64,
    policy: Option<Policy>,
    ids: HashSet<Id>,
}

impl Told {
    fn read(db: &Connection) -> Result<Self, StoreError> {
        Ok(Self {
            generation: settings::generation(db)?,
            policy: plan::policy(db)?,
            ids: plan::known_ids(db)?,
        })
    }
}

struct State {
    db: Connection,
    clock: Clock,
    retention_days: u32,
    told: Told,
    /// Digest of each desk's assignment, for a generation and a day.
    digests: HashMap<i64, (i64, i64, Digest)>,
}

/// An answer that waits for the commit.
type Sealed = Box<dyn FnOnce()>;

impl State {
    fn run(&mut self, mut waiting: mpsc::Receiver<Job>) {
        while let Some(first) = waiting.blocking_recv() {
            let mut size = weight(&first);
            let mut group = vec![first];
            while size < GROUP {
                let Ok(job) = waiting.try_recv() else { break };
                size += weight(&job);
                group.push(job);
            }
            if let Err(error) = self.commit(group) {
                // Nothing was stored and nobody is answered "stored": desks keep their reports.
                tracing::error!(%error, "the store could not be written");
                self.digests.clear();
                self.told = Told::default();
            }
        }
    }

    /// One transaction for all of them; the answers go out after it is durable.
    fn commit(&mut self, group: Vec<Job>) -> Result<(), StoreError> {
        let Self { db, clock, retention_days, told, digests } = self;
        let now = clock();
        let tx = db.transaction_with_behavior(TransactionBehavior::Immediate).doing("begin a transaction")?;
        if settings::generation(&tx)? != told.generation {
            *told = Told::read(&tx)?;
            digests.clear();
        }
        let mut sealed: Vec<Sealed> = Vec::with_capacity(group.len());
        for job in group {
            match job {
                Job::Batch { desk, batch, reply } => {
                    let answer = store_batch(&tx, told, digests, desk, &batch, now)?;
                    sealed.push(seal(reply, answer));
                }
                Job::Enroll { request, reply } => {
                    let answer = desks::enroll(&tx, &request, now)?;
                    // The desk may have changed its team, and with it what it is told.
                    digests.clear();
                    sealed.push(seal(reply, answer));
                }
                Job::Unenroll { desk, reply } => {
                    desks::revoke(&tx, desk, now)?;
                    sealed.push(seal(reply, Ok(())));
                }
                Job::Prune => {
                    codes::forget_old(&tx, now)?;
                    let kept = i64::from(*retention_days) * DAY + PRUNE_MARGIN;
                    reports::prune(&tx, now.plus_ms(-kept), PRUNE_STEP)?;
                }
            }
        }
        tx.commit().doing("commit reports")?;
        sealed.into_iter().for_each(|answer| answer());
        Ok(())
    }
}

fn weight(job: &Job) -> usize {
    match job {
        Job::Batch { batch, .. } => batch.reports.len().max(1),
        Job::Prune => PRUNE_STEP,
        _ => 1,
    }
}

fn seal<T: 'static>(reply: Reply<T>, answer: Result<T, ErrorCode>) -> Sealed {
    Box::new(move || {
        // A desk that hung up will ask again and be told "duplicate".
        let _ = reply.send(answer);
    })
}

fn store_batch(
    db: &Connection,
    told: &Told,
    digests: &mut HashMap<i64, (i64, i64, Digest)>,
    desk: i64,
    batch: &Batch,
    now: UnixMs,
) -> Result<Result<BatchAnswer, ErrorCode>, StoreError> {
    // Read here and not from a cache: what IT revoked a moment ago is revoked.
    let seen = Seen::read(db, desk)?;
    if seen.revoked {
        return Ok(Err(ErrorCode::UnknownDesk));
    }
    if let Err(refused) = seen.instance(db, desk, batch, now)? {
        return Ok(Err(refused));
    }
    let mut answers = Vec::with_capacity(batch.reports.len());
    let mut streams: Vec<((&telemetry::Epoch, telemetry::Lane), i64)> = Vec::new();
    for item in &batch.reports {
        let answer = match &item.content {
            Err(refusal) => Answer::Refused(*refusal),
            Ok(content) => match unknown_id(db, told, desk, content)? {
                true => Answer::Refused(ContentRefusal::UnknownId),
                false => {
                    let key = (&item.epoch, item.lane);
                    let stream = match streams.iter().find(|(k, _)| *k == key) {
                        Some((_, no)) => *no,
                        None => {
                            let no = reports::stream(db, desk, &item.epoch, item.lane)?;
                            streams.push((key, no));
                            no
                        }
                    };
                    match reports::store(db, desk, stream, item.seq, content, now)? {
                        reports::Stored::New => Answer::Stored,
                        reports::Stored::Duplicate => Answer::Duplicate,
                        reports::Stored::Conflict => Answer::Refused(ContentRefusal::Conflict),
                    }
                }
            },
        };
        if let Answer::Refused(refusal) = answer {
            desks::trouble(db, desk, refusal_name(refusal), now)?;
        }
        answers.push(ReportAnswer { epoch: item.epoch.clone(), lane: item.lane, seq: item.seq, answer });
    }
    let assignment = match &told.policy {
        Some(policy) => Some(assignment_digest(db, told.generation, policy, digests, desk, now)?),
        None => None,
    };
    seen.update(db, desk, batch, now)?;
    Ok(Ok(BatchAnswer { versions: Versions::OURS, now, assignment, answers: answers.into() }))
}

fn unknown_id(
    db: &Connection,
    told: &Told,
    desk: i64,
    content: &crate::ingest::Content,
) -> Result<bool, StoreError> {
    if content.ids.iter().any(|id| !told.ids.contains(id)) {
        return Ok(true);
    }
    match &content.extra {
        crate::ingest::Extra::Readiness { shift: Some(shift), .. } => Ok(!plan::has_shift(db, desk, shift)?),
        _ => Ok(false),
    }
}

fn assignment_digest(
    db: &Connection,
    generation: i64,
    policy: &Policy,
    digests: &mut HashMap<i64, (i64, i64, Digest)>,
    desk: i64,
    now: UnixMs,
) -> Result<Digest, StoreError> {
    let day = assignment::window(now).0;
    if let Some((g, d, digest)) = digests.get(&desk)
        && (*g, *d) == (generation, day)
    {
        return Ok(digest.clone());
    }
    let team = db
        .prepare_cached("SELECT team FROM desks WHERE no = ?1")
        .and_then(|mut s| s.query_row([desk], |r| desks::parsed::<Id>(r, 0)))
        .doing("read a desk's team")?;
    let digest = plan::assignment(db, desk, &team, policy, now)?.digest();
    digests.insert(desk, (generation, day, digest.clone()));
    Ok(digest)
}

/// What is kept about a desk from batch to batch.
struct Seen {
    revoked: bool,
    last_seen: Option<i64>,
    instance: Option<String>,
    assignment: Option<String>,
    daemon: String,
}

/// `last_seen` is written again only after so long: it saves a write for most batches.
const SEEN_STEP: i64 = 15_000;

impl Seen {
    fn read(db: &Connection, desk: i64) -> Result<Self, StoreError> {
        db.prepare_cached(
            "SELECT revoked IS NOT NULL, last_seen, instance, assignment, daemon FROM desks WHERE no = ?1",
        )
        .and_then(|mut s| {
            s.query_row([desk], |r| {
                Ok(Self {
                    revoked: r.get(0)?,
                    last_seen: r.get(1)?,
                    instance: r.get(2)?,
                    assignment: r.get(3)?,
                    daemon: r.get(4)?,
                })
            })
        })
        .doing("read what is known of a desk")
    }

    /// A start of the daemon that speaks again after another took its place means that two computers share
    /// one key. `started` is no proof of it: a computer with an empty clock battery starts in 2000, and
    /// must not be shut out for ever. Two that really share a key take turns, and so are found.
    fn instance(
        &self,
        db: &Connection,
        desk: i64,
        batch: &Batch,
        now: UnixMs,
    ) -> Result<Result<(), ErrorCode>, StoreError> {
        let instance = batch.instance.as_str();
        if self.instance.as_deref() == Some(instance) {
            return Ok(Ok(()));
        }
        let replaced: Option<i64> = db
            .prepare_cached("SELECT replaced FROM instances WHERE desk = ?1 AND instance = ?2")
            .and_then(|mut s| s.query_row(params![desk, instance], |r| r.get(0)).optional())
            .doing("look up a start of the daemon")?;
        if replaced.is_some() {
            desks::trouble(db, desk, "cloned", now)?;
            return Ok(Err(ErrorCode::ClonedDesk));
        }
        if let Some(before) = &self.instance {
            db.prepare_cached("INSERT INTO instances VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")
                .and_then(|mut s| s.execute(params![desk, before, now.get()]))
                .doing("note a start of the daemon")?;
        }
        Ok(Ok(()))
    }

    fn update(&self, db: &Connection, desk: i64, batch: &Batch, now: UnixMs) -> Result<(), StoreError> {
        let instance = Some(batch.instance.as_str());
        let assignment = batch.assignment.as_ref().map(|a| a.as_str());
        // The newest report's: one that waited for days names the version that made it then.
        let newest = batch.reports.iter().filter_map(|r| r.content.as_ref().ok()).max_by_key(|c| c.at);
        let daemon = newest.map_or(self.daemon.as_str(), |c| c.daemon.as_str());
        let fresh = self.last_seen.is_some_and(|seen| (0..SEEN_STEP).contains(&(now.get() - seen)));
        let same = self.instance.as_deref() == instance && self.assignment.as_deref() == assignment;
        if fresh && same && self.daemon == daemon {
            return Ok(());
        }
        db.prepare_cached(
            "UPDATE desks SET last_seen = ?2, instance = ?3, assignment = ?4, daemon = ?5 WHERE no = ?1",
        )
        .and_then(|mut s| s.execute(params![desk, now.get(), instance, assignment, daemon]))
        .doing("note what is known of a desk")?;
        Ok(())
    }
}

fn refusal_name(refusal: ContentRefusal) -> &'static str {
    match refusal {
        ContentRefusal::Conflict => "conflict",
        ContentRefusal::WrongDesk => "wrong_desk",
        ContentRefusal::WrongLane => "wrong_lane",
        ContentRefusal::Version => "version",
        ContentRefusal::Schema => "schema",
        ContentRefusal::UnknownId => "unknown_id",
        ContentRefusal::Time => "time",
    }
}
