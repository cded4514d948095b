//! `preshift autostart`: whether the daemon starts when this user logs on.

use super::{Exit, exit::Ends, owner};
use crate::{
    autostart::{Done, Error, Registered},
    config::{Settings, Source},
    control::{Answer, Client, ClientError, Lock, LockError, Request, Status},
    daemon,
    platform::autostart as system,
};
use anyhow::Context as _;
use clap::Subcommand;
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

/// How long a daemon may take until it answers: a slow disk checks its store first.
const BEGIN: Duration = Duration::from_secs(20);
/// Of that, how long the system's own way is waited for before another is tried.
const SYSTEM: Duration = Duration::from_secs(8);
/// How long a daemon may take to end: what it takes at most itself, and a slow machine's moment.
const END: Duration = daemon::GRACE.saturating_mul(4);
/// How often it is looked.
const AGAIN: Duration = Duration::from_millis(100);

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start the daemon now and whenever you log on
    On,
    /// Stop the daemon, and do not start it at logon
    Off,
    /// Show whether and by what the daemon starts, and whether it runs
    Show,
}

pub fn run(settings: &Settings, command: &Command) -> anyhow::Result<Exit> {
    match command {
        Command::On => on(settings),
        Command::Off => off(settings),
        Command::Show => show(settings),
    }
}

fn on(settings: &Settings) -> anyhow::Result<Exit> {
    for (key, from) in only_here(settings) {
        anstream::eprintln!(
            "Note: {key} from {from} holds for this command only; the daemon goes by the settings file."
        );
    }
    let Started { done, answers } = start(settings)?;
    if !answers {
        let said = format!(
            "the daemon was registered with {} but does not answer; 'preshift run' says what keeps it from \
             starting",
            done.means
        );
        return Err(Ends::with(Exit::Unavailable, said));
    }
    anstream::println!("Preshift starts whenever you log on, by {}.", done.means);
    if let Some(remark) = done.remark {
        anstream::println!("{remark}");
    }
    anstream::println!("It runs now. To end that: preshift autostart off");
    Ok(Exit::Done)
}

/// What became of starting.
pub struct Started {
    /// What became of registering.
    pub done: Done,
    /// Whether a daemon answers by now.
    pub answers: bool,
}

/// Registers and starts, and waits a while for the daemon to answer.
pub fn start(settings: &Settings) -> anyhow::Result<Started> {
    let program = own_program()?;
    let runtime = owner::runtime()?;
    // One that answers in words of another version runs as well.
    let runs = !matches!(runtime.block_on(answers(settings)), Ok(None));
    let done = system::on(&program, runs).map_err(ends)?;
    let began = Instant::now();
    let mut other_way = false;
    while !runs && !matches!(runtime.block_on(answers(settings)), Ok(Some(_))) {
        if began.elapsed() > SYSTEM && !other_way {
            other_way = true;
            system::start_ourselves(&program).map_err(ends)?;
        }
        if began.elapsed() > BEGIN {
            return Ok(Started { done, answers: false });
        }
        std::thread::sleep(AGAIN);
    }
    Ok(Started { done, answers: true })
}

fn off(settings: &Settings) -> anyhow::Result<Exit> {
    let removed = system::off().map_err(ends)?;
    let stopped = stop(settings)?;
    match removed.first() {
        Some(means) => anstream::println!("Preshift does not start at logon any more (it did by {means})."),
        None => anstream::println!("Preshift did not start at logon."),
    }
    match stopped {
        true => anstream::println!("The daemon has ended. Nothing is measured now."),
        false => anstream::println!("No daemon runs. Nothing is measured now."),
    }
    Ok(Exit::Done)
}

