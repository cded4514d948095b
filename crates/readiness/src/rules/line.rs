//! Rule of `responsiveness`: a line that chokes, and one that carries too little.

use super::{Candidate, evidence::Evidence, held_to};
use crate::Policy;
use crate::limits::{Band, Metric};
use telemetry::{Confidence, FaultDomain, FindingCode, Reading, Responsiveness, UnderLoad};

pub(super) fn rule(
    policy: &Policy,
    reading: &Reading,
    line: &Responsiveness,
    evidence: &Evidence,
) -> Vec<Candidate> {
    let ways =
        [(&line.upload, FindingCode::LineChokesUpload), (&line.download, FindingCode::LineChokesDownload)];
    // What lasted too short to fill the line says nothing about it, good or bad.
    let ways = ways.map(|(way, code)| (way.as_ref().filter(|w| w.confidence != Confidence::Low), code));
    let mut found: Vec<Candidate> =
        ways.iter().filter_map(|(way, code)| chokes(policy, reading, (*way)?, *code)).collect();
    let slowest = ways.iter().filter_map(|(way, _)| Some((*way)?.throughput.get() / 1e3)).reduce(f64::min);
    found.extend(slowest.and_then(|v| held_to(policy, Metric::LineRate, v, FindingCode::LineSlow, reading)));
    let domains = domains(evidence);
    found.into_iter().map(|c| c.domains(domains.iter().copied())).collect()
}

/// Both have to be out of their good band, and the better of the two counts: few round trips a minute alone
/// may be a far server's, and a delay that is added to next to nothing is not heard.
fn chokes(policy: &Policy, reading: &Reading, way: &UnderLoad, code: FindingCode) -> Option<Candidate> {
    let (added, rpm) = (way.added_delay?.get(), f64::from(way.rpm?));
    let limit = policy.limit(Metric::AddedDelay);
    let band = limit.band(added).min(policy.limit(Metric::Rpm).band(rpm));
    (band != Band::Good).then(|| {
        let unit = Metric::AddedDelay.row().unit;
        let beyond = limit.quantity(band);
        Candidate::new(code, band, reading).observed(added, unit).limit(beyond.value(), unit)
    })
}

/// Whose queue it is cannot be told from one end of it. A home network that is seen to be weak, and a
/// tunnel that all of it went through, are named.
fn domains(evidence: &Evidence) -> Vec<FaultDomain> {
    let mut domains = vec![FaultDomain::HomeNetwork];
    if !evidence.home_weak {
        domains.push(FaultDomain::InternetProvider);
        if evidence.tunnel {
            domains.push(FaultDomain::CompanyNetwork);
        }
    }
    domains
}
