//! Whose fault it is that voice is not well: from what was measured at each point of the way.
//!
//! Pure. A domain is named only where a measurement points at it and at nothing else; where several cannot be told
//! apart they are all named, and where all remain it is `undetermined`. A router that is silent or answers only so
//! often is no fault, and where the stream itself is well nothing that a router does is one.
//! `docs/decisions/0015-whose-fault.md` says why it is done so.

mod outage;
mod own;
mod place;
mod sentence;
mod share;
mod way;

pub(crate) use outage::{Asked, unreachable};
pub(crate) use own::Own;
pub use sentence::{points, sentence};

use crate::Policy;
use crate::limits::{Band, Metric};
use place::Place;
use telemetry::{FaultDomain, Finding, FindingCode, Media, Millis, Path, PathPoint, ProbeId, Severity};
use way::Way;

/// Something that is wrong with a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Symptom {
    /// Packets are lost.
    Loss,
    /// The round trip takes long.
    Delay,
    /// The round trip takes now longer, now shorter.
    Variation,
}

impl Symptom {
    const ALL: [Self; 3] = [Self::Loss, Self::Delay, Self::Variation];
}

/// What else is known when a stream is looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Around {
    /// The link is a mobile network: its first router is the provider's.
    pub cellular: bool,
    /// Wi-Fi is seen to be weak.
    pub wifi_weak: bool,
    /// Streams to other reflectors are well.
    pub others_well: bool,
}

/// Whether it should be looked where the fault lies: the stream is not well, or nothing came back.
pub fn needs_path(policy: &Policy, media: &Media) -> bool {
    media.received == 0 || crate::rules::poor(policy, media)
}

/// What is wrong with the stream while the way was looked at.
fn symptoms(policy: &Policy, media: &Media, path: &Path) -> Vec<Symptom> {
    let Some(target) = path.target() else { return Vec::new() };
    let ms = |t: Option<Millis>| t.map(Millis::get);
    let wrong = |symptom: &Symptom| match symptom {
        // Half of what is good: the stream before it has shown that something is wrong, and this one where.
        Symptom::Loss => {
            let lost = target.sent.saturating_sub(target.answered);
            lost >= 3 && target.loss.is_some_and(|l| l.get() > policy.limit(Metric::Loss).good / 2.0)
        }
        Symptom::Delay => ms(target.rtt_median).is_some_and(|t| t > policy.limit(Metric::Rtt).good / 2.0),
        Symptom::Variation => {
            way::variation(target).is_some_and(|v| v > policy.limit(Metric::Jitter).good / 2.0)
        }
    };
    let before = |symptom: &Symptom| {
        let beyond =
            |metric, value: Option<f64>| value.is_some_and(|v| policy.limit(metric).band(v) != Band::Good);
        let quality = beyond(Metric::Mos, media.mos.map(telemetry::Mos::get));
        match symptom {
            Symptom::Loss => quality || beyond(Metric::Loss, Some(media.loss_interval.low.get())),
            Symptom::Delay => beyond(Metric::Rtt, ms(media.rtt_mean)),
            // What comes too late for the buffer is no jitter that is beyond its limit, and costs quality.
            Symptom::Variation => quality || beyond(Metric::Jitter, ms(media.ipdv_mean)),
        }
    };
    Symptom::ALL.into_iter().filter(|s| before(s) && wrong(s)).collect()
}

/// Whose fault the symptoms of a stream are: of one symptom, or of all of them together.
pub(crate) fn voice(
    policy: &Policy,
    media: &Media,
    path: &Path,
    around: Around,
    only: Option<Symptom>,
) -> Vec<FaultDomain> {
    let way = Way::new(path, around);
    let places: Vec<(Symptom, Place)> =
        symptoms(policy, media, path).into_iter().map(|s| (s, way.place(path, s))).collect();
    let line = own::line(media, path, &places);
    let own = own::fills(policy, path, line);
    let mut all: Vec<FaultDomain> = Vec::new();
    for (_, place) in places.iter().filter(|(s, _)| only.is_none_or(|o| o == *s)) {
        let mut domains = way.domains(place);
        if line.is_queue && place.behind_the_router() && domains.contains(&FaultDomain::InternetProvider) {
            match own {
                // The queue before the line is filled from here.
                Some(_) => domains = vec![FaultDomain::HomeNetwork],
                // Nothing here fills it: somebody else at home does, or too many do at the provider's.
                None if !domains.contains(&FaultDomain::Service) => domains.push(FaultDomain::HomeNetwork),
                None => domains = vec![FaultDomain::Undetermined],
            }
        }
        all.extend(domains);
    }
    tidy(all)
}

