//! Daemon and collector are killed with SIGKILL at seeded random moments and started again. At the end every
//! report that was spooled is in the collector exactly once, and no gap is hidden.
//!
//! The desk is this test's own binary, started again as a child: it spools with the real store, report and
//! deliver code. The collector is the real `preshift-collector serve`; `PRESHIFT_COLLECTOR_BIN`
//! names one, otherwise it is built. `PRESHIFT_KILL_SEED` sets the seed, `PRESHIFT_KILL_MOMENTS` the number.

#[path = "common/collector.rs"]
mod collector;

use preshift::{
    deliver::{Deliverer, Pace, Pass, Settings, enroll},
    identity::Identity,
    random::Random,
    report::Reporter,
    store::{Limits, Store},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{File, OpenOptions},
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};
use telemetry::{
    Body, Event, EventKind, Gap, Lane, NotChecked, Outcome, ProbeId, Reading, Report, Routine, UnixMs,
};

const ROLE: &str = "PRESHIFT_KILL_ROLE";
const DIR: &str = "PRESHIFT_KILL_DIR";
const SPOOL: &str = "PRESHIFT_KILL_SPOOL";
const DATABASE: &str = "collector.db";

#[test]
fn every_spooled_report_arrives_exactly_once() {
    // Far more room than the test can fill: nothing may be thinned, so nothing may be missing.
    story("roomy", 50, Limits::default().spool_bytes);
}

#[test]
fn what_a_small_spool_loses_is_never_hidden() {
    story("small", 25, 24 * 1024);
}

/// Not a test: what the child does. Without its role it returns at once.
#[test]
fn desk_process() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let dir = PathBuf::from(std::env::var(DIR).unwrap());
    let spool = std::env::var(SPOOL).unwrap().parse().unwrap();
    // Whoever started this process is gone when its pipe ends.
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(3);
    });
    let (reporter, mut deliverer) = desk(&dir, spool);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    if role == "drain" {
        runtime.block_on(async {
            loop {
                match deliverer.pass().await {
                    Pass::Done { .. } => break,
                    Pass::Again { wait, .. } => tokio::time::sleep(wait).await,
                    other => panic!("{other:?}"),
                }
            }
        });
        return;
    }
    let log = OpenOptions::new().append(true).create(true).open(dir.join("spooled")).unwrap();
    std::thread::spawn(move || spool_for_ever(&reporter, log));
    runtime.block_on(deliverer.run(std::future::pending()));
}

fn desk(dir: &Path, spool_bytes: u64) -> (Reporter, Deliverer) {
    let limits = Limits { spool_bytes, ..Limits::default() };
    let store = Store::open_with(&dir.join("desk"), limits, clock(), Random::system()).unwrap();
    let identity = Arc::new(Identity::open(&dir.join("desk"), &Random::system()).unwrap());
    let reporter = Reporter::new(store, identity, readiness::Policy::builtin().reference());
    let deliverer = Deliverer::new(reporter.clone(), settings(), Random::system()).unwrap();
    (reporter, deliverer)
}

fn clock() -> preshift::probe::Clock {
    Arc::new(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        UnixMs::new(now.as_millis() as i64)
    })
}

fn settings() -> Settings {
    let ms = Duration::from_millis;
    Settings {
        whole: ms(3_000),
        // A collector lets a desk ask five times a second: four of ours leave room for tries.
        pace: Pace { routine: ms(250), first: ms(100), most: ms(400), urgent: ms(20), stopped: ms(500) },
        ..Settings::default()
    }
}

/// Spools a report, and after its commit writes its identity and its number to a log that is synced as well.
fn spool_for_ever(reporter: &Reporter, mut log: File) {
    for n in std::process::id() % 1_000 * 100.. {
        let body = if n % 64 == 0 {
            Body::Event(Event { event: EventKind::Resumed, duration: None, count: Some(n) })
        } else {
            let outcome = Outcome::NotChecked(NotChecked::Offline);
            let at = reporter.store().now();
            let reading = Reading { probe: ProbeId::Media, target: None, at, took_ms: n % 600_000, outcome };
            Body::Routine(Routine { readings: [reading].into_iter().collect() })
        };
        let place = reporter.report(None, body).unwrap().expect("the desk is enrolled");
        let line = format!("{} {} {} {}\n", place.epoch, place.lane.name(), place.seq, n % 600_000);
        log.write_all(line.as_bytes()).unwrap();
        log.sync_data().unwrap();
        // 250 a second at most, whatever the disk can do: the collector takes 400, so a roomy spool never fills.
        std::thread::sleep(Duration::from_millis(4));
    }
}

