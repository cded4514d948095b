//! Damping in the daemon: how many samples raise a finding, and how many clear it.
//!
//! A sample is a new reading of the finding's probe and target. A judgement without one changes
//! nothing for that finding. Doubtful and bad are counted apart, so that one bad sample among
//! doubtful ones does not make a desk `not_ready` for a moment.

use crate::catalogue::{Damping, entry};
use crate::limits::Band;
use crate::rules::{Candidate, same, without_value};
use serde::{Deserialize, Serialize};
use telemetry::{Finding, FindingCode, Reading, UnixMs};

/// What the daemon knows beyond this one check: the samples of earlier judgements.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct History {
    watching: bool,
    tracks: Vec<Track>,
}

impl History {
    /// The history of a daemon that begins to watch: findings are raised and cleared by counts.
    pub fn watching() -> Self {
        Self { watching: true, tracks: Vec::new() }
    }
}

/// The samples of one finding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Track {
    /// As it was seen last.
    finding: Finding,
    /// The reading that was counted last.
    counted: Option<UnixMs>,
    /// Doubtful or bad.
    raised: Counter,
    /// Bad.
    grave: Counter,
    /// Since when it stands.
    since: Option<UnixMs>,
}

/// The last eight samples, newest in the lowest bit, and whether they add up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Counter {
    samples: u8,
    /// Good samples in a row.
    good: u8,
    up: bool,
}

impl Counter {
    fn count(&mut self, bad: bool, d: Damping) {
        self.samples = self.samples << 1 | u8::from(bad);
        self.good = if bad { 0 } else { self.good.saturating_add(1) };
        let window = u8::MAX >> (8 - d.of);
        if (self.samples & window).count_ones() >= u32::from(d.raise) {
            self.up = true;
        }
        if self.good >= d.clear {
            *self = Self::default();
        }
    }
}

/// What is new in this judgement.
pub(crate) struct Sampling<'a> {
    pub now: UnixMs,
    pub readings: &'a [&'a Reading],
    /// Found, but explained by another finding: no sample.
    pub moot: &'a [Finding],
}

impl Sampling<'_> {
    /// The newest reading that a finding is about. Findings about the whole network or about a browser have a
    /// target that is none of the readings' own: any reading of their probe is a sample.
    ///
    /// A reading that brought no value says nothing about figures: it is a sample only for what it raises itself.
    fn reading_of(&self, f: &Finding, raised: bool) -> Option<UnixMs> {
        let any = |r: &&&Reading| r.probe == f.probe && (raised || without_value(r).is_none());
        let own = |r: &&&Reading| any(r) && r.target == f.target;
        let newest = |at: Option<UnixMs>, r: &&Reading| at.max(Some(r.at));
        self.readings
            .iter()
            .filter(own)
            .fold(None, newest)
            .or_else(|| self.readings.iter().filter(any).fold(None, newest))
    }
}

/// The findings that stand, and the history after this sample.
pub(crate) fn damp(
    found: Vec<Candidate>,
    before: &History,
    sampling: &Sampling<'_>,
) -> (Vec<Finding>, History) {
    if !before.watching {
        return (found.into_iter().map(|c| c.finding).collect(), before.clone());
    }
    let mut tracks = before.tracks.clone();
    for candidate in &found {
        if !tracks.iter().any(|t| same(&t.finding, &candidate.finding)) {
            let finding = candidate.finding.clone();
            let (raised, grave) = (Counter::default(), Counter::default());
            tracks.push(Track { finding, counted: None, raised, grave, since: None });
        }
    }
    for track in &mut tracks {
        let candidate = found.iter().find(|c| same(&c.finding, &track.finding));
        track.sample(candidate, sampling);
    }
    // A finding whose samples are all forgotten begins anew when it comes again.
    tracks.retain(|t| t.raised != Counter::default() || t.raised.up);
    let standing = tracks.iter().filter_map(Track::standing).collect();
    (standing, History { watching: true, tracks })
}

impl Track {
    fn sample(&mut self, candidate: Option<&Candidate>, sampling: &Sampling<'_>) {
        // A missing reading has no reading to be counted by: each judgement is a sample.
        let missing = matches!(
            self.finding.code,
            FindingCode::RequiredReadingMissing | FindingCode::OptionalReadingMissing
        );
        let at = if missing {
            Some(sampling.now)
        } else {
            sampling.reading_of(&self.finding, candidate.is_some())
        };
        let moot = sampling.moot.iter().any(|f| same(f, &self.finding));
        if at.is_none() || at == self.counted || moot {
            return;
        }
        self.counted = at;
        let d = entry(self.finding.code).damping;
        self.raised.count(candidate.is_some(), d);
        self.grave.count(candidate.is_some_and(|c| c.band == Band::Bad), d);
        if let Some(candidate) = candidate {
            self.finding = candidate.finding.clone();
        }
        self.since = if self.raised.up { self.since.or(at) } else { None };
    }

    fn standing(&self) -> Option<Finding> {
        if !self.raised.up {
            return None;
        }
        let mut finding = self.finding.clone();
        let band = if self.grave.up { Band::Bad } else { Band::Doubtful };
        finding.severity = entry(finding.code).grades.of(band);
        finding.since = self.since;
        Some(finding)
    }
}
