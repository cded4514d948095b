//! Runs probes: timeout, one in flight, a panic is that probe's failure.
//!
//! Owns who may be on the wire at the same time. Must not know schedules, verdicts or reports, and
//! must not judge what a probe found.

mod slot;
mod wire;

pub use wire::{Alone, Shared, WireLock};

use crate::probe::{Context, Medium, Probe, Progress};
use slot::Slot;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};
use telemetry::{Failure, NotChecked, Outcome, ProbeId, Reading};
use tokio::task::{JoinError, JoinSet};

/// Most time a probe gets, whatever it asks for: a mistake in a timeout must not hold up the wire for ever.
const LONGEST: Duration = Duration::from_secs(120);

/// What happens while probes run, for whoever shows it. It never leaves the desk.
#[derive(Debug, Clone, PartialEq)]
pub enum Happening {
    /// A probe is to be run, and waits for its turn.
    Waiting(ProbeId),
    /// A probe began.
    Started(ProbeId),
    /// A probe told how far it is.
    Progress(Progress),
    /// A probe ended, with these readings.
    Finished(ProbeId, Vec<Reading>),
}

/// Where happenings go. Called on the runtime's thread and on probes' threads: must not block.
pub type Listener = Arc<dyn Fn(Happening) + Send + Sync>;

/// What is to be done with each probe of one check. A probe in neither list is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// These are run.
    pub run: Vec<ProbeId>,
    /// These are not, and their reading says why.
    pub skip: Vec<(ProbeId, NotChecked)>,
}

impl Plan {
    /// Every probe is run.
    pub fn all() -> Self {
        Self { run: ProbeId::ALL.to_vec(), skip: Vec::new() }
    }

    /// Moves a probe from the ones to be run to the ones that are not.
    pub fn skip(&mut self, probe: ProbeId, why: NotChecked) {
        if let Some(i) = self.run.iter().position(|p| *p == probe) {
            self.run.remove(i);
            self.skip.push((probe, why));
        }
    }
}

/// Runs probes. One for each process: it knows what is in flight.
pub struct Supervisor {
    slots: Vec<Arc<Slot>>,
    wire: WireLock,
}

impl Supervisor {
    /// For these probes, which share this wire with delivery.
    pub fn new(probes: &[Probe], wire: WireLock) -> Self {
        Self { slots: probes.iter().map(|p| Arc::new(Slot::new(*p))).collect(), wire }
    }

    /// Runs a plan and gives back every reading, in the order of the registry. Dropping the future
    /// cancels what can be cancelled.
    pub async fn run(&self, plan: &Plan, context: &Context, listener: &Listener) -> Vec<Reading> {
        let mut tasks = JoinSet::new();
        let mut all: Vec<Vec<Reading>> = vec![Vec::new(); self.slots.len()];
        for (at, slot) in self.slots.iter().enumerate() {
            let id = slot.probe.id;
            if plan.run.contains(&id) {
                listener(Happening::Waiting(id));
                let (slot, wire, listener) = (slot.clone(), self.wire.clone(), listener.clone());
                let context = context.clone();
                tasks.spawn(async move {
                    let readings = run_one(&slot, &wire, context, &listener).await;
                    listener(Happening::Finished(id, readings.clone()));
                    (at, readings)
                });
            } else if let Some((_, why)) = plan.skip.iter().find(|(p, _)| *p == id) {
                let readings = vec![context.begin(id, None).finish(Outcome::NotChecked(*why))];
                listener(Happening::Finished(id, readings.clone()));
                all[at] = readings;
            }
        }
        while let Some(done) = tasks.join_next().await {
            // A task of ours does not panic: the probe's own task does, and that is a reading.
            if let Ok((at, readings)) = done {
                all[at] = readings;
            }
        }
        all.into_iter().flatten().collect()
    }
}

/// Waits for its turn, then runs one probe within its time.
async fn run_one(slot: &Slot, wire: &WireLock, context: Context, listener: &Listener) -> Vec<Reading> {
    let _in_flight = slot.turn().await;
    let _wire = match slot.probe.medium {
        Medium::Local => Hold::Nothing,
        Medium::Network => Hold::Shared(wire.shared().await),
        Medium::Stream | Medium::Microphone => Hold::Alone(wire.alone().await),
    };
    let id = slot.probe.id;
    let begun = context.begin(id, None);
    let failed = |why| vec![begun.clone().finish(Outcome::Failed(why))];
    if slot.still_hangs() {
        tracing::warn!(probe = %id, "not started: its last run still hangs");
        return failed(Failure::Timeout);
    }
    listener(Happening::Started(id));
    let context = Arc::new(with_progress(context, listener));
    slot.remember(&context);
    let Ok(timeout) = catch_unwind(AssertUnwindSafe(|| (slot.probe.timeout)(&context).min(LONGEST))) else {
        return failed(Failure::Panic);
    };
    let started = Instant::now();
    let run = slot.probe.run;
    // In a task of its own, so that a panic ends there. Dropping the set ends the task.
    let mut own = JoinSet::new();
    own.spawn(async move { run(context).await });
    let ended = tokio::time::timeout(timeout, own.join_next()).await;
    match ended {
        Ok(Some(Ok(readings))) if !readings.is_empty() => readings,
        Ok(Some(Err(e))) => failed(why_lost(&e)),
        Ok(Some(Ok(_)) | None) => failed(Failure::NoData),
        Err(_) => {
            tracing::warn!(probe = %id, after_ms = started.elapsed().as_millis() as u64, "ended: out of time");
            failed(Failure::Timeout)
        }
    }
}

/// What a probe holds while it runs. The fields are only held.
enum Hold {
    Nothing,
    Shared(#[allow(dead_code, reason = "held, not read")] Shared),
    Alone(#[allow(dead_code, reason = "held, not read")] Alone),
}

fn with_progress(mut context: Context, listener: &Listener) -> Context {
    let listener = listener.clone();
    context.progress = Arc::new(move |p| listener(Happening::Progress(p)));
    context
}

fn why_lost(e: &JoinError) -> Failure {
    if e.is_panic() { Failure::Panic } else { Failure::Timeout }
}

#[cfg(test)]
mod tests;
