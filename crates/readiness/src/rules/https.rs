//! Rule of `https`.

use super::{Candidate, evidence::Evidence, held_to};
use crate::Policy;
use crate::limits::{Band, Metric};
use crate::policy::is_collector;
use telemetry::{Failure, FaultDomain, FindingCode, Https, Interference, Reading, Unit};

pub(super) fn rule(policy: &Policy, reading: &Reading, https: &Https, evidence: &Evidence) -> Vec<Candidate> {
    match https.interference {
        // About the network and not about this target: raised once, however many targets see it.
        Interference::CaptivePortal => return vec![everywhere(FindingCode::CaptivePortal, reading)],
        Interference::TlsIntercepted => {
            let mut found = vec![everywhere(FindingCode::TlsIntercepted, reading)];
            if !answered(https) {
                found.push(unreachable(
                    policy,
                    reading,
                    &[FaultDomain::CompanyNetwork, FaultDomain::Computer],
                ));
            }
            return found;
        }
        Interference::None => {}
    }
    if !answered(https) {
        let candidate = unreachable(policy, reading, &evidence.service());
        return vec![match https.status {
            // A number from the service itself: it was reached, and it is not well.
            Some(status) => {
                candidate.domains([FaultDomain::Service]).observed(f64::from(status), Unit::Count)
            }
            None => candidate,
        }];
    }
    let phases = [https.dns, https.tcp, https.tls, https.first_byte];
    let time: f64 = phases.into_iter().flatten().map(telemetry::Millis::get).sum();
    held_to(policy, Metric::ServiceTime, time, FindingCode::ServiceSlow, reading)
        .map(|c| c.domains(evidence.service()))
        .into_iter()
        .collect()
}

pub(super) fn failed(
    policy: &Policy,
    reading: &Reading,
    why: Failure,
    evidence: &Evidence,
) -> Vec<Candidate> {
    match super::missing::is_evidence(why) {
        true => vec![unreachable(policy, reading, &evidence.service())],
        false => Vec::new(),
    }
}

/// Whether the service did its work. What it thinks of an address without sign-in (401, 403, 404) is its
/// own business: it is there. 5xx is not.
pub(super) fn answered(https: &Https) -> bool {
    https.failure.is_none()
        && https.interference != Interference::CaptivePortal
        && https.status.is_some_and(|s| s < 500)
}

/// Whether it was connected to and then sent nothing that is long: a certificate, a page.
pub(super) fn stuck(https: &Https) -> bool {
    let silent = matches!(https.failure, Some(Failure::NoAnswer | Failure::Timeout));
    silent && !https.proxy && https.tcp.is_some() && https.status.is_none()
}

fn everywhere(code: FindingCode, reading: &Reading) -> Candidate {
    Candidate::of_probe(code, Band::Bad, reading.probe, None)
}

fn unreachable(policy: &Policy, reading: &Reading, domains: &[FaultDomain]) -> Candidate {
    // Calls do not go through our own collector: that it is away is no reason to call a desk unfit.
    let endpoint = policy.targets.endpoints.iter().find(|e| Some(&e.id) == reading.target.as_ref());
    let own = endpoint.is_some_and(|e| is_collector(&e.url));
    let band = if own { Band::Doubtful } else { Band::Bad };
    Candidate::new(FindingCode::ServiceUnreachable, band, reading).domains(domains.iter().copied())
}
