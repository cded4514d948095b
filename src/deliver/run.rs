//! When to send: at once what is urgent, every few minutes what is routine, and later what failed.

use super::{
    classify::Trouble,
    pass::{Deliverer, Pass},
};
use std::{future::Future, sync::Arc, time::Duration};

/// A wait longer than this is spent without client, connection and certificates in memory.
const REST: Duration = Duration::from_secs(20);

/// Tells a waiting deliverer that the network may be back: on wake, or when the link changed.
#[derive(Clone, Debug)]
pub struct Nudge(Vec<Arc<tokio::sync::Notify>>);

impl Nudge {
    pub(super) fn of(one: Arc<tokio::sync::Notify>) -> Self {
        Self(vec![one])
    }

    /// Wakes another one as well.
    pub fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Try now.
    pub fn nudge(&self) {
        self.0.iter().for_each(|one| one.notify_one());
    }
}

impl Deliverer {
    /// A way to wake it.
    pub fn nudge(&self) -> Nudge {
        Nudge::of(self.nudge.clone())
    }

    /// Delivers until `shutdown` is ready. Whatever is under way then is dropped: it is on disk.
    pub async fn run(mut self, shutdown: impl Future<Output = ()>) {
        tokio::pin!(shutdown);
        let mut enrolment = self.reporter.identity().follow();
        let reporter = self.reporter.clone();
        let nudge = self.nudge.clone();
        let pace = self.settings.pace.clone();
        loop {
            enrolment.mark_unchanged();
            let pass = tokio::select! {
                biased;
                () = &mut shutdown => return,
                pass = self.pass() => pass,
            };
            let (wait, urgent_may) = match pass {
                Pass::Done { .. } => (self.backoff.spread(pace.routine), Some(Duration::ZERO)),
                Pass::NotEnrolled => (self.backoff.spread(pace.stopped), None),
                Pass::Stopped(_) => (self.backoff.spread(pace.stopped), None),
                Pass::Again { trouble: Trouble::Unreachable, wait } => {
                    (wait, Some(self.backoff.spread(pace.urgent)))
                }
                Pass::Again { wait, .. } => (wait, None),
            };
            if wait > REST {
                self.rest();
            }
            let urgent = async {
                match urgent_may {
                    Some(after) => {
                        reporter.urgent().await;
                        tokio::time::sleep(after).await;
                    }
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = &mut shutdown => return,
                changed = enrolment.changed() => match changed {
                    Ok(()) => {
                        self.backoff.reset();
                        self.assignment.forget();
                    }
                    Err(_) => return,
                },
                () = nudge.notified() => self.backoff.reset(),
                () = urgent => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }
}