/// Asks the daemon to end, and waits until it has. Says whether one ran.
pub fn stop(settings: &Settings) -> anyhow::Result<bool> {
    let asked = owner::runtime()?.block_on(async {
        let client = match Client::connect(&settings.data_dir).await {
            Ok(client) => client,
            Err(ClientError::NotRunning) => return Ok(false),
            Err(error) => return Err(error),
        };
        match client.ask(Request::Stop, |_| ()).await {
            // It may be gone before its answer was read.
            Ok(_) | Err(ClientError::Gone | ClientError::Connection(_)) => Ok(true),
            Err(error) => Err(error),
        }
    })?;
    // Its lock is free when the process has ended, and not before.
    if asked && settings.data_dir.exists() {
        match Lock::take_within(&settings.data_dir, END) {
            Ok(lock) => drop(lock),
            Err(LockError::Held) => return Err(Ends::with(Exit::TryAgain, "the daemon does not end")),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(asked)
}

fn show(settings: &Settings) -> anyhow::Result<Exit> {
    let registered = system::show().map_err(ends)?;
    let status = owner::runtime()?.block_on(answers(settings))?;
    anstream::println!("{}", at_logon(&registered));
    for one in &registered {
        if let Some(starts) = &one.starts {
            anstream::println!("  {}: {starts}", one.means);
        }
    }
    match status {
        Some(status) => {
            anstream::println!("Now: it runs, version {} (process {}).", status.daemon, status.process)
        }
        None => anstream::println!("Now: it does not run."),
    }
    Ok(Exit::Done)
}

/// Whether it starts at logon, and by what.
fn at_logon(registered: &[Registered]) -> String {
    let names =
        |some: Vec<&Registered>| some.iter().map(|r| r.means.to_string()).collect::<Vec<_>>().join(" and ");
    let (on, off): (Vec<_>, Vec<_>) = registered.iter().partition(|r| r.enabled);
    if !on.is_empty() {
        return format!("At logon: Preshift starts, by {}.", names(on));
    }
    match off.is_empty() {
        true => "At logon: Preshift does not start. To have it start: preshift autostart on".into(),
        false => format!(
            "At logon: Preshift does not start; {} is switched off. To have it start: preshift autostart on",
            names(off)
        ),
    }
}

/// The daemon's answer, if one runs.
async fn answers(settings: &Settings) -> anyhow::Result<Option<Status>> {
    let client = match Client::connect(&settings.data_dir).await {
        Ok(client) => client,
        Err(ClientError::NotRunning) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    match client.ask(Request::Status, |_| ()).await? {
        Answer::Status(status) => Ok(Some(status)),
        _ => anyhow::bail!("the daemon gave an answer that does not fit the question"),
    }
}

/// Settings that a daemon started at logon will not see.
fn only_here(settings: &Settings) -> Vec<(&'static str, &Source)> {
    let here = |s: &Source| matches!(s, Source::Environment(_) | Source::Flag(_));
    settings.shown.iter().filter(|(_, _, from)| here(from)).map(|(key, _, from)| (*key, from)).collect()
}

fn own_program() -> anyhow::Result<PathBuf> {
    std::env::current_exe().context("the system does not say where this program is")
}

fn ends(error: Error) -> anyhow::Error {
    let exit = match &error {
        Error::Missing(_) => Exit::NoInput,
        Error::Unfit(_) => Exit::Data,
        Error::File { .. } => Exit::Io,
        Error::Tool(_) | Error::Refused(_) => Exit::Unavailable,
    };
    Ends::with(exit, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::autostart::Means;

    #[test]
    fn what_is_registered_and_what_is_in_force_are_two_things() {
        let one = |means, enabled| Registered { means, starts: None, enabled };
        assert!(at_logon(&[]).contains("does not start. To have it start"));
        assert_eq!(
            at_logon(&[one(Means::Task, true)]),
            "At logon: Preshift starts, by the scheduled task 'Preshift'."
        );
        let off = at_logon(&[one(Means::RunKey, false)]);
        assert!(off.contains("the Run key is switched off"), "{off}");
        let mixed = at_logon(&[one(Means::Task, false), one(Means::RunKey, true)]);
        assert!(mixed.contains("Run key") && !mixed.contains("task"), "{mixed}");
    }
}
