//! Asks the gateway by the echo functions of Windows, which need no rights. They tell whole milliseconds.

use crate::network::{gateway::Echo, link::Gateway};
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ptr::{null, null_mut},
    time::Duration,
};
use windows_sys::Win32::{
    Foundation::{HANDLE, INVALID_HANDLE_VALUE},
    NetworkManagement::IpHelper::{
        ICMP_ECHO_REPLY, ICMPV6_ECHO_REPLY_LH, IP_SUCCESS, Icmp6CreateFile, Icmp6SendEcho2, IcmpCloseHandle,
        IcmpCreateFile, IcmpSendEcho2Ex,
    },
    Networking::WinSock::{AF_INET6, SOCKADDR_IN6},
};

const TRIES: usize = 3;
/// A gateway is one hop away: even over a bad Wi-Fi it answers sooner.
const EACH_MS: u32 = 350;
const DATA: [u8; 8] = [0; 8];
/// Room for a reply, its data and an ICMP error, as Microsoft wants it.
const REPLY: usize = 256;

/// Sends echoes to a gateway.
pub async fn echo(gateway: &Gateway) -> Echo {
    let gateway = gateway.clone();
    tokio::task::spawn_blocking(move || ask(&gateway)).await.unwrap_or(Echo::Closed)
}

/// Windows hands ICMP errors to administrators only.
pub async fn first_hop(_: &Gateway) -> Echo {
    Echo::Closed
}

fn ask(gateway: &Gateway) -> Echo {
    let least = match gateway.address {
        IpAddr::V4(v4) => Handle::open(create_v4).map(|h| least(|| send_v4(&h, v4))),
        IpAddr::V6(v6) => Handle::open(create_v6).map(|h| least(|| send_v6(&h, v6, gateway.interface))),
    };
    match least {
        None => Echo::Closed,
        Some(None) => Echo::Silent,
        Some(Some(ms)) => Echo::Answered(Duration::from_millis(ms.into())),
    }
}

fn least(mut send: impl FnMut() -> Option<u32>) -> Option<u32> {
    (0..TRIES).filter_map(|_| send()).min()
}

struct Handle(HANDLE);

impl Handle {
    fn open(create: impl FnOnce() -> HANDLE) -> Option<Self> {
        let handle = create();
        (handle != INVALID_HANDLE_VALUE && !handle.is_null()).then_some(Self(handle))
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the handle was opened by `open` and is closed only here.
        unsafe { IcmpCloseHandle(self.0) };
    }
}

fn create_v4() -> HANDLE {
    // SAFETY: takes nothing.
    unsafe { IcmpCreateFile() }
}

fn create_v6() -> HANDLE {
    // SAFETY: takes nothing.
    unsafe { Icmp6CreateFile() }
}

fn send_v4(handle: &Handle, to: Ipv4Addr) -> Option<u32> {
    // u64 for the alignment of the reply.
    let mut reply = [0u64; REPLY / 8];
    // SAFETY: data and reply are given with their lengths and live on; the call waits for its end.
    let count = unsafe {
        IcmpSendEcho2Ex(
            handle.0,
            null_mut(),
            None,
            null(),
            0,
            u32::from_ne_bytes(to.octets()),
            DATA.as_ptr().cast(),
            DATA.len() as u16,
            null(),
            reply.as_mut_ptr().cast(),
            REPLY as u32,
            EACH_MS,
        )
    };
    // SAFETY: the buffer is larger than a reply, aligned for it, and any bytes make one.
    let reply = unsafe { &*reply.as_ptr().cast::<ICMP_ECHO_REPLY>() };
    (count > 0 && reply.Status == IP_SUCCESS).then_some(reply.RoundTripTime)
}

fn send_v6(handle: &Handle, to: Ipv6Addr, interface: u32) -> Option<u32> {
    let source = SOCKADDR_IN6 { sin6_family: AF_INET6, ..SOCKADDR_IN6::default() };
    let mut target = source;
    target.sin6_addr.u.Byte = to.octets();
    if to.is_unicast_link_local() {
        target.Anonymous.sin6_scope_id = interface;
    }
    let mut reply = [0u64; REPLY / 8];
    // SAFETY: addresses, data and reply are whole, given with their lengths, and live on; the call
    // waits for its end.
    let count = unsafe {
        Icmp6SendEcho2(
            handle.0,
            null_mut(),
            None,
            null(),
            &source,
            &target,
            DATA.as_ptr().cast(),
            DATA.len() as u16,
            null(),
            reply.as_mut_ptr().cast(),
            REPLY as u32,
            EACH_MS,
        )
    };
    // SAFETY: the buffer is larger than a reply, aligned for it, and any bytes make one.
    let reply = unsafe { &*reply.as_ptr().cast::<ICMPV6_ECHO_REPLY_LH>() };
    (count > 0 && reply.Status == IP_SUCCESS).then_some(reply.RoundTripTime)
}
