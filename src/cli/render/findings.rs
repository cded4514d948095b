//! A verdict with its findings, in words that a person can follow.

use super::{FAINT, STRONG, severity_style, text, time, verdict_style};
use readiness::{attribution, catalogue, words};
use std::io::{self, Write};
use telemetry::{Finding, FindingCode, Outcome, Readiness, Severity, UnixMs};

/// Writes the verdict and everything that led to it.
pub fn write(out: &mut dyn Write, readiness: &Readiness, now: UnixMs, width: usize) -> io::Result<()> {
    let style = verdict_style(readiness.verdict);
    let word = words::verdict(readiness.verdict).to_uppercase();
    writeln!(out, "{style}{word}{style:#}")?;
    text::paragraph(out, 0, words::verdict_sentence(readiness.verdict), width)?;
    if let Some(whose) = attribution::sentence(&readiness.fault, &readiness.readings) {
        text::paragraph(out, 0, &whose, width)?;
    }
    let (notes, findings): (Vec<&Finding>, Vec<&Finding>) =
        readiness.findings.iter().partition(|f| f.severity == Severity::Note);
    for finding in findings {
        writeln!(out)?;
        one(out, finding, readiness, width)?;
    }
    if !notes.is_empty() {
        writeln!(out, "\n{STRONG}Worth knowing{STRONG:#}")?;
        for said in noted(&notes, readiness) {
            text::entry(out, 2, ("-", FAINT), 2, &said, width)?;
        }
    }
    writeln!(out)?;
    super::figures::write(out, &readiness.readings, width)?;
    if !readiness.changes.is_empty() {
        writeln!(out, "\n{STRONG}Changed since the last good shift{STRONG:#}")?;
        for change in &readiness.changes {
            text::entry(out, 2, ("-", FAINT), 2, &changed(change), width)?;
        }
    }
    writeln!(out)?;
    let valid = time::near(readiness.valid_until, now);
    let took = readiness.took.get() / 1000.0;
    writeln!(out, "{FAINT}Took {took:.1} s. Holds until {valid}.{FAINT:#}")
}

/// One change in words: "chrome version: 140.0 -> 141.0".
pub fn changed(change: &telemetry::Change) -> String {
    let value = |v: &Option<telemetry::FactValue>| {
        v.as_ref().map_or_else(|| "none".to_owned(), super::figures::fact_value)
    };
    format!("{}: {} -> {}", super::figures::fact_key(change.key), value(&change.from), value(&change.to))
}

/// Notes in words. What was not checked for one reason is one line.
fn noted(notes: &[&Finding], readiness: &Readiness) -> Vec<String> {
    let mut lines = Vec::new();
    let mut missing: Vec<(&str, Vec<&str>)> = Vec::new();
    for note in notes {
        match (note.code, why_missing(note, readiness)) {
            (FindingCode::OptionalReadingMissing, Some(why)) => {
                let probe = words::probe(note.probe);
                match missing.iter_mut().find(|(w, _)| *w == why) {
                    Some((_, probes)) => probes.push(probe),
                    None => missing.push((why, vec![probe])),
                }
            }
            _ => lines.push(catalogue::explain(note).what),
        }
    }
    lines.extend(missing.iter().map(|(why, probes)| format!("Not checked: {} ({why})", probes.join(", "))));
    lines
}

/// Why a reading is missing, in words.
fn why_missing(finding: &Finding, readiness: &Readiness) -> Option<&'static str> {
    readiness.readings.iter().filter(|r| r.probe == finding.probe).find_map(|r| match r.outcome {
        Outcome::Measured(_) => None,
        Outcome::NotChecked(why) => Some(words::not_checked(why)),
        Outcome::Unsupported(why) => Some(words::unsupported(why)),
        Outcome::Failed(why) => Some(words::failure(why)),
    })
}

fn one(out: &mut dyn Write, finding: &Finding, readiness: &Readiness, width: usize) -> io::Result<()> {
    let said = catalogue::explain(finding);
    let style = severity_style(finding.severity);
    let mut what = said.what;
    if finding.code == FindingCode::RequiredReadingMissing
        && let Some(why) = why_missing(finding, readiness)
    {
        what = format!("{what} ({why})");
    }
    if let Some(target) = &finding.target {
        what = format!("{what} [{target}]");
    }
    text::entry(out, 0, (words::severity(finding.severity), style), 10, &what, width)?;
    for (label, words) in [("Why", said.why), ("Do now", said.advice), ("Where", &said.whose)] {
        text::entry(out, 2, (label, FAINT), 8, words, width)?;
    }
    Ok(())
}
