//! `preshift history`: earlier verdicts and what was found.

use super::{
    Exit,
    render::{FAINT, text, time, verdict_style},
    view::{self, View},
};
use crate::{
    config::Settings,
    store::{Entry, Wanted},
};
use clap::Args;
use readiness::{catalogue, words};
use std::io::Write as _;
use telemetry::{Body, EventKind, Severity, Trigger};

#[derive(Debug, Args)]
pub struct Options {
    /// How many of the last
    #[arg(long, value_name = "N", default_value_t = 20)]
    last: u32,
    /// Everything, measurements in between included
    #[arg(long)]
    all: bool,
    /// Print JSON, one entry a line
    #[arg(long)]
    json: bool,
}

pub fn run(settings: &Settings, options: &Options) -> anyhow::Result<Exit> {
    let Some(view) = View::open(settings)? else {
        view::nothing_yet();
        return Ok(Exit::Done);
    };
    let kinds: &[&str] = if options.all { &[] } else { &["readiness", "episode", "event"] };
    let wanted = Wanted { last: Some(options.last), kinds, ..Wanted::default() };
    let mut out = anstream::stdout().lock();
    let width = text::width();
    for entry in view.store.history(&wanted)? {
        if options.json {
            let line = serde_json::json!({ "at": entry.at, "verdict": entry.verdict, "body": entry.body });
            writeln!(out, "{line}")?;
            continue;
        }
        let at = time::exact(entry.at);
        write!(out, "{FAINT}{at}{FAINT:#}  ")?;
        let style = entry.verdict.map(verdict_style).unwrap_or_default();
        let label = entry.verdict.map_or(entry.body.kind(), words::verdict);
        writeln!(out, "{style}{label}{style:#}")?;
        for line in lines(&entry) {
            text::paragraph(&mut out, 21, &line, width)?;
        }
    }
    Ok(Exit::Done)
}

/// What an entry says, in lines.
fn lines(entry: &Entry) -> Vec<String> {
    match &entry.body {
        Body::Readiness(r) => {
            let why = match r.trigger {
                Trigger::SelfCheck => "you asked",
                Trigger::PreShift => "before a shift",
                Trigger::Wake => "the computer woke",
                Trigger::Logon => "Preshift started",
                Trigger::Changed => "something changed",
                Trigger::Renewal => "the shift goes on",
            };
            let found = r.findings.iter().filter(|f| f.severity != Severity::Note);
            std::iter::once(why.to_owned()).chain(found.map(|f| catalogue::explain(f).what)).collect()
        }
        Body::Episode(e) => {
            let state = match e.end {
                Some(end) => format!("over after {}", time::span(end.since_ms(e.begin) / 1000)),
                None => "began".into(),
            };
            vec![format!("{} ({state})", catalogue::explain(&e.finding).what)]
        }
        Body::Event(e) => {
            let what = match e.event {
                EventKind::Started => "the daemon started",
                EventKind::Stopped => "the daemon stopped",
                EventKind::Suspended => "the computer slept",
                EventKind::ClockJump => "the clock was set",
                EventKind::Paused => "measuring was paused",
                EventKind::Resumed => "measuring was resumed",
                EventKind::ConsentChanged => "your consent changed",
                EventKind::AssignmentChanged => "policy or shifts changed",
                EventKind::StoreReset => "the local store was damaged and begun anew",
                EventKind::ReportsRefused => "the collector refused reports",
            };
            let lasted = e.duration.map(|d| format!(" ({})", time::span(d.get() as i64)));
            vec![format!("{what}{}", lasted.unwrap_or_default())]
        }
        Body::Change(changes) => changes.iter().map(super::render::findings::changed).collect(),
        Body::Routine(r) => vec![format!("{} readings", r.readings.len())],
        Body::Gap(g) => vec![format!("reports {} to {} of lane {} are lost", g.first, g.last, g.lane.name())],
    }
}
