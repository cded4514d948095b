//! Which desks may load their line against this collector just now, and how much of it.
//!
//! Owns the places, the time and the bytes of each test, so that measuring can never crowd out reports. Must not
//! know HTTP, nor where a desk comes from.

use crate::{
    limits::{Bucket, Rate},
    secret::{self, NoRandom},
};
use axum::body::Bytes;
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// What tests may take. The defaults bound all of them together to 4 × 2 × 30 MB in 10 s: 192 Mbit/s at worst,
/// and only as long as desks keep asking.
#[derive(Debug, Clone)]
pub struct TestLimits {
    /// Desks that measure at once; 0 is none ever. More are told to come again.
    pub at_once: usize,
    /// How long one may take: a desk needs 8 s.
    pub length: Duration,
    /// Most bytes of one, each way. A desk is held to its policy's, which is less.
    pub bytes: u64,
    /// Bodies at once of one test: 16 connections make the load.
    pub bodies: usize,
    /// Requests of one test: a desk asks some 60 times for the small object.
    pub requests: usize,
    /// How often one desk may.
    pub desk: Rate,
}

impl Default for TestLimits {
    fn default() -> Self {
        Self {
            at_once: 4,
            length: Duration::from_secs(10),
            bytes: 30_000_000,
            bodies: 16,
            requests: 400,
            // An agent who tries twice is served; a desk that asks all the time is not.
            desk: Rate { burst: 4.0, per_second: 1.0 / 120.0 },
        }
    }
}

/// The tests of one collector.
pub struct Tests {
    limits: TestLimits,
    running: Mutex<Running>,
    /// Bytes that nothing can compress, so that what is measured is the line.
    pub noise: Bytes,
}

#[derive(Default)]
struct Running {
    tests: HashMap<String, Arc<Test>>,
    desks: HashMap<i64, Bucket>,
}

/// Why there is no test.
#[derive(Debug, PartialEq, Eq)]
pub enum NoTest {
    /// This collector measures with nobody.
    Never,
    /// All places are taken, or this desk was here just now.
    Later,
}

impl Tests {
    /// With these limits.
    pub fn new(limits: TestLimits) -> Result<Self, NoRandom> {
        const NOISE: usize = 1 << 16;
        let noise = Bytes::copy_from_slice(&secret::random::<NOISE>()?);
        Ok(Self { limits, running: Mutex::default(), noise })
    }

    /// Gives a desk a place. `asked` is how much it wants to download at most. Another test of the
    /// same desk ends with it.
    pub fn begin(&self, desk: i64, asked: Option<u64>, now: Instant) -> Result<Arc<Test>, NoTest> {
        if self.limits.at_once == 0 {
            return Err(NoTest::Never);
        }
        let token = hex(&secret::random::<16>().map_err(|_| NoTest::Later)?);
        let running = &mut *self.running.lock().expect("nothing panics with it held");
        running.tests.retain(|_, t| t.is_open(now));
        let others = running.tests.values().filter(|t| t.desk != desk).count();
        let rate = self.limits.desk;
        let bucket = running.desks.entry(desk).or_insert_with(|| Bucket::full(rate, now));
        if others >= self.limits.at_once || !bucket.take(rate, now) {
            return Err(NoTest::Later);
        }
        running.tests.retain(|_, t| t.desk != desk || t.end());
        let test = Arc::new(Test {
            token: token.clone(),
            desk,
            until: now + self.limits.length,
            ended: AtomicBool::new(false),
            download: AtomicU64::new(asked.unwrap_or(u64::MAX).min(self.limits.bytes)),
            upload: AtomicU64::new(self.limits.bytes),
            received: AtomicU64::new(0),
            bodies: AtomicUsize::new(self.limits.bodies),
            requests: AtomicUsize::new(self.limits.requests),
        });
        running.tests.insert(token, test.clone());
        Ok(test)
    }

    /// The test of a token, if it may ask once more.
    pub fn find(&self, token: &str, now: Instant) -> Option<Arc<Test>> {
        let running = self.running.lock().expect("nothing panics with it held");
        let test = running.tests.get(token)?;
        (test.is_open(now) && take(&test.requests, 1) == 1).then(|| test.clone())
    }

    /// How long a connection that can only measure may stay.
    pub fn length(&self) -> Duration {
        self.limits.length
    }

    /// Forgets what is over.
    pub fn forget_old(&self, now: Instant) {
        let running = &mut *self.running.lock().expect("nothing panics with it held");
        running.tests.retain(|_, t| t.is_open(now));
        running.desks.retain(|_, b| !b.is_full(self.limits.desk, now));
    }
}

