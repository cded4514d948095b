//! Rules of `stun`, `turn` and `signalling`: which of a platform's needs is blocked on the way that calls take.

use super::{Candidate, Scene, evidence::Evidence};
use crate::Policy;
use crate::catalogue::entry;
use crate::limits::Band;
use crate::policy::Host;
use std::collections::BTreeSet;
use telemetry::{
    Failure, FaultDomain, FindingCode, Id, Interference, NatMapping, ProbeId, Reading, Signalling, Stun,
    Turn, TurnTransport, TurnWay, Unit, Upgrade, Value,
};

/// Which ways were tried, over all readings, and which of them led somewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ways {
    /// Whether anything came back over UDP.
    udp_works: bool,
    /// Hosts that were asked over UDP and did not answer.
    udp_silent: BTreeSet<String>,
    /// Whether the voice stream was among what was silent.
    voice_silent: bool,
    /// Whether a server answered over TCP or TLS.
    tcp_works: bool,
    /// Relays that were tried.
    relays_tried: usize,
    /// Relays that were reached by any way.
    relays_reached: usize,
    /// Whether a VPN, a proxy or somebody who opens encrypted traffic was met.
    company: bool,
}

impl Ways {
    pub(crate) fn of(scene: &Scene<'_>, evidence: &Evidence) -> Self {
        let mut ways = Self {
            tcp_works: evidence.endpoints_good > 0,
            company: evidence.proxy || evidence.tunnel,
            ..Self::default()
        };
        for reading in &scene.readings {
            ways.add(scene.policy, reading);
        }
        ways
    }

    fn add(&mut self, policy: &Policy, reading: &Reading) {
        match reading.measured() {
            Some(Value::Stun(s)) if s.sent > 0 => self.udp(policy, reading, s.answered > 0),
            // Where packets got there and none came back, the way out is not closed.
            Some(Value::Media(m)) if m.sent > 0 => {
                self.voice_silent |= m.received == 0;
                self.udp(policy, reading, m.reflected > 0 || m.received > 0);
            }
            Some(Value::Turn(t)) if !t.ways.is_empty() => {
                for way in &t.ways {
                    match way.transport {
                        TurnTransport::Udp => self.udp(policy, reading, way.reached()),
                        TurnTransport::Tcp | TurnTransport::Tls => self.tcp_works |= way.reached(),
                    }
                    self.company |= way.proxy || way.intercepted;
                }
                self.relays_reached += usize::from(t.ways.iter().any(TurnWay::reached));
                self.relays_tried += 1;
            }
            Some(Value::Signalling(s)) => {
                self.tcp_works |= s.upgrade.is_some();
                self.company |= s.proxy || s.interference == Interference::TlsIntercepted;
            }
            Some(_) => {}
            None if reading.probe == ProbeId::Media && super::without_value(reading) == Some(true) => {
                self.voice_silent = true;
                self.udp(policy, reading, false);
            }
            None => {}
        }
    }

    fn udp(&mut self, policy: &Policy, reading: &Reading, works: bool) {
        self.udp_works |= works;
        if !works {
            self.udp_silent.extend(host_of(policy, reading));
        }
    }

    /// Nothing at all comes back over UDP, and it is not everything that is down.
    fn udp_is_blocked(&self) -> bool {
        !self.udp_works && !self.udp_silent.is_empty() && self.tcp_works
    }

    /// Whose rule it is that keeps some traffic out: a company's where there is one, else whoever is on the way.
    fn whose(&self) -> Vec<FaultDomain> {
        match self.company {
            true => vec![FaultDomain::CompanyNetwork],
            false => vec![FaultDomain::HomeNetwork, FaultDomain::InternetProvider],
        }
    }
}

/// The host of a reading's target; several targets may be on one.
fn host_of(policy: &Policy, reading: &Reading) -> Option<String> {
    let id = reading.target.as_ref()?;
    let targets = &policy.targets;
    let host = match reading.probe {
        ProbeId::Media => targets.reflectors.iter().find(|t| t.id == *id).map(|t| &t.host),
        ProbeId::Stun => targets.stun.iter().find(|t| t.id == *id).map(|t| &t.host),
        ProbeId::Turn => targets.turn.iter().find(|t| t.id == *id).map(|t| &t.host),
        _ => None,
    };
    // A target that the policy does not name any more is still one.
    Some(host.map_or_else(|| id.to_string(), |host| host.clone().into()))
}

/// About the network and not about a target: raised once, whichever server was silent.
pub(super) fn udp(scene: &Scene<'_>, ways: &Ways) -> Option<Candidate> {
    if !ways.udp_is_blocked() {
        return None;
    }
    let probe = [ProbeId::Stun, ProbeId::Turn].into_iter().find(|p| scene.values(*p).next().is_some())?;
    // A relay over TCP or TLS is the worse way that is left. Without one there may still be a relay that we know nothing of.
    let nothing_left = ways.relays_reached == 0 && (ways.relays_tried > 0 || ways.voice_silent);
    let band = if nothing_left { Band::Bad } else { Band::Doubtful };
    let mut domains = ways.whose();
    // One silent host may be that host's own fault.
    if ways.udp_silent.len() == 1 {
        domains.push(FaultDomain::Service);
    }
    Some(
        Candidate::of_probe(FindingCode::UdpBlocked, band, probe, None)
            .domains(domains)
            .observed(ways.udp_silent.len() as f64, Unit::Count),
    )
}

