//! The typed result of one probe run.
//!
//! Four outcomes, and only `measured` can be good. "Not checked", "unsupported" and "failed"
//! each say why, with a reason from a closed list.

use crate::{
    AudioDevices, Dns, Fact, Https, Id, Link, List, Load, Media, Mtu, Noise, Path, Responsiveness,
    Signalling, Stun, Turn, UnixMs,
};
use serde::{Deserialize, Serialize};

/// A probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ProbeId {
    /// Default route, gateway, Wi-Fi.
    Link,
    /// DNS resolvers.
    Dns,
    /// HTTPS endpoints.
    Https,
    /// A voice-like stream against a reflector.
    Media,
    /// Microphones and speakers.
    AudioDevices,
    /// Level and health of the microphone.
    Noise,
    /// CPU, memory, disk, power, clock.
    Load,
    /// Versions and kinds of what the desk runs.
    Environment,
    /// STUN servers: whether UDP gets out, and as what.
    Stun,
    /// TURN servers: the ways to a relay for voice.
    Turn,
    /// WebSockets to signalling hosts.
    Signalling,
    /// The largest packet that passes.
    Mtu,
    /// How far along the way voice is still well: made by `media` when it is not.
    Path,
    /// The line under load.
    Responsiveness,
}

impl ProbeId {
    /// Every probe, in the order in which they are shown.
    pub const ALL: [Self; 14] = [
        Self::Link,
        Self::Dns,
        Self::Https,
        Self::Media,
        Self::AudioDevices,
        Self::Noise,
        Self::Load,
        Self::Environment,
        Self::Stun,
        Self::Turn,
        Self::Signalling,
        Self::Mtu,
        Self::Path,
        Self::Responsiveness,
    ];

    /// The name that people type and the wire carries.
    pub fn name(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Dns => "dns",
            Self::Https => "https",
            Self::Media => "media",
            Self::AudioDevices => "audio_devices",
            Self::Noise => "noise",
            Self::Load => "load",
            Self::Environment => "environment",
            Self::Stun => "stun",
            Self::Turn => "turn",
            Self::Signalling => "signalling",
            Self::Mtu => "mtu",
            Self::Path => "path",
            Self::Responsiveness => "responsiveness",
        }
    }
}

impl ProbeId {
    /// The probe whose run makes these readings: its own, but for the way that is looked at because voice is bad.
    pub fn made_by(self) -> Self {
        if self == Self::Path { Self::Media } else { self }
    }
}

impl std::str::FromStr for ProbeId {
    type Err = crate::BadText;
    fn from_str(s: &str) -> Result<Self, crate::BadText> {
        Self::ALL.into_iter().find(|p| p.name() == s).ok_or(crate::BadText {
            what: "probe",
            expected: "one of link, dns, https, media, audio_devices, noise, load, environment, \
                       stun, turn, signalling, mtu, path, responsiveness",
        })
    }
}

impl std::fmt::Display for ProbeId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a probe was not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum NotChecked {
    /// The agent asked for other probes only.
    NotAsked,
    /// The check was run offline.
    Offline,
    /// The policy names nothing to measure against.
    NoTarget,
    /// The policy points at an address that no policy may send a desk to.
    TargetForbidden,
    /// The agent has not consented to it.
    NoConsent,
    /// The policy does not allow it.
    NotAllowed,
    /// Outside the time from the pre-shift check to the end of the shift.
    OutsideShift,
    /// Another program uses the microphone.
    MicrophoneInUse,
    /// Measuring would switch a playing Bluetooth headset to call mode.
    WouldSwitchHeadset,
    /// The agent paused measuring.
    Paused,
    /// Something it needs was missing (no network, no microphone).
    NothingToMeasure,
    /// The connection is paid for by the megabyte.
    Metered,
    /// The server measures with other desks just now.
    ServerBusy,
    /// It goes through a proxy, which would be measured in its place.
    BehindProxy,
    /// It cannot be told whether a call is on.
    CallPossible,
}

/// Why a probe cannot work here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Unsupported {
    /// This operating system does not offer it.
    ThisSystem,
    /// No sound server runs.
    NoSoundSystem,
    /// The rights of this user do not suffice.
    NoPermission,
    /// This build does not have it.
    ThisBuild,
}

/// Why a probe failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// It did not end in its time.
    Timeout,
    /// It panicked.
    Panic,
    /// No route, or the network is unreachable.
    NoRoute,
    /// The other side refused.
    Refused,
    /// No name could be resolved.
    NameNotFound,
    /// Nothing came back.
    NoAnswer,
    /// What came back made no sense.
    BadAnswer,
    /// The certificate was not valid.
    BadCertificate,
    /// The sound server hung or went away.
    SoundServer,
    /// The device went away.
    DeviceLost,
    /// The device delivered no data.
    NoData,
    /// The operating system refused an operation.
    System,
    /// The child process that measures ended without a result.
    ChildEnded,
}

/// What a probe measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// By `link`.
    Link(Link),
    /// By `dns`.
    Dns(Dns),
    /// By `https`.
    Https(Https),
    /// By `media`.
    Media(Media),
    /// By `audio_devices`.
    AudioDevices(AudioDevices),
    /// By `noise`.
    Noise(Noise),
    /// By `load`.
    Load(Load),
    /// By `environment`.
    Environment(List<Fact, 48>),
    /// By `stun`.
    Stun(Stun),
    /// By `turn`.
    Turn(Turn),
    /// By `signalling`.
    Signalling(Signalling),
    /// By `mtu`.
    Mtu(Mtu),
    /// By `media`, as `path`.
    Path(Path),
    /// By `responsiveness`.
    Responsiveness(Responsiveness),
}

/// How a probe run ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[allow(clippy::large_enum_variant, reason = "most readings are measured; boxing them would only add noise")]
pub enum Outcome {
    /// With a measurement.
    Measured(Value),
    /// It was not run.
    NotChecked(NotChecked),
    /// It cannot work here.
    Unsupported(Unsupported),
    /// It went wrong.
    Failed(Failure),
}

/// The typed result of one probe run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Reading {
    /// Which probe.
    pub probe: ProbeId,
    /// What it was pointed at, if the policy gives it targets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Id>,
    /// When it began.
    pub at: UnixMs,
    /// How long it took, in milliseconds.
    #[serde(deserialize_with = "crate::bounded::within::<_, _, 0, 600_000>")]
    #[cfg_attr(feature = "schema", schemars(range(max = 600_000)))]
    pub took_ms: u32,
    /// How it ended.
    pub outcome: Outcome,
}

impl Reading {
    /// The measurement, if there is one.
    pub fn measured(&self) -> Option<&Value> {
        match &self.outcome {
            Outcome::Measured(value) => Some(value),
            _ => None,
        }
    }
}
