//! Which link carries the desk's traffic, and which gateway is behind it.
//!
//! Owns the decision over what an operating system says of its interfaces and routes; reading
//! that is `platform::link`. Sends nothing. Interface names and addresses stay in the process.

pub mod linux;

use std::net::IpAddr;
use telemetry::LinkKind;

/// An interface, as the operating system describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its number.
    pub index: u32,
    /// Its name, or on Windows its GUID; never leaves the desk.
    pub name: String,
    /// What it is.
    pub kind: LinkKind,
    /// Its MTU in bytes.
    pub mtu: Option<u32>,
    /// Its own rate in bits a second.
    pub bits_per_second: Option<u64>,
}

/// A route by way of a gateway, or straight into a link if there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The interface it leaves by.
    pub interface: u32,
    /// The gateway.
    pub gateway: Option<IpAddr>,
    /// For IPv6.
    pub ipv6: bool,
    /// Whether it is for all addresses, and not for a few.
    pub default: bool,
    /// Lower is preferred.
    pub metric: u32,
}

/// A neighbour on a link, with its hardware address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// The interface it was seen on.
    pub interface: u32,
    /// Its address.
    pub address: IpAddr,
    /// Its hardware address, once it has answered.
    pub hardware: Option<[u8; 6]>,
    /// Whether the operating system holds it for reachable, unreachable, or does not know.
    pub reachable: Option<bool>,
    /// How long ago it was last heard, where the operating system tells.
    pub confirmed_ago: Option<std::time::Duration>,
}

/// What the operating system says, before anything is concluded from it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Interfaces that are up, loopback left out.
    pub interfaces: Vec<Interface>,
    /// Routes that have a gateway or are default routes.
    pub routes: Vec<Route>,
    /// The interface that a packet to the internet would leave by, over IPv4.
    pub carrier_v4: Option<u32>,
    /// The same over IPv6.
    pub carrier_v6: Option<u32>,
    /// The neighbour table.
    pub neighbours: Vec<Neighbour>,
}

/// The nearest router on a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gateway {
    /// Its address.
    pub address: IpAddr,
    /// The interface it is on.
    pub interface: u32,
    /// The name of that interface.
    pub interface_name: String,
    /// Its hardware address, if the neighbour table has it.
    pub hardware: Option<[u8; 6]>,
}

/// What carries the desk's traffic.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    /// Whether packets to the internet have somewhere to go, over IPv4.
    pub ipv4: bool,
    /// The same over IPv6.
    pub ipv6: bool,
    /// The interface that they leave by: with a VPN, the tunnel.
    pub carrier: Option<Interface>,
    /// The link below the tunnel, or the carrier itself if it is none.
    pub physical: Option<Interface>,
    /// The gateway on the physical link.
    pub gateway: Option<Gateway>,
}

impl Links {
    /// Kind of the link that carries the traffic.
    pub fn kind(&self) -> Option<LinkKind> {
        self.carrier.as_ref().map(|c| c.kind)
    }

    /// Whether a VPN carries it.
    pub fn vpn(&self) -> bool {
        self.kind() == Some(LinkKind::Tunnel)
    }

    /// The gateway's hardware address: the same home network has the same one. To be hashed
    /// before it goes anywhere.
    pub fn gateway_hardware(&self) -> Option<[u8; 6]> {
        self.gateway.as_ref()?.hardware
    }
}

/// The links as they are now. Reads tables of the operating system: fast, and nothing is sent.
pub fn current() -> std::io::Result<Links> {
    crate::platform::link::snapshot().map(|snapshot| conclude(&snapshot))
}

/// Whether an adapter of Windows is a VPN's, by how its driver describes it: many of them pose as
/// Ethernet. Words of the drivers of common clients.
pub fn is_vpn_driver(description: &str) -> bool {
    const WORDS: &[&str] = &[
        "tap-windows",
        "tap adapter",
        "tap-nord",
        "wintun",
        "wireguard",
        "openvpn",
        "vpn",
        "anyconnect",
        "cisco secure client",
        "globalprotect",
        "pangp",
        "fortinet",
        "fortissl",
        "juniper networks virtual",
        "pulse secure",
        "ivanti secure",
        "zscaler",
        "netskope",
        "check point virtual",
        "sonicwall",
        "f5 networks",
        "citrix virtual",
        "tailscale",
        "zerotier",
        "cloudflare warp",
        "softether",
        "wan miniport",
    ];
    let description = description.to_ascii_lowercase();
    WORDS.iter().any(|word| description.contains(word))
}

