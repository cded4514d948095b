//! The store on its own: bounds, damage, rights, a full disk.

use super::{open::FILE, *};
use std::sync::atomic::{AtomicI64, Ordering};
use telemetry::{Answer, Body, ContentRefusal, Event, EventKind, Gap, GapReason, Lane};

struct Desk {
    dir: tempfile::TempDir,
    now: Arc<AtomicI64>,
    limits: Limits,
}

impl Desk {
    fn new() -> Self {
        let now = Arc::new(AtomicI64::new(1_800_000_000_000));
        Self { dir: tempfile::tempdir().unwrap(), now, limits: Limits::default() }
    }

    fn try_open(&self) -> Result<Store, Error> {
        let now = self.now.clone();
        let clock: Clock = Arc::new(move || UnixMs::new(now.load(Ordering::SeqCst)));
        Store::open_with(self.dir.path(), self.limits.clone(), clock, Random::system())
    }

    fn open(&self) -> Store {
        self.try_open().unwrap()
    }

    fn later(&self, ms: i64) {
        self.now.fetch_add(ms, Ordering::SeqCst);
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join(FILE)
    }

    fn aside(&self) -> usize {
        std::fs::read_dir(self.dir.path())
            .unwrap()
            .filter(|e| {
                let name = e.as_ref().unwrap().file_name().into_string().unwrap();
                name.contains("damaged") && !name.ends_with("-wal") && !name.ends_with("-shm")
            })
            .count()
    }
}

fn put(store: &Store, lane: Lane, bytes: usize) -> Result<Place, Error> {
    store.spool(lane, store.now(), &|place| {
        let mut text = format!("{}:{}:", place.lane.name(), place.seq).into_bytes();
        text.resize(bytes.max(text.len()), b'x');
        Ok(text)
    })
}

fn batch(store: &Store) -> Vec<Spooled> {
    store.write(|tx| tx.batch(1_000, 1 << 20, &|_, gap| Ok(serde_json::to_vec(gap).unwrap()))).unwrap()
}

fn seqs(rows: &[Spooled], lane: Lane) -> Vec<u64> {
    rows.iter().filter(|r| r.place.lane == lane).map(|r| r.place.seq).collect()
}

fn gaps(rows: &[Spooled]) -> Vec<Gap> {
    rows.iter().filter_map(|r| serde_json::from_slice(&r.bytes).ok()).collect()
}

#[test]
fn sequences_go_on_over_restarts_and_answers_empty_the_spool() {
    let desk = Desk::new();
    let store = desk.open();
    assert_eq!(put(&store, Lane::Routine, 10).unwrap().seq, 1);
    assert_eq!(put(&store, Lane::Priority, 10).unwrap().seq, 1);
    let epoch = store.epoch().unwrap();
    drop(store);

    let store = desk.open();
    assert_eq!(store.epoch().unwrap(), epoch);
    assert_eq!(put(&store, Lane::Routine, 10).unwrap().seq, 2);
    let rows = batch(&store);
    assert_eq!(
        rows.iter().map(|r| r.place.lane).collect::<Vec<_>>(),
        [Lane::Priority, Lane::Routine, Lane::Routine]
    );
    assert!(rows[1].bytes.starts_with(b"routine:1:"));
    let answers = [
        Answered { place: rows[0].place.clone(), answer: Answer::Stored },
        Answered { place: rows[1].place.clone(), answer: Answer::Refused(ContentRefusal::Conflict) },
        Answered { place: Place { seq: 99, ..rows[2].place.clone() }, answer: Answer::Stored },
    ];
    assert_eq!(store.write(|tx| tx.advance(&answers)).unwrap(), 1);
    assert_eq!(seqs(&batch(&store), Lane::Routine), [2]);
    let refused = store.refused(10).unwrap();
    assert_eq!((refused.len(), refused[0].code.as_str()), (1, "conflict"));
    assert!(refused[0].json.starts_with(b"routine:1:"));
    assert_eq!(store.refusals().unwrap(), [("conflict".to_owned(), 1)]);
    // Emptied: the next number is still the next.
    let rest = [Answered { place: rows[2].place.clone(), answer: Answer::Duplicate }];
    store.write(|tx| tx.advance(&rest)).unwrap();
    assert_eq!(store.spool_state().unwrap(), SpoolState::default());
    drop(store);
    assert_eq!(put(&desk.open(), Lane::Routine, 10).unwrap().seq, 3);
}

