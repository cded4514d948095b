//! The spool against a simple model: whatever happens in whatever order, every number that was given out
//! ends as answered for or as told in a gap, and nothing changes once it may have left.

use super::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use telemetry::{Answer, ContentRefusal, Gap, Lane};

#[derive(Debug, Clone)]
enum Step {
    /// Spools so many bytes.
    Spool(Lane, usize),
    /// A report that cannot be made.
    Unmakeable(Lane),
    /// The disk is full for so many reports.
    Full(Lane, u8),
    /// A batch of at most so many; the answer comes for the first part of it, refusing every third if asked to.
    Deliver { most: usize, answered: usize, refuse: bool },
    /// The process is killed: everything not durable is gone.
    Crash,
    /// So many hours pass, and what is too old goes.
    Wait(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let lane = || prop_oneof![1 => Just(Lane::Priority), 3 => Just(Lane::Routine)];
    prop_oneof![
        8 => (lane(), 10..600usize).prop_map(|(lane, bytes)| Step::Spool(lane, bytes)),
        1 => lane().prop_map(Step::Unmakeable),
        1 => (lane(), 1..4u8).prop_map(|(lane, n)| Step::Full(lane, n)),
        3 => (1..12usize, 0..12usize, any::<bool>())
            .prop_map(|(most, answered, refuse)| Step::Deliver { most, answered, refuse }),
        1 => Just(Step::Crash),
        1 => (1..30u8).prop_map(Step::Wait),
    ]
}

const BOUND: u64 = 4_000;
const AGE_MS: i64 = 48 * 3_600_000;

struct World {
    dir: tempfile::TempDir,
    now: i64,
    clock: Arc<std::sync::atomic::AtomicI64>,
    store: Option<Store>,
    /// Numbers that a report was written under, by lane.
    written: BTreeSet<(Lane, u64)>,
    /// Reports that could not be written.
    failed: u64,
    /// What was in a batch: it must be the same whenever it is in one again.
    left: BTreeMap<(Lane, u64), Vec<u8>>,
    answered: BTreeSet<(Lane, u64)>,
    gaps: Vec<Gap>,
}

impl World {
    fn new() -> Self {
        let clock = Arc::new(std::sync::atomic::AtomicI64::new(1_800_000_000_000));
        let mut world = Self {
            dir: tempfile::tempdir().unwrap(),
            now: 1_800_000_000_000,
            clock,
            store: None,
            written: BTreeSet::new(),
            failed: 0,
            left: BTreeMap::new(),
            answered: BTreeSet::new(),
            gaps: Vec::new(),
        };
        world.open();
        world
    }

    fn open(&mut self) {
        self.store = None;
        let limits = Limits { spool_bytes: BOUND, spool_age_ms: AGE_MS, ..Limits::default() };
        let clock = self.clock.clone();
        let clock: Clock = Arc::new(move || UnixMs::new(clock.load(std::sync::atomic::Ordering::SeqCst)));
        self.store = Some(Store::open_with(self.dir.path(), limits, clock, Random::system()).unwrap());
    }

    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    fn do_step(&mut self, step: &Step) {
        match step {
            Step::Spool(lane, bytes) => {
                let made = self.store().spool(*lane, self.store().now(), &|place| {
                    let mut text = format!("{} {} ", place.lane.name(), place.seq).into_bytes();
                    text.resize((*bytes).max(text.len()), b'x');
                    Ok(text)
                });
                let place = made.unwrap();
                assert!(self.written.insert((place.lane, place.seq)), "{place:?} was given out twice");
                assert!(
                    !self.gaps.iter().any(|g| covers(g, place.lane, place.seq)),
                    "{place:?} was told as lost"
                );
            }
            Step::Unmakeable(lane) => {
                let made = self.store().spool(*lane, self.store().now(), &|_| Err("no".into()));
                assert!(matches!(made, Err(Error::Content(_))));
            }
            Step::Full(lane, times) => {
                for _ in 0..*times {
                    let at = self.store().now();
                    let failed: Result<(), Error> = self.store().write_reports(&[(*lane, at)], |tx| {
                        tx.spool(*lane, at, &|_| Ok(b"never".to_vec()))?;
                        Err(Error::Full)
                    });
                    assert!(failed.is_err());
                    self.failed += 1;
                }
            }
            Step::Deliver { most, answered, refuse } => self.deliver(*most, *answered, *refuse),
            Step::Crash => self.open(),
            Step::Wait(hours) => {
                self.now += i64::from(*hours) * 3_600_000;
                self.clock.store(self.now, std::sync::atomic::Ordering::SeqCst);
                self.store().maintain().unwrap();
            }
        }
        let state = self.store().spool_state().unwrap();
        // Gap reports never go, and a small part of the bound is theirs.
        assert!(state.bytes <= BOUND + 32 * 200, "{state:?}");
    }

