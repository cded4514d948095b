//! How the line behaves while it is busy: what a call feels when somebody downloads or uploads.

use crate::{Kilobits, Millis, Percent};
use serde::{Deserialize, Serialize};

/// How far a figure may be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// The load lasted too short, or too little came back, to say much.
    Low,
    /// It lasted long enough, but the figures still moved.
    Medium,
    /// The figures had settled.
    High,
}

/// What the load was made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum LoadProtocol {
    /// HTTP/1.1: nothing can be asked on a connection that is loaded.
    Http1,
    /// HTTP/2.
    Http2,
}

/// Voice-like packets beside the load: what a call feels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct VoiceUnderLoad {
    /// Median of their round trip before the load.
    pub idle: Millis,
    /// Median of their round trip under load.
    pub median: Millis,
    /// 95th percentile of their round trip under load.
    pub p95: Millis,
    /// Share that did not come back.
    pub lost: Percent,
}

/// One direction under load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct UnderLoad {
    /// What was carried a second.
    pub throughput: Kilobits,
    /// Round trips a minute (draft-ietf-ippm-responsiveness); absent if nothing came back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "crate::bounded::within_if_some::<_, _, 0, 1_000_000>")]
    #[cfg_attr(feature = "schema", schemars(range(max = 1_000_000)))]
    pub rpm: Option<u32>,
    /// Median time of a TCP handshake under load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtt: Option<Millis>,
    /// What the load adds to the round trip: of voice-like packets where they were sent, else of a
    /// TCP handshake.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub added_delay: Option<Millis>,
    /// Voice-like packets beside the load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voice: Option<VoiceUnderLoad>,
    /// How far to trust it.
    pub confidence: Confidence,
    /// Connections that made the load.
    #[serde(deserialize_with = "crate::bounded::within::<_, _, 0, 16>")]
    #[cfg_attr(feature = "schema", schemars(range(max = 16)))]
    pub connections: u8,
    /// How long the load lasted.
    pub duration: Millis,
}

/// How the line behaves while it is busy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Responsiveness {
    /// What the load was made with.
    pub protocol: LoadProtocol,
    /// Median time of a TCP handshake before the load.
    pub idle_rtt: Millis,
    /// While the desk downloads; absent if it did not come to that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub download: Option<UnderLoad>,
    /// While the desk uploads; absent if it did not come to that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload: Option<UnderLoad>,
    /// Bytes that the whole measurement received.
    #[serde(deserialize_with = "crate::bounded::within::<_, _, 0, 1_000_000_000>")]
    #[cfg_attr(feature = "schema", schemars(range(max = 1_000_000_000)))]
    pub received: u32,
    /// Bytes that the whole measurement sent.
    #[serde(deserialize_with = "crate::bounded::within::<_, _, 0, 1_000_000_000>")]
    #[cfg_attr(feature = "schema", schemars(range(max = 1_000_000_000)))]
    pub sent: u32,
    /// Why it did not get to the end; absent if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<crate::Failure>,
}
