//! What was timed: samples with the moment at which each was complete, and what is still waited for.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Instant,
};

/// What is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A TCP handshake on a connection of its own.
    Tcp,
    /// A round trip of a TLS handshake.
    Tls,
    /// A small object on a connection of its own.
    Http,
    /// A small object on a connection that is loaded.
    Own,
}

/// Samples of one phase.
#[derive(Debug, Default)]
pub struct Notes(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    done: Vec<(Kind, Instant, f64)>,
    waiting: HashMap<u64, (Kind, Instant)>,
    next: u64,
    /// What the server says it received, and when it said so.
    arrived: Option<(Instant, u64)>,
}

/// Something that is being timed. Dropped without being done, it is not counted at all.
#[derive(Debug)]
pub struct Timing<'a> {
    notes: &'a Notes,
    number: u64,
    kind: Kind,
    began: Instant,
}

impl Notes {
    /// Begins to time something.
    pub fn begin(&self, kind: Kind) -> Timing<'_> {
        let began = Instant::now();
        let number = self.with(|inner| {
            inner.next += 1;
            inner.waiting.insert(inner.next, (kind, began));
            inner.next
        });
        Timing { notes: self, number, kind, began }
    }

    /// Notes how much the server has received.
    pub fn arrived(&self, bytes: u64) {
        let now = Instant::now();
        self.with(|inner| {
            // Answers may overtake each other.
            if inner.arrived.is_none_or(|(_, before)| before <= bytes) {
                inner.arrived = Some((now, bytes));
            }
        });
    }

    /// The last that the server said of it.
    pub fn last_arrived(&self) -> Option<(Instant, u64)> {
        self.with(|inner| inner.arrived)
    }

    /// All samples of a kind.
    pub fn of(&self, kind: Kind) -> Vec<f64> {
        self.with(|inner| inner.done.iter().filter(|d| d.0 == kind).map(|d| d.2).collect())
    }

    /// Samples of a kind that were complete between two moments, and how long others had waited by the
    /// second one.
    pub fn between(&self, kind: Kind, from: Instant, to: Instant) -> (Vec<f64>, Vec<f64>) {
        self.with(|inner| {
            let done = inner.done.iter().filter(|d| d.0 == kind && from <= d.1 && d.1 <= to).map(|d| d.2);
            let waiting = inner.waiting.values().filter(|w| w.0 == kind);
            let waited = waiting.map(|w| to.saturating_duration_since(w.1).as_secs_f64() * 1e3);
            (done.collect(), waited.collect())
        })
    }

    fn with<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Timing<'_> {
    /// It is done; `round_trips` of them it took.
    pub fn done(self, round_trips: u32) {
        let now = Instant::now();
        let ms = (now - self.began).as_secs_f64() * 1e3 / f64::from(round_trips.max(1));
        self.notes.with(|inner| inner.done.push((self.kind, now, ms)));
    }
}

impl Drop for Timing<'_> {
    fn drop(&mut self) {
        self.notes.with(|inner| inner.waiting.remove(&self.number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn what_waits_is_told_until_it_is_done_or_given_up() {
        let notes = Notes::default();
        let from = Instant::now();
        let (first, second) = (notes.begin(Kind::Tcp), notes.begin(Kind::Tcp));
        let later = from + Duration::from_secs(2);
        assert_eq!(notes.between(Kind::Tcp, from, later).1.len(), 2);
        assert!(notes.between(Kind::Tcp, from, later).1.iter().all(|w| *w > 1_900.0));
        drop(first);
        second.done(1);
        let (done, waiting) = notes.between(Kind::Tcp, from, later);
        assert_eq!((done.len(), waiting.len()), (1, 0));
        assert!(notes.between(Kind::Tls, from, later).0.is_empty());
        assert!(notes.between(Kind::Tcp, later, later).0.is_empty());
    }

    #[test]
    fn a_count_of_arrivals_never_goes_back() {
        let notes = Notes::default();
        notes.arrived(5);
        notes.arrived(3);
        assert_eq!(notes.last_arrived().map(|a| a.1), Some(5));
    }
}
