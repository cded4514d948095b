//! Routes, links, neighbours, resolvers and proxies, as macOS tells.
//!
//! Sources: interfaces by `getifaddrs` and their kinds by `SIOCGIFFUNCTIONALTYPE` (`net/if.h`), routes and
//! neighbours by the `NET_RT_DUMP` and `NET_RT_FLAGS` of `sysctl` (`net/route.h`), all through netdev; resolvers
//! and proxies as `scutil` prints them (`man 8 scutil`), which is what `configd` gave to the system, and
//! not what stands in some file. Every Mac has a few `utun` links of its own with a default route for IPv6:
//! a VPN is what carries the traffic, so that is looked up apart.

use super::command::output;
use crate::network::{
    link::{Interface, Neighbour, Route, Snapshot},
    path::Traffic,
    proxy::{self, Proxies},
    resolvers::parse_scutil_dns,
};
use netdev::{MacAddr, prelude::InterfaceType};
use std::{
    ffi::CString,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
};
use telemetry::LinkKind;

/// A root server of the DNS for each family. Routes are looked up towards them; nothing is sent.
const FAR_V4: Ipv4Addr = Ipv4Addr::new(198, 41, 0, 4);
const FAR_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0x503, 0xba3e, 0, 0, 0, 2, 0x30);

/// What macOS says of links, routes and neighbours.
pub fn snapshot() -> io::Result<Snapshot> {
    let all = netdev::get_interfaces();
    let mut found = Snapshot {
        carrier_v4: carrier(&all, SocketAddr::from((FAR_V4, 9))),
        carrier_v6: carrier(&all, SocketAddr::from((FAR_V6, 9))),
        ..Snapshot::default()
    };
    for one in all.iter().filter(|i| i.is_up() && !i.is_loopback()) {
        found.interfaces.push(Interface {
            index: one.index,
            name: one.name.clone(),
            kind: kind(one.if_type, &one.name),
            mtu: one.mtu,
            bits_per_second: one.transmit_speed.filter(|s| *s > 0),
        });
        let gateway = one.gateway.iter().flat_map(|g| {
            let v4 = g.ipv4.iter().map(|a| (IpAddr::from(*a), g.mac_addr));
            v4.chain(g.ipv6.iter().map(|a| (IpAddr::from(*a), g.mac_addr)))
        });
        for (address, hardware) in gateway {
            found.routes.push(Route {
                interface: one.index,
                gateway: Some(address),
                ipv6: address.is_ipv6(),
                default: true,
                // The order of services decides on macOS; the carrier is looked up apart.
                metric: 0,
            });
            found.neighbours.push(neighbour(one.index, address, hardware));
        }
    }
    Ok(found)
}

/// What a link carried since it was made: `IFDATA_GENERAL` of `sysctl`'s `net.link.generic` (`man 4 ifmib`,
/// `net/if_mib.h`), whose counters are of 64 bits where those of `getifaddrs` wrap after 4 GB.
pub fn traffic(index: u32) -> Option<Traffic> {
    let mut name = [
        libc::CTL_NET,
        libc::PF_LINK,
        libc::NETLINK_GENERIC,
        libc::IFMIB_IFDATA,
        i32::try_from(index).ok()?,
        libc::IFDATA_GENERAL,
    ];
    // SAFETY: all zeros is a valid value of this plain C structure.
    let mut data: libc::ifmibdata = unsafe { std::mem::zeroed() };
    let mut length = size_of::<libc::ifmibdata>();
    // SAFETY: name and data are given with their lengths and outlive the call; nothing is set.
    let result = unsafe {
        libc::sysctl(
            name.as_mut_ptr(),
            name.len() as libc::c_uint,
            (&raw mut data).cast(),
            &raw mut length,
            std::ptr::null_mut(),
            0,
        )
    };
    let whole = result == 0 && length == size_of::<libc::ifmibdata>();
    whole.then_some(Traffic { sent: data.ifmd_data.ifi_obytes, received: data.ifmd_data.ifi_ibytes })
}

/// The gateways among the neighbours, for that is what is told here; their state is not.
pub fn neighbours() -> io::Result<Vec<Neighbour>> {
    snapshot().map(|s| s.neighbours)
}

/// The resolvers for all names.
pub fn resolvers() -> io::Result<Vec<SocketAddr>> {
    let text = output("/usr/sbin/scutil", &["--dns"]).ok_or(io::ErrorKind::Other)?;
    Ok(parse_scutil_dns(&text, zone))
}

/// The proxy settings of the network service in use.
pub fn proxies() -> Proxies {
    output("/usr/sbin/scutil", &["--proxy"]).map(|t| proxy::scutil::proxies(&t)).unwrap_or_default()
}

fn neighbour(interface: u32, address: IpAddr, hardware: MacAddr) -> Neighbour {
    let hardware = Some(hardware.octets()).filter(|h| *h != [0; 6]);
    Neighbour { interface, address, hardware, reachable: None, confirmed_ago: None }
}

fn kind(if_type: InterfaceType, name: &str) -> LinkKind {
    match if_type {
        // IPsec and PPP of the system's own VPN clients; those of others are by utun (`net/if_utun.h`).
        _ if ["utun", "ipsec", "ppp", "tun", "tap"].iter().any(|p| name.starts_with(p)) => LinkKind::Tunnel,
        InterfaceType::Wireless80211 | InterfaceType::PeerToPeerWireless => LinkKind::Wifi,
        InterfaceType::Wwan | InterfaceType::Wwanpp | InterfaceType::Wwanpp2 => LinkKind::Cellular,
        InterfaceType::Tunnel | InterfaceType::Ppp => LinkKind::Tunnel,
        InterfaceType::Ethernet
        | InterfaceType::FastEthernetT
        | InterfaceType::FastEthernetFx
        | InterfaceType::GigabitEthernet
        | InterfaceType::Bridge => LinkKind::Ethernet,
        _ => LinkKind::Other,
    }
}

/// Which link a packet to the internet would leave by: the one with the address that a socket gets.
fn carrier(all: &[netdev::Interface], far: SocketAddr) -> Option<u32> {
    let any: SocketAddr =
        if far.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
    let socket = UdpSocket::bind(any).ok()?;
    socket.connect(far).ok()?;
    let own = socket.local_addr().ok()?.ip();
    all.iter().find(|i| !i.is_loopback() && i.ip_addrs().contains(&own)).map(|i| i.index)
}

/// The number behind a link's name, as `fe80::1%en0` has it (`net/if.h`).
fn zone(name: &str) -> Option<u32> {
    let name = CString::new(name).ok()?;
    // SAFETY: the name ends in a zero and lives on.
    match unsafe { libc::if_nametoindex(name.as_ptr()) } {
        0 => None,
        index => Some(index),
    }
}
