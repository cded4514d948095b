//! What a voice-like stream experiences on its way to a reflector and back.

use crate::{BitRate, Millis, Mos, Percent, Ratio};
use serde::{Deserialize, Serialize};

/// The codec whose quality the MOS estimates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Codec {
    /// G.711 with packet loss concealment: Ie 0, Bpl 25.1 (ITU-T G.113).
    #[default]
    G711Plc,
    /// G.729A with voice activity detection: Ie 11, Bpl 19 (ITU-T G.113).
    G729a,
    /// Opus, for which no Recommendation has values: our own estimate, as good as G.711 with concealment.
    OpusEstimate,
}

impl Codec {
    /// Whether it is the one that is assumed where nobody names another.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Where the times come from, which says how far to trust them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum TimestampQuality {
    /// The kernel's stamp for sending and receiving.
    Kernel,
    /// The kernel's stamp for receiving only.
    KernelReceive,
    /// Our own clock in user space: a busy computer reads as a bad network.
    UserSpace,
}

/// The interval in which the true loss lies with 95 % confidence (Wilson score).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LossInterval {
    /// Lower bound.
    pub low: Percent,
    /// Upper bound.
    pub high: Percent,
}

/// What a voice-like stream experienced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Media {
    /// Packets sent.
    #[serde(deserialize_with = "crate::bounded::within::<_, _, 0, 10_000>")]
    #[cfg_attr(feature = "schema", schemars(range(max = 10_000)))]
    pub sent: u32,
    /// Packets that reached the reflector, as it counted.
    #[serde(deserialize_with = "crate::bounded::within::<_, _, 0, 10_000>")]
    #[cfg_attr(feature = "schema", schemars(range(max = 10_000)))]
    pub reflected: u32,
    /// Packets that came back.
    #[serde(deserialize_with = "crate::bounded::within::<_, _, 0, 10_000>")]
    #[cfg_attr(feature = "schema", schemars(range(max = 10_000)))]
    pub received: u32,
    /// Least round trip without the reflector's turnaround.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtt_min: Option<Millis>,
    /// Mean round trip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtt_mean: Option<Millis>,
    /// 95th percentile of the round trip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtt_p95: Option<Millis>,
    /// Mean of |IPDV| (RFC 3393) of the round trip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipdv_mean: Option<Millis>,
    /// PDV (RFC 5481): 95th percentile less the least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pdv: Option<Millis>,
    /// Interarrival jitter of RFC 3550 at the end of the stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter: Option<Millis>,
    /// Share lost on the way to the reflector.
    pub loss_forward: Percent,
    /// Share lost on the way back.
    pub loss_reverse: Percent,
    /// Interval of the loss in both directions together.
    pub loss_interval: LossInterval,
    /// Share that came too late for the jitter buffer.
    pub late: Percent,
    /// Burst ratio (ITU-T G.107), at least 1.
    pub burst_ratio: Ratio,
    /// Packets that overtook an earlier one.
    #[serde(deserialize_with = "crate::bounded::within::<_, _, 0, 10_000>")]
    #[cfg_attr(feature = "schema", schemars(range(max = 10_000)))]
    pub reordered: u32,
    /// Packets that came more than once.
    #[serde(deserialize_with = "crate::bounded::within::<_, _, 0, 10_000>")]
    #[cfg_attr(feature = "schema", schemars(range(max = 10_000)))]
    pub duplicates: u32,
    /// DSCP that was sent.
    #[serde(deserialize_with = "crate::bounded::within::<_, _, 0, 63>")]
    #[cfg_attr(feature = "schema", schemars(range(max = 63)))]
    pub dscp_sent: u8,
    /// DSCP as the reflector saw it; absent if it does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "crate::bounded::within_if_some::<_, _, 0, 63>")]
    #[cfg_attr(feature = "schema", schemars(range(max = 63)))]
    pub dscp_seen: Option<u8>,
    /// Estimated call quality by ITU-T G.107; absent without a round trip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mos: Option<Mos>,
    /// The codec it is estimated for.
    pub codec: Codec,
    /// The jitter buffer it is estimated behind.
    pub jitter_buffer: Millis,
    /// 95th percentile of how late the desk sent its packets.
    pub send_error_p95: Millis,
    /// Where the times come from.
    pub timestamps: TimestampQuality,
    /// 95th percentile of user-space less kernel time: what a busy computer added. Absent without kernel stamps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stall_p95: Option<Millis>,
    /// How long the stream lasted.
    pub duration: Millis,
    /// The stream's own rate each way, in Mbit/s.
    pub rate: BitRate,
}
