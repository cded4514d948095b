//! Linux and macOS: `recvmsg` and `sendmsg` with control messages.

use crate::{Local, Received, Stamps, Told, control};
use std::{
    io, mem,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket},
    os::fd::AsRawFd,
    ptr,
};

/// Room for control messages: timestamps, error, address, class and TTL, with space to spare.
pub(crate) const CONTROL: usize = 512;

/// Aligned as control messages must be.
#[repr(C, align(8))]
pub(crate) struct Control(pub(crate) [u8; CONTROL]);

/// Nothing is needed beside the descriptor.
#[derive(Debug)]
pub(crate) struct State;

/// Asks for all that can be told. A refusal is no error: the thing is then not told.
pub(crate) fn prepare(socket: &UdpSocket, v6: bool, stamps: Stamps) -> (Stamps, State) {
    let _ = set(socket, libc::IPPROTO_IP, libc::IP_RECVTOS, 1);
    let _ = set(socket, libc::IPPROTO_IP, libc::IP_RECVTTL, 1);
    let _ = set(socket, libc::IPPROTO_IP, libc::IP_PKTINFO, 1);
    if v6 {
        let _ = set(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVTCLASS, 1);
        let _ = set(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVHOPLIMIT, 1);
        let _ = set(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1);
    }
    (ask_for_stamps(socket, stamps), State)
}

/// "Port unreachable" is told of a connected socket's peer only, without asking.
pub(crate) fn connected(_: &UdpSocket) {}

pub(crate) fn send(socket: &UdpSocket, _: &State, _: Stamps, datagram: &[u8]) -> io::Result<()> {
    socket.send(datagram).map(drop)
}

pub(crate) fn send_to(
    socket: &UdpSocket,
    _: &State,
    _: Stamps,
    datagram: &[u8],
    to: SocketAddr,
) -> io::Result<()> {
    socket.send_to(datagram, to).map(drop)
}

pub(crate) const TOO_LARGE: i32 = libc::EMSGSIZE;

pub(crate) fn forbid_fragments(socket: &UdpSocket) -> io::Result<()> {
    if socket.local_addr()?.is_ipv4() {
        return forbid_fragments_v4(socket);
    }
    // A socket of both families has an option for each; one for IPv6 alone may refuse the other.
    let _ = forbid_fragments_v4(socket);
    forbid_fragments_v6(socket)
}

/// `IP_PMTUDISC_PROBE` and not `_DO`: ip(7) says that it sets the DF mark and ignores what was learnt of the path.
#[cfg(target_os = "linux")]
fn forbid_fragments_v4(socket: &UdpSocket) -> io::Result<()> {
    set(socket, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_PROBE)
}

#[cfg(target_os = "linux")]
fn forbid_fragments_v6(socket: &UdpSocket) -> io::Result<()> {
    set(socket, libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, libc::IPV6_PMTUDISC_PROBE)
}

#[cfg(target_os = "macos")]
fn forbid_fragments_v4(socket: &UdpSocket) -> io::Result<()> {
    set(socket, libc::IPPROTO_IP, libc::IP_DONTFRAG, 1)
}

#[cfg(target_os = "macos")]
fn forbid_fragments_v6(socket: &UdpSocket) -> io::Result<()> {
    /// `bsd/netinet6/in6.h`; libc does not name it.
    const IPV6_DONTFRAG: i32 = 62;
    set(socket, libc::IPPROTO_IPV6, IPV6_DONTFRAG, 1)
}

#[cfg(target_os = "linux")]
pub(crate) fn path_mtu(socket: &UdpSocket) -> Option<u32> {
    let (level, name) = match socket.peer_addr().ok()? {
        SocketAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_MTU),
        SocketAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_MTU),
    };
    let (mut value, mut length) = (0i32, mem::size_of::<i32>() as libc::socklen_t);
    // SAFETY: the descriptor is open as long as `socket` lives, and there is room for the number.
    let result = unsafe {
        libc::getsockopt(socket.as_raw_fd(), level, name, (&raw mut value).cast(), &raw mut length)
    };
    (result == 0).then_some(value).and_then(|value| u32::try_from(value).ok())
}

/// macOS keeps it in its routing table and tells no socket.
#[cfg(target_os = "macos")]
pub(crate) fn path_mtu(_: &UdpSocket) -> Option<u32> {
    None
}

pub(crate) fn told(socket: &UdpSocket, _: &State, _: Stamps, each: &mut dyn FnMut(Told<'_>)) {
    #[cfg(target_os = "linux")]
    crate::linux::told(socket, each);
    #[cfg(not(target_os = "linux"))]
    let _ = (socket, each);
}

/// Only Linux hands an ICMP error to the socket that caused it, with all that it says.
pub(crate) fn hear_complaints(socket: &UdpSocket) -> bool {
    #[cfg(target_os = "linux")]
    return crate::linux::hear_complaints(socket);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = socket;
        false
    }
}

