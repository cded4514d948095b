//! One direction of a link at work: frames in, frames out when they are due.

use crate::{
    Direction, Shape, frame,
    random::Pattern,
    record::{Fate, Record},
};
use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    fs::File,
    io::{Read, Write},
    os::fd::AsRawFd,
    ptr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// How often the thread looks whether it should end or its shape changed, when nothing comes.
const PATIENCE: u64 = 50_000_000;
/// The last stretch before a release is spent awake: a sleep would end after it.
const SPIN: u64 = 60_000;

/// A frame on its way. Ordered by when it is due, then by when it came.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    due: u64,
    number: u64,
    record: usize,
    arrived: u64,
    frame: Vec<u8>,
}

pub(crate) struct Pump {
    from: Arc<File>,
    to: Arc<File>,
    direction: Arc<Direction>,
    end: Arc<AtomicBool>,
    shape: Shape,
    changes: u64,
    pattern: Pattern,
    waiting: BinaryHeap<Reverse<Waiting>>,
    number: u64,
    /// When the link has sent what it has, at its rate.
    free: u64,
    /// When the last frame is due: without reordering none may come before it.
    last_due: u64,
}

impl Pump {
    pub(crate) fn new(
        from: Arc<File>,
        to: Arc<File>,
        direction: Arc<Direction>,
        end: Arc<AtomicBool>,
    ) -> Self {
        let shape = direction.shape();
        let pattern = Pattern::new(shape.seed);
        let changes = direction.changes();
        let waiting = BinaryHeap::new();
        Self { from, to, direction, end, shape, changes, pattern, waiting, number: 0, free: 0, last_due: 0 }
    }

    pub(crate) fn run(mut self) {
        be_punctual();
        let mut buffer = vec![0; 65_536 + 64];
        while !self.end.load(Ordering::Relaxed) {
            self.wait();
            self.look_for_changes();
            // Non-blocking: ends with an error when nothing is left.
            while let Ok(length) = (&*self.from).read(&mut buffer) {
                self.take(&mut buffer[..length]);
            }
            self.release();
        }
    }

    /// Until a frame comes or is nearly due.
    fn wait(&self) {
        let now = now();
        let due = self.waiting.peek().map_or(u64::MAX, |Reverse(w)| w.due);
        let nanos = due.saturating_sub(now).saturating_sub(SPIN).min(PATIENCE);
        let mut poll = libc::pollfd { fd: self.from.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        let time = libc::timespec { tv_sec: 0, tv_nsec: nanos as libc::c_long };
        // SAFETY: one pollfd and a timespec that outlive the call; no signal mask is changed.
        unsafe { libc::ppoll(&raw mut poll, 1, &raw const time, ptr::null()) };
    }

    fn look_for_changes(&mut self) {
        let changes = self.direction.changes();
        if changes != self.changes {
            self.changes = changes;
            self.shape = self.direction.shape();
            self.pattern = Pattern::new(self.shape.seed);
            self.free = 0;
        }
    }

    fn take(&mut self, frame: &mut [u8]) {
        let arrived = now();
        if !frame::is_data(frame) {
            // Whether a full queue on the other side drops it is as on any network.
            let _ = (&*self.to).write(frame);
            return;
        }
        // A shape set before this packet came holds for it, though the thread slept until now.
        self.look_for_changes();
        let draw = self.pattern.draw(&self.shape);
        let identity = frame::identity(frame);
        let mut record =
            Record { identity, arrived, fate: Fate::Passed, due: arrived, released: None, copies: 0 };
        if draw.lost {
            self.direction.note(Record { fate: Fate::Lost, ..record });
            return;
        }
        let bits = frame.len() as u64 * 8;
        if let Some(sending) = (bits * 1_000_000_000).checked_div(self.shape.rate) {
            let start = self.free.max(arrived);
            if start - arrived > self.shape.queue.as_nanos() as u64 {
                self.direction.note(Record { fate: Fate::QueueFull, ..record });
                return;
            }
            self.free = start + sending;
            record.due = self.free;
        }
        record.due += draw.delay.as_nanos() as u64;
        if !self.shape.reorder {
            record.due = record.due.max(self.last_due + 1);
        }
        self.last_due = self.last_due.max(record.due);
        if self.shape.clear_dscp {
            frame::clear_dscp(frame);
        }
        let at = self.direction.note(record);
        for _ in 0..1 + u8::from(draw.duplicate) {
            self.number += 1;
            let frame = frame.to_vec();
            self.waiting.push(Reverse(Waiting {
                due: record.due,
                number: self.number,
                record: at,
                arrived,
                frame,
            }));
        }
    }

    fn release(&mut self) {
        while self.waiting.peek().is_some_and(|Reverse(next)| next.due <= now() + SPIN) {
            let Some(Reverse(next)) = self.waiting.pop() else { return };
            let mut at = now();
            while at < next.due {
                std::hint::spin_loop();
                at = now();
            }
            let _ = (&*self.to).write(&next.frame);
            self.direction.released(next.record, next.arrived, at);
        }
    }
}

/// Puts the calling thread above everything that is not real-time, and has it woken without slack. Without the right to
/// that nothing changes, and the record shows how late it was.
pub fn be_punctual() {
    let priority = libc::sched_param { sched_priority: 10 };
    // SAFETY: both change only how the calling thread is scheduled, and `priority` is read within the call.
    unsafe {
        libc::prctl(libc::PR_SET_TIMERSLACK, 1 as libc::c_ulong);
        libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const priority);
    }
}

fn now() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is written within the call. This clock always exists.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
