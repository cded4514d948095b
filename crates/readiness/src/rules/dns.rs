//! Rule of `dns`: a resolver is judged by its A queries, since many names have no AAAA at all.

use super::{Candidate, Scene, evidence::Evidence, held_to};
use crate::Policy;
use crate::limits::{Band, Metric};
use std::collections::BTreeMap;
use telemetry::{
    Dns, DnsAnswer, DnsQuery, FaultDomain, FindingCode, ProbeId, Reading, RecordType, ResolverClass, Unit,
    Value,
};

/// How one resolver did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Resolver {
    class: Option<ResolverClass>,
    answers: bool,
    silent_on_a_type: bool,
}

pub(super) fn rule(policy: &Policy, reading: &Reading, dns: &Dns, evidence: &Evidence) -> Vec<Candidate> {
    let resolvers = resolvers(dns);
    if resolvers.is_empty() {
        return Vec::new();
    }
    let down: Vec<_> = resolvers.iter().filter(|(_, r)| !r.answers).collect();
    if down.len() == resolvers.len() {
        return vec![
            Candidate::new(FindingCode::DnsDown, Band::Bad, reading)
                .domains(domains(down.iter().filter_map(|(_, r)| r.class), evidence))
                .observed(down.len() as f64, Unit::Count),
        ];
    }
    let mut found = Vec::new();
    let lame: Vec<_> = resolvers.iter().filter(|(_, r)| !r.answers || r.silent_on_a_type).collect();
    if let Some((first, _)) = lame.first() {
        // The first is asked first: that it is silent is waited for each time.
        let band = if **first == 0 { Band::Bad } else { Band::Doubtful };
        found.push(
            Candidate::new(FindingCode::DnsPartlyDown, band, reading)
                .domains(domains(lame.iter().filter_map(|(_, r)| r.class), evidence))
                .observed(lame.len() as f64, Unit::Count),
        );
    }
    if let Some(time) =
        median(dns.queries.iter().filter(|q| answered(q)).filter_map(|q| q.time.map(|t| t.get())))
    {
        let classes = resolvers.values().filter_map(|r| r.class);
        found.extend(
            held_to(policy, Metric::DnsTime, time, FindingCode::DnsSlow, reading)
                .map(|c| c.domains(domains(classes, evidence))),
        );
    }
    found
}

/// Whether a resolver beyond the router answered (`true`), or some were asked and none did (`false`).
/// A stub or the router itself may answer from memory, which proves nothing.
pub(super) fn beyond(scene: &Scene<'_>) -> Option<bool> {
    let mut asked = false;
    for value in scene.values(ProbeId::Dns) {
        let Value::Dns(dns) = value else { continue };
        asked |= !dns.queries.is_empty();
        let outside = |q: &DnsQuery| matches!(q.class, ResolverClass::Public | ResolverClass::Other);
        if dns.queries.iter().any(|q| outside(q) && answered(q)) {
            return Some(true);
        }
        if dns.queries.iter().any(answered) {
            return None;
        }
    }
    asked.then_some(false)
}

fn resolvers(dns: &Dns) -> BTreeMap<u8, Resolver> {
    let mut all: BTreeMap<u8, Resolver> = BTreeMap::new();
    for query in &dns.queries {
        let resolver = all.entry(query.resolver).or_default();
        resolver.class = Some(query.class);
        match query.record {
            RecordType::A => resolver.answers |= answered(query),
            RecordType::Aaaa => resolver.silent_on_a_type |= query.answer == DnsAnswer::Timeout,
        }
    }
    all
}

/// Whether the resolver did its work: that there is no such name is an answer.
fn answered(q: &DnsQuery) -> bool {
    matches!(q.answer, DnsAnswer::Answered | DnsAnswer::NoData | DnsAnswer::NoSuchName)
}

/// Whose a resolver of this class is; empty, and so the catalogue's, for what cannot be told.
fn domains(classes: impl Iterator<Item = ResolverClass>, evidence: &Evidence) -> Vec<FaultDomain> {
    let mut domains = Vec::new();
    for class in classes {
        let of_class: &[FaultDomain] = match class {
            ResolverClass::Stub => return Vec::new(),
            ResolverClass::Gateway => &[FaultDomain::HomeNetwork],
            // It is asked through the tunnel, and the home router below that is there.
            ResolverClass::Private if evidence.tunnel && evidence.gateway == Some(true) => {
                &[FaultDomain::InternetProvider, FaultDomain::CompanyNetwork]
            }
            ResolverClass::Private => &[FaultDomain::CompanyNetwork, FaultDomain::HomeNetwork],
            ResolverClass::Public | ResolverClass::Other => &[FaultDomain::InternetProvider],
        };
        domains.extend(of_class.iter().filter(|d| !domains.contains(*d)).copied().collect::<Vec<_>>());
    }
    domains
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut all: Vec<f64> = values.collect();
    all.sort_by(f64::total_cmp);
    let middle = all.len() / 2;
    match all.len() {
        0 => None,
        n if n % 2 == 1 => Some(all[middle]),
        _ => Some((all[middle - 1] + all[middle]) / 2.0),
    }
}
