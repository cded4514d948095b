//! `preshift changes`: what changed on this desk.

use super::{
    Exit,
    render::{FAINT, findings, time},
    view::{self, View},
};
use crate::{config::Settings, desk, store::keys};
use clap::Args;
use std::io::Write as _;
use telemetry::UnixMs;

#[derive(Debug, Args)]
pub struct Options {
    /// How many of the last
    #[arg(long, value_name = "N", default_value_t = 50)]
    last: u32,
    /// Only those since the last good shift
    #[arg(long)]
    since_good: bool,
    /// Print JSON, one change a line
    #[arg(long)]
    json: bool,
}

pub fn run(settings: &Settings, options: &Options) -> anyhow::Result<Exit> {
    let Some(view) = View::open(settings)? else {
        view::nothing_yet();
        return Ok(Exit::Done);
    };
    let good = view.store.get(keys::LAST_GOOD_SHIFT)?;
    let changes = if options.since_good {
        desk::since_last_good_shift(&view.store)?
    } else {
        view.store.changes(UnixMs::new(UnixMs::MIN), options.last)?
    };
    let mut out = anstream::stdout().lock();
    for change in &changes {
        if options.json {
            writeln!(out, "{}", serde_json::to_string(change)?)?;
        } else {
            let at = time::exact(change.at);
            writeln!(out, "{FAINT}{at}{FAINT:#}  {}", findings::changed(change))?;
        }
    }
    if changes.is_empty() && !options.json {
        match (options.since_good, good) {
            (true, None) => writeln!(out, "There was no good shift yet to compare with.")?,
            _ => writeln!(out, "Nothing changed.")?,
        }
    }
    Ok(Exit::Done)
}
