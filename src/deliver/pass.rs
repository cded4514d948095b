//! One pass: everything that waits, in batches, until nothing waits or something stands in the way.

use super::{
    assignment::InForce,
    backoff::Backoff,
    batch::{self, Head},
    classify::{Action, Stop, Trouble, classify},
    client::{Answered, Ask, Client, ClientError, NoAnswer, Settings, Signer},
    status::Delivery,
};
use crate::{
    identity::Enrolment,
    random::Random,
    report::Reporter,
    store::{self, Outgoing, Place, Spooled, Store, keys},
};
use reqwest::Method;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use telemetry::{
    Answer, BatchAnswer, Body, ContentRefusal, Event, EventKind, Millis, Report, UnixMs, limits,
};
use tokio::sync::watch;
use url::Url;

/// Where reports go.
pub(super) const REPORTS: &str = "/v1/reports";
/// An offset from a slower answer than this says more about the network than about the clock.
const FAIR_ROUND_TRIP: Duration = Duration::from_secs(5);
/// Refusals are told at most this often: their report could be refused as well.
const TELL_EVERY: Duration = Duration::from_secs(3_600);

/// How a pass ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// The desk is not enrolled: there is nobody to send to.
    NotEnrolled,
    /// Nothing waits any more.
    Done {
        /// Reports that were answered for.
        delivered: u32,
    },
    /// Something stands in the way for now.
    Again {
        /// What.
        trouble: Trouble,
        /// When to try again.
        wait: Duration,
    },
    /// It stops until somebody does something about it.
    Stopped(Stop),
}

/// Why a pass did not get to its end.
pub(super) enum Halt {
    Again(Trouble, Option<Duration>),
    Stop(Stop),
}

impl From<store::Error> for Halt {
    fn from(error: store::Error) -> Self {
        tracing::warn!(%error, "the store failed while delivering");
        Self::Again(Trouble::Store, None)
    }
}

/// Delivers for one desk.
pub struct Deliverer {
    pub(super) reporter: Reporter,
    pub(super) settings: Settings,
    pub(super) random: Random,
    pub(super) in_force: watch::Sender<InForce>,
    pub(super) status: watch::Sender<Delivery>,
    pub(super) backoff: Backoff,
    pub(super) assignment: super::fetch::Wanted,
    pub(super) nudge: Arc<tokio::sync::Notify>,
    started: UnixMs,
    client: Option<(Url, Arc<Client>)>,
    most: usize,
    told: Option<Instant>,
    maintained: Option<Instant>,
}

impl Deliverer {
    /// Makes one; what is in force is loaded from the store and given to the reporter. Blocks.
    pub fn new(reporter: Reporter, settings: Settings, random: Random) -> Result<Self, store::Error> {
        let store = reporter.store();
        let in_force = InForce::load(store, reporter.identity().enrolment().is_some())?;
        reporter.set_policy(in_force.policy.reference());
        // Later than every start before, also when the clock was set back in between.
        let now = store.now();
        let started = store.get(keys::STARTED)?.map_or(now, |last: UnixMs| now.max(last.plus_ms(1)));
        store.set(keys::STARTED, &started)?;
        let status = store.get(keys::DELIVERY)?.unwrap_or_default();
        Ok(Self {
            in_force: watch::Sender::new(in_force),
            status: watch::Sender::new(Delivery { next_try: None, ..status }),
            backoff: Backoff::new(settings.pace.clone(), random.clone()),
            assignment: Default::default(),
            nudge: Default::default(),
            started,
            client: None,
            most: limits::BATCH_REPORTS,
            told: None,
            maintained: None,
            reporter,
            settings,
            random,
        })
    }

    /// Follows what the desk goes by: a new policy takes effect without a restart.
    pub fn in_force(&self) -> watch::Receiver<InForce> {
        self.in_force.subscribe()
    }

    /// Follows how delivery goes.
    pub fn status(&self) -> watch::Receiver<Delivery> {
        self.status.subscribe()
    }

    /// Sends what waits. May be dropped at any point: what is on disk is always true.
    pub async fn pass(&mut self) -> Pass {
        let Some(enrolment) = self.reporter.identity().enrolment() else {
            self.not_enrolled();
            return Pass::NotEnrolled;
        };
        let mut delivered = 0;
        let halt = self.deliver(&enrolment, &mut delivered).await.err();
        self.conclude(halt, delivered).await
    }

    /// One pass with a limit of time: for a command that must not wait for a slow network.
    pub async fn pass_within(&mut self, limit: Duration) -> Pass {
        match tokio::time::timeout(limit, self.pass()).await {
            Ok(pass) => pass,
            Err(_) => self.conclude(Some(Halt::Again(Trouble::Timeout, None)), 0).await,
        }
    }

