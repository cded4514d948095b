//! A policy: what a desk is measured against, what is required, and when.
//!
//! Owns the file format and its validation. Must not judge.

mod calls;
mod error;
mod host;
mod validate;

use crate::limits::{Limit, Metric, Overrides};
use crate::profile::{self, Addition};
pub use calls::{SignallingHost, StunServer, TurnServer};
pub use error::PolicyError;
pub(crate) use host::is_name;
pub use host::{Host, is_collector, target_url};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use telemetry::{Codec, Digest, Id, PolicyRef, ProbeId, Version};

/// A STAMP reflector that voice-like streams are measured against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reflector {
    /// What readings call it.
    pub id: Id,
    /// Where it is.
    pub host: Host,
    /// Its UDP port.
    #[serde(default = "Reflector::default_port")]
    pub port: u16,
    /// The DSCP to send with: 46 (EF) is what voice uses.
    #[serde(default = "Reflector::default_dscp")]
    pub dscp: u8,
}

impl Reflector {
    fn default_port() -> u16 {
        862
    }
    fn default_dscp() -> u8 {
        46
    }
}

/// An HTTPS endpoint that calls depend on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// What readings call it.
    pub id: Id,
    /// Its address; `https`, or `http` on loopback. The host may be `@collector`, written
    /// `https://@collector/…`; scheme and port are then the collector's own.
    pub url: String,
    /// Whether its certificate comes from the company's own authority. Of any other endpoint
    /// than the collector, a certificate that this desk trusts but the public does not says that
    /// encrypted traffic is opened on the way.
    // Left out unless set: a key that an older desk does not know must not reach it without need.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub private_authority: bool,
}

/// A server that the line is loaded against, for a few seconds before a shift and in self-checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadTest {
    /// What readings call it.
    pub id: Id,
    /// Where its configuration is (draft-ietf-ippm-responsiveness); may be on `@collector`.
    #[serde(default = "LoadTest::default_url")]
    pub url: String,
    /// Most megabytes of one measurement, both ways together.
    #[serde(default = "LoadTest::default_megabytes")]
    pub max_megabytes: u32,
    /// Whether connections may be loaded that are paid for by the megabyte.
    #[serde(default)]
    pub metered: bool,
}

impl LoadTest {
    fn default_url() -> String {
        "https://@collector/v1/responsiveness".into()
    }
    /// Fills a line of 50 Mbit/s for three seconds; most homes upload slower than that.
    fn default_megabytes() -> u32 {
        20
    }
}

/// What probes are pointed at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Targets {
    /// For `media`; each is measured in turn.
    pub reflectors: Vec<Reflector>,
    /// For `https`.
    pub endpoints: Vec<Endpoint>,
    /// Names that `dns` asks for; without any, the hosts of the endpoints.
    pub names: Vec<String>,
    /// A plain-HTTP address that answers 204 with nothing: anything else is a captive portal.
    pub portal: Option<String>,
    // What follows is left out unless set: a key that an older desk does not know must not reach it without need.
    /// For `stun`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stun: Vec<StunServer>,
    /// For `turn`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub turn: Vec<TurnServer>,
    /// For `signalling`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub signalling: Vec<SignallingHost>,
    /// For `responsiveness`; without it no load is put on the line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub responsiveness: Option<LoadTest>,
}

/// When a desk is measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Schedule {
    /// The pre-shift check runs this long before a shift begins.
    pub pre_shift_minutes: u32,
    /// A verdict holds this long.
    pub valid_minutes: u32,
    /// A routine measurement in a shift every so many seconds.
    pub routine_seconds: u32,
    /// A routine measurement outside shifts every so many seconds; 0 is never.
    pub idle_seconds: u32,
    /// The media stream in a shift every so many seconds.
    pub media_seconds: u32,
    /// The microphone in a shift every so many seconds, where consent allows.
    pub microphone_seconds: u32,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            pre_shift_minutes: 30,
            valid_minutes: 60,
            routine_seconds: 60,
            idle_seconds: 900,
            media_seconds: 300,
            microphone_seconds: 600,
        }
    }
}

/// What the policy allows with the microphone. The agent's consent is needed as well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Microphone {
    /// Between calls, from the pre-shift check to the end of the shift.
    pub background: bool,
    /// During calls too.
    pub calls: bool,
    /// How long it is open each time.
    pub seconds: u32,
}

impl Default for Microphone {
    fn default() -> Self {
        Self { background: true, calls: false, seconds: 3 }
    }
}

/// Oldest version of each browser that is accepted. A browser that is not installed is no fault.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Browsers {
    /// Google Chrome.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chrome: Option<Version>,
    /// Chromium.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chromium: Option<Version>,
    /// Microsoft Edge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edge: Option<Version>,
    /// Firefox.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub firefox: Option<Version>,
    /// Brave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub brave: Option<Version>,
}

