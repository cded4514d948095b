//! From readings to a verdict. Pure: the same input always gives the same judgement.

use crate::Policy;
use crate::attribution;
use crate::catalogue;
pub use crate::history::History;
use crate::history::{Sampling, damp};
use crate::rules::{self, Scene};
use std::cmp::Reverse;
use telemetry::{FaultDomain, Finding, FindingCode, Reading, Severity, UnixMs, Verdict};

/// Everything a judgement depends on.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// When it is judged.
    pub now: UnixMs,
    /// The readings, newest last. Of each probe and target only the newest counts, and none that is
    /// older than the policy lets a verdict be.
    pub readings: &'a [Reading],
    /// What was before. `History::default()` judges these readings on their own, as a check does;
    /// a daemon in between begins with `History::watching()` and hands back what it got.
    pub history: &'a History,
}

/// A verdict with its findings.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Worst first.
    pub findings: Vec<Finding>,
    /// Whose fault it is that something is wrong on the way of calls; empty when nothing is.
    pub fault: Vec<FaultDomain>,
    /// Until when it holds.
    pub valid_until: UnixMs,
    /// What the next judgement needs to know.
    pub history: History,
}

/// Judges readings by a policy.
pub fn judge(policy: &Policy, input: &Input<'_>) -> Judgement {
    let scene = Scene::new(policy, input.now, input.readings);
    let mut found = rules::candidates(&scene);
    let raw: Vec<Finding> = found.iter().map(|c| c.finding.clone()).collect();
    // What is moot is neither a bad sample nor a good one: its reading says nothing about it.
    let moot: Vec<Finding> = raw.iter().filter(|f| is_moot(f, &raw)).cloned().collect();
    found.retain(|c| !moot.contains(&c.finding));
    let sampling = Sampling { now: input.now, readings: &scene.readings, moot: &moot };
    let (standing, history) = damp(found, input.history, &sampling);

    let verdict = verdict(&standing);
    let mut findings: Vec<Finding> = standing.iter().filter(|f| !is_moot(f, &standing)).cloned().collect();
    // Worst first; and what makes a desk unknown before the warnings, which would not.
    let reason = |f: &Finding| f.code == FindingCode::RequiredReadingMissing;
    findings.sort_by_key(|f| (Reverse(f.severity), !reason(f), f.code, f.target.clone(), f.probe));
    let fault = attribution::of_findings(&findings);
    Judgement { verdict, findings, fault, valid_until: valid_until(policy, input.now, &scene), history }
}

/// not_ready, unknown, at_risk, ready: in this order. What is moot counts too, since what makes it so is at least as severe.
fn verdict(standing: &[Finding]) -> Verdict {
    let any = |severity| standing.iter().any(|f| f.severity == severity);
    let missing = standing.iter().any(|f| f.code == FindingCode::RequiredReadingMissing);
    if any(Severity::Blocking) {
        Verdict::NotReady
    } else if missing {
        Verdict::Unknown
    } else if any(Severity::Warning) {
        Verdict::AtRisk
    } else {
        Verdict::Ready
    }
}

/// Whether one of the findings explains this one, be it by way of others: at least as severe, and about the same
/// target or about all.
fn is_moot(finding: &Finding, all: &[Finding]) -> bool {
    let mut by: Vec<FindingCode> = catalogue::moot_by(finding).to_vec();
    let mut next = 0;
    while let Some(&code) = by.get(next) {
        let further = catalogue::entry(code).moot_by.iter().filter(|c| !by.contains(c));
        by.extend(further.copied().collect::<Vec<_>>());
        next += 1;
    }
    all.iter().any(|f| {
        by.contains(&f.code)
            && f.severity >= finding.severity
            && (f.target.is_none() || f.target == finding.target)
    })
}

/// As long as the policy says, from the oldest required reading on.
fn valid_until(policy: &Policy, now: UnixMs, scene: &Scene<'_>) -> UnixMs {
    let required = scene.readings.iter().filter(|r| policy.requires(r.probe)).map(|r| r.at);
    required.min().unwrap_or(now).min(now).plus_ms(i64::from(policy.schedule.valid_minutes) * 60_000)
}
