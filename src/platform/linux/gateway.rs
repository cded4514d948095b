//! Asks the gateway: by ICMP where that is open, else by packets that die at the first hop.
//!
//! The latter needs no rights: `IP_RECVERR` hands each ICMP error to the socket that caused it.

pub use crate::network::echo::echo;

use crate::network::{
    gateway::Echo,
    icmp_error::{self, IcmpError},
    link::Gateway,
};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6},
    os::fd::AsRawFd as _,
    time::{Duration, Instant},
};
use telemetry::GatewayMethod;

/// What `first_hop` goes by.
pub const FIRST_HOP: GatewayMethod = GatewayMethod::TtlLimitedUdp;

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
    tokio::task::spawn_blocking(move || ask(&gateway).unwrap_or(Echo::Silent)).await.unwrap_or(Echo::Closed)
}

fn ask(gateway: &Gateway) -> io::Result<Echo> {
    let beyond: IpAddr = if gateway.address.is_ipv4() { BEYOND_V4.into() } else { BEYOND_V6.into() };
    // A gateway may be silent to one of the two: to packets for itself, or to those that expire.
    let mut sockets: Vec<Socket> =
        [gateway.address, beyond].into_iter().filter_map(|to| socket(gateway, to).ok()).collect();
    let mut least: Option<Duration> = None;
    for _ in 0..TRIES {
        let sent = Instant::now();
        // An error here may be the answer to the packet before: it stays in the error queue.
        sockets.retain(|s| s.send(&[0; 8]).is_ok() || s.send(&[0; 8]).is_ok());
        while let Some(left) = EACH.checked_sub(sent.elapsed()) {
            let heard = wait(&sockets, left)?;
            if heard.iter().any(|s| first_hop_said_so(s)) {
                let time = sent.elapsed();
                least = Some(least.map_or(time, |l| l.min(time)));
                break;
            }
        }
    }
    Ok(least.map_or(Echo::Silent, Echo::Answered))
}

fn socket(gateway: &Gateway, to: IpAddr) -> io::Result<Socket> {
    let scope = gateway.interface;
    let to: SocketAddr = match to {
        IpAddr::V4(v4) => (v4, PORT).into(),
        IpAddr::V6(v6) => {
            SocketAddrV6::new(v6, PORT, 0, if v6.is_unicast_link_local() { scope } else { 0 }).into()
        }
    };
    let socket = Socket::new(Domain::for_address(to), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    // Otherwise a VPN would carry the packet, and its far end would be the first hop.
    socket.bind_device(Some(gateway.interface_name.as_bytes()))?;
    if to.is_ipv4() {
        socket.set_ttl_v4(1)?;
        option(&socket, libc::IPPROTO_IP, libc::IP_RECVERR)?;
    } else {
        socket.set_unicast_hops_v6(1)?;
        option(&socket, libc::IPPROTO_IPV6, libc::IPV6_RECVERR)?;
    }
    socket.connect(&SockAddr::from(to))?;
    Ok(socket)
}

fn option(socket: &Socket, level: i32, name: i32) -> io::Result<()> {
    let on: i32 = 1;
    // SAFETY: the pointer and the length describe `on`, which outlives the call.
    let set = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            (&raw const on).cast(),
            size_of::<i32>() as libc::socklen_t,
        )
    };
    if set < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// The sockets that have an error to read.
fn wait(sockets: &[Socket], limit: Duration) -> io::Result<Vec<&Socket>> {
    let mut polled: Vec<libc::pollfd> =
        sockets.iter().map(|s| libc::pollfd { fd: s.as_raw_fd(), events: 0, revents: 0 }).collect();
    // At least a millisecond, so that a rest below one does not spin.
    let limit = limit.as_millis().max(1) as i32;
    // SAFETY: the pointer and the count describe `polled`, which is ours to write.
    let ready = unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, limit) };
    if ready < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(sockets.iter().zip(&polled).filter(|(_, p)| p.revents & libc::POLLERR != 0).map(|(s, _)| s).collect())
}

/// Reads a socket's error queue: whether an ICMP error in it came from another machine. One hop
/// away, that can only be the gateway. What this machine says itself (nobody answered on the link)
/// has its own address, or no ICMP origin.
fn first_hop_said_so(socket: &Socket) -> bool {
    let own = socket.local_addr().ok().and_then(|a| a.as_socket()).map(|a| a.ip());
    let mut said = false;
    while let Some(error) = read_error(socket) {
        said |= error.icmp && error.offender.is_some() && error.offender != own;
    }
    // POLLERR stays up until the pending error is taken as well.
    let _ = socket.take_error();
    said
}

/// One entry of the error queue: where it comes from, and who said so.
fn read_error(socket: &Socket) -> Option<IcmpError> {
    let mut data = [0u8; 64];
    // u64 for the alignment that control messages need.
    let mut control = [0u64; 32];
    let mut part = libc::iovec { iov_base: data.as_mut_ptr().cast(), iov_len: data.len() };
    // SAFETY: all zeros is a valid `msghdr`: null pointers with zero lengths.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = &raw mut part;
    header.msg_iovlen = 1;
    header.msg_control = control.as_mut_ptr().cast();
    header.msg_controllen = size_of_val(&control);
    // SAFETY: every pointer in `header` is to a buffer above that lives on, with its length.
    let read = unsafe {
        libc::recvmsg(socket.as_raw_fd(), &raw mut header, libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT)
    };
    if read < 0 {
        return None;
    }
    // SAFETY: `header` was filled by the kernel, so its control messages can be walked by these macros.
    let mut at = unsafe { libc::CMSG_FIRSTHDR(&raw const header) };
    while !at.is_null() {
        // SAFETY: `at` is not null and lies within `control`.
        let message = unsafe { &*at };
        if matches!(
            (message.cmsg_level, message.cmsg_type),
            (libc::IPPROTO_IP, libc::IP_RECVERR) | (libc::IPPROTO_IPV6, libc::IPV6_RECVERR)
        ) {
            // SAFETY: the length is what the kernel wrote there, header included.
            let bytes = unsafe {
                let start = libc::CMSG_DATA(at);
                let before = start.offset_from(at.cast::<u8>()) as usize;
                std::slice::from_raw_parts(start, (message.cmsg_len as usize).saturating_sub(before))
            };
            return icmp_error::parse(bytes);
        }
        // SAFETY: as above; gives null at the end.
        at = unsafe { libc::CMSG_NXTHDR(&raw const header, at) };
    }
    Some(IcmpError::default())
}
