//! Rule of `mtu`: packets that are held to be too large, and those that vanish.

use super::{Candidate, evidence::Evidence, held_to};
use crate::Policy;
use crate::limits::{Band, Metric};
use telemetry::{FaultDomain, FindingCode, Mtu, MtuLimit, Reading, Unit};

pub(super) fn rule(policy: &Policy, reading: &Reading, mtu: &Mtu, evidence: &Evidence) -> Vec<Candidate> {
    // Nothing came back at any size: that is `media`'s to say.
    if mtu.bytes == 0 {
        return Vec::new();
    }
    let bytes = f64::from(mtu.bytes);
    if mtu.limit == MtuLimit::BlackHole {
        let candidate = Candidate::new(FindingCode::MtuBlackHole, Band::Doubtful, reading)
            .observed(bytes, Unit::Bytes)
            .domains(whose(mtu.limit, evidence));
        return vec![candidate];
    }
    held_to(policy, Metric::Mtu, bytes, FindingCode::MtuSmall, reading)
        .map(|c| c.domains(whose(mtu.limit, evidence)))
        .into_iter()
        .collect()
}

fn whose(limit: MtuLimit, evidence: &Evidence) -> Vec<FaultDomain> {
    use FaultDomain::{CompanyNetwork, Computer, HomeNetwork, InternetProvider};
    match limit {
        _ if evidence.tunnel => vec![CompanyNetwork],
        MtuLimit::Computer => vec![Computer, HomeNetwork],
        _ => vec![HomeNetwork, InternetProvider],
    }
}