/// Kind of an adapter of Windows or macOS, by its number in the IANA's ifType registry.
pub fn kind_of_if_type(if_type: u32, description: &str) -> LinkKind {
    match if_type {
        // Ethernet in its older and newer numbers; also what many VPN drivers say of themselves.
        _ if is_vpn_driver(description) => LinkKind::Tunnel,
        6 | 26 | 62 | 69 | 117 => LinkKind::Ethernet,
        71 => LinkKind::Wifi,
        // WWANPP and WWANPP2: mobile broadband. 237 is WiMAX.
        237 | 243 | 244 => LinkKind::Cellular,
        // PPP, proprietary virtual, tunnel.
        23 | 53 | 131 => LinkKind::Tunnel,
        _ => LinkKind::Other,
    }
}

/// Concludes from what the operating system says.
pub fn conclude(snapshot: &Snapshot) -> Links {
    let interface = |index: u32| snapshot.interfaces.iter().find(|i| i.index == index);
    let carrier = snapshot.carrier_v4.or(snapshot.carrier_v6).and_then(interface);
    let route = gateway_route(snapshot, carrier);
    let physical = match carrier {
        Some(c) if c.kind != LinkKind::Tunnel => Some(c),
        _ => route.and_then(|r| interface(r.interface)).or(carrier),
    };
    let gateway = route.and_then(|route| {
        let (address, on) = (route.gateway?, interface(route.interface)?);
        let seen = snapshot.neighbours.iter().find(|n| n.interface == on.index && n.address == address);
        Some(Gateway {
            address,
            interface: on.index,
            interface_name: on.name.clone(),
            hardware: seen.and_then(|n| n.hardware),
        })
    });
    Links {
        ipv4: snapshot.carrier_v4.is_some(),
        ipv6: snapshot.carrier_v6.is_some(),
        carrier: carrier.cloned(),
        physical: physical.cloned(),
        gateway,
    }
}

