//! The one thing that is measured now, and the checks that wait for it.

use super::for_agent;
use crate::{
    control::{Answer, Doing, Refusal, Replies, Step},
    desk::{Desk, Order},
    schedule::Moment,
    store,
    supervisor::Listener,
};
use readiness::Policy;
use std::{future::Future, pin::Pin, sync::Arc};
use telemetry::{Change, ProbeId, Readiness, Reading};

/// How a piece of work ended.
pub enum Done {
    /// A check.
    Checked(Result<Readiness, store::Error>),
    /// A measurement in between.
    Measured(Result<(Vec<Reading>, Vec<Change>), store::Error>),
    /// Nobody wants to know any more.
    Abandoned,
}

/// A self-check that waits.
pub struct Waiting {
    pub order: Order,
    pub replies: Replies,
}

/// The one thing that is measured now. Dropping it cancels it.
pub struct Work {
    /// When it began.
    pub began: Moment,
    /// What it is.
    pub doing: Doing,
    /// Whether the microphone may be opened in it by the daemon's own decision.
    pub background_microphone: bool,
    remembers: bool,
    replies: Option<Replies>,
    future: Pin<Box<dyn Future<Output = Done>>>,
}

impl Work {
    /// A check; its steps and result go to `replies`, if somebody asked for it.
    pub fn check(
        desk: Arc<Desk>,
        policy: Arc<Policy>,
        order: Order,
        replies: Option<Replies>,
        began: Moment,
    ) -> Self {
        let to = replies.clone();
        let listener: Listener = Arc::new(move |happening| {
            if let (Some(to), Some(step)) = (&to, Step::of(&happening)) {
                to.send(Answer::Step(step));
            }
        });
        let gone = replies.clone();
        let doing = Doing::Checking(order.trigger);
        let (remembers, agent) = (order.remember, for_agent(order.trigger));
        let noise = order.plan.run.contains(&ProbeId::Noise);
        let future = Box::pin(async move {
            let gone = async {
                match gone {
                    Some(replies) => replies.closed().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                checked = desk.check(&order, policy, &listener) => Done::Checked(checked),
                () = gone => Done::Abandoned,
            }
        });
        Self { began, doing, background_microphone: noise && !agent, remembers, replies, future }
    }

    /// A measurement in between.
    pub fn measure(desk: Arc<Desk>, policy: Arc<Policy>, probes: Vec<ProbeId>, began: Moment) -> Self {
        let background_microphone = probes.contains(&ProbeId::Noise);
        let future = Box::pin(async move { Done::Measured(desk.measure(probes, policy).await) });
        Self {
            began,
            doing: Doing::Measuring,
            background_microphone,
            remembers: false,
            replies: None,
            future,
        }
    }

    /// Whether the agent asked for it.
    pub fn is_for_agent(&self) -> bool {
        self.replies.is_some()
    }

    /// Whether its result is kept.
    pub fn remembers(&self) -> bool {
        self.remembers
    }

    /// Gives the result to whoever asked.
    pub fn answer(self, result: Result<Readiness, store::Error>) {
        if let Some(replies) = self.replies {
            replies.send(match result {
                Ok(readiness) => Answer::Checked(Box::new(readiness)),
                Err(_) => Answer::Refused(Refusal::Store),
            });
        }
    }
}

/// Goes on with the work; waits for ever if there is none.
pub async fn progress(work: &mut Option<Work>) -> Done {
    match work {
        Some(work) => work.future.as_mut().await,
        None => std::future::pending().await,
    }
}
