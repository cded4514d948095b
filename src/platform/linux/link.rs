//! Routes, links, resolvers and proxies, as Linux tells.

use super::netlink::Netlink;
use crate::network::{
    link::{Interface, Neighbour, Snapshot},
    netlink::{self, AF_INET, AF_INET6, LinkMessage, RTM_NEWLINK, RTM_NEWNEIGH, RTM_NEWROUTE, request},
    proxy::Proxies,
    resolvers::parse_resolv_conf,
};
use std::{fs, io, net::SocketAddr, path::Path};
use telemetry::LinkKind;

const RTM_GETLINK: u16 = 18;
const RTM_GETROUTE: u16 = 26;
const RTM_GETNEIGH: u16 = 30;
const REQUEST: u16 = 1;
const DUMP: u16 = 0x300;

/// A root server of the DNS for each family. Routes are looked up towards them; nothing is sent.
const FAR_V4: [u8; 4] = [198, 41, 0, 4];
const FAR_V6: [u8; 16] = [0x20, 0x01, 0x05, 0x03, 0xba, 0x3e, 0, 0, 0, 0, 0, 0, 0, 0x02, 0, 0x30];

/// What the kernel says of links, routes and neighbours.
pub fn snapshot() -> io::Result<Snapshot> {
    let socket = Netlink::open(libc::NETLINK_ROUTE)?;
    let mut found = Snapshot::default();
    socket.ask(&request(RTM_GETLINK, REQUEST | DUMP, 1, &[0; 16], &[]), true, |kind, payload| {
        let link = (kind == RTM_NEWLINK).then(|| netlink::link(payload)).flatten();
        found.interfaces.extend(link.filter(|l| l.up && l.hardware != ARPHRD_LOOPBACK).map(interface));
    })?;
    for family in [AF_INET, AF_INET6] {
        let mut fixed = [0; 12];
        fixed[0] = family;
        // A kernel without IPv6 answers with an error, which is an answer.
        let _ = socket.ask(&request(RTM_GETROUTE, REQUEST | DUMP, 2, &fixed, &[]), true, |kind, payload| {
            let route = (kind == RTM_NEWROUTE).then(|| netlink::route(payload)).flatten();
            found.routes.extend(route.filter(|r| r.default || r.gateway.is_some()));
        });
    }
    found.carrier_v4 = carrier(&socket, AF_INET, &FAR_V4, &found);
    found.carrier_v6 = carrier(&socket, AF_INET6, &FAR_V6, &found);
    found.neighbours = neighbours()?;
    Ok(found)
}

/// The neighbour table alone.
pub fn neighbours() -> io::Result<Vec<Neighbour>> {
    let mut found = Vec::new();
    let socket = Netlink::open(libc::NETLINK_ROUTE)?;
    socket.ask(&request(RTM_GETNEIGH, REQUEST | DUMP, 3, &[0; 12], &[]), true, |kind, payload| {
        found.extend((kind == RTM_NEWNEIGH).then(|| netlink::neighbour(payload)).flatten());
    })?;
    Ok(found)
}

/// The resolvers of `/etc/resolv.conf`, and those that systemd-resolved asks behind its stub.
pub fn resolvers() -> io::Result<Vec<SocketAddr>> {
    let read = |path: &str| fs::read_to_string(path).map(|text| parse_resolv_conf(&text, zone));
    let mut found = match read("/etc/resolv.conf") {
        // The C library does without the file too.
        Err(error) if error.kind() == io::ErrorKind::NotFound => parse_resolv_conf("", zone),
        other => other?,
    };
    let stub = |a: &SocketAddr| matches!(a.ip().to_string().as_str(), "127.0.0.53" | "127.0.0.54");
    if found.iter().any(stub) {
        found.extend(read("/run/systemd/resolve/resolv.conf").unwrap_or_default());
    }
    Ok(found)
}

/// Desktop settings of proxies differ from desktop to desktop; what programs here share are the
/// environment variables, and those are read before this.
pub fn proxies() -> Proxies {
    Proxies::default()
}

const ARPHRD_LOOPBACK: u16 = 772;

fn interface(link: LinkMessage) -> Interface {
    let folder = Path::new("/sys/class/net").join(&link.name);
    let speed = fs::read_to_string(folder.join("speed")).ok().and_then(|s| s.trim().parse::<i64>().ok());
    let device = fs::read_to_string(folder.join("uevent")).unwrap_or_default();
    let wireless = folder.join("phy80211").exists() || folder.join("wireless").exists();
    Interface {
        index: link.index,
        kind: kind(&link, &device, wireless),
        mtu: link.mtu,
        // Megabits a second; -1 where the driver does not know.
        bits_per_second: speed
            .and_then(|mbit| u64::try_from(mbit).ok())
            .filter(|m| *m > 0)
            .map(|m| m * 1_000_000),
        name: link.name,
    }
}