/// One desk's test.
pub struct Test {
    /// What its requests name: whoever knows it is the desk that signed for it.
    pub token: String,
    desk: i64,
    /// When it is over.
    pub until: Instant,
    ended: AtomicBool,
    download: AtomicU64,
    upload: AtomicU64,
    received: AtomicU64,
    bodies: AtomicUsize,
    requests: AtomicUsize,
}

impl Test {
    /// Whether it goes on.
    pub fn is_open(&self, now: Instant) -> bool {
        now < self.until && !self.ended.load(Ordering::Relaxed)
    }

    /// Whether nothing more may be sent.
    pub fn is_spent(&self, now: Instant) -> bool {
        !self.is_open(now) || self.download.load(Ordering::Relaxed) == 0
    }

    /// Takes leave to send up to so many bytes: how many of them may be sent.
    pub fn may_send(&self, most: usize, now: Instant) -> usize {
        if self.is_open(now) { take64(&self.download, most as u64) as usize } else { 0 }
    }

    /// Notes bytes that came; false if they are more than it may send.
    pub fn came(&self, bytes: usize, now: Instant) -> bool {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
        self.is_open(now) && take64(&self.upload, bytes as u64) == bytes as u64
    }

    /// How many bytes of bodies came so far.
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// A place for a body, given back when it is dropped.
    pub fn body(self: &Arc<Self>) -> Option<Body> {
        (take(&self.bodies, 1) == 1).then(|| Body(self.clone()))
    }

    fn end(&self) -> bool {
        self.ended.store(true, Ordering::Relaxed);
        false
    }
}

/// A body that is on its way.
pub struct Body(Arc<Test>);

impl Body {
    /// Whose it is.
    pub fn test(&self) -> &Test {
        &self.0
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        self.0.bodies.fetch_add(1, Ordering::Relaxed);
    }
}

fn take(left: &AtomicUsize, most: usize) -> usize {
    let taken = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |l| Some(l - l.min(most)));
    taken.unwrap_or(0).min(most)
}

fn take64(left: &AtomicU64, most: u64) -> u64 {
    let taken = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |l| Some(l - l.min(most)));
    taken.unwrap_or(0).min(most)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tests(at_once: usize) -> Tests {
        let desk = Rate { burst: 3.0, per_second: 0.01 };
        Tests::new(TestLimits { at_once, bytes: 1000, bodies: 2, requests: 3, desk, ..TestLimits::default() })
            .unwrap()
    }

    #[test]
    fn places_are_few_and_come_back_with_time() {
        let (tests, now) = (tests(2), Instant::now());
        assert!(tests.begin(1, None, now).is_ok() && tests.begin(2, None, now).is_ok());
        assert_eq!(tests.begin(3, None, now).err(), Some(NoTest::Later));
        let later = now + tests.length();
        assert!(tests.begin(3, None, later).is_ok());
        assert_eq!(self::tests(0).begin(1, None, now).err(), Some(NoTest::Never));
    }

    #[test]
    fn a_desk_has_one_test_and_not_too_often() {
        let (tests, now) = (tests(1), Instant::now());
        let first = tests.begin(1, None, now).unwrap();
        let second = tests.begin(1, None, now).unwrap();
        assert!(!first.is_open(now) && second.is_open(now));
        assert!(tests.find(&first.token, now).is_none() && tests.find(&second.token, now).is_some());
        assert!(tests.begin(1, None, now).is_ok());
        assert_eq!(tests.begin(1, None, now).err(), Some(NoTest::Later), "the fourth in a row");
    }

    #[test]
    fn bytes_bodies_and_requests_are_counted_down() {
        let (tests, now) = (tests(1), Instant::now());
        let test = tests.begin(1, Some(700), now).unwrap();
        assert_eq!((test.may_send(500, now), test.may_send(500, now), test.may_send(1, now)), (500, 200, 0));
        assert!(test.came(900, now) && !test.came(200, now));
        assert_eq!(test.received(), 1100);
        let held = (test.body(), test.body(), test.body());
        assert!(held.0.is_some() && held.1.is_some() && held.2.is_none());
        drop(held);
        assert!(test.body().is_some());
        assert_eq!((0..9).filter(|_| tests.find(&test.token, now).is_some()).count(), 3);
        // More than the collector gives to anybody.
        let greedy = tests.begin(1, Some(u64::MAX), now).unwrap();
        assert_eq!(greedy.may_send(5000, now), 1000);
        let over = greedy.until;
        assert!(!greedy.came(1, over) && greedy.may_send(1, over) == 0 && tests.find("x", now).is_none());
    }

    #[test]
    fn what_is_over_is_forgotten() {
        let (tests, now) = (tests(1), Instant::now());
        tests.begin(1, None, now).unwrap();
        tests.forget_old(now + Duration::from_secs(3600));
        let running = tests.running.lock().unwrap();
        assert!(running.tests.is_empty() && running.desks.is_empty());
    }
}
