//! Whose fault: what the other readings of the same check say about it.
//!
//! A domain is named only where a reading points at it; where several remain they are all named,
//! and where there is nothing to go by it is `undetermined`.

use super::Scene;
use crate::Policy;
use crate::attribution::{self, Around, Asked, Own, Symptom};
use crate::limits::{Band, Metric};
use telemetry::{
    FactKey, FactValue, FaultDomain, Id, Link, LinkKind, Media, Path, ProbeId, TimestampQuality, Value,
};

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
    /// Of those that did not answer, those that were reached and then said nothing: what is long does not pass.
    pub endpoints_stuck: usize,
    /// The computer is seen to be busy.
    pub computer_busy: bool,
    /// Resolvers beyond the router were asked and none answered.
    pub dns_fails: bool,
    /// The link is a mobile network.
    pub cellular: bool,
    /// Wi-Fi is seen to be weak, by its signal or its rate.
    pub wifi_weak: bool,
    /// Whose fault the first of these says it is; empty if that cannot be told.
    pub found: Vec<FaultDomain>,
    /// The way to a reflector whose voice is bad, with what its stream experienced.
    pub ways: Vec<Looked>,
}

/// A reflector's way that was looked at.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Looked {
    /// Which reflector.
    pub target: Option<Id>,
    /// What its stream experienced; none if there was no answer.
    pub media: Option<Media>,
    /// What the way showed.
    pub path: Path,
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
                    e.endpoints_stuck += usize::from(super::https::stuck(h));
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
        for reading in scene.of(ProbeId::Path) {
            let Some(Value::Path(path)) = reading.measured() else { continue };
            let media = scene.of(ProbeId::Media).filter(|r| r.target == reading.target).find_map(|r| match r
                .measured()
            {
                Some(Value::Media(m)) if m.received > 0 => Some(m.clone()),
                _ => None,
            });
            e.ways.push(Looked { target: reading.target.clone(), media, path: path.clone() });
        }
        let dns = super::dns::beyond(scene);
        e.dns_fails = dns == Some(false);
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
        let found = e.ways.first().map(|way| match &way.media {
            Some(media) => e.voice(scene.policy, way.target.as_ref(), media, None),
            None => e.silence(way.target.as_ref()),
        });
        e.found = found.filter(|f| *f != [FaultDomain::Undetermined]).unwrap_or_default();
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
        self.cellular = link.kind == Some(LinkKind::Cellular);
        self.wifi_weak = not_good(Metric::WifiSignal, signal) || not_good(Metric::WifiRate, rate);
        self.home_weak = self.wifi_weak
            || link.gateway_rtt.is_some_and(|t| t.get() > SLOW_GATEWAY_MS)
            || (link.gateway_reachable == Some(false) && !self.beyond_works);
        self.home_unseen = match link.kind {
            Some(LinkKind::Wifi | LinkKind::Cellular) => signal.is_none(),
            Some(LinkKind::Ethernet) => false,
            // A tunnel hides what is beneath it.
            _ => true,
        };
    }

    /// Whose fault it is that voice to a reflector is poor: by one symptom, or by all of them together.
    pub fn voice(
        &self,
        policy: &Policy,
        target: Option<&Id>,
        media: &Media,
        only: Option<Symptom>,
    ) -> Vec<FaultDomain> {
        // Without the kernel's stamps a busy computer reads as a bad network.
        if media.timestamps == TimestampQuality::UserSpace && self.computer_busy {
            return vec![FaultDomain::Computer];
        }
        if let Some(Looked { media: Some(media), path, .. }) = self.way(target) {
            let mut domains = match path.target().is_some_and(telemetry::Hop::silent) {
                true => attribution::unreachable(self.asked(), Some(path)),
                false => attribution::voice(policy, media, path, self.around(), only),
            };
            // One symptom may be too slight to place where all of them together are not.
            if domains == [FaultDomain::Undetermined] && only.is_some() {
                domains = attribution::voice(policy, media, path, self.around(), None);
            }
            if domains == [FaultDomain::Undetermined] && self.wifi_weak {
                domains = vec![FaultDomain::HomeNetwork];
            }
            return domains;
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

    /// Whose fault it is that nothing comes back from a reflector.
    pub fn silence(&self, target: Option<&Id>) -> Vec<FaultDomain> {
        if let Some(looked) = self.way(target) {
            return attribution::unreachable(self.asked(), Some(&looked.path));
        }
        if self.reflectors_poor == 1 && self.reflectors_good > 0 {
            return vec![FaultDomain::Service];
        }
        let path = self.path();
        // The way works for the web: what is closed is closed for voice (UDP), and a home router may do that too.
        if self.endpoints_good > 0 && path.contains(&FaultDomain::InternetProvider) {
            return vec![FaultDomain::Undetermined];
        }
        path
    }

    /// This computer's own traffic, if it fills the line.
    pub fn own_traffic(&self, policy: &Policy, target: Option<&Id>) -> Option<Own> {
        let looked = self.ways.iter().find(|w| w.target.as_ref() == target)?;
        attribution::own_traffic(policy, looked.media.as_ref()?, &looked.path, self.around())
    }

    /// The way to this reflector; where only another's was looked at, that one.
    fn way(&self, target: Option<&Id>) -> Option<&Looked> {
        self.ways.iter().find(|w| w.target.as_ref() == target).or_else(|| self.ways.first())
    }

    fn around(&self) -> Around {
        Around { cellular: self.cellular, wifi_weak: self.wifi_weak, others_well: self.reflectors_good > 0 }
    }

    fn asked(&self) -> Asked {
        Asked {
            gateway: self.gateway,
            beyond_works: self.beyond_works,
            others_fail: self.beyond_fails
                && (self.endpoints_failed > 0 || self.reflectors_poor > 1 || self.dns_fails),
            others_well: self.reflectors_good > 0,
            proxy: self.proxy,
            tunnel: self.tunnel,
        }
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
        // Voice suffers on the same way, and there it was measured where.
        if !self.found.is_empty() {
            return self.found.clone();
        }
        // Voice passes, and connections are made; only what is long gets stuck, on every way: a router or a line that
        // drops long packets and tells nobody. A service's own would be one of them alone.
        let stuck = self.endpoints_stuck > 1 && self.endpoints_stuck == self.endpoints_failed;
        if stuck && self.endpoints_good == 0 && self.reflectors_poor == 0 && self.reflectors_good > 0 {
            let whose = if self.tunnel { FaultDomain::CompanyNetwork } else { FaultDomain::HomeNetwork };
            return vec![whose, FaultDomain::InternetProvider];
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
