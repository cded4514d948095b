//! `preshift config`: this desk's own settings.

use super::{
    Exit,
    render::{FAINT, STRONG},
};
use crate::config::{Environment, FILE_VARIABLE, Flags, SETTINGS, Settings, default_file};
use clap::Subcommand;
use std::{io::Write as _, path::PathBuf};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show each setting, its value and where it comes from
    Show,
    /// Say whether the settings are valid
    Check {
        /// A file to look at instead of this desk's own
        file: Option<PathBuf>,
    },
}

pub fn run(command: &Command, environment: Environment<'_>, flags: &Flags) -> anyhow::Result<Exit> {
    let mut out = anstream::stdout().lock();
    match command {
        Command::Show => {
            let settings = Settings::load(environment, flags)?;
            match &settings.file {
                Some(path) => writeln!(out, "Settings file: {}", path.display())?,
                None => match default_file() {
                    Some(path) => writeln!(out, "Settings file: none; it would be {}", path.display())?,
                    None => writeln!(out, "Settings file: none; name one by {FILE_VARIABLE}")?,
                },
            }
            writeln!(out)?;
            for ((key, value, source), setting) in settings.shown.iter().zip(SETTINGS) {
                writeln!(out, "{STRONG}{key:<15}{STRONG:#} {value}  {FAINT}({source}){FAINT:#}")?;
                writeln!(out, "{FAINT}{:<15} {}; {}{FAINT:#}", "", setting.about, setting.variable)?;
            }
        }
        Command::Check { file } => {
            let settings = match file {
                Some(path) => Settings::load_from(Some(path), environment, flags)?,
                None => Settings::load(environment, flags)?,
            };
            match &settings.file {
                Some(path) => writeln!(out, "{} is valid.", path.display())?,
                None => {
                    writeln!(out, "There is no settings file; the defaults and the environment are valid.")?
                }
            }
        }
    }
    Ok(Exit::Done)
}
