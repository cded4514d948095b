//! `preshift policy`: what a desk is judged by.

use super::{
    Exit,
    exit::Ends,
    render::{FAINT, STRONG},
    view::View,
};
use crate::{config::Settings, desk};
use clap::Subcommand;
use readiness::Policy;
use std::{
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

/// A policy is some pages of text; the collector takes no larger one.
const FILE_BYTES: u64 = 256 * 1024;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// The policy that this desk is judged by
    Show,
    /// Say whether a policy file is valid, and if not, what is wrong
    Check {
        /// The file
        file: PathBuf,
    },
}

pub fn run(settings: &Settings, command: &Command) -> anyhow::Result<Exit> {
    match command {
        Command::Show => show(settings),
        Command::Check { file } => check(file),
    }
}

fn show(settings: &Settings) -> anyhow::Result<Exit> {
    let (policy, from) = match View::open(settings)? {
        Some(view) => {
            let in_force = desk::in_force(&view.store, &view.identity)?;
            let from = if in_force.assignment.is_some() { "from the collector" } else { "built in" };
            (in_force.policy, from)
        }
        None => (Arc::new(Policy::builtin()), "built in"),
    };
    let mut out = anstream::stdout().lock();
    writeln!(out, "{STRONG}# {} version {}, {from}{STRONG:#}", policy.id, policy.version)?;
    writeln!(out, "{FAINT}# digest {}{FAINT:#}", policy.digest())?;
    write!(out, "{}", toml::to_string(&*policy)?)?;
    Ok(Exit::Done)
}

fn check(file: &Path) -> anyhow::Result<Exit> {
    let refused = |e: std::io::Error| {
        Ends::with(Exit::NoInput, format!("cannot read {}: {}", file.display(), e.kind()))
    };
    let mut text = String::new();
    let reader = std::fs::File::open(file).map_err(refused)?;
    reader.take(FILE_BYTES + 1).read_to_string(&mut text).map_err(refused)?;
    if text.len() as u64 > FILE_BYTES {
        let said = format!("{}: larger than {FILE_BYTES} bytes: not a policy", file.display());
        return Err(Ends::with(Exit::Data, said));
    }
    let (policy, profile) = Policy::parse_file(&text)
        .map_err(|e| Ends::with(Exit::Data, format!("{} is not valid: {e}", file.display())))?;
    anstream::println!("{} is valid: policy {} version {}.", file.display(), policy.id, policy.version);
    if let Some(profile) = profile {
        anstream::println!("It takes profile {} version {}.", profile.choice(), profile.version);
    }
    anstream::println!("Digest {}", policy.digest());
    Ok(Exit::Done)
}