/// Where a relay can be reached by another way, calls work although the voice test gets no answer over UDP.
pub(super) fn soften(found: &mut [Candidate], ways: &Ways) {
    let detour = ways.udp_is_blocked() && ways.relays_reached > 0;
    for candidate in found.iter_mut().filter(|c| detour && c.finding.code == FindingCode::MediaUnreachable) {
        candidate.band = Band::Doubtful;
        candidate.finding.severity = entry(FindingCode::MediaUnreachable).grades.of(Band::Doubtful);
    }
}

pub(super) fn stun(reading: &Reading, stun: &Stun, evidence: &Evidence) -> Vec<Candidate> {
    // Without a translation there is nothing that could move.
    let moves = stun.moved && stun.mapping != Some(NatMapping::None);
    let mut found = Vec::new();
    if moves {
        let candidate = Candidate::new(FindingCode::NatUnstable, Band::Doubtful, reading);
        found.push(match evidence.tunnel {
            true => candidate.domains([FaultDomain::CompanyNetwork]),
            false => candidate,
        });
    }
    found
}

pub(super) fn turn(
    scene: &Scene<'_>,
    reading: &Reading,
    turn: &Turn,
    ways: &Ways,
    evidence: &Evidence,
) -> Vec<Candidate> {
    if turn.ways.is_empty() {
        return Vec::new();
    }
    if !turn.ways.iter().any(TurnWay::reached) {
        return vec![unreachable(scene, reading, ways, evidence)];
    }
    let udp = turn.ways.iter().find(|w| w.transport == TurnTransport::Udp);
    let closed = udp.is_some_and(|w| !w.reached());
    closed
        .then(|| {
            let candidate = Candidate::new(FindingCode::TurnUdpBlocked, Band::Doubtful, reading);
            // Other servers answer over UDP: then it may be this one's own.
            match ways.udp_works && !ways.company {
                true => candidate.domains([
                    FaultDomain::HomeNetwork,
                    FaultDomain::InternetProvider,
                    FaultDomain::Service,
                ]),
                false => candidate.domains(ways.whose()),
            }
        })
        .into_iter()
        .collect()
}

fn unreachable(scene: &Scene<'_>, reading: &Reading, ways: &Ways, evidence: &Evidence) -> Candidate {
    let own = |id: &Option<Id>| {
        let server = scene.policy.targets.turn.iter().find(|t| Some(&t.id) == id.as_ref());
        server.is_some_and(|t| t.host == Host::Collector)
    };
    // Another relay does, or it is our own: calls still find a way.
    let band = if ways.relays_reached > 0 || own(&reading.target) { Band::Doubtful } else { Band::Bad };
    let domains = match (ways.relays_reached > 0, ways.tcp_works, ways.company) {
        (true, _, false) => vec![FaultDomain::Service],
        (true, _, true) => vec![FaultDomain::CompanyNetwork, FaultDomain::Service],
        (false, true, true) => vec![FaultDomain::CompanyNetwork],
        (false, true, false) => {
            vec![FaultDomain::HomeNetwork, FaultDomain::InternetProvider, FaultDomain::Service]
        }
        (false, false, _) => evidence.service(),
    };
    Candidate::new(FindingCode::TurnUnreachable, band, reading).domains(domains)
}

pub(super) fn signalling(reading: &Reading, signalling: &Signalling, evidence: &Evidence) -> Vec<Candidate> {
    use FaultDomain::{CompanyNetwork, Computer, HomeNetwork, Service};
    let company = signalling.proxy || evidence.proxy || evidence.tunnel;
    let opened = signalling.interference == Interference::TlsIntercepted;
    if signalling.interference == Interference::CaptivePortal {
        return vec![Candidate::of_probe(FindingCode::CaptivePortal, Band::Bad, reading.probe, None)];
    }
    let blocked = |domains: &[FaultDomain]| {
        let mut candidate = Candidate::new(FindingCode::SignallingBlocked, Band::Bad, reading)
            .domains(domains.iter().copied());
        if let Some(status) = signalling.status {
            candidate = candidate.observed(f64::from(status), Unit::Count);
        }
        vec![candidate]
    };
    match signalling.upgrade {
        Some(Upgrade::Done) => Vec::new(),
        // The host is there and says no to us, who have not signed in: that is its own business. 5xx is not.
        Some(Upgrade::Declined) if signalling.status.is_some_and(|s| s < 500) => Vec::new(),
        Some(Upgrade::Declined) => blocked(&[Service]),
        Some(Upgrade::Stripped | Upgrade::Broken) if opened => blocked(&[CompanyNetwork, Computer]),
        Some(Upgrade::Stripped | Upgrade::Broken) if company => blocked(&[CompanyNetwork, Service]),
        // Nobody but the host itself can answer where the encryption was not opened.
        Some(Upgrade::Stripped) => blocked(&[Service]),
        Some(Upgrade::Broken) => blocked(&[HomeNetwork, Service]),
        None if opened => blocked(&[CompanyNetwork, Computer]),
        None => match signalling.failure {
            Some(why) if super::missing::is_evidence(why) || why == Failure::Timeout => {
                blocked(&evidence.service())
            }
            _ => Vec::new(),
        },
    }
}