    fn deliver(&mut self, most: usize, answered: usize, refuse: bool) {
        let batch = self
            .store()
            .write(|tx| tx.batch(most, 1 << 20, &|_, gap| Ok(serde_json::to_vec(gap).unwrap())))
            .unwrap();
        let order: Vec<_> = batch.iter().map(|b| (b.place.lane, b.place.seq)).collect();
        assert!(order.is_sorted() && order.len() <= most);
        for row in &batch {
            let key = (row.place.lane, row.place.seq);
            assert!(!self.answered.contains(&key), "{key:?} was answered for and is here again");
            let before = self.left.entry(key).or_insert_with(|| row.bytes.clone());
            assert_eq!(*before, row.bytes, "{key:?} changed after it may have left");
            self.written.insert(key);
        }
        let answers: Vec<Answered> = batch
            .iter()
            .take(answered)
            .enumerate()
            .map(|(n, row)| {
                let gap = serde_json::from_slice::<Gap>(&row.bytes).ok();
                let answer = match n % 3 {
                    0 if refuse && gap.is_none() => Answer::Refused(ContentRefusal::Conflict),
                    1 => Answer::Duplicate,
                    _ => Answer::Stored,
                };
                self.gaps.extend(gap);
                self.answered.insert((row.place.lane, row.place.seq));
                Answered { place: row.place.clone(), answer }
            })
            .collect();
        self.store().write(|tx| tx.advance(&answers)).unwrap();
    }

    /// Empties the spool and accounts for every number.
    fn account(mut self) {
        for _ in 0..200 {
            self.deliver(1_000, 1_000, false);
        }
        assert_eq!(self.store().spool_state().unwrap(), SpoolState::default());
        let mut lost = 0;
        for lane in [Lane::Priority, Lane::Routine] {
            let next = self.store().read(|tx| {
                tx.db
                    .query_row("SELECT next FROM lanes WHERE lane = ?1", [gaps::lane_number(lane)], |r| {
                        r.get::<_, i64>(0)
                    })
                    .doing("look")
            });
            for seq in 1..next.unwrap() as u64 {
                let told = self.gaps.iter().filter(|g| covers(g, lane, seq)).count();
                let answered = self.answered.contains(&(lane, seq));
                assert!(told <= 1, "{lane:?} {seq} is told {told} times");
                assert!(answered || told == 1, "{lane:?} {seq} is hidden");
                assert!(!(answered && told == 1), "{lane:?} {seq} was answered for and told as lost");
                if !self.written.contains(&(lane, seq)) {
                    lost += 1;
                }
            }
        }
        assert_eq!(lost, self.failed, "what could not be written has its numbers, once");
    }
}

fn covers(gap: &Gap, lane: Lane, seq: u64) -> bool {
    gap.lane == lane && (gap.first..=gap.last).contains(&seq)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_number_is_accounted_for(steps in proptest::collection::vec(step(), 1..90)) {
        let mut world = World::new();
        for step in &steps {
            world.do_step(step);
        }
        world.account();
    }
}