    /// Lets go of the client: an idle desk keeps no connection and no certificates in memory.
    pub(super) fn rest(&mut self) {
        self.client = None;
    }

    async fn deliver(&mut self, enrolment: &Arc<Enrolment>, delivered: &mut u32) -> Result<(), Halt> {
        self.housekeeping().await?;
        if self.assignment.is_due() {
            self.fetch_assignment(enrolment).await?;
        }
        loop {
            let (batch, packed, id) = self.take(enrolment, self.most).await?;
            if batch.is_empty() {
                return Ok(());
            }
            let began = self.reporter.store().now();
            let answered = match self.post(enrolment, packed, id).await {
                Ok(answered) => answered,
                Err(Refusal::Smaller(status)) => {
                    self.smaller(enrolment, &batch, status).await?;
                    continue;
                }
                Err(Refusal::Halt(halt)) => return Err(halt),
            };
            *delivered += self.advance(batch, id, began, answered).await?;
            self.most = (self.most * 2).min(limits::BATCH_REPORTS);
            if self.assignment.is_due() {
                self.fetch_assignment(enrolment).await?;
            }
        }
    }

    /// What waits to be told, and trimming by age once an hour.
    async fn housekeeping(&mut self) -> Result<(), Halt> {
        let elapsed = |at: Option<Instant>| at.is_none_or(|at| at.elapsed() >= TELL_EVERY);
        let (tell, maintain) = (elapsed(self.told), elapsed(self.maintained));
        let reporter = self.reporter.clone();
        self.reporter
            .store()
            .run(move |store| {
                if maintain {
                    store.maintain()?;
                }
                reporter.tell(tell)
            })
            .await
            .map(|told| {
                self.told = if told { Some(Instant::now()) } else { self.told };
                self.maintained = if maintain { Some(Instant::now()) } else { self.maintained };
            })
            .map_err(Halt::from)
    }

    /// Takes a batch, packs it, and notes that it is about to leave: in one transaction.
    async fn take(
        &self,
        enrolment: &Arc<Enrolment>,
        most: usize,
    ) -> Result<(Vec<Spooled>, Vec<u8>, i64), Halt> {
        let head = self.head();
        let reporter = self.reporter.clone();
        let enrolment = enrolment.clone();
        let taken = self.reporter.store().run(move |store| {
            store.write(|tx| {
                // Enrolled elsewhere in the meantime: what is in the spool now is not for this collector.
                let now = reporter.identity().enrolment();
                if now.is_none_or(|now| now.desk != enrolment.desk) {
                    return Ok((Vec::new(), Vec::new(), 0));
                }
                let desk = reporter.desk(&enrolment.desk, tx)?;
                let mut batch = tx.batch(most, batch::MOST_BYTES, &|place, gap| {
                    Reporter::gap(&desk, place, tx.now(), gap)
                })?;
                if batch.is_empty() {
                    return Ok((batch, Vec::new(), 0));
                }
                let packed = batch::pack(&head, &batch).map_err(|e| store::Error::Content(e.into()))?;
                batch.truncate(packed.reports);
                let id = tx.leaving(&Outgoing {
                    method: "POST",
                    path: REPORTS,
                    reports: packed.reports as u32,
                    bytes: &packed.bytes,
                })?;
                Ok((batch, packed.bytes, id))
            })
        });
        taken.await.map_err(Halt::from)
    }

    fn head(&self) -> Head {
        Head {
            instance: self.reporter.identity().instance.clone(),
            started: self.started,
            assignment: self.in_force.borrow().digest.clone(),
        }
    }

    /// Sends a batch and reads the status; the body of a success is still to be read.
    async fn post(
        &mut self,
        enrolment: &Arc<Enrolment>,
        body: Vec<u8>,
        id: i64,
    ) -> Result<Answered, Refusal> {
        let ask = Ask { method: Method::POST, path: REPORTS, body, encoding: Some("zstd"), known: None };
        let answered = self.ask(enrolment, ask, id).await.map_err(Refusal::Halt)?;
        match classify(answered.status, answered.code()) {
            Action::Accept => Ok(answered),
            Action::Again(trouble) => Err(Refusal::Halt(Halt::Again(trouble, answered.retry_after))),
            Action::Stop(stop) => Err(Refusal::Halt(Halt::Stop(stop))),
            Action::Smaller => Err(Refusal::Smaller(answered.status)),
        }
    }

