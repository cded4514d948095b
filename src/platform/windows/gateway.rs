//! Asks the gateway by the echo functions of Windows, which need no rights: an echo to it, and one beyond
//! it that may live for one hop only. What the replies say is read by `network::echo_replies`.

use crate::network::{
    echo_replies::{self, Family, Said},
    gateway::Echo,
    link::Gateway,
};
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ptr::{null, null_mut},
    time::{Duration, Instant},
};
use telemetry::GatewayMethod;
use windows_sys::Win32::{
    Foundation::{ERROR_SUCCESS, HANDLE, INVALID_HANDLE_VALUE},
    NetworkManagement::IpHelper::{
        FreeMibTable, GetUnicastIpAddressTable, ICMP_ECHO_REPLY, ICMPV6_ECHO_REPLY_LH, IP_OPTION_INFORMATION,
        Icmp6CreateFile, Icmp6SendEcho2, IcmpCloseHandle, IcmpCreateFile, IcmpSendEcho2Ex,
        MIB_UNICASTIPADDRESS_ROW, MIB_UNICASTIPADDRESS_TABLE,
    },
    Networking::WinSock::{AF_INET, AF_INET6, AF_UNSPEC, IpDadStatePreferred, SOCKADDR_IN6, SOCKADDR_INET},
};

/// What `first_hop` goes by.
pub const FIRST_HOP: GatewayMethod = GatewayMethod::TtlLimitedEcho;

const TRIES: usize = 3;
/// A gateway is one hop away: even over a bad Wi-Fi it answers sooner.
const EACH_MS: u32 = 350;
const DATA: [u8; 8] = [0; 8];
/// Documentation addresses: a packet towards them leaves by the default route and dies at the gateway.
const BEYOND_V4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const BEYOND_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
/// Room for a reply: the structure, the data, 8 bytes of an ICMP error and an `IO_STATUS_BLOCK` of 16, as the
/// functions' documentation wants it. There is only ever one.
const REPLY: usize = 256;
const _: () = assert!(size_of::<ICMP_ECHO_REPLY>() == 40 && size_of::<ICMPV6_ECHO_REPLY_LH>() == 36);
const _: () = assert!(REPLY >= size_of::<ICMP_ECHO_REPLY>() + DATA.len() + 8 + 16);

/// Sends echoes to a gateway.
pub async fn echo(gateway: &Gateway) -> Echo {
    let gateway = gateway.clone();
    tokio::task::spawn_blocking(move || ask(&gateway, gateway.address, Said::Answered, None))
        .await
        .unwrap_or(Echo::Closed)
}

/// Sends echoes beyond the gateway that may live for one hop, and waits for it to say that they died:
/// what tracert does.
pub async fn first_hop(gateway: &Gateway) -> Echo {
    let gateway = gateway.clone();
    let beyond = if gateway.address.is_ipv4() { BEYOND_V4.into() } else { BEYOND_V6.into() };
    tokio::task::spawn_blocking(move || ask(&gateway, beyond, Said::Expired, Some(1)))
        .await
        .unwrap_or(Echo::Closed)
}

fn ask(gateway: &Gateway, to: IpAddr, wanted: Said, hops: Option<u8>) -> Echo {
    if !can_ask(to) {
        return Echo::Closed;
    }
    let mut least: Option<Duration> = None;
    for _ in 0..TRIES {
        let sent = Instant::now();
        let reply = send(gateway.interface, to, hops, EACH_MS);
        let around = sent.elapsed();
        let said = reply.and_then(|Reply { family, bytes }| echo_replies::read(family, &bytes));
        if let Some((_, ms)) = said.filter(|(said, _)| *said == wanted) {
            let time = echo_replies::time(ms, around);
            least = Some(least.map_or(time, |l| l.min(time)));
        }
    }
    least.map_or(Echo::Silent, Echo::Answered)
}

/// What the echo functions left in their buffer.
pub struct Reply {
    /// Which of the two functions.
    pub family: Family,
    /// The buffer.
    pub bytes: Vec<u8>,
}

/// Whether this user may send echoes to addresses of this kind.
pub fn can_ask(to: IpAddr) -> bool {
    Handle::open(if to.is_ipv4() { create_v4 } else { create_v6 }).is_some()
}

/// Sends one echo by an interface, and waits for what becomes of it.
pub fn send(interface: u32, to: IpAddr, hops: Option<u8>, wait_ms: u32) -> Option<Reply> {
    let options = hops.map(|hops| IP_OPTION_INFORMATION { Ttl: hops, ..IP_OPTION_INFORMATION::default() });
    let options = options.as_ref().map_or(null(), std::ptr::from_ref);
    // Windows sends by the interface of the source. Otherwise a VPN would carry what goes beyond the home
    // router, and its far end would be the first hop.
    let source = source(interface, to);
    let handle = Handle::open(if to.is_ipv4() { create_v4 } else { create_v6 })?;
    let (family, bytes) = match to {
        IpAddr::V4(to) => {
            let from = if let Some(IpAddr::V4(v4)) = source { v4 } else { Ipv4Addr::UNSPECIFIED };
            (Family::V4, send_v4(&handle, from, to, options, wait_ms)?)
        }
        IpAddr::V6(to) => {
            let from = if let Some(IpAddr::V6(v6)) = source { v6 } else { Ipv6Addr::UNSPECIFIED };
            (Family::V6, send_v6(&handle, from, to, interface, options, wait_ms)?)
        }
    };
    Some(Reply { family, bytes })
}