/// Kills and restarts, lets the desk empty its spool, and compares.
fn story(name: &str, moments: u64, spool_bytes: u64) {
    let number = |variable: &str| std::env::var(variable).ok().map(|v| v.parse::<u64>().unwrap());
    let seed = number("PRESHIFT_KILL_SEED").unwrap_or(20_261_122);
    let moments = number("PRESHIFT_KILL_MOMENTS").unwrap_or(moments);
    println!("{name}: seed {seed}, {moments} moments");
    let random = Random::seeded(seed);
    let dir = tempfile::tempdir().unwrap();
    let mut collector = Collector::start(dir.path());
    enrol(dir.path(), &collector);
    let mut desk = Process::desk(dir.path(), "spool", spool_bytes);
    let (mut desks, mut collectors) = (0, 0);
    for _ in 0..moments {
        // The random moment itself, not a wait for something to be ready.
        std::thread::sleep(Duration::from_millis(40 + random.below(560)));
        match random.below(5) {
            0 | 1 => {
                desk.kill();
                desks += 1;
            }
            2 | 3 => {
                collector.kill();
                collectors += 1;
            }
            _ => {
                desk.kill();
                collector.kill();
                (desks, collectors) = (desks + 1, collectors + 1);
            }
        }
        std::thread::sleep(Duration::from_millis(random.below(200)));
        if desk.is_dead() {
            desk = Process::desk(dir.path(), "spool", spool_bytes);
        }
        collector.revive();
    }
    // However slow the machine was: more than a small spool holds is spooled while nobody takes it.
    collector.kill();
    let enough = spooled_so_far(dir.path()) + 400;
    let began = Instant::now();
    while spooled_so_far(dir.path()) < enough {
        assert!(began.elapsed() < Duration::from_secs(60), "the desk does not spool any more");
        std::thread::sleep(Duration::from_millis(20));
    }
    collector.revive();
    desk.kill();
    let mut drain = Process::desk(dir.path(), "drain", spool_bytes);
    drain.wait_for_success(Duration::from_secs(60));
    collector.kill();
    compare(name, dir.path(), spool_bytes >= Limits::default().spool_bytes);
    println!("{name}: killed the desk {desks} times and the collector {collectors} times");
}

fn spooled_so_far(dir: &Path) -> usize {
    std::fs::read_to_string(dir.join("spooled")).map_or(0, |log| log.lines().count())
}

fn enrol(dir: &Path, collector: &Collector) {
    let code = collector.enroll_code();
    let (reporter, _) = desk(dir, Limits::default().spool_bytes);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let url = collector.url.parse().unwrap();
    runtime.block_on(enroll(&reporter, &settings(), &Random::system(), &url, &code)).unwrap();
}

/// Holds what the collector has against what the desk wrote down.
fn compare(name: &str, dir: &Path, nothing_lost: bool) {
    type Place = (String, String, u64);
    let log = std::fs::read_to_string(dir.join("spooled")).unwrap();
    let spooled: BTreeMap<Place, u32> = log
        .split_inclusive('\n')
        .filter(|line| line.ends_with('\n'))
        .map(|line| {
            let parts: Vec<&str> = line.split_whitespace().collect();
            let place = (parts[0].to_owned(), parts[1].to_owned(), parts[2].parse().unwrap());
            (place, parts[3].parse().unwrap())
        })
        .collect();
    assert_eq!(spooled.len(), log.lines().count(), "no number was given out twice");

    let db = rusqlite::Connection::open(dir.join("collector").join(DATABASE)).unwrap();
    let mut query = db.prepare("SELECT json FROM reports").unwrap();
    let rows = query.query_map([], |row| row.get::<_, Vec<u8>>(0)).unwrap();
    let mut stored: BTreeMap<Place, Report> = BTreeMap::new();
    let mut gaps: Vec<Gap> = Vec::new();
    for json in rows {
        let report: Report = serde_json::from_slice(&json.unwrap()).unwrap();
        if let Body::Gap(gap) = &report.body {
            gaps.push(gap.clone());
        }
        let place = (report.epoch.to_string(), report.lane.name().to_owned(), report.seq);
        assert!(stored.insert(place.clone(), report).is_none(), "{place:?} is stored twice");
    }
    let epochs: BTreeSet<&String> = stored.keys().map(|(epoch, ..)| epoch).collect();
    assert_eq!(epochs.len(), 1, "no store was lost on the way");
    let told = |lane: &str, seq: u64| {
        gaps.iter().any(|g| g.lane.name() == lane && (g.first..=g.last).contains(&seq))
    };

    let mut missing = 0;
    for (place, n) in &spooled {
        match stored.get(place) {
            Some(report) => assert_eq!(marker(report), Some(*n), "{place:?} holds another report"),
            None => {
                assert!(told(&place.1, place.2), "{place:?} is missing, and no gap tells it");
                missing += 1;
            }
        }
    }
    for lane in [Lane::Priority, Lane::Routine].map(Lane::name) {
        let seqs: Vec<u64> = stored.keys().filter(|(_, l, _)| l == lane).map(|(.., seq)| *seq).collect();
        let hidden: Vec<u64> = (1..=seqs.last().copied().unwrap_or(0))
            .filter(|seq| seqs.binary_search(seq).is_err() && !told(lane, *seq))
            .collect();
        assert!(hidden.is_empty(), "{lane}: {hidden:?} are missing, and no gap tells them");
    }
    let count = |kind: &str| -> i64 {
        let sql = "SELECT coalesce(sum(count), 0) FROM troubles WHERE kind = ?1";
        db.query_row(sql, [kind], |row| row.get(0)).unwrap()
    };
    for kind in ["conflict", "schema", "unknown_id", "wrong_desk", "wrong_lane", "time", "version"] {
        assert_eq!(count(kind), 0, "{kind}");
    }
    println!(
        "{name}: {} spooled, {} stored, {missing} told as lost by {} gaps, {} false alarms of a clone",
        spooled.len(),
        stored.len(),
        gaps.len(),
        count("cloned")
    );
    assert!(spooled.len() > 100, "too little happened to mean anything");
    if nothing_lost {
        assert!(gaps.is_empty() && missing == 0, "{gaps:?}");
    } else {
        assert!(missing > 0, "the spool was never full: the story tells nothing");
    }
}