    /// Asks the collector, and notes whether anything left and what status came back.
    pub(super) async fn ask(
        &mut self,
        enrolment: &Arc<Enrolment>,
        ask: Ask<'_>,
        id: i64,
    ) -> Result<Answered, Halt> {
        let client = self.client(&enrolment.collector).await?;
        let store = self.reporter.store().clone();
        let signer = Signer {
            desk: &enrolment.desk,
            key: &enrolment.key,
            identity: self.reporter.identity(),
            random: &self.random,
        };
        let sent = self.settings.wire.exchange(async { client.ask(&signer, store.now(), ask).await });
        // Given way to a media stream: what is on disk is sent later.
        let gave_way = NoAnswer { trouble: Trouble::Timeout, nothing_left: false };
        let answered = sent.await.unwrap_or(Err(gave_way));
        let noted = match &answered {
            // A success is noted when its answer is acted upon, in the same transaction.
            Ok(answered) if (200..300).contains(&answered.status) => Ok(()),
            Ok(answered) => {
                let status = answered.status;
                store.run(move |store| store.write(|tx| tx.answered(id, status))).await
            }
            Err(no) if no.nothing_left => store.run(move |store| store.write(|tx| tx.never_left(id))).await,
            Err(_) => Ok(()),
        };
        noted?;
        answered.map_err(|no| Halt::Again(no.trouble, None))
    }

    async fn client(&mut self, collector: &Url) -> Result<Arc<Client>, Halt> {
        if let Some((url, client)) = &self.client
            && url == collector
        {
            return Ok(client.clone());
        }
        let (url, settings) = (collector.clone(), self.settings.clone());
        // Reading the system's certificates is work on files: not for the async thread.
        let client = tokio::task::spawn_blocking(move || Client::new(&url, &settings))
            .await
            .map_err(|_| Halt::Again(Trouble::Settings, None))?
            .map_err(|error: ClientError| {
                tracing::warn!(error = %with_causes(&error), "no way to the collector can be made");
                Halt::Again(Trouble::Settings, None)
            })?;
        let client = Arc::new(client);
        self.client = Some((collector.clone(), client.clone()));
        Ok(client)
    }

    /// Acts upon a success: what was answered for leaves the spool, durably and at once.
    async fn advance(
        &mut self,
        batch: Vec<Spooled>,
        id: i64,
        began: UnixMs,
        answered: Answered,
    ) -> Result<u32, Halt> {
        let Ok(answer) = serde_json::from_slice::<BatchAnswer>(&answered.body) else {
            return Err(Halt::Again(Trouble::NotACollector, None));
        };
        let finals = matched(&batch, &answer);
        if finals.is_empty() {
            return Err(Halt::Again(Trouble::NotACollector, None));
        }
        let offset =
            (answered.round_trip <= FAIR_ROUND_TRIP).then(|| offset(began, answered.round_trip, answer.now));
        let conflicts =
            finals.iter().filter(|f| f.answer == Answer::Refused(ContentRefusal::Conflict)).count() as u32;
        let delivered = finals.len() as u32;
        let now = self.reporter.store().now();
        self.status.send_modify(|status| {
            status.last_success = Some(now);
            status.delivered += u64::from(delivered);
            status.conflicts += conflicts;
            (status.trouble, status.stopped, status.next_try) = (None, None, None);
            status.failures = 0;
        });
        let status = self.status.borrow().clone();
        let code = answered.status;
        self.reporter
            .store()
            .run(move |store| {
                store.write(|tx| {
                    tx.advance(&finals)?;
                    count_refused(tx, &batch, &finals)?;
                    tx.answered(id, code)?;
                    if let Some(offset) = offset {
                        tx.set(keys::CLOCK_OFFSET, &offset)?;
                    }
                    tx.set(keys::DELIVERY, &status)
                })
            })
            .await?;
        if conflicts > 0 {
            tracing::warn!(conflicts, "the collector has other reports under the same identity");
        }
        self.backoff.reset();
        self.assignment.named(answer.assignment, self.in_force.borrow().digest.as_ref());
        Ok(delivered)
    }

    /// Something in a batch is too large or cannot be read. Halves it; at one report, an empty batch tells whether
    /// it is that report, which is then kept aside, or everything this version sends.
    async fn smaller(
        &mut self,
        enrolment: &Arc<Enrolment>,
        batch: &[Spooled],
        status: u16,
    ) -> Result<(), Halt> {
        if batch.len() > 1 {
            self.most = batch.len().div_ceil(2);
            return Ok(());
        }
        let head = self.head();
        let empty = batch::pack(&head, &[]).map_err(|_| Halt::Stop(Stop::NotUnderstood))?;
        let bytes = empty.bytes.clone();
        let id = self
            .reporter
            .store()
            .run(move |store| {
                let out = Outgoing { method: "POST", path: REPORTS, reports: 0, bytes: &bytes };
                store.write(|tx| tx.leaving(&out))
            })
            .await?;
        match self.post(enrolment, empty.bytes, id).await {
            Ok(_) => {}
            Err(Refusal::Smaller(_)) => return Err(Halt::Stop(Stop::NotUnderstood)),
            Err(Refusal::Halt(halt)) => return Err(halt),
        }
        let places: Vec<Place> = batch.iter().map(|b| b.place.clone()).collect();
        let code = if status == 413 { "too_large" } else { "malformed" };
        self.reporter
            .store()
            .run(move |store| {
                store.write(|tx| {
                    for place in &places {
                        tx.refuse(place, code)?;
                    }
                    add_untold(tx, places.len() as u32)?;
                    tx.answered(id, 200)
                })
            })
            .await
            .map_err(Halt::from)
    }