/// This computer's own traffic, if it is what fills the line.
pub(crate) fn own_traffic(policy: &Policy, media: &Media, path: &Path, around: Around) -> Option<Own> {
    let way = Way::new(path, around);
    let places: Vec<(Symptom, Place)> =
        symptoms(policy, media, path).into_iter().map(|s| (s, way.place(path, s))).collect();
    own::fills(policy, path, own::line(media, path, &places))
}

/// Nearest first; `undetermined` where nothing is told, or where everything remains.
pub(crate) fn tidy(mut domains: Vec<FaultDomain>) -> Vec<FaultDomain> {
    domains.sort();
    domains.dedup();
    if domains.iter().any(|d| *d != FaultDomain::Undetermined) {
        domains.retain(|d| *d != FaultDomain::Undetermined);
    }
    let network = [
        FaultDomain::HomeNetwork,
        FaultDomain::InternetProvider,
        FaultDomain::CompanyNetwork,
        FaultDomain::Service,
    ];
    // Two that cannot be told apart are an answer; three are none.
    if domains.is_empty() || network.iter().filter(|d| domains.contains(d)).count() > 2 {
        return vec![FaultDomain::Undetermined];
    }
    domains
}

/// The fault of a whole check: the domains of what is wrong on the way of calls. Empty if nothing is.
pub(crate) fn of_findings(findings: &[Finding]) -> Vec<FaultDomain> {
    let on_the_way = |f: &&Finding| {
        let probe = f.probe.made_by();
        f.severity >= Severity::Warning
            && matches!(
                probe,
                ProbeId::Link
                    | ProbeId::Dns
                    | ProbeId::Https
                    | ProbeId::Media
                    | ProbeId::Stun
                    | ProbeId::Turn
                    | ProbeId::Signalling
                    | ProbeId::Mtu
            )
            && f.code != FindingCode::RequiredReadingMissing
    };
    let mut network: Vec<&Finding> = findings.iter().filter(on_the_way).collect();
    if network.is_empty() {
        // A computer that is too busy for calls is the only other thing that sounds like a bad line.
        network.extend(
            findings.iter().filter(|f| f.code == FindingCode::CpuBusy && f.severity >= Severity::Warning),
        );
    }
    // What blocks speaks before what only warns: a slow service behind a dead line says nothing new.
    let worst = network.iter().map(|f| f.severity).max();
    let named = |f: &&&Finding| f.domains.iter().any(|d| *d != FaultDomain::Undetermined);
    let chosen: Vec<&&Finding> = match network.iter().filter(named).any(|f| Some(f.severity) == worst) {
        true => {
            network.iter().filter(|f| Some(f.severity) == worst || is_cause(f.code) || is_placed(f)).collect()
        }
        false => network.iter().collect(),
    };
    let all: Vec<FaultDomain> = chosen.iter().flat_map(|f| f.domains.iter().copied()).collect();
    if all.is_empty() { Vec::new() } else { tidy(all) }
}

/// Findings that name a cause and not an effect: they count whatever their severity.
fn is_cause(code: FindingCode) -> bool {
    matches!(code, FindingCode::UplinkFull | FindingCode::DownlinkFull | FindingCode::WorkstationStall)
}

/// Findings about voice whose place on the way is sure: each is a fault of its own, whatever blocks beside it.
fn is_placed(finding: &Finding) -> bool {
    let figure =
        matches!(finding.code, FindingCode::LossHigh | FindingCode::RttHigh | FindingCode::JitterHigh);
    figure && finding.domains.len() == 1
}

/// A word for each point, as an agent would say it.
pub(crate) fn point_word(point: PathPoint) -> &'static str {
    match point {
        PathPoint::Gateway => "your router",
        PathPoint::InnerRouter => "a second router",
        PathPoint::Provider => "your provider's first router",
        PathPoint::Beyond => "a router behind it",
        PathPoint::TunnelEnd => "the far end of the VPN",
        PathPoint::Target => "the far end",
    }
}

#[cfg(test)]
mod tests;