/// The route to the home router. Without a tunnel it is on the carrier. With one, it is on another
/// link: its default route, or where a VPN has taken that away the route that carries the VPN itself.
fn gateway_route<'a>(snapshot: &'a Snapshot, carrier: Option<&Interface>) -> Option<&'a Route> {
    let carrier = carrier?;
    let tunnel = |index: u32| {
        snapshot.interfaces.iter().find(|i| i.index == index).is_none_or(|i| i.kind == LinkKind::Tunnel)
    };
    let best = |wanted: &dyn Fn(&Route) -> bool| {
        snapshot
            .routes
            .iter()
            .filter(|r| r.gateway.is_some() && wanted(r))
            // IPv4 first: home routers answer there.
            .min_by_key(|r| (!r.default, r.ipv6, r.metric))
    };
    let own = || best(&|r| r.interface == carrier.index);
    if carrier.kind == LinkKind::Tunnel { best(&|r| !tunnel(r.interface)).or_else(own) } else { own() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(index: u32, kind: LinkKind) -> Interface {
        Interface { index, name: format!("if{index}"), kind, mtu: Some(1500), bits_per_second: None }
    }

    fn route(interface: u32, gateway: &str, default: bool, metric: u32) -> Route {
        let gateway: Option<IpAddr> = gateway.parse().ok();
        Route { interface, ipv6: gateway.is_some_and(|g| g.is_ipv6()), gateway, default, metric }
    }

    fn gateway(links: &Links) -> Option<String> {
        links.gateway.as_ref().map(|g| g.address.to_string())
    }

    #[test]
    fn nothing_is_nothing() {
        assert_eq!(conclude(&Snapshot::default()), Links::default());
    }

    #[test]
    fn wifi_at_home() {
        let snapshot = Snapshot {
            interfaces: vec![interface(2, LinkKind::Ethernet), interface(3, LinkKind::Wifi)],
            routes: vec![
                route(2, "10.0.0.1", true, 700),
                route(3, "192.168.1.1", true, 600),
                route(3, "fe80::1", true, 100),
            ],
            carrier_v4: Some(3),
            carrier_v6: Some(3),
            neighbours: vec![Neighbour {
                interface: 3,
                address: "192.168.1.1".parse().unwrap(),
                hardware: Some([2, 0, 0, 0, 0, 1]),
                reachable: Some(true),
                confirmed_ago: None,
            }],
        };
        let links = conclude(&snapshot);
        assert_eq!(links.kind(), Some(LinkKind::Wifi));
        assert!(!links.vpn() && links.ipv4 && links.ipv6);
        assert_eq!(gateway(&links).as_deref(), Some("192.168.1.1"));
        assert_eq!(links.gateway_hardware(), Some([2, 0, 0, 0, 0, 1]));
        assert_eq!(links.physical.unwrap().index, 3);
    }

    #[test]
    fn ipv6_only() {
        let snapshot = Snapshot {
            interfaces: vec![interface(2, LinkKind::Ethernet)],
            routes: vec![route(2, "fe80::1", true, 100)],
            carrier_v6: Some(2),
            ..Snapshot::default()
        };
        let links = conclude(&snapshot);
        assert!(links.ipv6 && !links.ipv4);
        assert_eq!(gateway(&links).as_deref(), Some("fe80::1"));
    }

    #[test]
    fn a_vpn_hides_neither_the_wifi_nor_the_router_below() {
        let below = |routes| Snapshot {
            interfaces: vec![interface(3, LinkKind::Wifi), interface(9, LinkKind::Tunnel)],
            routes,
            carrier_v4: Some(9),
            ..Snapshot::default()
        };
        // WireGuard and OpenVPN leave the default route in its place; others replace it and keep
        // only a route to their own server.
        for routes in [
            vec![route(3, "192.168.1.1", true, 600)],
            vec![route(9, "", true, 0), route(3, "192.168.1.1", false, 0)],
            vec![route(9, "10.8.0.1", true, 0), route(3, "192.168.1.1", false, 0)],
        ] {
            let links = conclude(&below(routes));
            assert!(links.vpn());
            assert_eq!(links.physical.as_ref().unwrap().kind, LinkKind::Wifi);
            assert_eq!(gateway(&links).as_deref(), Some("192.168.1.1"));
        }
    }

    #[test]
    fn a_virtual_machine_on_a_tap_asks_its_own_gateway() {
        let links = conclude(&Snapshot {
            interfaces: vec![interface(4, LinkKind::Tunnel)],
            routes: vec![route(4, "192.168.77.1", true, 0)],
            carrier_v4: Some(4),
            ..Snapshot::default()
        });
        assert_eq!(gateway(&links).as_deref(), Some("192.168.77.1"));
        assert_eq!(links.physical.unwrap().index, 4);
    }

    #[test]
    fn adapters_of_windows() {
        for (if_type, description, kind) in [
            (6, "Intel(R) Ethernet Connection (7) I219-LM", LinkKind::Ethernet),
            (71, "Intel(R) Wi-Fi 6 AX201 160MHz", LinkKind::Wifi),
            (6, "Hyper-V Virtual Ethernet Adapter", LinkKind::Ethernet),
            (
                6,
                "Cisco AnyConnect Secure Mobility Client Virtual Miniport Adapter for Windows x64",
                LinkKind::Tunnel,
            ),
            (6, "PANGP Virtual Ethernet Adapter Secure", LinkKind::Tunnel),
            (53, "TAP-Windows Adapter V9", LinkKind::Tunnel),
            (53, "WireGuard Tunnel", LinkKind::Tunnel),
            (23, "WAN Miniport (IKEv2)", LinkKind::Tunnel),
            (243, "Generic Mobile Broadband Adapter", LinkKind::Cellular),
            (1, "", LinkKind::Other),
        ] {
            assert_eq!(kind_of_if_type(if_type, description), kind, "{description}");
        }
    }

    #[test]
    fn a_route_without_a_carrier_is_no_network() {
        let links = conclude(&Snapshot {
            interfaces: vec![interface(2, LinkKind::Ethernet)],
            routes: vec![route(2, "10.0.0.1", true, 0)],
            ..Snapshot::default()
        });
        assert_eq!((links.carrier, links.gateway), (None, None));
    }
}