    /// Turns the end of a pass into what people and the next start may know.
    async fn conclude(&mut self, halt: Option<Halt>, delivered: u32) -> Pass {
        let store: Store = self.reporter.store().clone();
        let now = store.now();
        let before = self.status.borrow().clone();
        let pass = match halt {
            None => {
                self.backoff.reset();
                Pass::Done { delivered }
            }
            Some(Halt::Stop(stop)) => Pass::Stopped(stop),
            Some(Halt::Again(trouble, asked)) => Pass::Again { trouble, wait: self.backoff.next(asked) },
        };
        self.status.send_modify(|status| match pass {
            Pass::Again { trouble, wait } => {
                status.last_failure = Some(now);
                status.trouble = Some(trouble);
                status.failures = self.backoff.failures();
                status.next_try = Some(now.plus_ms(wait.as_millis() as i64));
            }
            Pass::Stopped(stop) => {
                status.last_failure = Some(now);
                status.stopped = Some(stop);
                status.trouble = None;
            }
            _ => {
                (status.trouble, status.stopped, status.next_try, status.failures) = (None, None, None, 0);
            }
        });
        // On disk only what is new: a desk without a network must not write with every try.
        let after = self.status.borrow().clone();
        if (before.trouble, before.stopped) != (after.trouble, after.stopped) {
            let saved = store.run(move |store| store.set(keys::DELIVERY, &after)).await;
            if let Err(error) = saved {
                tracing::warn!(%error, "how delivery goes could not be saved");
            }
            match pass {
                Pass::Again { trouble, .. } => {
                    tracing::warn!(why = trouble.words(), "delivery will be tried again")
                }
                Pass::Stopped(stop) => tracing::error!(why = stop.words(), "delivery stopped"),
                _ => tracing::info!("delivery works"),
            }
        }
        pass
    }
}

enum Refusal {
    Smaller(u16),
    Halt(Halt),
}

/// The answers that are for reports of this batch, each at most once.
fn matched(batch: &[Spooled], answer: &BatchAnswer) -> Vec<store::Answered> {
    let sent: std::collections::BTreeSet<&Place> = batch.iter().map(|b| &b.place).collect();
    let mut seen = std::collections::BTreeSet::new();
    answer
        .answers
        .iter()
        .map(|a| store::Answered {
            place: Place { epoch: a.epoch.clone(), lane: a.lane, seq: a.seq },
            answer: a.answer,
        })
        .filter(|a| sent.contains(&a.place) && seen.insert(a.place.clone()))
        .collect()
}

/// How far the desk's clock was ahead: the desk's time in the middle of the round trip, less the collector's.
fn offset(began: UnixMs, round_trip: Duration, theirs: UnixMs) -> Millis {
    let middle = began.get() as f64 + round_trip.as_secs_f64() * 500.0;
    Millis::new(middle - theirs.get() as f64)
}

/// Counts what was refused, so that an event can tell it; a refused telling is not told again.
fn count_refused(
    tx: &store::Tx<'_>,
    batch: &[Spooled],
    finals: &[store::Answered],
) -> Result<(), store::Error> {
    let refused = finals.iter().filter(|f| matches!(f.answer, Answer::Refused(_)));
    let count =
        refused.filter(|f| batch.iter().any(|b| b.place == f.place && !tells_refusals(&b.bytes))).count();
    add_untold(tx, count as u32)
}

fn add_untold(tx: &store::Tx<'_>, count: u32) -> Result<(), store::Error> {
    if count == 0 {
        return Ok(());
    }
    let before = tx.get(store::REFUSED_UNTOLD)?.unwrap_or(0);
    tx.set(store::REFUSED_UNTOLD, &before.saturating_add(count).min(1_000_000_000))
}

fn tells_refusals(report: &[u8]) -> bool {
    serde_json::from_slice::<Report>(report)
        .is_ok_and(|r| matches!(r.body, Body::Event(Event { event: EventKind::ReportsRefused, .. })))
}

/// An error with everything behind it, in one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |e| e.source());
    causes.fold(error.to_string(), |line, cause| format!("{line}: {cause}"))
}