#[cfg(target_os = "linux")]
use crate::linux::ask_for_stamps;

#[cfg(target_os = "macos")]
use crate::macos::ask_for_stamps;

pub(crate) fn set(socket: &UdpSocket, level: i32, name: i32, value: i32) -> io::Result<()> {
    let length = mem::size_of::<i32>() as libc::socklen_t;
    // SAFETY: the descriptor is open as long as `socket` lives, and `value` is read within the call.
    match unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, (&raw const value).cast(), length) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

pub(crate) fn set_traffic_class(socket: &UdpSocket, _: &State, class: u8) -> io::Result<()> {
    if socket.local_addr()?.is_ipv4() {
        return set(socket, libc::IPPROTO_IP, libc::IP_TOS, i32::from(class));
    }
    // A socket for both families marks each by its own option; one for IPv6 alone refuses the other.
    let _ = set(socket, libc::IPPROTO_IP, libc::IP_TOS, i32::from(class));
    set(socket, libc::IPPROTO_IPV6, libc::IPV6_TCLASS, i32::from(class))
}

pub(crate) fn receive(socket: &UdpSocket, _: &State, buffer: &mut [u8]) -> io::Result<Received> {
    let mut control = Control([0; CONTROL]);
    // SAFETY: all-zero is a valid value of these plain C structures.
    let (mut name, mut message) =
        unsafe { (mem::zeroed::<libc::sockaddr_storage>(), mem::zeroed::<libc::msghdr>()) };
    let mut vector = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    message.msg_name = (&raw mut name).cast();
    message.msg_namelen = mem::size_of_val(&name) as libc::socklen_t;
    message.msg_iov = &raw mut vector;
    message.msg_iovlen = 1;
    message.msg_control = control.0.as_mut_ptr().cast();
    message.msg_controllen = CONTROL as _;
    // SAFETY: every pointer in `message` is to a local of the stated length that outlives the call.
    let length = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, 0) };
    let length = usize::try_from(length).map_err(|_| io::Error::last_os_error())?;
    let from = address(&name).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
    let truncated = message.msg_flags & libc::MSG_TRUNC != 0;
    let mut received =
        Received { length, truncated, from, to: None, at: None, traffic_class: None, ttl: None };
    // SAFETY: `message` was filled by a successful recvmsg and its control buffer still lives.
    unsafe { each_control(&message, |level, kind, data| note(&mut received, level, kind, data)) };
    Ok(received)
}

fn note(received: &mut Received, level: i32, kind: i32, data: &[u8]) {
    // Linux names the class and TTL it received as it names them for sending, macOS as they are asked for
    // (xnu, bsd/netinet/ip_input.c, ip_savecontrol: IP_RECVTOS and IP_RECVTTL, one byte each; for IPv6
    // both name them by RFC 3542, as ints). A socket of both families is told no TTL of IPv4 on macOS.
    match (level, kind) {
        (libc::IPPROTO_IP, libc::IP_TOS | libc::IP_RECVTOS) | (libc::IPPROTO_IPV6, libc::IPV6_TCLASS) => {
            received.traffic_class = control::small(data);
        }
        (libc::IPPROTO_IP, libc::IP_TTL | libc::IP_RECVTTL) | (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT) => {
            received.ttl = control::small(data);
        }
        (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
            received.to =
                control::destination(data).map(|to| Local { address: IpAddr::V4(to), interface: 0 });
        }
        (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
            received.to = data.first_chunk::<20>().map(|b| {
                let (address, interface) = b.split_at(16);
                let address = Ipv6Addr::from(<[u8; 16]>::try_from(address).unwrap_or_default());
                let interface = u32::from_ne_bytes(interface.try_into().unwrap_or_default());
                let link_local = address.is_unicast_link_local();
                Local { address: IpAddr::V6(address), interface: if link_local { interface } else { 0 } }
            });
        }
        #[cfg(target_os = "linux")]
        (libc::SOL_SOCKET, libc::SO_TIMESTAMPING) => received.at = control::time(data, 1),
        #[cfg(target_os = "macos")]
        (libc::SOL_SOCKET, crate::macos::SCM_TIMESTAMP_MONOTONIC) => {
            received.at = crate::macos::wall_time(data);
        }
        #[cfg(target_os = "macos")]
        (libc::SOL_SOCKET, libc::SCM_TIMESTAMP) => received.at = control::time(data, 1000),
        _ => {}
    }
}

