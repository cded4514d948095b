//! A table that never grows beyond its bound: what is idle goes, and when it is full the entry
//! that was silent longest makes room.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
    time::Duration,
};

/// Entries with the time of their last use. The queue holds each key once, with the use known when
/// it was queued: a key found at the front that was used since goes to the back again (second
/// chance), so that every operation costs a constant on average.
pub(crate) struct Table<K, V> {
    bound: usize,
    idle: Duration,
    entries: HashMap<K, (V, Duration)>,
    queue: VecDeque<(K, Duration)>,
    displaced: u64,
}

impl<K: Copy + Eq + Hash, V> Table<K, V> {
    pub(crate) fn new(bound: usize, idle: Duration) -> Self {
        Self { bound: bound.max(1), idle, entries: HashMap::new(), queue: VecDeque::new(), displaced: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Entries that had to make room before they were idle.
    pub(crate) fn displaced(&self) -> u64 {
        self.displaced
    }

    /// The entry of `key`, new if it has none or was idle, used now.
    pub(crate) fn touch(&mut self, key: K, now: Duration, new: impl Fn() -> V) -> &mut V {
        // Two for each use: faster than entries can be added, so idle ones cannot pile up.
        self.sweep(now);
        self.sweep(now);
        if !self.entries.contains_key(&key) {
            while self.entries.len() >= self.bound {
                self.displace();
            }
            self.queue.push_back((key, now));
        }
        let idle = self.idle;
        let (value, used) = self.entries.entry(key).or_insert_with(|| (new(), now));
        if now.saturating_sub(*used) > idle {
            *value = new();
        }
        *used = now;
        value
    }

    fn sweep(&mut self, now: Duration) {
        if self.queue.front().is_none_or(|(_, used)| now.saturating_sub(*used) <= self.idle) {
            return;
        }
        let Some((key, _)) = self.queue.pop_front() else { return };
        match self.entries.get(&key) {
            Some(&(_, used)) if now.saturating_sub(used) <= self.idle => self.queue.push_back((key, used)),
            _ => drop(self.entries.remove(&key)),
        }
    }

    fn displace(&mut self) {
        while let Some((key, known)) = self.queue.pop_front() {
            match self.entries.get(&key) {
                Some(&(_, used)) if used > known => self.queue.push_back((key, used)),
                _ => {
                    self.entries.remove(&key);
                    self.displaced += 1;
                    return;
                }
            }
        }
    }
}