/// The number by which a report says which one it is.
fn marker(report: &Report) -> Option<u32> {
    match &report.body {
        Body::Event(event) => event.count.map(|n| n % 600_000),
        Body::Routine(routine) => routine.readings.first().map(|r| r.took_ms),
        _ => None,
    }
}

struct Process(Child);

impl Process {
    fn desk(dir: &Path, role: &str, spool_bytes: u64) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["desk_process", "--exact", "--nocapture", "--test-threads=1"])
            .envs([(ROLE, role), (SPOOL, &spool_bytes.to_string())])
            .env(DIR, dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    fn kill(&mut self) {
        // SIGKILL on Unix: nothing of it gets to say goodbye.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    fn is_dead(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }

    fn wait_for_success(&mut self, limit: Duration) {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                assert!(status.success(), "{status}");
                return;
            }
            assert!(Instant::now() < deadline, "the spool was not emptied in {limit:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

struct Collector {
    binary: PathBuf,
    data: PathBuf,
    announced: PathBuf,
    url: String,
    process: Process,
}

impl Collector {
    fn start(dir: &Path) -> Self {
        let binary = collector::binary();
        let (data, announced) = (dir.join("collector"), dir.join("announced"));
        let process = serve(&binary, &data, &announced, "127.0.0.1:0");
        let mut collector = Self { binary, data, announced, url: String::new(), process };
        collector.url = collector.wait_until_it_listens();
        collector
    }

    fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again at the same address, if it is dead, and waits until it listens.
    fn revive(&mut self) {
        if self.process.is_dead() {
            std::fs::remove_file(&self.announced).unwrap();
            let address = self.url.trim_start_matches("http://").to_owned();
            self.process = serve(&self.binary, &self.data, &self.announced, &address);
            self.wait_until_it_listens();
        }
    }

    fn wait_until_it_listens(&mut self) -> String {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            if let Ok(url) = std::fs::read_to_string(&self.announced) {
                return url.trim().to_owned();
            }
            assert!(!self.process.is_dead(), "the collector did not start");
            assert!(Instant::now() < deadline, "the collector does not listen");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn enroll_code(&self) -> telemetry::EnrollCode {
        let out = Command::new(&self.binary)
            .arg("--data")
            .arg(&self.data)
            .args(["enroll-code", "--team", "north"])
            .output()
            .unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        let text = String::from_utf8(out.stdout).unwrap();
        text.split_whitespace().find_map(|word| word.parse().ok()).expect("a code")
    }
}

fn serve(binary: &Path, data: &Path, announced: &Path, address: &str) -> Process {
    let child = Command::new(binary)
        .arg("--data")
        .arg(data)
        .args(["serve", "--no-reflector", "--listen", address, "--announce"])
        .arg(announced)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    Process(child)
}
