//! Rule of `environment`: what waits for a restart, and browsers older than the policy allows.

use super::Candidate;
use crate::Policy;
use crate::limits::Band;
use std::cmp::Ordering;
use telemetry::{Fact, FactKey, FactValue, FindingCode, Reading, Unit, Version};

pub(super) fn rule(policy: &Policy, reading: &Reading, facts: &[Fact]) -> Vec<Candidate> {
    let mut found = Vec::new();
    let value = |key| facts.iter().find(|f| f.key == key).map(|f| &f.value);
    if value(FactKey::PendingRestart) == Some(&FactValue::Flag(true)) {
        found.push(Candidate::new(FindingCode::RestartPending, Band::Bad, reading));
    }
    let b = &policy.browsers;
    let oldest = [
        ("chrome", FactKey::ChromeVersion, &b.chrome),
        ("chromium", FactKey::ChromiumVersion, &b.chromium),
        ("edge", FactKey::EdgeVersion, &b.edge),
        ("firefox", FactKey::FirefoxVersion, &b.firefox),
        ("brave", FactKey::BraveVersion, &b.brave),
    ];
    for (name, key, oldest) in oldest {
        let (Some(oldest), Some(FactValue::Version(version))) = (oldest, value(key)) else { continue };
        if compare(version, oldest) == Ordering::Less {
            let mut candidate = Candidate::new(FindingCode::BrowserOutdated, Band::Bad, reading)
                .observed(first(version), Unit::Count)
                .limit(first(oldest), Unit::Count);
            candidate.finding.target = name.parse().ok();
            found.push(candidate);
        }
    }
    found
}

/// By the numbers, as far as either has any: 120 is 120.0.
fn compare(a: &Version, b: &Version) -> Ordering {
    let (mut a, mut b) = (a.numbers(), b.numbers());
    loop {
        match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (x, y) => match x.unwrap_or(0).cmp(&y.unwrap_or(0)) {
                Ordering::Equal => {}
                unequal => return unequal,
            },
        }
    }
}

fn first(version: &Version) -> f64 {
    version.numbers().next().unwrap_or_default() as f64
}
