//! Assembles what leaves the desk; nothing else may.
//!
//! From a body and what the desk knows of itself it makes a report, holds it to the wire's limit and
//! puts it into the spool together with its entry in history: both or neither. A desk that is
//! not enrolled keeps its history and spools nothing.

use crate::{
    identity::Identity,
    store::{self, Entry, Place, Store, keys},
};
use std::sync::{Arc, Mutex};
use telemetry::{
    Body, Consent, DeskId, Event, EventKind, Gap, Lane, Millis, PolicyRef, Report, SCHEMA_VERSION, UnixMs,
    Verdict, Version, limits,
};

/// Why a report was not made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// It is larger than the wire allows.
    #[error("a report of kind {kind} has {bytes} bytes; at most {most} may leave", most = limits::REPORT)]
    TooLarge {
        /// Its kind.
        kind: &'static str,
        /// Its size.
        bytes: usize,
    },
    /// It could not be written as JSON.
    #[error("a report could not be written as JSON")]
    Json(#[from] serde_json::Error),
}

/// What every report of a desk says about the desk.
#[derive(Debug, Clone, PartialEq)]
pub struct Desk {
    /// Its id.
    pub id: DeskId,
    /// Preshift's version.
    pub daemon: Version,
    /// The policy it is judged by.
    pub policy: PolicyRef,
    /// What the agent consented to.
    pub consent: Consent,
    /// How far its clock was ahead of the collector's.
    pub clock_offset: Option<Millis>,
}

impl Desk {
    /// The report that says this at its place.
    pub fn report(&self, place: &Place, at: UnixMs, body: Body) -> Report {
        Report {
            schema: SCHEMA_VERSION,
            desk: self.id.clone(),
            epoch: place.epoch.clone(),
            lane: place.lane,
            seq: place.seq,
            at,
            clock_offset: self.clock_offset,
            daemon: self.daemon.clone(),
            policy: self.policy.clone(),
            consent: self.consent,
            body,
        }
    }
}

/// A report as it travels, within the wire's limit.
pub fn encode(report: &Report) -> Result<Vec<u8>, ReportError> {
    let bytes = serde_json::to_vec(report)?;
    if bytes.len() > limits::REPORT {
        return Err(ReportError::TooLarge { kind: report.body.kind(), bytes: bytes.len() });
    }
    Ok(bytes)
}

/// Preshift's own version, as reports carry it.
pub fn own_version() -> Version {
    Version::from_loose(env!("CARGO_PKG_VERSION")).expect("a package's version begins with numbers")
}

/// The one way into the spool. Clones share it.
#[derive(Clone)]
pub struct Reporter(Arc<Inner>);

struct Inner {
    store: Store,
    identity: Arc<Identity>,
    policy: Mutex<PolicyRef>,
    urgent: tokio::sync::Notify,
}

impl Reporter {
    /// Makes one for a store and an identity, under the policy in force.
    pub fn new(store: Store, identity: Arc<Identity>, policy: PolicyRef) -> Self {
        Self(Arc::new(Inner {
            store,
            identity,
            policy: Mutex::new(policy),
            urgent: tokio::sync::Notify::new(),
        }))
    }

    /// From now on the desk is judged by this policy.
    pub fn set_policy(&self, policy: PolicyRef) {
        *self.0.policy.lock().unwrap_or_else(|e| e.into_inner()) = policy;
    }

    /// Who the desk is.
    pub fn identity(&self) -> &Arc<Identity> {
        &self.0.identity
    }

    /// The store behind it.
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// Waits until something was spooled that should not wait.
    pub(crate) async fn urgent(&self) {
        self.0.urgent.notified().await;
    }

    /// Remembers what happened now, and spools its report if the desk is enrolled. Blocks.
    pub fn report(&self, verdict: Option<Verdict>, body: Body) -> Result<Option<Place>, store::Error> {
        self.report_at(self.0.store.now(), verdict, body)
    }

    /// As `report`, for a moment that is past.
    pub fn report_at(
        &self,
        at: UnixMs,
        verdict: Option<Verdict>,
        body: Body,
    ) -> Result<Option<Place>, store::Error> {
        self.put(&Entry { at, verdict, body }, |_| Ok(()))
    }

