//! Echoes along the way: by the echo functions of Windows, which need no rights and tell of routers where echoes died.
//!
//! Each call waits for its answer, so a few threads take turns: a lost echo holds up one of them and not the pace.

use super::gateway::{self, Reply};
use crate::network::{
    echo_replies::{self, Said},
    path::{Ask, Sampled},
};
use std::{
    net::IpAddr,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// A second's wait for an answer, and an echo every 100 ms, is what ten of them could keep up when all are lost; three
/// do when one in three is.
const THREADS: usize = 3;
/// What comes later is lost for a call.
const LATEST_MS: u32 = 1_000;

/// Asks until `end`; none where this user may not.
pub fn sample(ask: &Ask, end: &AtomicBool) -> Option<Sampled> {
    gateway::can_ask(ask.to).then_some(())?;
    let found = Mutex::new(Sampled::default());
    let (next, begin) = (AtomicUsize::new(0), Instant::now() + ask.first);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| turn(ask, end, &next, begin, &found));
        }
    });
    Some(found.into_inner().unwrap_or_else(PoisonError::into_inner))
}

fn turn(ask: &Ask, end: &AtomicBool, next: &AtomicUsize, begin: Instant, found: &Mutex<Sampled>) {
    while !end.load(Ordering::Relaxed) {
        let due = begin + ask.every * next.fetch_add(1, Ordering::Relaxed) as u32;
        while Instant::now() < due {
            if end.load(Ordering::Relaxed) {
                return;
            }
            thread::sleep(due.saturating_duration_since(Instant::now()).min(Duration::from_millis(20)));
        }
        let sent = Instant::now();
        let reply = gateway::send(ask.interface.unwrap_or(0), ask.to, ask.hops, LATEST_MS);
        let around = sent.elapsed();
        let wanted = if ask.hops.is_some() { Said::Expired } else { Said::Answered };
        let answer = reply.and_then(|Reply { family, bytes }| {
            let (said, ms) = echo_replies::read(family, &bytes)?;
            (said == wanted).then(|| (echo_replies::time(ms, around), echo_replies::from(family, &bytes)))
        });
        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
        found.sent += 1;
        if let Some((time, from)) = answer {
            found.answered += 1;
            found.times.push(time.as_secs_f64() * 1e3);
            found.from = from.or(found.from) as Option<IpAddr>;
        }
    }
}
