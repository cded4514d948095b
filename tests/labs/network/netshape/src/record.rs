//! What each packet of a direction really got.

use crate::{Identity, Kind, Shape};
use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

/// What became of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// On its way, or released.
    Passed,
    /// Lost as the shape says.
    Lost,
    /// The queue was full.
    QueueFull,
}

/// What a packet got. Times are nanoseconds of the monotonic clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// Which packet.
    pub identity: Identity,
    /// When it came.
    pub arrived: u64,
    /// What became of it.
    pub fate: Fate,
    /// When it was to be released.
    pub due: u64,
    /// When it really was; `None` if it was not, or not yet.
    pub released: Option<u64>,
    /// How often it was released.
    pub copies: u32,
}

/// How late packets were released, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lateness {
    /// Median.
    pub p50: u64,
    /// 99th percentile.
    pub p99: u64,
    /// Worst.
    pub max: u64,
}

impl Lateness {
    /// Of these records.
    pub fn of(records: &[Record]) -> Self {
        let mut late: Vec<u64> =
            records.iter().filter_map(|r| Some(r.released?.saturating_sub(r.due))).collect();
        late.sort_unstable();
        let at = |q: f64| {
            late.get((late.len().saturating_sub(1) as f64 * q).round() as usize).copied().unwrap_or(0)
        };
        Self { p50: at(0.5), p99: at(0.99), max: at(1.0) }
    }
}

/// One direction of a link.
#[derive(Debug)]
pub struct Direction {
    name: String,
    shape: Mutex<Shape>,
    /// Goes up with each change of the shape, so that the thread need not lock to see none.
    changes: AtomicU64,
    records: Mutex<Vec<Record>>,
    /// STAMP requests that came, so that one can wait for them without copying the records.
    requests: AtomicU64,
}

impl Direction {
    pub(crate) fn new(name: String) -> Self {
        Self {
            name,
            shape: Mutex::default(),
            changes: AtomicU64::new(0),
            records: Mutex::default(),
            requests: AtomicU64::new(0),
        }
    }

    /// The link's name and `up` or `down`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it does now.
    pub fn shape(&self) -> Shape {
        lock(&self.shape).clone()
    }

    /// Changes what it does; the seeded pattern begins anew.
    pub fn set_shape(&self, shape: Shape) {
        *lock(&self.shape) = shape;
        self.changes.fetch_add(1, Ordering::Release);
    }

    pub(crate) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// What packets got, in order of arrival.
    pub fn records(&self) -> Vec<Record> {
        lock(&self.records).clone()
    }

    /// How many STAMP requests came since the records were forgotten, lost ones too.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Forgets all records. What is on its way then is not recorded any more.
    pub fn forget(&self) {
        lock(&self.records).clear();
        self.requests.store(0, Ordering::Relaxed);
    }

    /// Returns where the record is, for `released`.
    pub(crate) fn note(&self, record: Record) -> usize {
        if record.identity.kind == Kind::Request {
            self.requests.fetch_add(1, Ordering::Relaxed);
        }
        let mut records = lock(&self.records);
        records.push(record);
        records.len() - 1
    }

    pub(crate) fn released(&self, at: usize, arrived: u64, now: u64) {
        // After `forget` another packet's record may be there.
        if let Some(record) = lock(&self.records).get_mut(at).filter(|r| r.arrived == arrived) {
            record.released.get_or_insert(now);
            record.copies += 1;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
