//! What happened at a desk, newest first.

use super::{
    fleet::Standing,
    when::{self, Zone},
    words,
};
use crate::store::{StoreError, reports};
use readiness::words as said;
use rusqlite::Connection;
use telemetry::{Body, GapReason, Lane, Report, Severity, UnixMs};

/// Most entries that are shown.
const MOST: usize = 200;

/// One thing that happened.
pub struct Entry {
    /// When.
    pub at: String,
    /// When, for machines.
    pub iso: String,
    /// Verdict, change, outage, event or loss.
    pub kind: &'static str,
    /// The verdict, if it is one.
    pub standing: Option<Standing>,
    /// In words.
    pub text: String,
}

/// Reads a desk's timeline.
pub fn read(
    db: &Connection,
    desk: i64,
    from: UnixMs,
    now: UnixMs,
    zone: &Zone,
) -> Result<Vec<Entry>, StoreError> {
    let to = now.plus_ms(crate::clock::DAY);
    let found = reports::of_desk(db, desk, Lane::Priority, from, to, MOST)?;
    Ok(found.iter().map(|report| entry(report, zone)).collect())
}

fn entry(report: &Report, zone: &Zone) -> Entry {
    let (kind, standing, text) = match &report.body {
        Body::Readiness(r) => {
            let mut text = super::words::capital(words::trigger(r.trigger));
            if let Some(shift) = &r.shift {
                text += &format!(" for shift {shift}");
            }
            let findings: Vec<String> = r
                .findings
                .iter()
                .filter(|f| f.severity > Severity::Note)
                .map(|f| readiness::explain(f).what)
                .collect();
            if !findings.is_empty() {
                text += &format!(": {}", findings.join("; "));
            }
            ("Verdict", Some(Standing::from(r.verdict)), text)
        }
        Body::Change(changes) => {
            let changes: Vec<String> = changes.iter().map(words::change).collect();
            ("Change", None, changes.join("; "))
        }
        Body::Episode(e) => {
            let what = readiness::explain(&e.finding).what;
            let lasted = match e.end {
                Some(end) => format!("lasted {}", when::length(end.since_ms(e.begin).max(0))),
                None => "goes on".into(),
            };
            let text = format!("{what}; {lasted}; lies with {}", said::domains(&e.domains));
            (if e.severity == Severity::Blocking { "Outage" } else { "Degradation" }, None, text)
        }
        Body::Event(e) => ("Event", None, words::event(e)),
        Body::Gap(g) => {
            let reason = match g.reason {
                GapReason::SpoolFull => "spool_full",
                GapReason::TooOld => "too_old",
                GapReason::NotWritten => "not_written",
            };
            let text = format!(
                "{} {} reports from {} to {} will never come: {}",
                g.last.saturating_sub(g.first) + 1,
                g.lane.name(),
                zone.moment(g.from),
                zone.moment(g.to),
                words::gap_reason(reason)
            );
            ("Lost", None, text)
        }
        Body::Routine(_) => ("Routine", None, String::new()),
    };
    Entry { at: zone.moment(report.at), iso: when::iso(report.at), kind, standing, text }
}
