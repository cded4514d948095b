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
    deliver::{self, EnrollError, Goodbye, address},
    random::Random,
};
use anyhow::Context as _;
use clap::Args;
use std::{
    io::{self, Read},
    path::PathBuf,
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
  some-secret-store | preshift enroll https://collector.example:8443 --code-stdin";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// The collector's address: https, or http on this computer itself
    #[arg(value_name = "URL")]
    collector: String,
    /// Read the code from a file
    #[arg(long, value_name = "FILE", conflicts_with = "code_stdin")]
    code_file: Option<PathBuf>,
    /// Read the code from standard input
    #[arg(long)]
    code_stdin: bool,
}

pub fn enroll(settings: Arc<Settings>, options: &Options) -> anyhow::Result<Exit> {
    let collector =
        address::collector(&options.collector).map_err(|e| Ends::with(Exit::Usage, e.to_string()))?;
    let code = code(options)?;
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
    text.trim().to_lowercase().parse().map_err(|e| Ends::with(Exit::Data, format!("the code is {e}")))
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
