//! Routes, links, neighbours, resolvers and proxies, as Windows tells by the IP helper and the registry.

use super::registry::Here;
use crate::network::{
    link::{Interface, Neighbour, Route, Snapshot, kind_of_if_type},
    path::Traffic,
    proxy::{self, Proxies},
    resolvers::is_made_up_by_windows,
};
use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6},
    ptr::{null, null_mut},
};
use windows_sys::Win32::{
    Foundation::{ERROR_BUFFER_OVERFLOW, ERROR_NO_DATA, ERROR_NOT_FOUND, ERROR_SUCCESS},
    NetworkManagement::{
        IpHelper::{
            FreeMibTable, GAA_FLAG_SKIP_ANYCAST, GAA_FLAG_SKIP_FRIENDLY_NAME, GAA_FLAG_SKIP_MULTICAST,
            GAA_FLAG_SKIP_UNICAST, GetAdaptersAddresses, GetBestInterfaceEx, GetIfEntry2, GetIpForwardTable2,
            GetIpNetTable2, IP_ADAPTER_ADDRESSES_LH, MIB_IF_ROW2, MIB_IPFORWARD_TABLE2, MIB_IPNET_TABLE2,
        },
        Ndis::IfOperStatusUp,
    },
    Networking::WinSock::{
        ADDRESS_FAMILY, AF_INET, AF_INET6, AF_UNSPEC, NlnsIncomplete, NlnsPermanent, NlnsReachable,
        NlnsUnreachable, SOCKADDR, SOCKADDR_IN, SOCKADDR_IN6, SOCKADDR_INET, SOCKET_ADDRESS,
    },
};

/// A root server of the DNS for each family. Routes are looked up towards them; nothing is sent.
const FAR_V4: Ipv4Addr = Ipv4Addr::new(198, 41, 0, 4);
const FAR_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0x503, 0xba3e, 0, 0, 0, 2, 0x30);

/// The number of the loopback interface's kind in the IANA's registry.
const IF_TYPE_LOOPBACK: u32 = 24;

/// What Windows says of links, routes and neighbours.
pub fn snapshot() -> io::Result<Snapshot> {
    let mut found = Snapshot::default();
    adapters(|adapter| {
        if adapter.IfType != IF_TYPE_LOOPBACK {
            found.interfaces.push(interface(adapter));
        }
    })?;
    found.routes = routes()?;
    let known = |index: &u32| found.interfaces.iter().any(|i| i.index == *index);
    found.carrier_v4 = carrier(SocketAddr::from((FAR_V4, 0))).filter(known);
    found.carrier_v6 = carrier(SocketAddr::from((FAR_V6, 0))).filter(known);
    // Without it only the gateway's hardware address is missing: no reason to know nothing of the link.
    found.neighbours = neighbours().unwrap_or_default();
    Ok(found)
}

/// What a link carried since it was made.
pub fn traffic(index: u32) -> Option<Traffic> {
    let mut row = MIB_IF_ROW2 { InterfaceIndex: index, ..MIB_IF_ROW2::default() };
    // SAFETY: the row is whole and writable; its index says which link is meant.
    let result = unsafe { GetIfEntry2(&raw mut row) };
    (result == ERROR_SUCCESS).then_some(Traffic { sent: row.OutOctets, received: row.InOctets })
}

/// The neighbour table alone. Windows does not say when an entry was confirmed.
pub fn neighbours() -> io::Result<Vec<Neighbour>> {
    // Each family for itself: where one cannot be read, the other still can.
    match (neighbours_of(AF_INET), neighbours_of(AF_INET6)) {
        (Ok(v4), Ok(v6)) => Ok([v4, v6].concat()),
        (Ok(one), Err(_)) | (Err(_), Ok(one)) => Ok(one),
        (Err(e), Err(_)) => Err(e),
    }
}

