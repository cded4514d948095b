//! The command line: one file for each command. Only renders what the rest made.
//!
//! Data goes to standard output, words about the work to standard error.

mod autostart;
mod changes;
mod check;
mod config;
mod consent;
mod delivery;
mod doctor;
mod enroll;
mod exit;
mod history;
mod log;
mod owner;
mod pause;
mod policy;
mod profiles;
mod render;
mod run;
mod sent;
mod setup;
mod status;
mod upgraded;
mod view;
mod welcome;

pub use exit::Exit;

use crate::{
    config::{Flags, Proxy, Settings},
    network::proxy::Proxies,
};
use clap::{Args, Parser, Subcommand};
use std::{ffi::OsString, process::ExitCode, sync::Arc};

const EXAMPLES: &str = "\
Examples:
  preshift check                 Is this desk fit to take calls?
  preshift check --only media    Only the voice stream
  preshift status                What the daemon does, and when it measures next
  preshift sent --last 1         The exact bytes that left this computer
  preshift consent withdraw      Keep the microphone closed

Exit codes of 'check': 0 ready, 1 at risk, 2 not ready, 3 unknown. Of 'doctor --selftest': 4 a check failed.
Of every command: 64 and up when it could not be done
(64 wrong usage, 69 nobody answers, 75 try again, 78 wrong settings).";

const RUN: &str = "\
It is started at logon (see 'preshift autostart') and ends within three seconds when the system or Ctrl-C tells
it to. One daemon runs for each user.";

/// Tells whether this desk is fit to take calls. It measures; it never listens.
#[derive(Debug, Parser)]
#[command(name = "preshift", version, about, after_help = EXAMPLES, max_term_width = 96)]
#[command(propagate_version = true, subcommand_required = true, arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
struct Global {
    /// Folder of the local store, by its full path
    #[arg(long, global = true, value_name = "FOLDER")]
    data_dir: Option<OsString>,
    /// How much is logged: error, warn, info, debug or trace
    #[arg(long, global = true, value_name = "LEVEL")]
    log_level: Option<String>,
    /// When to use colour: auto, always or never
    #[arg(long, global = true, value_name = "WHEN")]
    color: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measure now, and say whether this desk is fit to take calls
    Check(check::Options),
    /// The daemon: measure by schedule, check before each shift
    #[command(after_help = RUN)]
    Run,
    /// What the daemon does, where this desk is enrolled, and what waits to be sent
    Status(status::Options),
    /// Earlier verdicts and what was found
    History(history::Options),
    /// What changed on this desk: versions, devices, network
    Changes(changes::Options),
    /// The exact bytes that left this computer
    Sent(sent::Options),
    /// Report to a collector, with the code that IT gave you
    Enroll(enroll::Options),
    /// Say goodbye to the collector; nothing leaves this computer any more
    Unenroll,
    /// Stop measuring outside shifts, and keep the microphone closed
    Pause(pause::Options),
    /// Measure again
    Resume,
    /// Whether the daemon starts when you log on
    #[command(subcommand)]
    Autostart(autostart::Command),
    /// What the microphone may be used for
    #[command(subcommand)]
    Consent(consent::Command),
    /// What a desk is judged by
    #[command(subcommand)]
    Policy(policy::Command),
    /// What contact-centre platforms need, and where that is published
    Profiles(profiles::Options),
    /// This desk's own settings
    #[command(subcommand)]
    Config(config::Command),
    /// Say that a new version was installed: the daemon takes over to it at once if no shift is on. It need
    /// not be said: the daemon sees it by itself within a minute
    Upgraded,
    /// What this desk can and cannot measure, and why; with --selftest, what works on this computer
    Doctor(doctor::Options),
    /// What the self-test starts, to kill it
    #[command(hide = true)]
    SelftestHolder,
    /// Write the manual pages and the shells' completions, for packages
    #[command(hide = true)]
    Manual {
        /// Where to
        folder: std::path::PathBuf,
    },
    /// What an installer asks for
    #[command(subcommand, hide = true)]
    Setup(setup::Command),
}

/// What the command line takes: for documents and completions, and for the test that holds documents to it.
pub fn command() -> clap::Command {
    <Cli as clap::CommandFactory>::command()
}

/// Runs the command line.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Done }.into();
        }
    };
    match run(cli) {
        Ok(exit) => exit.into(),
        Err(error) => exit::fail(&error),
    }
}

fn run(cli: Cli) -> anyhow::Result<Exit> {
    let flags =
        Flags { log_level: cli.global.log_level, data_dir: cli.global.data_dir, color: cli.global.color };
    let environment = |name: &str| std::env::var_os(name);
    // `config` must work with settings that do not.
    if let Command::Config(command) = &cli.command {
        return config::run(command, &environment, &flags);
    }
    if let Command::Manual { folder } = &cli.command {
        manual::write(command(), folder)?;
        return Ok(Exit::Done);
    }
    let settings = Arc::new(Settings::load(&environment, &flags)?);
    match &settings.proxy {
        Proxy::System => {}
        Proxy::None => Proxies::set_own(None),
        Proxy::Fixed(url) => Proxies::set_own(Some(url)),
    }
    if matches!(cli.command, Command::Run) {
        return run::run(settings);
    }
    log::start(&settings, false);
    match cli.command {
        Command::Check(options) => check::run(settings, &options),
        Command::Status(options) => status::run(&settings, &options),
        Command::History(options) => history::run(&settings, &options),
        Command::Changes(options) => changes::run(&settings, &options),
        Command::Sent(options) => sent::run(&settings, &options),
        Command::Enroll(options) => enroll::enroll(settings, &options),
        Command::Unenroll => enroll::unenroll(settings),
        Command::Pause(options) => pause::pause(settings, &options),
        Command::Resume => pause::resume(settings),
        Command::Autostart(command) => autostart::run(&settings, &command),
        Command::Consent(command) => consent::run(settings, &command),
        Command::Policy(command) => policy::run(&settings, &command),
        Command::Profiles(options) => profiles::run(&options),
        Command::Upgraded => upgraded::run(&settings),
        Command::Doctor(options) => doctor::run(settings, &options),
        Command::SelftestHolder => crate::selftest::hold(&settings).map(|()| Exit::Done),
        Command::Setup(command) => setup::run(settings, &command),
        Command::Config(_) | Command::Manual { .. } | Command::Run => unreachable!("it was run above"),
    }
}
