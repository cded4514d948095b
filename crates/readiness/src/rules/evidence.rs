//! Whose fault: what the other readings of the same check say about it.
//!
//! A domain is named only where a reading points at it; where several remain they are all named,
//! and where there is nothing to go by it is `undetermined`.

use super::Scene;
use crate::limits::{Band, Metric};
use telemetry::{FactKey, FactValue, FaultDomain, Link, LinkKind, Media, ProbeId, TimestampQuality, Value};

/// A gateway in the next room answers in a few milliseconds; beyond this even its fastest answer is late.
const SLOW_GATEWAY_MS: f64 = 30.0;

/// What the readings together say.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Evidence {
    /// The router answers.
    pub gateway: Option<bool>,
    /// The home network is seen to be weak: its signal, its rate or its router's answers.
    pub home_weak: bool,
    /// The home network may be weak without our seeing it: Wi-Fi or a mobile link without a signal to judge by.
    pub home_unseen: bool,
    /// A VPN or another tunnel carries the traffic.
    pub tunnel: bool,
    /// Web traffic goes through a proxy.
    pub proxy: bool,
    /// Something beyond the router answered.
    pub beyond_works: bool,
    /// Something beyond the router was asked and did not answer.
    pub beyond_fails: bool,
    /// Reflectors whose stream came back well, and those whose did not.
    pub reflectors_good: usize,
    /// See `reflectors_good`.
    pub reflectors_poor: usize,
    /// Endpoints that answered, and those that did not.
    pub endpoints_good: usize,
    /// See `endpoints_good`.
    pub endpoints_failed: usize,
    /// The computer is seen to be busy.
    pub computer_busy: bool,
}

impl Evidence {
    /// Gathers it from every reading.
    pub fn of(scene: &Scene<'_>) -> Self {
        let mut e = Self::default();
        for reading in scene.of(ProbeId::Https) {
            match reading.measured() {
                Some(Value::Https(h)) if super::https::answered(h) => {
                    e.endpoints_good += 1;
                    e.proxy |= h.proxy;
                }
                Some(Value::Https(h)) => {
                    e.endpoints_failed += 1;
                    e.proxy |= h.proxy;
                }
                _ => e.endpoints_failed += usize::from(super::without_value(reading) == Some(true)),
            }
        }
        let mut media_answers = 0;
        for reading in scene.of(ProbeId::Media) {
            match reading.measured() {
                Some(Value::Media(m)) if m.received > 0 => {
                    media_answers += 1;
                    if super::media::poor(scene.policy, m) {
                        e.reflectors_poor += 1
                    } else {
                        e.reflectors_good += 1
                    }
                }
                Some(_) => e.reflectors_poor += 1,
                None => e.reflectors_poor += usize::from(super::without_value(reading) == Some(true)),
            }
        }
        let dns = super::dns::beyond(scene);
        e.beyond_works = e.endpoints_good > 0 || media_answers > 0 || dns == Some(true);
        e.beyond_fails =
            !e.beyond_works && (e.endpoints_failed > 0 || e.reflectors_poor > 0 || dns == Some(false));
        // After what lies beyond: a silent router through which something was reached is none to blame.
        for value in scene.readings.iter().filter_map(|r| r.measured()) {
            match value {
                Value::Link(link) => e.link(scene, link),
                Value::Environment(facts) => {
                    let vpn = |f: &telemetry::Fact| f.key == FactKey::Vpn && f.value == FactValue::Flag(true);
                    e.tunnel |= facts.iter().any(vpn);
                }
                Value::Load(load) => {
                    e.computer_busy |= scene.policy.limit(Metric::Cpu).band(load.cpu.get()) == Band::Bad;
                }
                _ => {}
            }
        }
        e
    }

    fn link(&mut self, scene: &Scene<'_>, link: &Link) {
        self.gateway = link.gateway_reachable;
        self.tunnel |= link.kind == Some(LinkKind::Tunnel);
        let not_good = |metric, value: Option<f64>| {
            value.is_some_and(|v| scene.policy.limit(metric).band(v) != Band::Good)
        };
        let wifi = link.wifi.as_ref();
        let signal = wifi.and_then(|w| w.signal_dbm).map(telemetry::Db::get);
        let rate = wifi.and_then(|w| w.tx_rate).map(telemetry::BitRate::get);
        self.home_weak = not_good(Metric::WifiSignal, signal)
            || not_good(Metric::WifiRate, rate)
            || link.gateway_rtt.is_some_and(|t| t.get() > SLOW_GATEWAY_MS)
            || (link.gateway_reachable == Some(false) && !self.beyond_works);
        self.home_unseen = match link.kind {
            Some(LinkKind::Wifi | LinkKind::Cellular) => signal.is_none(),
            Some(LinkKind::Ethernet) => false,
            // A tunnel hides what is beneath it.
            _ => true,
        };
    }

    /// Whose fault it is that voice to a reflector is poor.
    pub fn voice(&self, media: Option<&Media>) -> Vec<FaultDomain> {
        // Without the kernel's stamps a busy computer reads as a bad network.
        let blind = media.is_some_and(|m| m.timestamps == TimestampQuality::UserSpace);
        if blind && self.computer_busy {
            return vec![FaultDomain::Computer];
        }
        // The others are well: the fault is with this one.
        if self.reflectors_poor == 1 && self.reflectors_good > 0 {
            return vec![FaultDomain::Service];
        }
        let mut path = self.path();
        // Several at once: hardly all of them are broken.
        if self.reflectors_poor > 1 {
            path.retain(|d| *d != FaultDomain::Service);
        }
        path
    }

    /// Whose fault it is that a service does not answer, or slowly.
    pub fn service(&self) -> Vec<FaultDomain> {
        if self.endpoints_failed == 1 && self.endpoints_good > 0 {
            let mut domains = vec![FaultDomain::Service];
            if self.proxy {
                domains.push(FaultDomain::CompanyNetwork);
            }
            return domains;
        }
        let mut path = self.path();
        if self.proxy && !path.contains(&FaultDomain::CompanyNetwork) {
            path.retain(|d| *d != FaultDomain::Undetermined);
            path.push(FaultDomain::CompanyNetwork);
        }
        path
    }

    /// The domains on the way out that nothing speaks for.
    fn path(&self) -> Vec<FaultDomain> {
        use FaultDomain::{CompanyNetwork, HomeNetwork, InternetProvider, Service, Undetermined};
        if self.home_weak {
            return vec![HomeNetwork];
        }
        if self.gateway != Some(true) {
            return vec![Undetermined];
        }
        let mut path = Vec::new();
        if self.home_unseen {
            path.push(HomeNetwork);
        }
        path.push(InternetProvider);
        if self.tunnel {
            path.push(CompanyNetwork);
        }
        path.push(Service);
        path
    }
}