fn neighbours_of(family: ADDRESS_FAMILY) -> io::Result<Vec<Neighbour>> {
    let mut table: *mut MIB_IPNET_TABLE2 = null_mut();
    // SAFETY: `table` has room for the pointer, which is freed below.
    let result = unsafe { GetIpNetTable2(family, &mut table) };
    if result == ERROR_NOT_FOUND {
        return Ok(Vec::new());
    }
    if result != ERROR_SUCCESS {
        return Err(io::Error::from_raw_os_error(result as i32));
    }
    // SAFETY: on success the table holds as many rows as it says, and lives until it is freed.
    let rows = unsafe {
        std::slice::from_raw_parts((&raw const (*table).Table).cast(), (*table).NumEntries as usize)
    };
    let found =
        rows.iter().filter_map(|row: &windows_sys::Win32::NetworkManagement::IpHelper::MIB_IPNET_ROW2| {
            let hardware = row.PhysicalAddress.get(..row.PhysicalAddressLength as usize);
            let hardware = hardware.and_then(|h| <[u8; 6]>::try_from(h).ok()).filter(|h| *h != [0; 6]);
            Some(Neighbour {
                interface: row.InterfaceIndex,
                address: inet(&row.Address)?,
                hardware,
                reachable: match row.State {
                    s if s == NlnsReachable || s == NlnsPermanent => Some(true),
                    s if s == NlnsUnreachable || s == NlnsIncomplete => Some(false),
                    _ => None,
                },
                confirmed_ago: None,
            })
        });
    let found = found.collect();
    // SAFETY: the table came from `GetIpNetTable2` and is not used any more.
    unsafe { FreeMibTable(table.cast()) };
    Ok(found)
}

/// The resolvers of all adapters that are up, the preferred adapter's first.
pub fn resolvers() -> io::Result<Vec<SocketAddr>> {
    let mut found: Vec<(u32, SocketAddr)> = Vec::new();
    adapters(|adapter| {
        let mut server = adapter.FirstDnsServerAddress;
        while !server.is_null() {
            // SAFETY: the list was made by `GetAdaptersAddresses` and lives as long as its buffer.
            let entry = unsafe { &*server };
            found.extend(socket_address(&entry.Address).map(|a| (adapter.Ipv4Metric, a)));
            server = entry.Next;
        }
    })?;
    found.sort_by_key(|(metric, _)| *metric);
    Ok(found.into_iter().map(|(_, address)| address).filter(|a| !is_made_up_by_windows(a)).collect())
}

/// The proxy settings of this user.
pub fn proxies() -> Proxies {
    proxy::windows::proxies(&Here)
}

fn interface(adapter: &IP_ADAPTER_ADDRESSES_LH) -> Interface {
    // SAFETY: both are texts that end in a zero, made by `GetAdaptersAddresses`.
    let (name, description) = unsafe { (narrow(adapter.AdapterName), wide(adapter.Description)) };
    Interface {
        index: index(adapter),
        name,
        kind: kind_of_if_type(adapter.IfType, &description),
        mtu: Some(adapter.Mtu),
        // All ones where it is not known.
        bits_per_second: Some(adapter.TransmitLinkSpeed).filter(|s| (1..u64::MAX).contains(s)),
    }
}

fn index(adapter: &IP_ADAPTER_ADDRESSES_LH) -> u32 {
    // SAFETY: every reading of this union is a number; the structure has length and index.
    match unsafe { adapter.Anonymous1.Anonymous.IfIndex } {
        // The link has no IPv4.
        0 => adapter.Ipv6IfIndex,
        index => index,
    }
}

/// Hands over every adapter that is up.
fn adapters(mut take: impl FnMut(&IP_ADAPTER_ADDRESSES_LH)) -> io::Result<()> {
    /// What Microsoft advises to begin with, and more than any desk needs.
    const FIRST: usize = 16 << 10;
    const MOST: usize = 1 << 20;
    let flags =
        GAA_FLAG_SKIP_UNICAST | GAA_FLAG_SKIP_ANYCAST | GAA_FLAG_SKIP_MULTICAST | GAA_FLAG_SKIP_FRIENDLY_NAME;
    let mut size = FIRST;
    loop {
        // u64 for the alignment of the structures.
        let mut buffer = vec![0u64; size.div_ceil(8)];
        let mut bytes = (buffer.len() * 8) as u32;
        let first: *mut IP_ADAPTER_ADDRESSES_LH = buffer.as_mut_ptr().cast();
        // SAFETY: `first` points to `bytes` bytes that are ours to write.
        let result = unsafe { GetAdaptersAddresses(u32::from(AF_UNSPEC), flags, null(), first, &mut bytes) };
        match result {
            ERROR_SUCCESS => {
                let mut at = first.cast_const();
                while !at.is_null() {
                    // SAFETY: the list lies in `buffer`, which lives until the end of this block.
                    let adapter = unsafe { &*at };
                    if adapter.OperStatus == IfOperStatusUp {
                        take(adapter);
                    }
                    at = adapter.Next;
                }
                return Ok(());
            }
            ERROR_NO_DATA => return Ok(()),
            ERROR_BUFFER_OVERFLOW if size < MOST => size = (bytes as usize).max(size * 2),
            other => return Err(io::Error::from_raw_os_error(other as i32)),
        }
    }
}

