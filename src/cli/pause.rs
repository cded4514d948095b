//! `preshift pause` and `preshift resume`: the agent decides when nothing is measured.

use super::{
    Exit,
    owner::{self, Owner},
    render::time,
};
use crate::{config::Settings, control::Request, desk, schedule};
use clap::Args;
use std::{sync::Arc, time::Duration};
use telemetry::UnixMs;

const EXAMPLES: &str = "\
Examples:
  preshift pause             Until 'preshift resume'
  preshift pause --for 2h    For two hours; also 30m, 1d

In the time from the pre-shift check to the end of a shift Preshift goes on measuring the network and the
computer, because your team counts on it; the microphone stays closed then too.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// For how long: 30m, 2h, 1d
    #[arg(long = "for", value_name = "TIME", value_parser = time::parse_span)]
    for_: Option<Duration>,
}

pub fn pause(settings: Arc<Settings>, options: &Options) -> anyhow::Result<Exit> {
    let now = (desk::system_clock())();
    let until = match options.for_ {
        Some(span) => now.plus_ms(span.as_millis() as i64),
        None => UnixMs::new(schedule::Pause::UNTIL_RESUMED),
    };
    owner::runtime()?.block_on(async {
        let owner = Owner::find(settings).await?;
        owner.have_done(Request::Pause { until }, async |desk| Ok(desk.pause(until)?)).await
    })?;
    match options.for_ {
        Some(_) => anstream::println!("Paused until {}.", time::near(until, now)),
        None => anstream::println!("Paused until you say 'preshift resume'."),
    }
    anstream::println!(
        "During a shift the network and the computer are still measured; the microphone is not."
    );
    Ok(Exit::Done)
}

pub fn resume(settings: Arc<Settings>) -> anyhow::Result<Exit> {
    owner::runtime()?.block_on(async {
        let owner = Owner::find(settings).await?;
        owner.have_done(Request::Resume, async |desk| Ok(desk.resume()?)).await
    })?;
    anstream::println!("Measuring again.");
    Ok(Exit::Done)
}