impl Browsers {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What a desk is judged by.
///
/// However a policy is read (from a file, or from a collector that might be anybody's), it is
/// validated: there is no way to deserialize one that breaks the caps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct Policy {
    /// Its id.
    pub id: Id,
    /// Its version: a later one has a greater number.
    pub version: u32,
    /// The codec that calls use, for which quality is estimated.
    // Left out unless set: a key that an older desk does not know must not reach it without need.
    #[serde(default, skip_serializing_if = "Codec::is_default")]
    pub codec: Codec,
    /// The platform whose profile a policy file takes: `NAME` or `NAME/REGION`. It stands in files only: who reads
    /// one puts the profile's targets and limits in its place, so that desks are told plain targets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// What is measured.
    #[serde(default)]
    pub targets: Targets,
    /// Probes without whose reading the verdict is `unknown`.
    #[serde(default)]
    pub required: Vec<ProbeId>,
    /// When.
    #[serde(default)]
    pub schedule: Schedule,
    /// The microphone.
    #[serde(default)]
    pub microphone: Microphone,
    /// Oldest browsers accepted.
    #[serde(default, skip_serializing_if = "Browsers::is_empty")]
    pub browsers: Browsers,
    /// Limits that differ from the table's.
    #[serde(default, skip_serializing_if = "Overrides::is_empty")]
    pub limits: Overrides,
}

impl Serialize for Policy {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, s)
    }
}

impl<'de> Deserialize<'de> for Policy {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let policy = Self::deserialize(d)?;
        policy.validate().map_err(serde::de::Error::custom)?;
        Ok(policy)
    }
}

impl Policy {
    /// The policy of a desk that has no other.
    ///
    /// It requires what every desk can measure without a server: without enrolment there is no
    /// reflector, and to require `media` would make each such desk `unknown` for a reason that
    /// its agent cannot mend. That the voice stream was not measured is noted all the same.
    pub fn builtin() -> Self {
        Self {
            id: "builtin".parse().expect("a valid id"),
            version: 1,
            codec: Codec::default(),
            profile: None,
            targets: Targets::default(),
            required: vec![ProbeId::Link, ProbeId::AudioDevices, ProbeId::Load],
            schedule: Schedule::default(),
            microphone: Microphone::default(),
            browsers: Browsers::default(),
            limits: Overrides::new(),
        }
    }

    /// What a collector serves until IT sets another: everything is measured against the
    /// collector itself, so that nobody else's servers are asked.
    ///
    /// The portal check goes to the collector by its own scheme: behind TLS a sign-in page shows
    /// as a wrong certificate, on plain HTTP as an answer that is not 204. `noise` is measured but not
    /// required: it hangs on the agent's consent, and to refuse it must not make a desk `unknown`.
    pub fn for_collector(reflector_port: u16) -> Self {
        let id = |s: &str| s.parse().expect("a valid id");
        Self {
            id: id("default"),
            targets: Targets {
                reflectors: vec![Reflector {
                    id: id("collector"),
                    host: Host::Collector,
                    port: reflector_port,
                    dscp: Reflector::default_dscp(),
                }],
                endpoints: vec![Endpoint {
                    id: id("collector"),
                    url: "https://@collector/healthz".to_owned(),
                    private_authority: false,
                }],
                names: Vec::new(),
                portal: Some("http://@collector/v1/portal".to_owned()),
                stun: vec![StunServer { id: id("collector"), host: Host::Collector, port: reflector_port }],
                responsiveness: Some(LoadTest {
                    id: id("collector"),
                    url: LoadTest::default_url(),
                    max_megabytes: LoadTest::default_megabytes(),
                    metered: false,
                }),
                ..Targets::default()
            },
            required: vec![
                ProbeId::Link,
                ProbeId::Https,
                ProbeId::Media,
                ProbeId::AudioDevices,
                ProbeId::Load,
            ],
            ..Self::builtin()
        }
    }

    /// Reads and validates a policy file. The profile that it may name is in its place afterwards.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        Self::parse_file(text).map(|(policy, _)| policy)
    }

    /// The same, and what of which profile it took.
    pub fn parse_file(text: &str) -> Result<(Self, Option<Addition>), PolicyError> {
        let syntax = |e: toml::de::Error| PolicyError::Syntax(e.to_string().trim_end().to_owned());
        let mut policy =
            Self::deserialize(toml::Deserializer::parse(text).map_err(syntax)?).map_err(syntax)?;
        let Some(choice) = policy.profile.take() else {
            policy.validate()?;
            return Ok((policy, None));
        };
        let addition = profile::choose(&choice, &[]).map_err(|e| PolicyError::Profile(e.to_string()))?;
        let policy = addition.apply(&policy)?;
        Ok((policy, Some(addition)))
    }

    /// Checks every rule of `docs/policy.md`.
    pub fn validate(&self) -> Result<(), PolicyError> {
        validate::policy(self)
    }

    /// The limits of a metric under this policy.
    pub fn limit(&self, metric: Metric) -> Limit {
        Limit::of(metric, &self.limits)
    }

    /// Whether this probe's reading is needed for a verdict.
    pub fn requires(&self, probe: ProbeId) -> bool {
        self.required.contains(&probe)
    }

    /// SHA-256 of the policy's canonical form: its JSON with the fields in their order.
    pub fn digest(&self) -> Digest {
        let json = serde_json::to_vec(self).expect("a policy is plain data");
        Digest::from_bytes(Sha256::digest(&json).into())
    }

    /// How reports name this policy.
    pub fn reference(&self) -> PolicyRef {
        PolicyRef { id: self.id.clone(), version: self.version, digest: self.digest() }
    }
}
