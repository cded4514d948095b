//! Asks the gateway: by ICMP echo, else by packets that die at the first hop.
//!
//! macOS opens datagram sockets for ICMP to everybody (`man 4 icmp`; xnu, `icmp_dgram_attach` in
//! `bsd/netinet/ip_icmp.c` and `icmp6_dgram_attach` in `bsd/netinet6/icmp6.c`). They may send echoes only,
//! but are handed every ICMP message that comes (`rip_input`), so also that a packet died on its way.
//! Since macOS 15 an app in a bundle needs the agent's permission to reach the local network; without
//! it sending fails, and then nothing is told about the gateway.

pub use crate::network::echo::echo;

use crate::network::{gateway::Echo, icmp, link::Gateway};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket},
    num::NonZeroU32,
    time::{Duration, Instant},
};

/// Documentation addresses: a packet towards them leaves by the default route and dies at the gateway.
const BEYOND_V4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const BEYOND_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
/// Where traceroute begins: nobody listens there.
const PORT: u16 = 33_434;
const TRIES: u16 = 3;
const EACH: Duration = Duration::from_millis(250);

/// Sends packets to and beyond the gateway with a time to live of one hop, and waits for it to say
/// that they died.
pub async fn first_hop(gateway: &Gateway) -> Echo {
    let gateway = gateway.clone();
    tokio::task::spawn_blocking(move || ask(&gateway).unwrap_or(Echo::Closed)).await.unwrap_or(Echo::Closed)
}

fn ask(gateway: &Gateway) -> io::Result<Echo> {
    let v4 = gateway.address.is_ipv4();
    let ear = ear(gateway)?;
    let beyond: IpAddr = if v4 { BEYOND_V4.into() } else { BEYOND_V6.into() };
    // A gateway may be silent to one of the two: to packets for itself, or to those that expire.
    let probes: Vec<UdpSocket> =
        [gateway.address, beyond].into_iter().filter_map(|to| probe(gateway, to).ok()).collect();
    let own: Vec<SocketAddr> = probes.iter().filter_map(|p| p.local_addr().ok()).collect();
    let mut least: Option<Duration> = None;
    let mut buffer = [0; 1500];
    for _ in 0..TRIES {
        let sent = Instant::now();
        // An error here may be the answer to the packet before; all of them are in `ear` anyway.
        let left = probes.iter().filter(|p| p.send(&[0; 8]).is_ok() || p.send(&[0; 8]).is_ok()).count();
        if left == 0 {
            return Ok(least.map_or(Echo::Closed, Echo::Answered));
        }
        while let Some(left) = EACH.checked_sub(sent.elapsed()) {
            ear.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
            let (length, from) = match ear.recv_from(&mut buffer) {
                Ok(heard) => heard,
                Err(error) if datagram::nothing_came(&error) => continue,
                Err(_) => break,
            };
            let message = &buffer[..length];
            let died = if v4 { icmp::died_v4(message) } else { icmp::died_v6(message) };
            // One hop away, only the gateway can say so; this machine itself says it with its own address.
            let ours = died.is_some_and(|d| d.to_port == PORT && own.iter().any(|o| o.port() == d.from_port));
            if ours && own.iter().all(|o| o.ip() != from.ip()) {
                let time = sent.elapsed();
                least = Some(least.map_or(time, |l| l.min(time)));
                break;
            }
        }
    }
    Ok(least.map_or(Echo::Silent, Echo::Answered))
}

/// Hears all ICMP of a family that comes by the gateway's link.
fn ear(gateway: &Gateway) -> io::Result<UdpSocket> {
    let (domain, protocol) = match gateway.address {
        IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4),
        IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6),
    };
    let socket = Socket::new(domain, Type::DGRAM, Some(protocol))?;
    bind_to_link(&socket, gateway)?;
    Ok(socket.into())
}

fn probe(gateway: &Gateway, to: IpAddr) -> io::Result<UdpSocket> {
    let to: SocketAddr = match to {
        IpAddr::V4(v4) => (v4, PORT).into(),
        IpAddr::V6(v6) => {
            let scope = if v6.is_unicast_link_local() { gateway.interface } else { 0 };
            SocketAddrV6::new(v6, PORT, 0, scope).into()
        }
    };
    let socket = Socket::new(Domain::for_address(to), Type::DGRAM, Some(Protocol::UDP))?;
    // Otherwise a VPN would carry the packet, and its far end would be the first hop.
    bind_to_link(&socket, gateway)?;
    if to.is_ipv4() {
        socket.set_ttl_v4(1)?
    } else {
        socket.set_unicast_hops_v6(1)?
    }
    socket.connect(&SockAddr::from(to))?;
    Ok(socket.into())
}

/// `IP_BOUND_IF` and `IPV6_BOUND_IF` (`bsd/netinet/in.h`, `bsd/netinet6/in6.h`), which need no rights.
fn bind_to_link(socket: &Socket, gateway: &Gateway) -> io::Result<()> {
    let index = NonZeroU32::new(gateway.interface);
    match gateway.address {
        IpAddr::V4(_) => socket.bind_device_by_index_v4(index),
        IpAddr::V6(_) => socket.bind_device_by_index_v6(index),
    }
}

/// What `first_hop` would go by.
pub const FIRST_HOP: telemetry::GatewayMethod = telemetry::GatewayMethod::TtlLimitedUdp;