/// What a link is, from the kernel's kind, the driver's device type and the hardware type.
fn kind(link: &LinkMessage, device: &str, wireless: bool) -> LinkKind {
    const ARPHRD_ETHER: u16 = 1;
    const ARPHRD_PPP: u16 = 512;
    const ARPHRD_RAWIP: u16 = 519;
    const ARPHRD_TUNNEL: std::ops::RangeInclusive<u16> = 768..=769;
    const ARPHRD_SIT: u16 = 776;
    const ARPHRD_GRE: u16 = 778;
    const ARPHRD_NONE: u16 = 65_534;
    let device_type = device.lines().find_map(|l| l.strip_prefix("DEVTYPE="));
    match (link.kind.as_deref(), device_type, link.hardware) {
        _ if wireless => LinkKind::Wifi,
        (_, Some("wlan"), _) => LinkKind::Wifi,
        (Some("wwan"), ..) | (_, Some("wwan"), _) | (.., ARPHRD_RAWIP) => LinkKind::Cellular,
        (
            Some(
                "tun" | "wireguard" | "ipip" | "gre" | "gretap" | "sit" | "vti" | "vti6" | "xfrm" | "ip6tnl",
            ),
            ..,
        ) => LinkKind::Tunnel,
        (.., ARPHRD_PPP | ARPHRD_SIT | ARPHRD_GRE | ARPHRD_NONE) => LinkKind::Tunnel,
        (.., hardware) if ARPHRD_TUNNEL.contains(&hardware) => LinkKind::Tunnel,
        (.., ARPHRD_ETHER) => LinkKind::Ethernet,
        _ => LinkKind::Other,
    }
}

/// Which link a packet to the internet would leave by, with policy routing taken into account.
fn carrier(socket: &Netlink, family: u8, far: &[u8], found: &Snapshot) -> Option<u32> {
    const RTA_DST: u16 = 1;
    let mut fixed = [0; 12];
    fixed[0] = family;
    fixed[1] = far.len() as u8 * 8;
    let mut way = None;
    let asked =
        socket.ask(&request(RTM_GETROUTE, REQUEST, 4, &fixed, &[(RTA_DST, far)]), false, |_, payload| {
            way = netlink::route(payload).map(|r| r.interface);
        });
    asked.ok().and(way).filter(|index| found.interfaces.iter().any(|i| i.index == *index))
}

fn zone(name: &str) -> Option<u32> {
    fs::read_to_string(Path::new("/sys/class/net").join(name).join("ifindex")).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(kind: Option<&str>, hardware: u16) -> LinkMessage {
        LinkMessage { index: 1, name: "x0".into(), hardware, kind: kind.map(Into::into), mtu: None, up: true }
    }

    #[test]
    fn kinds_of_links() {
        for (virtual_kind, hardware, device, wireless, expected) in [
            (None, 1, "INTERFACE=eth0\nIFINDEX=2\n", false, LinkKind::Ethernet),
            (None, 1, "DEVTYPE=wlan\nINTERFACE=wlp2s0\n", false, LinkKind::Wifi),
            (None, 1, "", true, LinkKind::Wifi),
            (None, 519, "DEVTYPE=wwan\n", false, LinkKind::Cellular),
            (None, 1, "DEVTYPE=wwan\n", false, LinkKind::Cellular),
            (Some("wireguard"), 65_534, "DEVTYPE=wireguard\n", false, LinkKind::Tunnel),
            (Some("tun"), 1, "", false, LinkKind::Tunnel),
            (Some("tun"), 65_534, "", false, LinkKind::Tunnel),
            (Some("vlan"), 1, "DEVTYPE=vlan\n", false, LinkKind::Ethernet),
            (Some("bridge"), 1, "DEVTYPE=bridge\n", false, LinkKind::Ethernet),
            (Some("ppp"), 512, "", false, LinkKind::Tunnel),
            (None, 800, "", false, LinkKind::Other),
        ] {
            assert_eq!(
                kind(&link(virtual_kind, hardware), device, wireless),
                expected,
                "{virtual_kind:?} {device}"
            );
        }
    }

    #[test]
    fn the_tables_of_this_machine_can_be_read() {
        let found = snapshot().unwrap();
        assert!(found.interfaces.iter().all(|i| i.index > 0 && !i.name.is_empty()));
        let unknown =
            |index: Option<u32>| index.is_some_and(|c| found.interfaces.iter().all(|i| i.index != c));
        assert!(!unknown(found.carrier_v4) && !unknown(found.carrier_v6));
        assert!(!resolvers().unwrap().is_empty());
    }
}
