//! Fetching the assignment: at the start, when an answer names another one, and once an hour.

use super::{
    assignment::{self, InForce, StoredAssignment},
    classify::{Action, classify},
    client::Ask,
    pass::{Deliverer, Halt},
};
use crate::{
    identity::Enrolment,
    store::{Outgoing, keys},
};
use reqwest::Method;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use telemetry::{Digest, EventKind};

/// Where the assignment is.
pub(super) const ASSIGNMENT: &str = "/v1/assignment";
/// Also a desk that has nothing to send hears of new shifts.
const EVERY: Duration = Duration::from_secs(3_600);

/// When the assignment should be fetched.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    checked: Option<Instant>,
    /// The collector named this one.
    named: Option<Digest>,
    /// This one is not valid; fetching it again would not help.
    refused: Option<Digest>,
}

impl Wanted {
    /// Whether it should be fetched now.
    pub fn is_due(&self) -> bool {
        self.named.is_some() || self.checked.is_none_or(|at| at.elapsed() >= EVERY)
    }

    /// An answer named this one.
    pub fn named(&mut self, named: Option<Digest>, in_force: Option<&Digest>) {
        self.named = named.filter(|d| Some(d) != in_force && Some(d) != self.refused.as_ref());
    }

    /// Another enrolment: nothing is known.
    pub fn forget(&mut self) {
        *self = Self::default();
    }
}

impl Deliverer {
    /// Fetches the assignment unless the desk has it, and puts it in force if it is valid.
    pub(super) async fn fetch_assignment(&mut self, enrolment: &Arc<Enrolment>) -> Result<(), Halt> {
        self.take_over_stored().await?;
        let known = self.in_force.borrow().digest.as_ref().map(|d| format!("\"{d}\""));
        let out = Outgoing { method: "GET", path: ASSIGNMENT, reports: 0, bytes: &[] };
        let id = self.reporter.store().run(move |store| store.write(|tx| tx.leaving(&out))).await?;
        let ask = Ask {
            method: Method::GET,
            path: ASSIGNMENT,
            body: Vec::new(),
            encoding: None,
            known: known.as_deref(),
        };
        let answered = self.ask(enrolment, ask, id).await?;
        if answered.status == 304 && known.is_some() {
            self.settled();
            return Ok(());
        }
        match classify(answered.status, answered.code()) {
            Action::Accept => {}
            Action::Again(trouble) => return Err(Halt::Again(trouble, answered.retry_after)),
            Action::Stop(stop) => return Err(Halt::Stop(stop)),
            // A request without a body cannot be smaller: this is no collector we know.
            Action::Smaller => return Err(Halt::Stop(super::Stop::NotUnderstood)),
        }
        let status = answered.status;
        self.reporter.store().run(move |store| store.write(|tx| tx.answered(id, status))).await?;
        let Some(digest) = answered.tag.as_deref().and_then(assignment::tag_digest) else {
            // Without its tag it is not a collector's answer: a sign-in page says 200 as well.
            return Err(Halt::Again(super::Trouble::NotACollector, None));
        };
        match assignment::read(&answered.body) {
            Ok(assignment) => {
                let at = self.reporter.store().now();
                self.put_in_force(StoredAssignment { digest, at, assignment }).await?;
            }
            Err(why) => {
                tracing::error!(%why, "the collector's assignment is not valid; the one before it stays");
                self.assignment.refused = Some(digest);
                self.status.send_modify(|status| status.assignment_refused = Some(why));
            }
        }
        self.settled();
        Ok(())
    }

    /// Enrolling has stored an assignment already: it is in force from now on.
    async fn take_over_stored(&mut self) -> Result<(), Halt> {
        if self.in_force.borrow().digest.is_some() {
            return Ok(());
        }
        let loaded = self.reporter.store().run(|store| InForce::load(store, true)).await?;
        if loaded.digest.is_some() {
            self.reporter.set_policy(loaded.policy.reference());
            self.in_force.send_replace(loaded);
        }
        Ok(())
    }

    /// For tests that are about something else.
    #[cfg(test)]
    pub(super) fn assignment_is_fresh(&mut self) {
        self.settled();
    }

    fn settled(&mut self) {
        self.assignment.checked = Some(Instant::now());
        self.assignment.named = None;
    }

    async fn put_in_force(&mut self, stored: StoredAssignment) -> Result<(), Halt> {
        let reporter = self.reporter.clone();
        let in_force = InForce::from_stored(stored.clone());
        let policy = in_force.policy.reference();
        self.reporter
            .store()
            .run(move |_| {
                // From here on reports name the new policy; the event is the first of them.
                reporter.set_policy(policy);
                reporter.event_with(EventKind::AssignmentChanged, |tx| tx.set(keys::ASSIGNMENT, &stored))
            })
            .await?;
        self.assignment.refused = None;
        self.status.send_modify(|status| status.assignment_refused = None);
        self.in_force.send_replace(in_force);
        tracing::info!("a new assignment is in force");
        Ok(())
    }

    /// A desk without a collector goes by what is built in.
    pub(super) fn not_enrolled(&mut self) {
        if self.in_force.borrow().digest.is_some() {
            let builtin = InForce::builtin();
            self.reporter.set_policy(builtin.policy.reference());
            self.in_force.send_replace(builtin);
        }
        self.assignment.forget();
        self.rest();
    }
}
