//! Routes, links, resolvers and proxies, as Linux tells.

use super::netlink::Netlink;
use crate::{
    environment::{Seen, read},
    network::{
        link::{Interface, Neighbour, Snapshot, linux},
        netlink::{self, AF_INET, AF_INET6, LinkMessage, RTM_NEWLINK, RTM_NEWNEIGH, RTM_NEWROUTE, request},
        path::Traffic,
        proxy::Proxies,
        resolvers::{is_resolved_stub, parse_resolv_conf},
    },
};
use std::{io, net::SocketAddr, path::Path};

/// Far more than any of the small files has.
const MOST: u64 = 65_536;

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
        found.interfaces.extend(link.filter(|l| l.up && l.hardware != linux::ARPHRD_LOOPBACK).map(interface));
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

/// What a link carried since it was made. By netlink and not by `/sys`, which may be of another namespace.
pub fn traffic(index: u32) -> Option<Traffic> {
    let socket = Netlink::open(libc::NETLINK_ROUTE).ok()?;
    let mut found = None;
    let asked = socket.ask(&request(RTM_GETLINK, REQUEST | DUMP, 4, &[0; 16], &[]), true, |kind, payload| {
        let link =
            (kind == RTM_NEWLINK).then(|| netlink::link(payload)).flatten().filter(|l| l.index == index);
        found = link.and_then(|l| l.bytes).or(found);
    });
    asked.ok()?;
    found.map(|(received, sent)| Traffic { sent, received })
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
    let read = |path: &str| read::text(Path::new(path), MOST).map(|text| parse_resolv_conf(&text, zone));
    let mut found = match read("/etc/resolv.conf") {
        Seen::Is(found) => found,
        // The C library does without the file too.
        Seen::Nothing => parse_resolv_conf("", zone),
        _ => return Err(io::ErrorKind::InvalidData.into()),
    };
    if found.iter().any(is_resolved_stub) {
        found.extend(read("/run/systemd/resolve/resolv.conf").is().unwrap_or_default());
    }
    Ok(found)
}

/// Desktop settings of proxies differ from desktop to desktop; what programs here share are the
/// environment variables, and those are read before this.
pub fn proxies() -> Proxies {
    Proxies::default()
}

fn interface(link: LinkMessage) -> Interface {
    let folder = Path::new("/sys/class/net").join(&link.name);
    let text = |file: &str| read::text(&folder.join(file), MOST).is().unwrap_or_default();
    let wireless = folder.join("phy80211").exists() || folder.join("wireless").exists();
    Interface {
        index: link.index,
        kind: linux::kind(&link, &text("uevent"), wireless),
        mtu: link.mtu,
        bits_per_second: linux::speed(&text("speed")),
        name: link.name,
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
    read::text(&Path::new("/sys/class/net").join(name).join("ifindex"), MOST).is()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

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
