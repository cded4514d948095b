//! The table: how far each tool was from the truth, and whether the goals are met.

use crate::{
    paths::CLEAN,
    tools::{ALL, Said, Tool},
    trial::Trial,
};
use preshift::network::statistics::quantile;
use std::fmt::Write as _;

/// A path, a tool, and what became of one run.
pub type Row = (&'static str, Tool, Result<Trial, String>);

/// A figure: its name, where it is, how far it may be off, and whether the clean path's error is taken off.
struct Figure {
    name: &'static str,
    unit: &'static str,
    of: fn(&Said) -> Option<f64>,
    /// Of Preshift, by the goal: so much, or this share of the truth.
    within: (f64, f64),
    calibrated: bool,
}

/// A tool may be closer to the truth than Preshift by this much.
const BETTER_BY: f64 = 0.05;

const FIGURES: [Figure; 6] = [
    Figure { name: "RTT mean", unit: "ms", of: |s| s.rtt_mean, within: (0.1, 0.0), calibrated: true },
    Figure { name: "RTT p95", unit: "ms", of: |s| s.rtt_p95, within: (0.1, 0.0), calibrated: true },
    Figure { name: "IPDV", unit: "ms", of: |s| s.ipdv, within: (0.1, 0.03), calibrated: false },
    Figure { name: "loss there", unit: "%", of: |s| s.loss_up, within: (0.0005, 0.0), calibrated: false },
    Figure { name: "loss back", unit: "%", of: |s| s.loss_down, within: (0.0005, 0.0), calibrated: false },
    Figure { name: "loss in all", unit: "%", of: |s| s.loss, within: (0.0005, 0.0), calibrated: false },
];

/// Markdown: the truth, then how far off each tool was. A blank is what a tool does not measure.
pub fn render(rows: &[Row]) -> String {
    let mut out = String::new();
    let mut unmet = Vec::new();
    let paths = distinct(rows.iter().map(|r| r.0));
    for figure in &FIGURES {
        let heads: Vec<String> = ALL.iter().map(|t| t.name().to_owned()).collect();
        let _ = writeln!(out, "\n| {} ({}) | truth | {} |", figure.name, figure.unit, heads.join(" | "));
        let _ = writeln!(out, "|---|---|{}", "---|".repeat(ALL.len()));
        for path in &paths {
            let truth = median(trials(rows, path, Tool::Preshift).filter_map(|t| (figure.of)(&t.truth)));
            let errors: Vec<Option<f64>> = ALL.iter().map(|tool| error(rows, path, *tool, figure)).collect();
            let cells: Vec<String> =
                errors.iter().map(|e| e.map_or(String::new(), |e| format!("{e:+.3}"))).collect();
            let shown = truth.map_or("?".into(), |t| format!("{t:.3}"));
            let _ = writeln!(out, "| {path} | {shown} | {} |", cells.join(" | "));
            unmet.extend(judge(figure, path, truth.unwrap_or(0.0), &errors));
        }
    }
    for (path, tool, result) in rows {
        if let Err(why) = result {
            let _ = writeln!(out, "\nNot measured: {path}, {}: {why}", tool.name());
        }
    }
    if unmet.is_empty() {
        out.push_str("\nEvery goal is met.\n");
    }
    for goal in unmet {
        let _ = writeln!(out, "\nNot met: {goal}");
    }
    out
}

/// The goals that a row misses.
fn judge(figure: &Figure, path: &str, truth: f64, errors: &[Option<f64>]) -> Vec<String> {
    let Some(Some(ours)) = errors.first().map(|e| e.map(f64::abs)) else {
        return vec![format!("{path}: Preshift has no {}", figure.name)];
    };
    let within = figure.within.0.max(figure.within.1 * truth);
    let mut unmet = Vec::new();
    if ours > within {
        unmet.push(format!(
            "{path}: {} is off by {ours:.3} {}, more than {within:.3}",
            figure.name, figure.unit
        ));
    }
    for (tool, theirs) in ALL.iter().zip(errors).skip(1) {
        if let Some(theirs) = theirs.filter(|theirs| ours - theirs.abs() > BETTER_BY) {
            unmet.push(format!(
                "{path}: {} of {} is closer, {:.3} to {ours:.3} {}",
                figure.name,
                tool.name(),
                theirs.abs(),
                figure.unit
            ));
        }
    }
    unmet
}

/// The median over the runs of what a tool said less what was true; where it counts, less the same on the
/// clean path: what the machine itself adds to each packet, outside of the lab's record.
fn error(rows: &[Row], path: &str, tool: Tool, figure: &Figure) -> Option<f64> {
    let raw = |path: &str| {
        median(trials(rows, path, tool).filter_map(|t| Some((figure.of)(&t.said)? - (figure.of)(&t.truth)?)))
    };
    let clean = if figure.calibrated && path != CLEAN { raw(CLEAN).unwrap_or(0.0) } else { 0.0 };
    Some(raw(path)? - clean)
}

fn trials<'a>(rows: &'a [Row], path: &str, tool: Tool) -> impl Iterator<Item = &'a Trial> {
    rows.iter().filter(move |r| r.0 == path && r.1 == tool).filter_map(|r| r.2.as_ref().ok())
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    quantile(&values.collect::<Vec<_>>(), 0.5)
}

fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut all: Vec<&str> = Vec::new();
    names.for_each(|name| {
        if !all.contains(&name) {
            all.push(name)
        }
    });
    all
}