/// The address of an interface from which to send towards another; none where the system had better choose.
fn source(interface: u32, to: IpAddr) -> Option<IpAddr> {
    let family = if to.is_ipv4() { AF_INET } else { AF_INET6 };
    let near = matches!(to, IpAddr::V6(v6) if v6.is_unicast_link_local());
    let mut table: *mut MIB_UNICASTIPADDRESS_TABLE = null_mut();
    // SAFETY: `table` has room for the pointer, which is freed below.
    if unsafe { GetUnicastIpAddressTable(AF_UNSPEC, &mut table) } != ERROR_SUCCESS || table.is_null() {
        return None;
    }
    // SAFETY: on success the table holds as many rows as it says, and lives until it is freed.
    let rows: &[MIB_UNICASTIPADDRESS_ROW] = unsafe {
        std::slice::from_raw_parts((&raw const (*table).Table).cast(), (*table).NumEntries as usize)
    };
    let found = rows
        .iter()
        .filter(|row| row.InterfaceIndex == interface && row.DadState == IpDadStatePreferred)
        .filter_map(|row| address(&row.Address, family))
        .find(|found| !matches!(found, IpAddr::V6(v6) if v6.is_unicast_link_local() != near));
    // SAFETY: the table came from `GetUnicastIpAddressTable` and is not used any more.
    unsafe { FreeMibTable(table.cast()) };
    found
}

fn address(address: &SOCKADDR_INET, wanted: u16) -> Option<IpAddr> {
    // SAFETY: the family says which part of the union was written, and any bytes make an address.
    unsafe {
        match address.si_family {
            family if family != wanted => None,
            AF_INET => Some(Ipv4Addr::from(address.Ipv4.sin_addr.S_un.S_addr.to_ne_bytes()).into()),
            AF_INET6 => Some(Ipv6Addr::from(address.Ipv6.sin6_addr.u.Byte).into()),
            _ => None,
        }
    }
}

struct Handle(HANDLE);

impl Handle {
    fn open(create: fn() -> HANDLE) -> Option<Self> {
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

fn send_v4(
    handle: &Handle,
    from: Ipv4Addr,
    to: Ipv4Addr,
    options: *const IP_OPTION_INFORMATION,
    wait_ms: u32,
) -> Option<Vec<u8>> {
    // u64 for the alignment of the reply.
    let mut reply = [0u64; REPLY / 8];
    // SAFETY: data and reply are given with their lengths, the options are null or whole, and all live on; the
    // call waits for its end.
    let count = unsafe {
        IcmpSendEcho2Ex(
            handle.0,
            null_mut(),
            None,
            null(),
            u32::from_ne_bytes(from.octets()),
            u32::from_ne_bytes(to.octets()),
            DATA.as_ptr().cast(),
            DATA.len() as u16,
            options,
            reply.as_mut_ptr().cast(),
            REPLY as u32,
            wait_ms,
        )
    };
    (count > 0).then(|| reply.iter().flat_map(|word| word.to_ne_bytes()).collect())
}

fn send_v6(
    handle: &Handle,
    from: Ipv6Addr,
    to: Ipv6Addr,
    interface: u32,
    options: *const IP_OPTION_INFORMATION,
    wait_ms: u32,
) -> Option<Vec<u8>> {
    let socket_address = |address: Ipv6Addr| {
        let mut made = SOCKADDR_IN6 { sin6_family: AF_INET6, ..SOCKADDR_IN6::default() };
        made.sin6_addr.u.Byte = address.octets();
        if address.is_unicast_link_local() {
            made.Anonymous.sin6_scope_id = interface;
        }
        made
    };
    let (source, target) = (socket_address(from), socket_address(to));
    let mut reply = [0u64; REPLY / 8];
    // SAFETY: addresses, data and reply are whole, given with their lengths, the options are null or whole,
    // and all live on; the call waits for its end.
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
            options,
            reply.as_mut_ptr().cast(),
            REPLY as u32,
            wait_ms,
        )
    };
    (count > 0).then(|| reply.iter().flat_map(|word| word.to_ne_bytes()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_addresses_of_this_machine_can_be_read() {
        // No interface has the number 0; the table itself must be readable.
        assert_eq!(source(0, BEYOND_V4.into()), None);
        assert_eq!(source(0, BEYOND_V6.into()), None);
    }
}