#[test]
fn answers_for_another_epoch_change_nothing() {
    let desk = Desk::new();
    let store = desk.open();
    let old = put(&store, Lane::Routine, 10).unwrap();
    assert_eq!(store.begin_epoch().unwrap(), 1);
    let new = put(&store, Lane::Routine, 10).unwrap();
    assert_eq!(new.seq, 1);
    assert_ne!(new.epoch, old.epoch);
    store.write(|tx| tx.advance(&[Answered { place: old.clone(), answer: Answer::Stored }])).unwrap();
    assert_eq!(seqs(&batch(&store), Lane::Routine), [1]);
}

#[test]
fn over_the_bound_routine_goes_first_and_every_loss_is_told() {
    let mut desk = Desk::new();
    desk.limits.spool_bytes = 10_000;
    let store = desk.open();
    for n in 0..40 {
        put(&store, if n % 4 == 0 { Lane::Priority } else { Lane::Routine }, 500).unwrap();
    }
    assert!(store.spool_state().unwrap().bytes <= 10_000);
    let rows = batch(&store);
    let told = gaps(&rows);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((told[0].lane, told[0].first, told[0].reason), (Lane::Routine, 1, GapReason::SpoolFull));
    assert_eq!(seqs(&rows, Lane::Routine), (told[0].last + 1..=30).collect::<Vec<_>>());
    assert_eq!(seqs(&rows, Lane::Priority), (1..=11).collect::<Vec<_>>(), "ten and the gap's own");

    // Only priority: now it goes too, but never the gap's report.
    for _ in 0..40 {
        put(&store, Lane::Priority, 500).unwrap();
    }
    let rows = batch(&store);
    assert!(seqs(&rows, Lane::Routine).is_empty());
    let told = gaps(&rows);
    let lost: u64 = told.iter().map(|g| g.last - g.first + 1).sum();
    let kept = rows.iter().filter(|r| r.bytes.contains(&b':') && !r.bytes.starts_with(b"{")).count() as u64;
    assert_eq!(lost + kept, 80, "{told:?}");
    assert!(told.iter().any(|g| g.lane == Lane::Routine && g.first == 1), "the first gap is still there");
}

#[test]
fn what_is_too_old_becomes_a_gap() {
    let desk = Desk::new();
    let store = desk.open();
    put(&store, Lane::Routine, 10).unwrap();
    desk.later(desk.limits.spool_age_ms + 1);
    put(&store, Lane::Routine, 10).unwrap();
    store.maintain().unwrap();
    let rows = batch(&store);
    assert_eq!(seqs(&rows, Lane::Routine), [2]);
    assert_eq!(gaps(&rows)[0].reason, GapReason::TooOld);
}

#[test]
fn a_gap_that_became_a_report_never_changes() {
    let mut desk = Desk::new();
    desk.limits.spool_bytes = 2_000;
    let store = desk.open();
    for _ in 0..10 {
        put(&store, Lane::Routine, 500).unwrap();
    }
    let first = batch(&store);
    for _ in 0..10 {
        put(&store, Lane::Routine, 500).unwrap();
    }
    let second = batch(&store);
    assert_eq!(first[0], second[0]);
    let told = gaps(&second);
    assert_eq!(told.len(), 2);
    assert_eq!(told[0].last + 1, told[1].first);
}

