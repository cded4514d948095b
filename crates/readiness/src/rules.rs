//! From readings to candidates for findings: one small file for each probe.
//!
//! A rule looks at its probe's reading and at the evidence of the others, and says which finding
//! in which band. What a band means is in `catalogue`, where a band ends is in `limits`.

mod audio_devices;
mod calls;
mod dns;
mod environment;
pub(crate) mod evidence;
mod https;
mod line;
mod link;
mod load;
mod media;
mod missing;
mod mtu;
mod noise;

use crate::Policy;
use crate::catalogue::entry;
use crate::limits::{Band, Metric};
use evidence::Evidence;
pub use media::needs_longer;
pub(crate) use media::poor;
pub(crate) use missing::without_value;
use telemetry::{
    FaultDomain, Finding, FindingCode, Id, Outcome, ProbeId, Quantity, Reading, Unit, UnixMs, Value,
};

/// The readings that count: the newest of each probe and target, none of them stale.
#[derive(Debug, Clone)]
pub(crate) struct Scene<'a> {
    pub policy: &'a Policy,
    pub readings: Vec<&'a Reading>,
}

impl<'a> Scene<'a> {
    /// Picks the readings that count.
    pub fn new(policy: &'a Policy, now: UnixMs, all: &'a [Reading]) -> Self {
        let valid_ms = i64::from(policy.schedule.valid_minutes) * 60_000;
        let mut readings: Vec<&Reading> = Vec::new();
        for reading in all.iter().rev() {
            // Of either sign: after a jump of the clock a reading may lie in the future.
            let fresh = now.since_ms(reading.at).abs() <= valid_ms;
            let newer = readings.iter().any(|r| r.probe == reading.probe && r.target == reading.target);
            if fresh && !newer {
                readings.push(reading);
            }
        }
        readings.reverse();
        Self { policy, readings }
    }

    /// The readings of one probe.
    pub fn of(&self, probe: ProbeId) -> impl Iterator<Item = &'a Reading> + '_ {
        self.readings.iter().copied().filter(move |r| r.probe == probe)
    }

    /// What one probe measured.
    pub fn values(&self, probe: ProbeId) -> impl Iterator<Item = &'a Value> + '_ {
        self.of(probe).filter_map(|r| r.measured())
    }
}

/// A finding before damping.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Candidate {
    pub finding: Finding,
    pub band: Band,
}

impl Candidate {
    /// A finding about a reading, with the catalogue's severity and domains.
    pub fn new(code: FindingCode, band: Band, reading: &Reading) -> Self {
        Self::of_probe(code, band, reading.probe, reading.target.clone())
    }

    /// A finding about a probe of which there is no reading.
    pub fn of_probe(code: FindingCode, band: Band, probe: ProbeId, target: Option<Id>) -> Self {
        let e = entry(code);
        let finding = Finding {
            code,
            severity: e.grades.of(band),
            domains: e.domains.iter().copied().collect(),
            target,
            observed: None,
            limit: None,
            probe,
            since: None,
        };
        Self { finding, band }
    }

    /// Whose fault the evidence says it is; an empty list leaves the catalogue's.
    pub fn domains(mut self, domains: impl IntoIterator<Item = FaultDomain>) -> Self {
        let domains: telemetry::List<FaultDomain, 4> = domains.into_iter().collect();
        if !domains.is_empty() {
            self.finding.domains = domains;
        }
        self
    }

    /// What was observed, where no limit applies.
    pub fn observed(mut self, value: f64, unit: Unit) -> Self {
        self.finding.observed = Some(Quantity::new(value, unit));
        self
    }

    /// The limit it was held to.
    pub fn limit(mut self, value: f64, unit: Unit) -> Self {
        self.finding.limit = Some(Quantity::new(value, unit));
        self
    }
}

/// A finding if the value is not in the good band of its metric.
pub(crate) fn held_to(
    policy: &Policy,
    metric: Metric,
    value: f64,
    code: FindingCode,
    reading: &Reading,
) -> Option<Candidate> {
    let limit = policy.limit(metric);
    let band = limit.band(value);
    (band != Band::Good).then(|| {
        let mut candidate = Candidate::new(code, band, reading).observed(value, metric.row().unit);
        candidate.finding.limit = Some(limit.quantity(band));
        candidate
    })
}

/// Everything that the rules find, each code and target once.
pub(crate) fn candidates(scene: &Scene<'_>) -> Vec<Candidate> {
    let evidence = Evidence::of(scene);
    let ways = calls::Ways::of(scene, &evidence);
    let mut found = Vec::new();
    for reading in &scene.readings {
        found.extend(match &reading.outcome {
            Outcome::Measured(Value::Link(v)) => link::rule(scene.policy, reading, v, &evidence),
            Outcome::Measured(Value::Dns(v)) => dns::rule(scene.policy, reading, v, &evidence),
            Outcome::Measured(Value::Https(v)) => https::rule(scene.policy, reading, v, &evidence),
            Outcome::Measured(Value::Media(v)) => media::rule(scene.policy, reading, v, &evidence),
            Outcome::Measured(Value::AudioDevices(v)) => audio_devices::rule(scene.policy, reading, v),
            Outcome::Measured(Value::Noise(v)) => noise::rule(scene, reading, v),
            Outcome::Measured(Value::Load(v)) => load::rule(scene.policy, reading, v),
            Outcome::Measured(Value::Environment(v)) => environment::rule(scene.policy, reading, v),
            Outcome::Measured(Value::Stun(v)) => calls::stun(reading, v, &evidence),
            Outcome::Measured(Value::Turn(v)) => calls::turn(scene, reading, v, &ways, &evidence),
            Outcome::Measured(Value::Signalling(v)) => calls::signalling(reading, v, &evidence),
            Outcome::Measured(Value::Mtu(v)) => mtu::rule(scene.policy, reading, v, &evidence),
            // Evidence for the findings about voice: no finding of its own.
            Outcome::Measured(Value::Path(_)) => Vec::new(),
            Outcome::Measured(Value::Responsiveness(v)) => line::rule(scene.policy, reading, v, &evidence),
            Outcome::Failed(why) => match reading.probe {
                ProbeId::Https => https::failed(scene.policy, reading, *why, &evidence),
                ProbeId::Media => media::failed(scene.policy, reading, *why, &evidence),
                ProbeId::Noise => noise::failed(reading, *why),
                _ => Vec::new(),
            },
            Outcome::NotChecked(_) | Outcome::Unsupported(_) => Vec::new(),
        });
    }
    found.extend(calls::udp(scene, &ways));
    calls::soften(&mut found, &ways);
    found.extend(missing::rule(scene, &found));
    once_each(found)
}

/// Of several candidates with one code and target, the worst stays. Missing readings are told apart by probe too.
fn once_each(found: Vec<Candidate>) -> Vec<Candidate> {
    let mut kept: Vec<Candidate> = Vec::new();
    for candidate in found {
        match kept.iter_mut().find(|k| same(&k.finding, &candidate.finding)) {
            Some(twin) if twin.band < candidate.band => *twin = candidate,
            Some(_) => {}
            None => kept.push(candidate),
        }
    }
    kept
}

/// Whether two findings are about the same thing.
pub(crate) fn same(a: &Finding, b: &Finding) -> bool {
    let by_probe =
        matches!(a.code, FindingCode::RequiredReadingMissing | FindingCode::OptionalReadingMissing);
    a.code == b.code && a.target == b.target && (!by_probe || a.probe == b.probe)
}
