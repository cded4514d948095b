//! The command line: one file for each command.
//!
//! Data goes to standard output, words to standard error. Exit codes: 0 done, 1 it could not be
//! done, 64 the command line is wrong, 65 a file that was given is wrong.

mod desks;
mod enroll_code;
mod export;
mod policy;
mod serve;
mod shifts;
mod token;

use clap::{Parser, Subcommand};
use std::{ffi::OsString, path::PathBuf, process::ExitCode};

/// The command line is wrong (EX_USAGE of sysexits).
const USAGE: u8 = 64;
/// A file that was given is wrong (EX_DATAERR).
const DATA: u8 = 65;

/// A file that was given is wrong: what is wrong with it, line by line.
#[derive(Debug, thiserror::Error)]
#[error("{file} is not taken:\n{why}")]
struct BadFile {
    file: String,
    why: String,
}

/// The collector of Preshift: desks report to it, and IT looks at its board.
#[derive(Debug, Parser)]
#[command(name = "preshift-collector", version, disable_help_subcommand = true)]
struct Cli {
    /// Folder of the store [default: $PRESHIFT_COLLECTOR_DATA, $STATE_DIRECTORY, or preshift-collector in
    /// the user's data folder]
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server: ingest, enrolment, board and reflector
    Serve(serve::Args),
    /// Make a code with which a desk enrols, and print it: the only time it is shown
    EnrollCode(enroll_code::Args),
    /// What desks are judged by
    #[command(subcommand)]
    Policy(policy::Args),
    /// Who works when
    #[command(subcommand)]
    Shifts(shifts::Args),
    /// The desks that are known
    #[command(subcommand)]
    Desks(desks::Args),
    /// The token for signing in to the board
    #[command(subcommand)]
    Token(token::Args),
    /// Print every verdict as CSV
    Export(export::Args),
    /// Write the manual pages and the shells' completions, for packages
    #[command(hide = true)]
    Manual {
        /// Where to
        folder: PathBuf,
    },
}

/// What the command line takes: for the test that holds documents to it.
pub fn command() -> clap::Command {
    <Cli as clap::CommandFactory>::command()
}

/// Runs the command line and says how it went.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            // Help and version are asked for, not wrong.
            return if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS };
        }
    };
    let done = data_folder(cli.data).and_then(|data| match cli.command {
        Command::Serve(args) => serve::run(&data, args),
        Command::EnrollCode(args) => enroll_code::run(&data, &args),
        Command::Policy(args) => policy::run(&data, &args),
        Command::Shifts(args) => shifts::run(&data, &args),
        Command::Desks(args) => desks::run(&data, &args),
        Command::Token(args) => token::run(&data, &args),
        Command::Export(args) => export::run(&data, &args),
        Command::Manual { folder } => Ok(manual::write(<Cli as clap::CommandFactory>::command(), &folder)?),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(if error.is::<BadFile>() { DATA } else { 1 })
        }
    }
}

fn data_folder(given: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    let var = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    given
        .or_else(|| var("PRESHIFT_COLLECTOR_DATA"))
        .or_else(|| var("STATE_DIRECTORY"))
        .or_else(|| Some(var("XDG_DATA_HOME")?.join("preshift-collector")))
        .or_else(|| Some(var("HOME")?.join(".local/share/preshift-collector")))
        .or_else(|| Some(var("LOCALAPPDATA")?.join("preshift-collector")))
        .ok_or_else(|| anyhow::anyhow!("no data folder: name one with --data"))
}

/// Writes to standard output; a reader that went away is no error.
fn print(text: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(e.into()),
        _ => Ok(()),
    }
}

/// Opens the store and does `work` in one transaction.
fn change<T>(
    data: &std::path::Path,
    create: bool,
    work: impl FnOnce(&rusqlite::Connection) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let mut db = crate::store::open(data, create)?;
    let tx = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let result = work(&tx)?;
    tx.commit()?;
    Ok(result)
}

/// The one desk that a text means.
fn one_desk(db: &rusqlite::Connection, text: &str) -> anyhow::Result<crate::store::desks::Desk> {
    let mut found = crate::store::desks::meant(db, text)?;
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => anyhow::bail!("unknown desk '{text}': see 'preshift-collector desks list'"),
        n => anyhow::bail!("'{text}' is the beginning of {n} desk ids: give more of it"),
    }
}