#[test]
fn damage_of_every_kind_begins_a_new_epoch_and_keeps_the_old_file() {
    type Damage = (&'static str, fn(&Path));
    let damages: [Damage; 5] = [
        ("bad header", |p| overwrite(p, 0, &[0xff; 64])),
        ("garbage pages", |p| overwrite(p, 4_096, &[0x5a; 16_384])),
        ("cut short", |p| {
            std::fs::OpenOptions::new().write(true).open(p).unwrap().set_len(6_000).unwrap();
        }),
        ("text", |p| {
            std::fs::write(p, "this is no database, but it is long enough to be looked at").unwrap()
        }),
        ("someone else's database", |p| {
            std::fs::remove_file(p).unwrap();
            Connection::open(p).unwrap().execute_batch("CREATE TABLE theirs (a)").unwrap();
        }),
    ];
    for (what, damage) in damages {
        let desk = Desk::new();
        let store = desk.open();
        for _ in 0..50 {
            put(&store, Lane::Routine, 700).unwrap();
        }
        let epoch = store.epoch().unwrap();
        assert!(!store.untold_reset().unwrap());
        drop(store);
        damage(&desk.path());
        let store = desk.open();
        assert_ne!(store.epoch().unwrap(), epoch, "{what}");
        assert!(store.untold_reset().unwrap(), "{what}");
        assert_eq!(desk.aside(), 1, "{what}");
        assert_eq!(put(&store, Lane::Routine, 10).unwrap().seq, 1, "{what}");
    }
}

fn overwrite(path: &Path, at: u64, with: &[u8]) {
    use std::io::{Seek, SeekFrom, Write};
    let mut file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(with).unwrap();
}

#[test]
fn damage_found_while_it_is_open_is_survived() {
    let desk = Desk::new();
    let store = desk.open();
    for _ in 0..200 {
        put(&store, Lane::Routine, 2_000).unwrap();
    }
    let epoch = store.epoch().unwrap();
    store
        .0
        .guarded
        .lock()
        .unwrap()
        .connection
        .as_ref()
        .unwrap()
        .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    overwrite(&desk.path(), 8_192, &vec![0x5a; 200_000]);
    let failed = (0..5).any(|_| {
        store.write(|tx| tx.batch(1_000, 1 << 20, &|_, _| Ok(Vec::new()))).is_err()
            || put(&store, Lane::Routine, 10).is_err()
    });
    assert!(failed, "the damage was noticed");
    put(&store, Lane::Routine, 10).unwrap();
    assert_ne!(store.epoch().unwrap(), epoch);
    assert!(store.untold_reset().unwrap());
    assert_eq!(desk.aside(), 1);
}

#[test]
fn whoever_only_looks_leaves_a_damaged_store_where_it_is() {
    let desk = Desk::new();
    let garbage = "neither a database nor empty".repeat(9);
    std::fs::write(desk.path(), &garbage).unwrap();
    let clock: Clock = Arc::new(|| UnixMs::new(1_800_000_000_000));
    assert!(matches!(Store::open_beside(desk.dir.path(), clock), Err(Error::Damaged)));
    assert_eq!(std::fs::read_to_string(desk.path()).unwrap(), garbage);
    assert_eq!(desk.aside(), 0);
}

#[test]
fn at_most_three_damaged_files_are_kept_and_the_newest_are() {
    let desk = Desk::new();
    for n in 0..6 {
        drop(desk.open());
        std::fs::write(desk.path(), format!("damaged for the {n}th time and long enough")).unwrap();
        desk.later(if n % 2 == 0 { 0 } else { 5_000 });
    }
    drop(desk.open());
    assert_eq!(desk.aside(), 3);
    let newest: Vec<String> = std::fs::read_dir(desk.dir.path())
        .unwrap()
        .filter_map(|e| std::fs::read_to_string(e.unwrap().path()).ok())
        .filter(|text| text.starts_with("damaged"))
        .collect();
    assert!(newest.iter().any(|t| t.contains("5th")) && !newest.iter().any(|t| t.contains("0th")));
}

#[test]
fn a_newer_store_is_refused_and_left_alone() {
    let desk = Desk::new();
    drop(desk.open());
    let db = Connection::open(desk.path()).unwrap();
    db.execute_batch(
        "PRAGMA user_version = 99; PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE",
    )
    .unwrap();
    drop(db);
    let before = std::fs::read(desk.path()).unwrap();
    let error = desk.try_open().unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "the local store is of version 99; this Preshift knows versions up to {}: update Preshift",
            schema::VERSION
        )
    );
    assert_eq!(std::fs::read(desk.path()).unwrap(), before);
    assert_eq!(desk.aside(), 0);
}