pub(crate) fn answer(
    socket: &UdpSocket,
    _: &State,
    datagram: &[u8],
    request: &Received,
    class: u8,
) -> io::Result<()> {
    let peer = socket2::SockAddr::from(request.from);
    let mut control = Control([0; CONTROL]);
    // SAFETY: all-zero is a valid value of this plain C structure.
    let mut message = unsafe { mem::zeroed::<libc::msghdr>() };
    let mut vector = libc::iovec { iov_base: datagram.as_ptr().cast_mut().cast(), iov_len: datagram.len() };
    message.msg_name = peer.as_ptr().cast_mut().cast();
    message.msg_namelen = peer.len();
    message.msg_iov = &raw mut vector;
    message.msg_iovlen = 1;
    message.msg_control = control.0.as_mut_ptr().cast();
    let v4 = match request.from.ip() {
        IpAddr::V4(_) => true,
        IpAddr::V6(address) => address.to_ipv4_mapped().is_some(),
    };
    let mut used = 0;
    if v4 {
        put(&mut control, &mut used, libc::IPPROTO_IP, libc::IP_TOS, &i32::from(class).to_ne_bytes());
    } else {
        put(&mut control, &mut used, libc::IPPROTO_IPV6, libc::IPV6_TCLASS, &i32::from(class).to_ne_bytes());
    }
    match request.to {
        Some(Local { address: IpAddr::V4(address), .. }) if v4 => {
            let mut info = [0; 12];
            info[4..8].copy_from_slice(&address.octets());
            put(&mut control, &mut used, libc::IPPROTO_IP, libc::IP_PKTINFO, &info);
        }
        Some(Local { address: IpAddr::V6(address), interface }) if !v4 => {
            let mut info = [0; 20];
            info[..16].copy_from_slice(&address.octets());
            info[16..].copy_from_slice(&interface.to_ne_bytes());
            put(&mut control, &mut used, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &info);
        }
        _ => {}
    }
    message.msg_controllen = used as _;
    // SAFETY: every pointer in `message` is to something that outlives the call; sendmsg writes to none of it.
    match unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const message, 0) } {
        0.. => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Appends a control message.
fn put(control: &mut Control, used: &mut usize, level: i32, kind: i32, data: &[u8]) {
    // SAFETY: these only compute sizes.
    let (space, whole) = unsafe { (libc::CMSG_SPACE(data.len() as u32), libc::CMSG_LEN(data.len() as u32)) };
    let (space, whole) = (space as usize, whole as usize);
    let Some(place) = control.0.get_mut(*used..*used + space) else { return };
    // SAFETY: all-zero is a valid value of this plain C structure.
    let mut header = unsafe { mem::zeroed::<libc::cmsghdr>() };
    header.cmsg_len = whole as _;
    header.cmsg_level = level;
    header.cmsg_type = kind;
    // SAFETY: `place` has room for the header, and unaligned writing asks for no alignment.
    unsafe { ptr::write_unaligned(place.as_mut_ptr().cast(), header) };
    place[whole - data.len()..whole].copy_from_slice(data);
    *used += space;
}

/// Calls `each` with level, type and data of every control message.
///
/// # Safety
/// `message` must have been filled by a successful `recvmsg`, and its control buffer must still live.
pub(crate) unsafe fn each_control(message: &libc::msghdr, mut each: impl FnMut(i32, i32, &[u8])) {
    // SAFETY: the kernel wrote the headers into the buffer that the caller vouches for.
    let mut next = unsafe { libc::CMSG_FIRSTHDR(message) };
    // SAFETY: what CMSG_FIRSTHDR and CMSG_NXTHDR return is null or a whole header in the buffer.
    while let Some(header) = unsafe { next.as_ref() } {
        // SAFETY: only computes a size.
        let lead = unsafe { libc::CMSG_LEN(0) } as usize;
        let length = whole_length(header).saturating_sub(lead);
        // SAFETY: the kernel set cmsg_len to what it wrote behind the header.
        let data = unsafe { std::slice::from_raw_parts(libc::CMSG_DATA(next), length) };
        each(header.cmsg_level, header.cmsg_type, data);
        // SAFETY: as for CMSG_FIRSTHDR.
        next = unsafe { libc::CMSG_NXTHDR(message, next) };
    }
}

#[allow(clippy::unnecessary_cast, reason = "its type differs between the systems")]
fn whole_length(header: &libc::cmsghdr) -> usize {
    header.cmsg_len as usize
}

fn address(name: &libc::sockaddr_storage) -> Option<SocketAddr> {
    let name = ptr::from_ref(name);
    // SAFETY: `name` is a whole sockaddr_storage.
    let family = i32::from(unsafe { (*name).ss_family });
    match family {
        libc::AF_INET => {
            // SAFETY: the family says that it holds this structure, and the storage is aligned for it.
            let v4 = unsafe { &*name.cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
            Some(SocketAddr::from((ip, u16::from_be(v4.sin_port))))
        }
        libc::AF_INET6 => {
            // SAFETY: as above.
            let v6 = unsafe { &*name.cast::<libc::sockaddr_in6>() };
            let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
            let port = u16::from_be(v6.sin6_port);
            Some(SocketAddr::V6(SocketAddrV6::new(ip, port, v6.sin6_flowinfo, v6.sin6_scope_id)))
        }
        _ => None,
    }
}
