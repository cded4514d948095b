//! Judging in between: what stands, what began, what is over. Pure but for what it remembers.

use readiness::{History, Input, Policy};
use std::collections::BTreeMap;
use telemetry::{Direction, Episode, Finding, FindingCode, Id, ProbeId, Reading, Severity, UnixMs, Value};

type What = (FindingCode, Option<Id>);

/// Judges the newest reading of each probe, with the damping that the judge asks for.
#[derive(Debug)]
pub struct Watching {
    history: History,
    newest: BTreeMap<(ProbeId, Option<Id>), Reading>,
    standing: BTreeMap<What, Episode>,
}

/// What new readings led to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Seen {
    /// Episodes that began or ended, to be reported.
    pub episodes: Vec<Episode>,
    /// Whether the desk as a whole should be checked anew: something blocking came or went, or the
    /// devices that calls use are others.
    pub matters: bool,
}

impl Default for Watching {
    fn default() -> Self {
        Self { history: History::watching(), newest: BTreeMap::new(), standing: BTreeMap::new() }
    }
}

impl Watching {
    /// Takes in readings.
    pub fn take(&mut self, policy: &Policy, now: UnixMs, readings: &[Reading]) -> Seen {
        let mut seen = Seen::default();
        for reading in readings {
            let key = (reading.probe, reading.target.clone());
            let before = self.newest.insert(key, reading.clone());
            seen.matters |= before.is_some_and(|before| other_devices(&before, reading));
        }
        let mut readings: Vec<Reading> = self.newest.values().cloned().collect();
        readings.sort_by_key(|r| r.at);
        let input = Input { now, readings: &readings, history: &self.history };
        let judged = readiness::judge(policy, &input);
        self.history = judged.history;
        let findings: BTreeMap<What, Finding> = judged
            .findings
            .into_iter()
            .filter(tells_of_calls)
            .map(|f| ((f.code, f.target.clone()), f))
            .collect();
        for (what, finding) in &findings {
            let begin = self.standing.get(what).map_or(finding.since.unwrap_or(now), |e| e.begin);
            let episode = Episode {
                begin,
                end: None,
                severity: finding.severity,
                domains: finding.domains.clone(),
                finding: finding.clone(),
            };
            let before = self.standing.insert(what.clone(), episode.clone());
            // One that stands is told again only if it became another thing to the agent.
            if before.as_ref().is_none_or(|b| b.severity != episode.severity || b.domains != episode.domains)
            {
                seen.matters |= finding.severity == Severity::Blocking
                    || before.is_some_and(|b| b.severity == Severity::Blocking);
                seen.episodes.push(episode);
            }
        }
        let over: Vec<What> = self.standing.keys().filter(|w| !findings.contains_key(*w)).cloned().collect();
        for what in over {
            let episode = self.standing.remove(&what).expect("it stands");
            seen.matters |= episode.severity == Severity::Blocking;
            seen.episodes.push(Episode { end: Some(now), ..episode });
        }
        seen
    }

    /// Ends every episode: the window is over, the computer slept, or the daemon ends. A time in which nobody
    /// watched is not counted as an outage.
    pub fn end(&mut self, at: UnixMs) -> Vec<Episode> {
        let standing = std::mem::take(self).standing;
        standing
            .into_values()
            .map(|episode| Episode { end: Some(at.max(episode.begin)), ..episode })
            .collect()
    }
}

/// A note is no degradation, and what could not be measured is told by the reading itself.
fn tells_of_calls(finding: &Finding) -> bool {
    finding.severity > Severity::Note
        && !matches!(finding.code, FindingCode::RequiredReadingMissing | FindingCode::OptionalReadingMissing)
}

/// Whether the default microphone or speaker is another one than before.
fn other_devices(before: &Reading, after: &Reading) -> bool {
    let (Some(Value::AudioDevices(before)), Some(Value::AudioDevices(after))) =
        (before.measured(), after.measured())
    else {
        return false;
    };
    [Direction::Input, Direction::Output]
        .into_iter()
        .any(|d| before.default_of(d).map(|x| &x.id) != after.default_of(d).map(|x| &x.id))
}

#[cfg(test)]
#[path = "watching_tests.rs"]
mod tests;
