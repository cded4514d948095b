//! One probe's place: what is in flight, and what still hangs from before.

use crate::probe::{Context, Probe};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// One probe's place.
pub struct Slot {
    /// The probe.
    pub probe: Probe,
    turn: tokio::sync::Mutex<()>,
    last: Mutex<Weak<Context>>,
}

impl Slot {
    /// A place where nothing runs.
    pub fn new(probe: Probe) -> Self {
        Self { probe, turn: tokio::sync::Mutex::new(()), last: Mutex::new(Weak::new()) }
    }

    /// Waits until no other run of this probe is in flight.
    pub async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Remembers the context of the run that begins now.
    pub fn remember(&self, context: &Arc<Context>) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(context);
    }

    /// Whether the last run was ended by its timeout and yet goes on, on a blocked thread that
    /// nobody can cancel. Such a thread keeps its run's context alive. Without this a probe that
    /// always hangs would leave one more thread behind with each round.
    pub fn still_hangs(&self) -> bool {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).strong_count() > 0
    }
}
