//! What a reflector did: numbers only, nothing about anybody.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A snapshot of what a reflector did since it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Datagrams that came.
    pub received: u64,
    /// Replies that were sent.
    pub reflected: u64,
    /// Datagrams that were no request.
    pub garbage: u64,
    /// Requests that came with too little left of their TTL.
    pub low_ttl: u64,
    /// Requests over a rate.
    pub limited: u64,
    /// Failures of the socket.
    pub errors: u64,
    /// Sessions now.
    pub sessions: u64,
    /// Sessions that had to make room for others.
    pub displaced: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Count {
    received: AtomicU64,
    reflected: AtomicU64,
    garbage: AtomicU64,
    low_ttl: AtomicU64,
    limited: AtomicU64,
    errors: AtomicU64,
    sessions: AtomicU64,
    displaced: AtomicU64,
}

impl Count {
    pub(crate) fn read(&self) -> Counters {
        Counters {
            received: self.received.load(Relaxed),
            reflected: self.reflected.load(Relaxed),
            garbage: self.garbage.load(Relaxed),
            low_ttl: self.low_ttl.load(Relaxed),
            limited: self.limited.load(Relaxed),
            errors: self.errors.load(Relaxed),
            sessions: self.sessions.load(Relaxed),
            displaced: self.displaced.load(Relaxed),
        }
    }

    pub(crate) fn received(&self) {
        self.received.fetch_add(1, Relaxed);
    }
    pub(crate) fn reflected(&self) {
        self.reflected.fetch_add(1, Relaxed);
    }
    pub(crate) fn garbage(&self) {
        self.garbage.fetch_add(1, Relaxed);
    }
    pub(crate) fn low_ttl(&self) {
        self.low_ttl.fetch_add(1, Relaxed);
    }
    pub(crate) fn limited(&self) {
        self.limited.fetch_add(1, Relaxed);
    }
    pub(crate) fn error(&self) {
        self.errors.fetch_add(1, Relaxed);
    }
    pub(crate) fn sessions(&self, now: usize, displaced: u64) {
        self.sessions.store(now as u64, Relaxed);
        self.displaced.store(displaced, Relaxed);
    }
}
