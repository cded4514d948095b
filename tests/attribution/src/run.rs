//! Runs the cases: some beside each other, those that need the machine for themselves at the end, each at most three times.
//!
//! Owns the order, and when a run says nothing because the lab itself was late or the machine busy.

use crate::{
    Options, answer,
    case::Case,
    judge::{self, Ruling},
    scene::{self, Programs},
    table::{self, Result},
};
use anyhow::Context as _;
use std::{
    collections::VecDeque,
    fs::{self, File},
    path::Path,
    process::Command,
    sync::{Mutex, PoisonError},
};
use telemetry::FaultDomain;

/// Two labs of two processes would make each other late.
const TURN: &str = "/run/preshift-netlab.lock";

/// Runs all of them and prints the table; says whether the goals were met.
pub fn all(options: &Options, cases: Vec<Case>) -> anyhow::Result<bool> {
    if let Some(need) = missing() {
        anyhow::ensure!(std::env::var_os("PRESHIFT_LABS").is_none_or(|v| v != "1"), "this needs {need}");
        println!("SKIPPED: whose fault: needs {need}");
        return Ok(true);
    }
    let turn = File::create(TURN).and_then(|turn| turn.lock().map(|()| turn));
    let _turn = turn.with_context(|| format!("no turn at the lab ({TURN})"))?;
    sweep();
    let programs = Programs::find(options.programs.as_deref())?;
    if let Some(folder) = &options.keep {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    println!("Probes: {}.", programs.probes.join(", "));
    let seeds = options.first_seed..options.first_seed + options.seeds;
    let runs = seeds.flat_map(|seed| cases.iter().map(move |case| (case, seed)));
    let (alone, beside): (Vec<_>, Vec<_>) = runs.partition(|(case, _)| case.alone);
    let stage = Stage { programs: &programs, options, of: alone.len() + beside.len() };
    let done = Mutex::new(Vec::new());
    println!("{:>9}{}", "", table::head());
    stage.run(beside, options.lanes, &done)?;
    stage.run(alone, 1, &done)?;
    let mut results = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by(|a, b| (&a.case, a.seed).cmp(&(&b.case, b.seed)));
    println!("\n{}", table::head());
    for result in &results {
        println!("{}", table::line(result));
    }
    for result in results.iter().filter(|r| r.ruling == Ruling::Inconclusive) {
        println!("SKIPPED: whose fault: {} with seed {}: {}", result.case, result.seed, result.remark);
    }
    let (totals, well) =
        table::totals(&results, table::Goal { tolerated: options.tolerate, right_percent: options.right });
    println!("\n{totals}");
    if options.without_computer {
        println!("Without 'computer', and whatever the machine was busy with: this is no proof.");
    }
    Ok(well)
}

/// What all runs share.
struct Stage<'a> {
    programs: &'a Programs,
    options: &'a Options,
    of: usize,
}

impl Stage<'_> {
    fn run(&self, runs: Vec<(&Case, u64)>, lanes: u8, done: &Mutex<Vec<Result>>) -> anyhow::Result<()> {
        let waiting = Mutex::new(VecDeque::from(runs));
        let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        std::thread::scope(|scope| {
            let lanes: Vec<_> = (0..lanes)
                .map(|lane| {
                    scope.spawn(move || -> anyhow::Result<()> {
                        while let Some((case, seed)) = next() {
                            let result = self.one(case, seed, lane)?;
                            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                            done.push(result);
                            let number = done.len();
                            println!("[{number:>3}/{:<3}] {}", self.of, table::line(&done[number - 1]));
                        }
                        Ok(())
                    })
                })
                .collect();
            lanes.into_iter().try_for_each(|lane| match lane.join() {
                Ok(ended) => ended,
                Err(panic) => std::panic::resume_unwind(panic),
            })
        })
    }

    fn one(&self, case: &Case, seed: u64, lane: u8) -> anyhow::Result<Result> {
        let mut attempt = 1;
        loop {
            let played = scene::play(case, seed, lane, self.programs)
                .with_context(|| format!("{}: the lab could not be set up", case.name))?;
            if let Some(folder) = &self.options.keep {
                let file = |ending| folder.join(format!("{}.{seed}.{ending}", case.name));
                fs::write(file("json"), &played.said)?;
                fs::write(file("err"), &played.complained)?;
            }
            let read = match played.exit {
                // The check's own codes: ready, at risk, not ready, unknown.
                Some(0..=3) => answer::read(&played.said),
                Some(code) => Err(anyhow::anyhow!("exit code {code}: {}", last_line(&played.complained))),
                None => Err(anyhow::anyhow!("it did not end")),
            };
            let (named, mut remark) = match read {
                Ok(mut named) => {
                    if self.options.without_computer {
                        named.remove(&FaultDomain::Computer);
                    }
                    (Some(named), String::new())
                }
                Err(error) => (None, format!("{error:#}")),
            };
            let mut ruling = match &named {
                Some(named) => judge::rule(case, named, played.took),
                None => Ruling::NoAnswer,
            };
            // A right answer in spite of that is right; any other may be the lab's own doing.
            let late = played.late.filter(|_| ruling != Ruling::Right && !self.options.without_computer);
            if let Some(late) = late {
                if attempt < self.options.attempts {
                    println!("{:>9}{} {seed}: says nothing: {late}", "", case.name);
                    attempt += 1;
                    continue;
                }
                (ruling, remark) = (Ruling::Inconclusive, format!("inconclusive in {attempt} runs: {late}"));
            }
            let (culprit, took) = (case.culprit.clone(), played.took);
            return Ok(Result { case: case.name.clone(), culprit, seed, named, ruling, took, remark });
        }
    }
}

fn last_line(text: &str) -> &str {
    text.lines().rev().find(|l| !l.trim().is_empty()).unwrap_or("it said nothing")
}

/// What a lab needs and this machine has not.
fn missing() -> Option<&'static str> {
    let has =
        |program: &str| Command::new(program).arg("--version").output().is_ok_and(|o| o.status.success());
    // SAFETY: takes nothing and cannot fail.
    let root = unsafe { libc::geteuid() } == 0;
    [
        (root, "root"),
        (Path::new("/dev/net/tun").exists(), "/dev/net/tun"),
        (Command::new("ip").arg("-V").output().is_ok(), "ip (iproute2)"),
        (has("nft"), "nft (nftables)"),
        (has("setpriv"), "setpriv (util-linux)"),
        (scene::faketime().is_some(), "libfaketime (faketime)"),
    ]
    .into_iter()
    .find_map(|(there, what)| (!there).then_some(what))
}

/// Takes away what a run left that was killed: its namespaces bear its process id.
fn sweep() {
    for folder in ["/run/netns", "/etc/netns"] {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let owner =
                name.strip_prefix("pl").and_then(|rest| rest.split('-').next()).map(str::parse::<u32>);
            let gone = matches!(owner, Some(Ok(pid)) if !Path::new("/proc").join(pid.to_string()).exists());
            if gone && folder == "/run/netns" {
                let _ = Command::new("ip").args(["netns", "del", &name]).output();
            } else if gone {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}
