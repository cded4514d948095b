//! The default route, the gateway and the Wi-Fi link.

use crate::{BitRate, Db, Millis, Percent};
use serde::{Deserialize, Serialize};

/// Kind of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum LinkKind {
    /// A cable.
    Ethernet,
    /// Wi-Fi.
    Wifi,
    /// A mobile network.
    Cellular,
    /// A VPN or another tunnel.
    Tunnel,
    /// Something else.
    Other,
}

/// How the gateway was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum GatewayMethod {
    /// ICMP echo.
    IcmpEcho,
    /// A UDP packet that dies at the first hop, which says so.
    TtlLimitedUdp,
    /// An ICMP echo that dies at the first hop, which says so.
    TtlLimitedEcho,
    /// The neighbour table of the operating system only.
    Neighbour,
}

/// Band of a Wi-Fi network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum WifiBand {
    /// 2.4 GHz.
    #[serde(rename = "2.4_ghz")]
    Ghz2,
    /// 5 GHz.
    #[serde(rename = "5_ghz")]
    Ghz5,
    /// 6 GHz.
    #[serde(rename = "6_ghz")]
    Ghz6,
}

/// The Wi-Fi link, as far as the operating system tells.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct WifiLink {
    /// Signal, in dBm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal_dbm: Option<Db>,
    /// Quality as the operating system puts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<Percent>,
    /// Rate at which the desk sends, in Mbit/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tx_rate: Option<BitRate>,
    /// Rate at which the desk receives, in Mbit/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rx_rate: Option<BitRate>,
    /// Band.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub band: Option<WifiBand>,
}

/// What carries the desk's traffic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// Whether there is a default route.
    pub default_route: bool,
    /// Kind of the link behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<LinkKind>,
    /// Whether it has an IPv4 default route.
    pub ipv4: bool,
    /// Whether it has an IPv6 default route.
    pub ipv6: bool,
    /// Whether the gateway answered; absent if it could not be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway_reachable: Option<bool>,
    /// How it was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway_method: Option<GatewayMethod>,
    /// Least time of the gateway's answers: coarse, for reachability.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway_rtt: Option<Millis>,
    /// The link's own rate in Mbit/s, where the operating system tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link_rate: Option<BitRate>,
    /// The Wi-Fi link, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wifi: Option<WifiLink>,
    /// MTU in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "crate::bounded::within_if_some::<_, _, 0, 65_535>")]
    #[cfg_attr(feature = "schema", schemars(range(max = 65_535)))]
    pub mtu: Option<u32>,
}
