//! How far along the way voice is still well: measured only when the voice stream is not.
//!
//! Points go by their kind and never by an address: which router it is stays on the desk.

use crate::{BitRate, List, LossInterval, Millis, Percent, Ratio};
use serde::{Deserialize, Serialize};

/// A point of the way, from near to far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PathPoint {
    /// The home router, or whatever is first on the physical link.
    Gateway,
    /// Another router with a private address behind the first: a second one at home, or the provider's.
    InnerRouter,
    /// The first router with a public or a shared (100.64/10) address.
    Provider,
    /// A router behind that one.
    Beyond,
    /// The far end of the tunnel that carries the stream.
    TunnelEnd,
    /// The reflector.
    Target,
}

/// How a point was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum HopMethod {
    /// Packets of the voice stream's own flow that die there, which it says.
    FlowTtl,
    /// UDP packets beside that flow that die there: around a tunnel.
    UdpTtl,
    /// ICMP echoes to the target that die there.
    EchoTtl,
    /// ICMP echoes to the point itself.
    Echo,
    /// The voice stream itself.
    Stream,
}

/// What became of the packets for one point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Hop {
    /// Which point.
    pub point: PathPoint,
    /// How it was asked.
    pub method: HopMethod,
    /// Packets sent.
    #[serde(deserialize_with = "crate::bounded::within::<_, _, 0, 10_000>")]
    #[cfg_attr(feature = "schema", schemars(range(max = 10_000)))]
    pub sent: u32,
    /// Packets that were answered. None at all is a silent point, which is no loss.
    #[serde(deserialize_with = "crate::bounded::within::<_, _, 0, 10_000>")]
    #[cfg_attr(feature = "schema", schemars(range(max = 10_000)))]
    pub answered: u32,
    /// Share that was not answered; absent of a silent point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<Percent>,
    /// Interval of that share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss_interval: Option<LossInterval>,
    /// Least round trip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtt_min: Option<Millis>,
    /// Median of the round trip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtt_median: Option<Millis>,
    /// 95th percentile of the round trip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtt_p95: Option<Millis>,
}

impl Hop {
    /// Whether it never answered.
    pub fn silent(&self) -> bool {
        self.answered == 0
    }
}

/// How far along the way voice is still well.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Path {
    /// Whether the stream went over IPv6.
    pub ipv6: bool,
    /// Whether a tunnel carried it. The routers before the tunnel's end are then those below it.
    pub tunnel: bool,
    /// Each point and method, from near to far; the target comes last.
    pub hops: List<Hop, 12>,
    /// Burst ratio of the stream's own loss, at least 1.
    pub burst_ratio: Ratio,
    /// Who said by ICMP that the stream is not let through or not wanted there; absent if nobody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_by: Option<PathPoint>,
    /// Who said by ICMP that it knows no way further; absent if nobody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_end: Option<PathPoint>,
    /// What this computer sent over the link meanwhile, this measurement left out; absent where the system does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_up: Option<BitRate>,
    /// What it received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_down: Option<BitRate>,
    /// How long it was measured.
    pub duration: Millis,
}

impl Path {
    /// Whether a point of this kind answered in any way.
    pub fn answers(&self, point: PathPoint) -> bool {
        self.hops.iter().any(|h| h.point == point && !h.silent())
    }

    /// What became of the stream itself.
    pub fn target(&self) -> Option<&Hop> {
        self.hops.iter().find(|h| h.point == PathPoint::Target)
    }
}
