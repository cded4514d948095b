//! What the daemon does for commands.

use super::{
    Daemon, moment,
    work::{Waiting, Work},
};
use crate::{
    control::{Answer, Asked, ConsentUse, Doing, Refusal, Replies, Request, Status, Successor},
    deliver::{self, EnrollError},
    desk::{Desk, Order, does_not_fit},
    random::Random,
    report::own_version,
    schedule::Pause,
    store,
};
use std::sync::Arc;
use telemetry::{ConsentState, EnrollCode, UnixMs};
use url::Url;

/// Self-checks that wait at most; more is somebody's script gone wrong.
const WAITING: usize = 4;

impl Daemon {
    /// Does what a command asks.
    pub(super) async fn command(&mut self, asked: Asked) {
        let Asked { request, replies } = asked;
        if let Some(order) = Order::of(&request) {
            return self.self_check(order, replies);
        }
        match request {
            Request::Status => replies.send(Answer::Status(self.status())),
            Request::Pause { until } => {
                // First the microphone, then the disk.
                self.pause = Pause::from_stored(Some(until));
                self.close_microphone();
                self.kept(&replies, move |desk| desk.pause(until)).await;
            }
            Request::Resume => {
                self.kept(&replies, Desk::resume).await;
                self.pause = Pause::No;
            }
            Request::Consent { about, given } => {
                if !given && about == ConsentUse::Background {
                    self.consent.background = ConsentState::Withdrawn;
                    self.close_microphone();
                }
                self.kept(&replies, move |desk| desk.consent(about, given)).await;
                let store = self.desk.store.clone();
                let read = store.run(|store| store.get(store::keys::CONSENT)).await;
                // If it cannot be read, the safe reading is no.
                self.consent = read.ok().flatten().unwrap_or_default();
            }
            // These wait for the network: not in the loop.
            Request::Enroll { collector, code } => {
                let (desk, busy) = (self.desk.clone(), self.answering.clone());
                tokio::spawn(async move {
                    enroll(desk, collector, code, replies).await;
                    drop(busy);
                });
            }
            Request::Unenroll => {
                let (desk, busy) = (self.desk.clone(), self.answering.clone());
                tokio::spawn(async move {
                    unenroll(desk, replies).await;
                    drop(busy);
                });
            }
            Request::Upgraded => {
                self.upgrade.look_now();
                replies.send(Answer::Done);
            }
            // A check was begun above; an end is the loop's.
            Request::Check(_) | Request::Stop => {}
        }
    }

    /// The agent's check goes before the schedule's, and after another of the agent's.
    fn self_check(&mut self, order: Order, replies: Replies) {
        if self.waiting.len() >= WAITING {
            return replies.send(Answer::Refused(Refusal::Busy));
        }
        if self.work.as_ref().is_some_and(|w| w.doing == Doing::Measuring) {
            self.work = None;
        }
        self.waiting.push(Waiting { order, replies });
    }

    /// The next self-check that waits, if nothing is measured now.
    pub(super) fn next_waiting(&mut self) -> Option<Work> {
        self.waiting.retain(|w| !w.replies.is_closed());
        if self.work.is_some() || self.waiting.is_empty() {
            return None;
        }
        let Waiting { mut order, replies } = self.waiting.remove(0);
        let policy = match order.policy(&self.policy) {
            Ok(policy) => policy,
            Err(error) => {
                replies.send(Answer::Failed(does_not_fit(&error)));
                return self.next_waiting();
            }
        };
        let now = moment(&self.desk);
        order.shift = self.window(now.utc).map(|s| s.id.clone());
        Some(Work::check(self.desk.clone(), policy, order, Some(replies), now))
    }

    /// A microphone that the daemon opened closes at once when it may no longer be open.
    fn close_microphone(&mut self) {
        let allowed = self.microphone(self.desk.now()).is_ok();
        if !allowed && self.work.as_ref().is_some_and(|w| w.background_microphone) {
            self.work = None;
        }
    }

    async fn kept(
        &self,
        replies: &Replies,
        work: impl FnOnce(&Desk) -> Result<(), store::Error> + Send + 'static,
    ) {
        let desk = self.desk.clone();
        match desk.clone().store.run(move |_| work(&desk)).await {
            Ok(()) => replies.send(Answer::Done),
            Err(error) => {
                tracing::error!(%error, "a command could not be kept");
                replies.send(Answer::Refused(Refusal::Store));
            }
        }
    }

    fn status(&self) -> Status {
        let now: UnixMs = self.desk.now();
        Status {
            daemon: own_version(),
            process: std::process::id(),
            since: self.since,
            doing: self.work.as_ref().map_or(Doing::Waiting, |w| w.doing),
            next: self.next(now),
            last: self.verdict,
            successor: self
                .upgrade
                .version()
                .map(|version| Successor { version: version.clone(), after: self.waits_until(now) }),
        }
    }

    /// Whether something is being done that must come to its end.
    pub(super) fn is_busy(&self) -> bool {
        self.work.is_some() || !self.waiting.is_empty() || Arc::strong_count(&self.answering) > 1
    }
}

async fn enroll(desk: Arc<Desk>, collector: Url, code: EnrollCode, replies: Replies) {
    let delivery = desk.delivery();
    let done = deliver::enroll(&desk.reporter, &delivery, &Random::system(), &collector, &code).await;
    replies.send(done.map_or_else(|e| Answer::Failed(said(e)), Answer::Enrolled));
}

async fn unenroll(desk: Arc<Desk>, replies: Replies) {
    let done = deliver::unenroll(&desk.reporter, &desk.delivery(), &Random::system()).await;
    replies.send(done.map_or_else(|e| Answer::Failed(said(e)), Answer::Unenrolled));
}

/// An error with its causes, for the agent.
pub(crate) fn said(error: EnrollError) -> String {
    anyhow::Error::from(error).chain().map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
