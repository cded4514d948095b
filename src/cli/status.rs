//! `preshift status`: what the daemon does, where this desk is enrolled, what waits to be sent.

use super::{
    Exit, owner,
    render::{STRONG, text, time, verdict_style},
    view::{self, View},
};
use crate::{
    config::Settings,
    control::{Answer, Client, ClientError, Doing, Request, Status, Successor},
    deliver::InForce,
    desk,
    schedule::{Pause, Planned},
    store::keys,
};
use clap::Args;
use readiness::words;
use std::io::{self, Write};
use telemetry::{ConsentState, Trigger, UnixMs};

#[derive(Debug, Args)]
pub struct Options {}

pub fn run(settings: &Settings, _: &Options) -> anyhow::Result<Exit> {
    let live = owner::runtime()?.block_on(ask(settings));
    let Some(view) = View::open(settings)? else {
        view::nothing_yet();
        return Ok(Exit::Done);
    };
    let now = (desk::system_clock())();
    let mut rows = Vec::new();
    let mut row = |label: &'static str, text: String| rows.push((label, text));
    row("Daemon", daemon(&live, now));
    if let Ok(Status { successor: Some(s), .. }) = &live {
        row("Upgrade", upgrade(s, now));
    }
    let enrolment = view.identity.enrolment();
    row(
        "Collector",
        match &enrolment {
            Some(e) => format!("{}, team {}, since {}", e.collector, e.team, time::moment(e.since)),
            None => "not enrolled; nothing leaves this computer".into(),
        },
    );
    if let Some(e) = &enrolment {
        row("Desk", format!("{} (what the collector knows this desk by)", e.desk));
    }
    if enrolment.is_none() {
        rows.extend(super::delivery::preset(settings, &view, live.is_ok(), now)?);
    }
    let mut row = |label: &'static str, text: String| rows.push((label, text));
    let InForce { policy, assignment, .. } = desk::in_force(&view.store, &view.identity)?;
    let from = if assignment.is_some() { "from the collector" } else { "built in" };
    row("Policy", format!("{} version {}, {from}", policy.id, policy.version));
    let shifts = assignment.map(|a| Planned::from_shifts(&a.shifts)).unwrap_or_default();
    let pre = policy.schedule.pre_shift_minutes;
    row("Next shift", next_shift(&shifts, pre, now));
    if let Some((at, verdict)) = desk::last_verdict(&view.store)? {
        let style = verdict_style(verdict);
        let verdict = words::verdict(verdict);
        row("Last check", format!("{style}{verdict}{style:#}, {}", time::ago(at, now)));
    }
    let pause = Pause::from_stored(view.store.get(keys::PAUSED_UNTIL)?);
    match pause {
        Pause::Until(until) if pause.holds(now) => {
            row("Paused", format!("outside shifts, until {}", time::near(until, now)));
        }
        Pause::UntilResumed => row("Paused", "outside shifts, until you say 'preshift resume'".into()),
        _ => {}
    }
    let consent = view.store.get(keys::CONSENT)?.unwrap_or_default();
    let yes = |state| if state == ConsentState::Given { "yes" } else { "no" };
    row(
        "Microphone",
        format!("between calls: {}; during calls: {}", yes(consent.background), yes(consent.calls)),
    );
    if enrolment.is_some() {
        rows.extend(super::delivery::rows(&view, now)?);
    }
    let mut out = anstream::stdout().lock();
    write(&mut out, &rows)?;
    Ok(Exit::Done)
}

fn write(out: &mut dyn Write, rows: &[(&str, String)]) -> io::Result<()> {
    let width = text::width();
    rows.iter().try_for_each(|(label, said)| text::entry(out, 0, (label, STRONG), 14, said, width))
}

async fn ask(settings: &Settings) -> Result<Status, ClientError> {
    let client = Client::connect(&settings.data_dir).await?;
    match client.ask(Request::Status, |_| ()).await? {
        Answer::Status(status) => Ok(status),
        _ => Err(ClientError::Gone),
    }
}

fn daemon(live: &Result<Status, ClientError>, now: UnixMs) -> String {
    match live {
        Ok(s) => {
            let doing = match s.doing {
                Doing::Waiting => "waiting",
                Doing::Measuring => "measuring",
                Doing::Checking(Trigger::SelfCheck) => "running a check that you asked for",
                Doing::Checking(_) => "running a check",
            };
            let since = time::ago(s.since, now);
            format!("{doing}; version {}, process {}, started {since}", s.daemon, s.process)
        }
        Err(ClientError::NotRunning) => "not running. Start it: preshift run".into(),
        Err(error) => format!("{error}"),
    }
}

fn upgrade(successor: &Successor, now: UnixMs) -> String {
    let version = &successor.version;
    match successor.after {
        Some(end) => {
            format!(
                "version {version} is installed and takes over after the shift ({})",
                time::near(end, now)
            )
        }
        None => format!("version {version} is installed and takes over when this is done"),
    }
}

fn next_shift(shifts: &[Planned], pre_shift_minutes: u32, now: UnixMs) -> String {
    let Some(shift) = shifts.iter().find(|s| s.span.end > now) else { return "none is planned".into() };
    let (begin, end) = (time::near(shift.span.begin, now), time::near(shift.span.end, now));
    let opens = shift.opens(pre_shift_minutes);
    if shift.span.begin <= now {
        format!("now, until {end}")
    } else if opens <= now {
        format!("{begin} to {end}; the check before it is due or done")
    } else {
        format!("{begin} to {end}; checked from {}", time::near(opens, now))
    }
}