fn routes() -> io::Result<Vec<Route>> {
    let mut table: *mut MIB_IPFORWARD_TABLE2 = null_mut();
    // SAFETY: `table` has room for the pointer, which is freed below.
    let result = unsafe { GetIpForwardTable2(AF_UNSPEC, &mut table) };
    if result != ERROR_SUCCESS {
        return Err(io::Error::from_raw_os_error(result as i32));
    }
    // SAFETY: on success the table holds as many rows as it says, and lives until it is freed.
    let rows = unsafe {
        std::slice::from_raw_parts((&raw const (*table).Table).cast(), (*table).NumEntries as usize)
    };
    let found = rows.iter().filter_map(
        |row: &windows_sys::Win32::NetworkManagement::IpHelper::MIB_IPFORWARD_ROW2| {
            let next = inet(&row.NextHop)?;
            let gateway = (!next.is_unspecified()).then_some(next);
            let default = row.DestinationPrefix.PrefixLength == 0;
            (default || gateway.is_some()).then_some(Route {
                interface: row.InterfaceIndex,
                gateway,
                ipv6: next.is_ipv6(),
                default,
                metric: row.Metric,
            })
        },
    );
    let found = found.collect();
    // SAFETY: the table came from `GetIpForwardTable2` and is not used any more.
    unsafe { FreeMibTable(table.cast()) };
    Ok(found)
}

/// Which link a packet to the internet would leave by.
fn carrier(far: SocketAddr) -> Option<u32> {
    let far = socket2::SockAddr::from(far);
    let mut index = 0;
    // SAFETY: the address is a whole one and lives on; `index` has room for the number.
    let result = unsafe { GetBestInterfaceEx(far.as_ptr().cast::<SOCKADDR>(), &mut index) };
    (result == ERROR_SUCCESS).then_some(index)
}

fn inet(address: &SOCKADDR_INET) -> Option<IpAddr> {
    // SAFETY: the family is at the same place in every reading of the union and says which one holds.
    unsafe {
        match address.si_family {
            AF_INET => Some(v4(&address.Ipv4)),
            AF_INET6 => Some(IpAddr::from(address.Ipv6.sin6_addr.u.Byte)),
            _ => None,
        }
    }
}

fn v4(address: &SOCKADDR_IN) -> IpAddr {
    // SAFETY: every reading of this union is four bytes in the order of the network.
    IpAddr::from(unsafe { address.sin_addr.S_un.S_addr }.to_ne_bytes())
}

fn socket_address(address: &SOCKET_ADDRESS) -> Option<SocketAddr> {
    const DNS: u16 = 53;
    if address.lpSockaddr.is_null() {
        return None;
    }
    // SAFETY: the pointer is to an address of the family that it says, made by `GetAdaptersAddresses`.
    unsafe {
        match (*address.lpSockaddr).sa_family {
            AF_INET => Some((v4(&*address.lpSockaddr.cast::<SOCKADDR_IN>()), DNS).into()),
            AF_INET6 => {
                let v6 = &*address.lpSockaddr.cast::<SOCKADDR_IN6>();
                let ip = Ipv6Addr::from(v6.sin6_addr.u.Byte);
                Some(SocketAddrV6::new(ip, DNS, 0, v6.Anonymous.sin6_scope_id).into())
            }
            _ => None,
        }
    }
}

/// # Safety
///
/// `text` is null or ends in a zero.
unsafe fn narrow(text: *const u8) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: by this function's own condition.
    unsafe { std::ffi::CStr::from_ptr(text.cast()) }.to_string_lossy().into_owned()
}

/// # Safety
///
/// `text` is null or ends in a zero.
unsafe fn wide(text: *const u16) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: by this function's own condition, the zero is found before the text's memory ends.
    let units = unsafe {
        let length = (0..).take_while(|at| *text.add(*at) != 0).count();
        std::slice::from_raw_parts(text, length)
    };
    String::from_utf16_lossy(units)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_of_this_machine_can_be_read() {
        let found = snapshot().unwrap();
        assert!(found.interfaces.iter().all(|i| i.index > 0 && !i.name.is_empty()));
        resolvers().unwrap();
        proxies();
    }
}
