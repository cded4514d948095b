//! `make bench-attribution`: scenarios with a known culprit, and what a real desk says of each.
//!
//! A case is a file in `cases/`. For each, a lab is built in network namespaces, with the real collector and reflector
//! at its far end and the real `preshift check --json` at the desk; then the case's fault is made, and whose fault the
//! check names is held to the culprit. See `README.md` beside it for how to add a case.

mod answer;
mod case;
mod judge;
mod table;

#[cfg(target_os = "linux")]
mod run;
#[cfg(target_os = "linux")]
mod scene;

use clap::Parser;
use std::path::PathBuf;

/// Whose fault: each case in the network lab, and what a real desk says of it.
#[derive(Debug, Parser)]
#[command(name = "attribution")]
pub struct Options {
    /// How often each case is run, each time with another pattern of chance
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=1000))]
    seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 1)]
    first_seed: u64,
    /// How many labs run beside each other
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=8))]
    lanes: u8,
    /// Only cases whose name contains one of these
    #[arg(long, value_name = "PART", num_args = 1..)]
    only: Vec<String>,
    /// Folder with the cases, for cases of your own
    #[arg(long, value_name = "FOLDER", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/cases"))]
    cases: PathBuf,
    /// Folder with `preshift` and `preshift-collector` [default: where this program is]
    #[arg(long, value_name = "FOLDER")]
    programs: Option<PathBuf>,
    /// How often a case is tried in which the lab was late or the machine busy
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=10))]
    attempts: u64,
    /// For a machine that is busy with other things: leave `computer` out of what is named, and cases about it out of the
    /// matrix. Such a run is no proof
    #[arg(long)]
    without_computer: bool,
    /// How many wrong or late answers there may be, for a machine that is not quiet. More than none is no proof
    #[arg(long, default_value_t = 0)]
    tolerate: usize,
    /// Percent of the answers that must be right
    #[arg(long, default_value_t = table::RIGHT_PERCENT, value_name = "PERCENT")]
    right: usize,
    /// Keep what each check said, and what it wrote on standard error, in this folder
    #[arg(long, value_name = "FOLDER")]
    keep: Option<PathBuf>,
    /// Read the cases and stop: says whether they are well-formed
    #[arg(long)]
    list: bool,
}

fn main() -> std::process::ExitCode {
    let options = Options::parse();
    match work(&options) {
        Ok(true) => std::process::ExitCode::SUCCESS,
        Ok(false) => std::process::ExitCode::FAILURE,
        Err(error) => {
            eprintln!("attribution: {error:#}");
            std::process::ExitCode::from(2)
        }
    }
}

/// Says whether all is well.
fn work(options: &Options) -> anyhow::Result<bool> {
    let mut cases = case::read_all(&options.cases)?;
    if !options.only.is_empty() {
        cases.retain(|case| options.only.iter().any(|part| case.name.contains(part.as_str())));
        anyhow::ensure!(!cases.is_empty(), "no case has such a name: {}", options.only.join(", "));
    }
    if options.without_computer {
        cases.retain(|case| !case.culprit.contains(&telemetry::FaultDomain::Computer));
    }
    if options.list {
        print!("{}", table::list(&cases));
        return Ok(true);
    }
    run_all(options, cases)
}

#[cfg(target_os = "linux")]
fn run_all(options: &Options, cases: Vec<case::Case>) -> anyhow::Result<bool> {
    run::all(options, cases)
}

#[cfg(not(target_os = "linux"))]
fn run_all(options: &Options, _: Vec<case::Case>) -> anyhow::Result<bool> {
    let _ = (
        options.seeds,
        options.first_seed,
        options.lanes,
        options.attempts,
        options.tolerate,
        options.right,
        &options.programs,
        &options.keep,
    );
    anyhow::bail!("the network lab needs Linux")
}