    /// Something that happened and is no fault. Blocks.
    pub fn event(&self, event: EventKind) -> Result<Option<Place>, store::Error> {
        self.report(None, Body::Event(Event { event, duration: None, count: None }))
    }

    /// Something that happened, together with what it changes in the store: both or neither. Blocks.
    pub fn event_with(
        &self,
        event: EventKind,
        change: impl Fn(&store::Tx<'_>) -> Result<(), store::Error>,
    ) -> Result<(), store::Error> {
        let body = Body::Event(Event { event, duration: None, count: None });
        self.put(&Entry { at: self.0.store.now(), verdict: None, body }, change).map(drop)
    }

    /// Tells what the store remembers and nobody has said yet: that it was begun anew and, if `refused_too`,
    /// that reports were refused. Each is told and ticked off in one transaction. Says whether refusals
    /// were told. Blocks.
    pub fn tell(&self, refused_too: bool) -> Result<bool, store::Error> {
        let reset = self.0.store.untold_reset()?;
        let refused = if refused_too { self.0.store.get(store::REFUSED_UNTOLD)?.unwrap_or(0) } else { 0 };
        if (!reset && refused == 0) || self.0.identity.enrolment().is_none() {
            return Ok(false);
        }
        let at = self.0.store.now();
        self.0.store.write(|tx| {
            let Some(enrolment) = self.0.identity.enrolment() else { return Ok(()) };
            let desk = self.desk(&enrolment.desk, tx)?;
            let spool = |event, count| {
                let body = Body::Event(Event { event, duration: None, count });
                tx.spool(Lane::Priority, at, &|place| {
                    encode(&desk.report(place, at, body.clone())).map_err(Into::into)
                })
            };
            if reset {
                spool(EventKind::StoreReset, None)?;
                tx.reset_told()?;
            }
            if refused > 0 {
                spool(EventKind::ReportsRefused, Some(refused))?;
                tx.unset(store::REFUSED_UNTOLD)?;
            }
            Ok(())
        })?;
        self.0.urgent.notify_one();
        Ok(refused > 0)
    }

    fn put(
        &self,
        entry: &Entry,
        change: impl Fn(&store::Tx<'_>) -> Result<(), store::Error>,
    ) -> Result<Option<Place>, store::Error> {
        let lane = entry.body.lane();
        let enrolled = self.0.identity.enrolment().is_some();
        let intended: &[_] = if enrolled { &[(lane, entry.at)] } else { &[] };
        let place = self.0.store.write_reports(intended, |tx| {
            change(tx)?;
            tx.remember(entry)?;
            // Asked for inside the transaction: enrolling empties the spool before it changes who
            // the desk is, so that no report can carry one desk's id into another's epoch.
            let Some(enrolment) = self.0.identity.enrolment() else { return Ok(None) };
            let desk = self.desk(&enrolment.desk, tx)?;
            tx.spool(lane, entry.at, &|place| {
                encode(&desk.report(place, entry.at, entry.body.clone())).map_err(Into::into)
            })
            .map(Some)
        })?;
        if place.is_some() && lane == Lane::Priority {
            self.0.urgent.notify_one();
        }
        Ok(place)
    }

    /// Makes the report of a gap.
    pub(crate) fn gap(
        desk: &Desk,
        place: &Place,
        at: UnixMs,
        gap: &Gap,
    ) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        encode(&desk.report(place, at, Body::Gap(gap.clone()))).map_err(Into::into)
    }

    /// What the desk says about itself, as of this transaction.
    pub(crate) fn desk(&self, id: &DeskId, tx: &store::Tx<'_>) -> Result<Desk, store::Error> {
        Ok(Desk {
            id: id.clone(),
            daemon: own_version(),
            policy: self.0.policy.lock().unwrap_or_else(|e| e.into_inner()).clone(),
            consent: tx.get(keys::CONSENT)?.unwrap_or_default(),
            clock_offset: tx.get(keys::CLOCK_OFFSET)?,
        })
    }
}