#[cfg(unix)]
#[test]
fn every_file_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::new();
    std::fs::write(desk.path(), "").unwrap();
    std::fs::set_permissions(desk.path(), std::fs::Permissions::from_mode(0o666)).unwrap();
    let store = desk.open();
    put(&store, Lane::Routine, 10).unwrap();
    let mut seen = Vec::new();
    for entry in std::fs::read_dir(desk.dir.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{entry:?}");
        seen.push(entry.file_name().into_string().unwrap());
    }
    assert_eq!(std::fs::metadata(desk.dir.path()).unwrap().permissions().mode() & 0o777, 0o700);
    assert!(seen.iter().any(|n| n.ends_with("-wal")) && seen.iter().any(|n| n.ends_with("-shm")), "{seen:?}");
}

#[test]
fn a_full_disk_is_survived_and_its_losses_are_told_even_after_a_restart() {
    let mut desk = Desk::new();
    let roomy = desk.limits.clone();
    desk.limits.file_bytes = 200_000;
    let store = desk.open();
    let mut written = 0;
    let mut lost = 0;
    for _ in 0..400 {
        match put(&store, Lane::Routine, 1_000) {
            Ok(_) => written += 1,
            Err(Error::Full) => lost += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(written > 50 && lost > 50, "{written} {lost}");
    assert!(matches!(put(&store, Lane::Priority, 1_000), Err(Error::Full)));
    drop(store);

    desk.limits = roomy;
    let store = desk.open();
    let next = put(&store, Lane::Routine, 10).unwrap();
    assert_eq!(next.seq, written + lost + 1);
    let rows = batch(&store);
    let mut told = gaps(&rows);
    told.sort_by_key(|g| g.lane);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.iter().all(|g| g.reason == GapReason::NotWritten));
    assert_eq!((told[0].first, told[0].last), (1, 1));
    assert_eq!((told[1].first, told[1].last), (written + 1, written + lost));
    drop(store);
    // Told once, not again.
    let store = desk.open();
    put(&store, Lane::Routine, 10).unwrap();
    assert_eq!(gaps(&batch(&store)).len(), 2);
}

#[test]
fn history_makes_room_on_a_full_disk() {
    let mut desk = Desk::new();
    desk.limits.file_bytes = 300_000;
    let store = desk.open();
    let entry = |store: &Store| Entry {
        at: store.now(),
        verdict: None,
        body: Body::Event(Event { event: EventKind::Started, duration: None, count: None }),
    };
    while store.remember(&entry(&store)).is_ok() {
        if store.read(|tx| tx.total("history")).unwrap() > 100_000 {
            break;
        }
    }
    let before = store.history(&Wanted::default()).unwrap().len();
    for _ in 0..150 {
        put(&store, Lane::Priority, 1_000).unwrap();
    }
    assert!(store.history(&Wanted::default()).unwrap().len() < before);
    assert_eq!(seqs(&batch(&store), Lane::Priority).len(), 150);
}

#[test]
fn a_report_that_cannot_be_made_takes_no_number() {
    let store = Desk::new().open();
    let error = store.spool(Lane::Routine, store.now(), &|_| Err("no".into())).unwrap_err();
    assert!(matches!(error, Error::Content(_)));
    assert_eq!(put(&store, Lane::Routine, 10).unwrap().seq, 1);
    assert!(gaps(&batch(&store)).is_empty());
}

#[test]
fn a_waiting_report_that_rots_is_told_as_lost() {
    let store = Desk::new().open();
    put(&store, Lane::Routine, 10).unwrap();
    put(&store, Lane::Routine, 10).unwrap();
    store.write(|tx| tx.db.execute("UPDATE spool SET bytes = x'00' WHERE seq = 1", []).doing("rot")).unwrap();
    assert_eq!(seqs(&batch(&store), Lane::Routine), [2]);
    assert_eq!(gaps(&batch(&store))[0].reason, GapReason::NotWritten);
}

#[test]
fn history_is_asked_by_kind_time_and_number_and_stays_bounded() {
    let mut desk = Desk::new();
    desk.limits.history_bytes = 5_000;
    let store = desk.open();
    for n in 0..300u32 {
        let event = EventKind::Started;
        let body = Body::Event(Event { event, duration: None, count: Some(n) });
        store.remember(&Entry { at: store.now(), verdict: Some(telemetry::Verdict::Ready), body }).unwrap();
        desk.later(1_000);
    }
    let all = store.history(&Wanted::default()).unwrap();
    assert!(all.len() < 300 && all.len() > 20 && store.read(|tx| tx.total("history")).unwrap() <= 5_000);
    assert!(all.is_sorted_by_key(|e| e.at));
    let last = store.history(&Wanted { last: Some(2), ..Wanted::default() }).unwrap();
    assert_eq!(last, all[all.len() - 2..]);
    let since = store.history(&Wanted { since: Some(last[1].at), ..Wanted::default() }).unwrap();
    assert_eq!(since, last[1..]);
    assert!(store.history(&Wanted { kinds: &["gap", "readiness"], ..Wanted::default() }).unwrap().is_empty());
    assert_eq!(
        store.history(&Wanted { kinds: &["gap", "event"], ..Wanted::default() }).unwrap().len(),
        all.len()
    );
}

#[test]
fn what_left_is_shown_to_the_byte_and_counted_once() {
    let mut desk = Desk::new();
    desk.limits.sent_bytes = 2_000;
    let store = desk.open();
    let json = br#"{"reports":[]}"#.repeat(20);
    let packed = zstd::bulk::compress(&json, 3).unwrap();
    let out = Outgoing { method: "POST", path: "/v1/reports", reports: 3, bytes: &packed };
    let id = store.write(|tx| tx.leaving(&out)).unwrap();
    assert_eq!(store.write(|tx| tx.leaving(&out)).unwrap(), id);
    store.write(|tx| tx.answered(id, 200)).unwrap();
    let other = store.write(|tx| tx.leaving(&out)).unwrap();
    assert_ne!(other, id);
    store.write(|tx| tx.never_left(other)).unwrap();
    let sent = store.sent(10).unwrap();
    assert_eq!(sent.len(), 1);
    assert_eq!((sent[0].times, sent[0].status, sent[0].reports), (2, Some(200), 3));
    assert_eq!((sent[0].json.as_slice(), sent[0].wire_bytes), (json.as_slice(), packed.len()));
    for n in 0..100u8 {
        let bytes = [n; 100];
        store.write(|tx| tx.leaving(&Outgoing { bytes: &bytes, ..out })).unwrap();
    }
    assert!(store.read(|tx| tx.total("sent")).unwrap() <= 2_000);
}

#[test]
fn state_that_no_longer_reads_is_absent() {
    let store = Desk::new().open();
    let key: Key<u32> = Key::new("k");
    assert_eq!(store.get(key).unwrap(), None);
    store.set(key, &7).unwrap();
    assert_eq!(store.get(key).unwrap(), Some(7));
    assert_eq!(store.get(Key::<bool>::new("k")).unwrap(), None);
    store.unset(key).unwrap();
    assert_eq!(store.get(key).unwrap(), None);
}
