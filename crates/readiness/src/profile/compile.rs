//! From a profile and a region to targets and limits, and on top of a policy.
//!
//! What a policy says itself goes before what a profile says. The caps of a policy hold for both together.

use super::{Kind, Profile, ProfileError, Region, Target, expand::expand};
use crate::limits::Overrides;
use crate::policy::{Endpoint, Host, Policy, PolicyError, SignallingHost, StunServer, Targets, TurnServer};
use serde::{Deserialize, Serialize};
use telemetry::{Codec, Digest, Id};

/// What a profile adds to a policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Addition {
    /// The profile.
    pub profile: Id,
    /// Its version.
    pub version: u32,
    /// The digest of its file.
    pub digest: Digest,
    /// The region that was chosen, of a profile that has some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Id>,
    /// The codec for which quality is estimated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codec: Option<Codec>,
    /// What is measured.
    pub targets: Targets,
    /// Limits that the platform publishes.
    pub limits: Overrides,
}

impl Addition {
    /// Puts it on top of a policy.
    pub fn apply(&self, policy: &Policy) -> Result<Policy, PolicyError> {
        let mut policy = policy.clone();
        if policy.codec.is_default() {
            policy.codec = self.codec.unwrap_or_default();
        }
        let (own, more) = (&mut policy.targets, self.targets.clone());
        own.endpoints.extend(more.endpoints);
        own.stun.extend(more.stun);
        own.turn.extend(more.turn);
        own.signalling.extend(more.signalling);
        for name in more.names {
            if !own.names.contains(&name) {
                own.names.push(name);
            }
        }
        for (metric, set) in &self.limits {
            policy.limits.entry(metric.clone()).or_insert(*set);
        }
        policy.validate()?;
        Ok(policy)
    }

    /// How it is chosen: `NAME` or `NAME/REGION`.
    pub fn choice(&self) -> String {
        match &self.region {
            Some(region) => format!("{}/{region}", self.profile),
            None => self.profile.to_string(),
        }
    }
}

impl Profile {
    /// What the profile adds in this region, which is one of its own, or none if it has none.
    pub(super) fn compile(&self, region: Option<&Region>) -> Addition {
        let mut targets = Targets::default();
        for target in self.targets_in(region) {
            self.add(&mut targets, target, region);
        }
        Addition {
            profile: self.id.clone(),
            version: self.version,
            digest: self.digest.clone(),
            region: region.map(|r| r.id.clone()),
            codec: self.codecs.first().and_then(|c| c.estimate),
            targets,
            limits: self.limits.iter().map(|l| (l.metric.to_owned(), l.set)).collect(),
        }
    }

    /// What is measured in a region.
    pub fn targets_in<'a>(&'a self, region: Option<&'a Region>) -> impl Iterator<Item = &'a Target> {
        self.targets.iter().chain(region.into_iter().flat_map(|r| &r.targets))
    }

    fn add(&self, targets: &mut Targets, target: &Target, region: Option<&Region>) {
        // Both were tried out for each region when the file was read.
        let put = |text: &str| expand(text, region).expect("placeholders that the region has");
        // As a policy has it; what is no host was refused when the file was read.
        let host = |text: &str| Host::try_from(put(text)).unwrap_or_else(|_| Host::Named(put(text)));
        let id: Id = format!("{}-{}", self.id, target.id).parse().expect("an id that was measured");
        match &target.kind {
            Kind::Endpoint { url } => {
                targets.endpoints.push(Endpoint { id, url: put(url), private_authority: false });
            }
            Kind::Stun { host: name, port } => {
                targets.stun.push(StunServer { id, host: host(name), port: *port });
            }
            Kind::Turn { host: name, udp, tcp, tls } => {
                targets.turn.push(TurnServer { id, host: host(name), udp: *udp, tcp: *tcp, tls: *tls });
            }
            Kind::Signalling { url } => targets.signalling.push(SignallingHost { id, url: put(url) }),
            Kind::Name { host: name } => targets.names.push(put(name)),
        }
    }
}

/// Whatever is chosen, it must make a valid policy.
pub(super) fn every_region(profile: &Profile) -> Result<(), ProfileError> {
    let tried = |region: Option<&Region>| {
        let addition = profile.compile(region);
        let named = |host: &Host| match host {
            Host::Collector => true,
            Host::Named(name) => Host::try_from(name.clone()).is_ok_and(|h| h == *host),
        };
        let hosts = addition.targets.stun.iter().map(|s| &s.host);
        let mut hosts = hosts.chain(addition.targets.turn.iter().map(|t| &t.host));
        let bad = hosts.find(|h| !named(h) || **h == Host::Collector).cloned();
        let error = match bad {
            Some(host) => Some(PolicyError::Form {
                key: "host".into(),
                value: host.into(),
                problem: "is no host name".into(),
            }),
            None => addition.apply(&Policy::builtin()).err(),
        };
        let place = region.map_or_else(|| "the profile".to_owned(), |r| format!("region {}", r.id));
        error.map_or(Ok(()), |error| Err(ProfileError::Policy { place, error: error.into() }))
    };
    match profile.regions.is_empty() {
        true => tried(None),
        false => profile.regions.iter().try_for_each(|r| tried(Some(r))),
    }
}
