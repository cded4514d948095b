//! A disk that is really full: a small file system of its own, as root on Linux. What could not be written
//! is told as a gap as soon as there is room, and a full disk is never taken for a damaged store.

#![cfg(target_os = "linux")]

use preshift::{
    random::Random,
    store::{Entry, Error, Limits, Store, Wanted},
};
use std::{path::Path, process::Command, sync::Arc};
use telemetry::{Body, Event, EventKind, Gap, GapReason, Lane, UnixMs};

/// A file system in memory, of a size.
struct Disk(tempfile::TempDir);

impl Disk {
    fn mount(size: &str) -> Option<Self> {
        let disk = Self(tempfile::tempdir().unwrap());
        disk.run(&["-t", "tmpfs", "-o", &format!("size={size},mode=0700"), "tmpfs"]).then_some(disk)
    }

    fn resize(&self, size: &str) {
        assert!(self.run(&["-o", &format!("remount,size={size}")]));
    }

    fn run(&self, args: &[&str]) -> bool {
        Command::new("mount").args(args).arg(self.0.path()).output().is_ok_and(|o| o.status.success())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).output();
    }
}

fn open(dir: &Path) -> Result<Store, Error> {
    let clock: preshift::probe::Clock = Arc::new(|| UnixMs::new(1_800_000_000_000));
    Store::open_with(dir, Limits::default(), clock, Random::system())
}

fn spool(store: &Store, lane: Lane) -> Result<u64, Error> {
    store.spool(lane, store.now(), &|_| Ok(vec![b'x'; 2_000])).map(|place| place.seq)
}

#[test]
fn a_full_disk_loses_reports_but_hides_none() {
    let Some(disk) = Disk::mount("2m") else {
        assert!(std::env::var_os("PRESHIFT_LABS").is_none(), "mounting a file system needs root");
        println!("SKIPPED: a_full_disk_loses_reports_but_hides_none: needs root to mount a file system");
        return;
    };
    let dir = disk.0.path().join("data");
    let store = open(&dir).unwrap();
    let body = Body::Event(Event { event: EventKind::Started, duration: None, count: None });
    for _ in 0..50 {
        store.remember(&Entry { at: store.now(), verdict: None, body: body.clone() }).unwrap();
    }
    let (mut written, mut lost) = (0, 0);
    while lost < 20 {
        match spool(&store, Lane::Routine) {
            Ok(_) => written += 1,
            Err(Error::Full) => lost += 1,
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!(written > 100, "{written}");
    assert!(store.history(&Wanted::default()).unwrap().len() < 50, "history made room first");
    assert!(matches!(spool(&store, Lane::Priority), Err(Error::Full)));
    drop(store);

    // Started on the full disk: it may fail, but nothing is put aside.
    if let Err(error) = open(&dir) {
        assert!(!matches!(error, Error::Damaged), "{error:?}");
    }
    let names: Vec<String> =
        std::fs::read_dir(&dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    assert!(!names.iter().any(|name| name.contains("damaged")), "{names:?}");

    disk.resize("16m");
    let store = open(&dir).unwrap();
    assert!(!store.untold_reset().unwrap());
    assert_eq!(spool(&store, Lane::Routine).unwrap(), written + lost + 1);
    let rows =
        store.write(|tx| tx.batch(10_000, 64 << 20, &|_, gap| Ok(serde_json::to_vec(gap).unwrap()))).unwrap();
    let gaps: Vec<Gap> = rows.iter().filter_map(|r| serde_json::from_slice(&r.bytes).ok()).collect();
    assert!(gaps.iter().all(|g| g.reason == GapReason::NotWritten));
    let told = |lane| gaps.iter().filter(|g| g.lane == lane).map(|g| g.last - g.first + 1).sum::<u64>();
    assert_eq!((told(Lane::Priority), told(Lane::Routine)), (1, lost));
    assert_eq!(rows.iter().filter(|r| r.place.lane == Lane::Routine).count() as u64, written + 1);
}
