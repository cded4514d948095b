//! `preshift enroll` and `preshift unenroll`.
//!
//! The code never comes from the command line, where every program of the computer could read it.

use super::{
    Exit,
    exit::Ends,
    owner::{self, Owner},
    welcome,
};
use crate::{
    config::Settings,
    control::{Answer, Request},
    deliver::{self, EnrollError, Goodbye, Preset, Source, Wrong, address},
    random::Random,
};
use anyhow::Context as _;
use clap::Args;
use std::{
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};
use telemetry::EnrollCode;

/// A code has 29 characters; this leaves room for a line end and stray spaces.
const CODE_BYTES: u64 = 200;

const EXAMPLES: &str = "\
Examples:
  preshift enroll https://collector.example:8443
                        Asks for the code that IT gave you
  preshift enroll https://collector.example:8443 --code-file code.txt
  some-secret-store | preshift enroll https://collector.example:8443 --code-stdin
  preshift enroll --from enrolment.toml
                        Address and code from a file of IT";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// The collector's address: https, or http on this computer itself
    #[arg(value_name = "URL", required_unless_present = "from")]
    collector: Option<String>,
    /// Read the code from a file
    #[arg(long, value_name = "FILE", conflicts_with = "code_stdin")]
    code_file: Option<PathBuf>,
    /// Read the code from standard input
    #[arg(long)]
    code_stdin: bool,
    /// Read the address and the code from a file such as the daemon takes from its place
    #[arg(long, value_name = "FILE", conflicts_with_all = ["collector", "code_file", "code_stdin"])]
    from: Option<PathBuf>,
}

pub fn enroll(settings: Arc<Settings>, options: &Options) -> anyhow::Result<Exit> {
    let Preset { collector, code } = preset(options)?;
    let own: Vec<PathBuf> =
        settings.enrolment_files.iter().filter(|f| f.own).map(|f| f.path.clone()).collect();
    let team = owner::runtime()?.block_on(async {
        match Owner::find(settings).await? {
            Owner::Us(desk) => {
                welcome::once(&desk.store)?;
                let delivery = desk.delivery();
                let random = Random::system();
                deliver::enroll(&desk.reporter, &delivery, &random, &collector, &code).await.map_err(ends)
            }
            Owner::Daemon(client) => {
                let request = Request::Enroll { collector: collector.clone(), code };
                match client.ask(request, |_| ()).await? {
                    Answer::Enrolled(team) => Ok(team),
                    Answer::Failed(why) => Err(Ends::with(Exit::Refused, why)),
                    _ => anyhow::bail!("the daemon gave an answer that does not fit the question"),
                }
            }
        }
    })?;
    anstream::println!("This desk is enrolled with {collector} in team {team}.");
    if let Some(from) = &options.from {
        used(from, &own);
    }
    anstream::println!("See what leaves this computer: preshift sent");
    Ok(Exit::Done)
}

pub fn unenroll(settings: Arc<Settings>) -> anyhow::Result<Exit> {
    let goodbye = owner::runtime()?.block_on(async {
        match Owner::find(settings).await? {
            Owner::Us(desk) => {
                deliver::unenroll(&desk.reporter, &desk.delivery(), &Random::system()).await.map_err(ends)
            }
            Owner::Daemon(client) => match client.ask(Request::Unenroll, |_| ()).await? {
                Answer::Unenrolled(goodbye) => Ok(goodbye),
                Answer::Failed(why) => Err(Ends::with(Exit::Refused, why)),
                _ => anyhow::bail!("the daemon gave an answer that does not fit the question"),
            },
        }
    })?;
    match goodbye {
        Goodbye::Told => anstream::println!("Done. The collector knows, and nothing leaves this computer."),
        Goodbye::NotEnrolled => {
            anstream::println!("This desk is not enrolled. Nothing leaves this computer.")
        }
        Goodbye::NotTold(why) => {
            anstream::println!("Done. Nothing leaves this computer.");
            anstream::println!("The collector could not be told ({}). Please tell your IT.", why.words());
        }
    }
    Ok(Exit::Done)
}

/// Where to enrol, and by which code.
fn preset(options: &Options) -> anyhow::Result<Preset> {
    match (&options.from, &options.collector) {
        (Some(file), _) => Preset::read(file, Source::ByHand).map_err(|error| {
            let exit = if matches!(error.wrong, Wrong::Read(_)) { Exit::NoInput } else { Exit::Data };
            Ends::with(exit, error.to_string())
        }),
        (None, Some(address)) => {
            let collector =
                address::collector(address).map_err(|e| Ends::with(Exit::Usage, e.to_string()))?;
            Ok(Preset { collector, code: code(options)? })
        }
        (None, None) => Err(Ends::with(Exit::Usage, "name the collector's address, or --from a file")),
    }
}

/// The file in the user's own place holds a secret and goes; any other is somebody else's to keep.
fn used(file: &Path, own: &[PathBuf]) {
    let same =
        |place: &PathBuf| matches!((place.canonicalize(), file.canonicalize()), (Ok(a), Ok(b)) if a == b);
    if own.iter().any(same) && std::fs::remove_file(file).is_err() {
        anstream::eprintln!("{} holds a code and could not be deleted; please delete it.", file.display());
    }
}

/// The code, from where it was said to be; else asked for without showing it.
fn code(options: &Options) -> anyhow::Result<EnrollCode> {
    let text = match &options.code_file {
        Some(path) => {
            let file = std::fs::File::open(path).map_err(|e| {
                Ends::with(Exit::NoInput, format!("cannot read {}: {}", path.display(), e.kind()))
            })?;
            bounded(file)?
        }
        None if options.code_stdin => bounded(io::stdin())?,
        None => rpassword::prompt_password("Code that IT gave you (it is not shown): ").map_err(|_| {
            let said = "there is no terminal to ask for the code; use --code-file or --code-stdin";
            Ends::with(Exit::Usage, said)
        })?,
    };
    deliver::code(&text).map_err(|e| Ends::with(Exit::Data, format!("the code is {e}")))
}

fn bounded(from: impl Read) -> anyhow::Result<String> {
    let mut text = String::new();
    from.take(CODE_BYTES).read_to_string(&mut text).context("the code cannot be read")?;
    Ok(text)
}

fn ends(error: EnrollError) -> anyhow::Error {
    let exit = match &error {
        EnrollError::NoAnswer(_) => Exit::Unavailable,
        EnrollError::Store(_) | EnrollError::Identity(_) => Exit::Io,
        _ => Exit::Refused,
    };
    Ends::with(exit, crate::daemon::said(error))
}
