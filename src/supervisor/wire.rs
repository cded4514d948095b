//! Who may send packets. A media stream is measured with nothing else of ours on the wire, so
//! everything that sends takes this lock: probes through the supervisor, delivery by itself.
//!
//! First come, first served: a stream that waits is not overtaken by new uploads. An upload that
//! is slow gives way, for it can be sent again and a person may be waiting for the stream.

use std::{future::Future, sync::Arc, time::Duration};
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock, watch};

/// How long an exchange may go on once somebody waits to be alone. Most end within it.
const GIVES_WAY: Duration = Duration::from_secs(3);

/// The wire, shared by everything in this process that sends.
#[derive(Debug, Clone)]
pub struct WireLock {
    lock: Arc<RwLock<()>>,
    /// How many wait to be alone, or are.
    wanted: watch::Sender<usize>,
}

/// The right to send beside others.
#[derive(Debug)]
pub struct Shared(#[allow(dead_code, reason = "held, not read")] OwnedRwLockReadGuard<()>);

/// The right to be the only one.
#[derive(Debug)]
pub struct Alone {
    _guard: OwnedRwLockWriteGuard<()>,
    _wants: Wants,
}

/// Somebody wants the wire for themselves, until this is dropped.
#[derive(Debug)]
struct Wants(watch::Sender<usize>);

impl Drop for Wants {
    fn drop(&mut self) {
        self.0.send_modify(|n| *n -= 1);
    }
}

impl Default for WireLock {
    fn default() -> Self {
        Self { lock: Arc::default(), wanted: watch::Sender::new(0) }
    }
}

impl WireLock {
    /// A wire that nobody uses yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Waits until nobody is alone on the wire. For what ends soon by itself, as a probe does.
    pub async fn shared(&self) -> Shared {
        Shared(self.lock.clone().read_owned().await)
    }

    /// Waits until nobody else is on the wire.
    pub async fn alone(&self) -> Alone {
        self.wanted.send_modify(|n| *n += 1);
        let wants = Wants(self.wanted.clone());
        Alone { _guard: self.lock.clone().write_owned().await, _wants: wants }
    }

    /// Does an exchange beside others, such as an upload. It is dropped, and `None` given back, if
    /// somebody waits to be alone and it does not end soon.
    pub async fn exchange<T>(&self, exchange: impl Future<Output = T>) -> Option<T> {
        let _shared = self.shared().await;
        let mut wanted = self.wanted.subscribe();
        let gives_way = async {
            // The sender is in `self`: waiting cannot fail.
            let _ = wanted.wait_for(|n| *n > 0).await;
            tokio::time::sleep(GIVES_WAY).await;
        };
        tokio::select! {
            biased;
            done = exchange => Some(done),
            () = gives_way => None,
        }
    }
}
