//! Echoes beside the stream: to the router itself, to the provider's, and where the stream's own packets cannot be
//! made to die on the way and tell, to the target with few hops to live.
//!
//! Each point has a thread of its own, for asking may block. They are staggered: packets sent at once queue behind each
//! other, and would read as delay.

use crate::platform;
use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// Between two echoes of one point.
const EVERY: Duration = Duration::from_millis(100);
/// Between the first echoes of two points: none of them falls on one of the stream's own, which leave every 10 ms.
const APART: Duration = Duration::from_millis(23);

/// Whom to ask, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    /// Whom.
    pub to: IpAddr,
    /// The interface of a link-local address, and the one to leave by where the system can be told.
    pub interface: Option<u32>,
    /// How far the echo may go; none for as far as it takes.
    pub hops: Option<u8>,
    /// How long to wait before the first.
    pub first: Duration,
    /// How long from one to the next.
    pub every: Duration,
}

/// What became of the packets for one point.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sampled {
    /// Packets sent.
    pub sent: usize,
    /// Packets answered.
    pub answered: usize,
    /// Round trips in milliseconds; of some answers there may be none.
    pub times: Vec<f64>,
    /// Who answered.
    pub from: Option<IpAddr>,
}

/// Echoes that go on until they are collected.
#[derive(Default)]
pub struct Beside {
    end: Arc<AtomicBool>,
    threads: Vec<(Ask, JoinHandle<Option<Sampled>>)>,
}

impl Beside {
    /// Begins to ask somebody, if nobody asks them yet.
    pub fn ask(&mut self, to: IpAddr, interface: Option<u32>, hops: Option<u8>) {
        if self.threads.iter().any(|(ask, _)| (ask.to, ask.hops) == (to, hops)) {
            return;
        }
        let first = APART * (self.threads.len() as u32 + 1);
        let ask = Ask { to, interface, hops, first, every: EVERY };
        let end = self.end.clone();
        let thread =
            thread::Builder::new().name("echo".into()).spawn(move || platform::path::sample(&ask, &end));
        // Without a thread there is one point less: nothing that depends on it is told.
        self.threads.extend(thread.ok().map(|thread| (ask, thread)));
    }

    /// Ends all of it: what became of each. A point that this user may not ask is left out.
    pub fn collect(mut self) -> Vec<(Ask, Sampled)> {
        self.end.store(true, Ordering::Relaxed);
        let threads = std::mem::take(&mut self.threads);
        threads.into_iter().filter_map(|(ask, thread)| Some((ask, thread.join().ok()??))).collect()
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
    }
}
