//! The network lab as tests use it: brought up when it can be, one at a time, and held to its record.
#![cfg(target_os = "linux")]
#![allow(dead_code, unused_imports, reason = "each test binary uses a part of it")]

mod truth;

#[allow(unused_imports, reason = "each program uses a part of it")]
pub use netshape::{Lab, Layout, Place};
#[allow(unused_imports, reason = "each program uses a part of it")]
pub use truth::{Stream, Truth};

use std::{
    fs::{self, File},
    ops::Deref,
    path::Path,
    process::Command,
};

/// Two labs at a time would make each other late, also those of two processes.
const TURN: &str = "/run/preshift-netlab.lock";

/// How often a run is repeated in which the lab itself was late.
const ATTEMPTS: usize = 3;

/// A lab that this test has for itself, until it is dropped.
pub struct Netlab {
    lab: Lab,
    // Let go when it is dropped, and by a process that ends in any way.
    _turn: File,
}

impl Deref for Netlab {
    type Target = Lab;
    fn deref(&self) -> &Lab {
        &self.lab
    }
}

/// Brings a lab up; `None`, with a word on why, where there cannot be one. With `PRESHIFT_LABS=1` that
/// is a failure.
pub fn up(test: &str) -> Option<Netlab> {
    up_as(test, Layout::default())
}

/// The same of a lab that has more to it.
pub fn up_as(test: &str, layout: Layout) -> Option<Netlab> {
    if let Some(need) = missing() {
        assert!(std::env::var_os("PRESHIFT_LABS").is_none_or(|v| v != "1"), "{test}: needs {need}");
        eprintln!("SKIPPED: {test}: needs {need}");
        return None;
    }
    let turn = File::create(TURN).and_then(|turn| turn.lock().map(|()| turn));
    let turn = turn.unwrap_or_else(|e| panic!("{test}: no turn at the lab: {e}"));
    sweep();
    let lab = Lab::up_as(&prefix(), layout).unwrap_or_else(|e| panic!("{test}: no lab: {e}"));
    Some(Netlab { lab, _turn: turn })
}

impl Netlab {
    /// Shapes a link anew: what was set before is gone.
    pub fn set(&self, which: &str, settings: &str) {
        self.links().set(which, &format!("clear {settings}")).unwrap();
    }

    /// Runs `measure` and gives what it measured, with the lab's record of it, to `check`. A run in which
    /// the lab was late says nothing: it is repeated, and after three the test is inconclusive, which is told at the
    /// end of `make test` with all else that was left out: the machine's host took the time, and no code of ours.
    pub fn hold<T>(&self, shapes: &[(&str, &str)], measure: impl Fn() -> T, check: impl Fn(T, &Truth)) {
        for attempt in 1..=ATTEMPTS {
            self.set("all", "");
            for (which, settings) in shapes {
                self.set(which, settings);
            }
            self.links().directions().iter().for_each(|d| d.forget());
            let measured = measure();
            let truth = Truth::read(self.links());
            match truth.too_late() {
                None => return check(measured, &truth),
                Some(how) => eprintln!("run {attempt} says nothing: the lab was late: {how}"),
            }
        }
        inconclusive();
    }
}

/// Notes that a test could not be held to anything, for `scripts/test.sh` to repeat at its end.
fn inconclusive() {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let line = format!("SKIPPED: {test}: inconclusive: the lab was late in {ATTEMPTS} runs");
    eprintln!("{line}");
    if let Some(list) = std::env::var_os("PRESHIFT_INCONCLUSIVE") {
        let list = File::options().append(true).create(true).open(list);
        let noted =
            list.and_then(|mut list| std::io::Write::write_all(&mut list, format!("{line}\n").as_bytes()));
        noted.expect("the list of what was left out can be written");
    }
}

/// A lab is told from others by the process that made it.
fn prefix() -> String {
    format!("pl{}", std::process::id())
}

/// What a lab needs and this machine has not.
fn missing() -> Option<&'static str> {
    let has = |program: &str| Command::new(program).arg("-V").output().is_ok_and(|o| o.status.success());
    let uid = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let root = uid.lines().any(|l| l.starts_with("Uid:") && l.split_whitespace().nth(2) == Some("0"));
    [
        (root, "root"),
        (Path::new("/dev/net/tun").exists(), "/dev/net/tun"),
        (has("ip"), "ip (iproute2)"),
        (has("nft"), "nft (nftables)"),
    ]
    .into_iter()
    .find_map(|(there, what)| (!there).then_some(what))
}

/// Takes away what a test left that was killed: its namespaces bear its process id.
fn sweep() {
    for entry in fs::read_dir("/run/netns").into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner =
            name.strip_prefix("pl").and_then(|rest| rest.split_once('-')).map(|(pid, _)| pid.to_owned());
        let gone = |pid: String| pid.parse::<u32>().is_ok() && !Path::new("/proc").join(pid).exists();
        if owner.is_some_and(gone) {
            let _ = Command::new("ip").args(["netns", "del", &name]).output();
        }
    }
}
