//! Control messages of Windows, as plain functions over their bytes: read and written on every system by
//! the tests, and on a 64-bit Windows by its sockets.
#![cfg_attr(not(windows), allow(dead_code, reason = "only Windows' sockets use this outside its tests"))]

use crate::{Local, Received, control};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// `WSACMSGHDR` (ws2def.h): length with this head, level, type.
pub(crate) const HEADER: usize = 16;
/// Heads and data begin at multiples of this (`WSA_CMSG_SPACE`).
const ALIGN: usize = 8;
/// Room for address, class, TTL and time, with space to spare.
pub(crate) const ROOM: usize = 256;

// Levels and types (ws2def.h, ws2ipdef.h, mstcpip.h).
pub(crate) const SOL_SOCKET: i32 = 0xffff;
pub(crate) const IPPROTO_IP: i32 = 0;
pub(crate) const IPPROTO_IPV6: i32 = 41;
pub(crate) const IP_TOS: i32 = 3;
pub(crate) const IP_TTL: i32 = 4;
pub(crate) const PKTINFO: i32 = 19;
/// Of both families: `IP_HOPLIMIT`, `IP_RECVTTL` and `IPV6_HOPLIMIT`.
pub(crate) const HOPLIMIT: i32 = 21;
pub(crate) const TCLASS: i32 = 39;
/// A `UINT64`: when a datagram was received, in ticks.
pub(crate) const SO_TIMESTAMP: i32 = 0x300A;
/// A `UINT32`: by which name to ask when a datagram left.
pub(crate) const SO_TIMESTAMP_ID: i32 = 0x300B;

/// Control messages in a buffer that is aligned as they must be.
#[derive(Debug, Clone)]
pub(crate) struct Control {
    words: [u64; ROOM / 8],
    used: usize,
}

impl Control {
    pub(crate) fn new() -> Self {
        Self { words: [0; ROOM / 8], used: 0 }
    }

    /// Appends a message; one for which there is no room is left out.
    pub(crate) fn put(&mut self, level: i32, kind: i32, data: &[u8]) {
        let whole = HEADER + data.len();
        let space = whole.next_multiple_of(ALIGN);
        if self.used + space > ROOM {
            return;
        }
        let mut message = Vec::with_capacity(space);
        message.extend_from_slice(&(whole as u64).to_ne_bytes());
        message.extend_from_slice(&level.to_ne_bytes());
        message.extend_from_slice(&kind.to_ne_bytes());
        message.extend_from_slice(data);
        message.resize(space, 0);
        let words = message.chunks_exact(8).map(|w| u64::from_ne_bytes(w.try_into().unwrap_or_default()));
        for (place, word) in self.words[self.used / 8..].iter_mut().zip(words) {
            *place = word;
        }
        self.used += space;
    }

    /// Asks that the time at which it leaves be kept under this name.
    pub(crate) fn put_stamp_id(&mut self, id: u32) {
        self.put(SOL_SOCKET, SO_TIMESTAMP_ID, &id.to_ne_bytes());
    }

    /// Marks it with DSCP and ECN.
    pub(crate) fn put_class(&mut self, v6: bool, class: u8) {
        let class = i32::from(class).to_ne_bytes();
        if v6 { self.put(IPPROTO_IPV6, TCLASS, &class) } else { self.put(IPPROTO_IP, IP_TOS, &class) }
    }

    /// Lets it leave from one of our addresses: `IN_PKTINFO` and `IN6_PKTINFO` (ws2ipdef.h).
    pub(crate) fn put_local(&mut self, local: Local) {
        match local.address {
            IpAddr::V4(v4) => {
                let info = [v4.octets(), local.interface.to_ne_bytes()].concat();
                self.put(IPPROTO_IP, PKTINFO, &info);
            }
            IpAddr::V6(v6) => {
                let info = [&v6.octets()[..], &local.interface.to_ne_bytes()].concat();
                self.put(IPPROTO_IPV6, PKTINFO, &info);
            }
        }
    }

    pub(crate) fn as_mut_ptr(&mut self) -> *mut u8 {
        self.words.as_mut_ptr().cast()
    }

    pub(crate) fn used(&self) -> usize {
        self.used
    }

    /// The first so many bytes.
    pub(crate) fn bytes(&self, length: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = self.words.iter().flat_map(|w| w.to_ne_bytes()).collect();
        bytes.truncate(length);
        bytes
    }
}

/// Calls `each` with level, type and data of every control message; ends at the first that cannot be.
pub(crate) fn each_message(bytes: &[u8], mut each: impl FnMut(i32, i32, &[u8])) {
    let mut rest = bytes;
    while let Some(head) = rest.first_chunk::<HEADER>() {
        let part = |at: usize| i32::from_ne_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let length = u64::from_ne_bytes(*head.first_chunk().unwrap_or(&[0; 8]));
        let Ok(length) = usize::try_from(length) else { return };
        let Some(data) = rest.get(HEADER..length) else { return };
        each(part(8), part(12), data);
        rest = rest.get(length.next_multiple_of(ALIGN)..).unwrap_or_default();
    }
}

/// Writes down what a message says; the time is returned, for it is in ticks.
pub(crate) fn note(received: &mut Received, level: i32, kind: i32, data: &[u8]) -> Option<u64> {
    match (level, kind) {
        (IPPROTO_IP, IP_TOS | TCLASS) | (IPPROTO_IPV6, TCLASS) => {
            received.traffic_class = control::small(data);
        }
        (IPPROTO_IP, HOPLIMIT | IP_TTL) | (IPPROTO_IPV6, HOPLIMIT) => received.ttl = control::small(data),
        (IPPROTO_IP, PKTINFO) => {
            // The interface is not kept: the address tells it.
            received.to = data
                .first_chunk::<4>()
                .map(|b| Local { address: IpAddr::V4(Ipv4Addr::from(*b)), interface: 0 });
        }
        (IPPROTO_IPV6, PKTINFO) => {
            received.to = data.first_chunk::<20>().map(|b| {
                let (address, interface) = b.split_at(16);
                let address = Ipv6Addr::from(<[u8; 16]>::try_from(address).unwrap_or_default());
                let interface = u32::from_ne_bytes(interface.try_into().unwrap_or_default());
                let link_local = address.is_unicast_link_local();
                Local { address: IpAddr::V6(address), interface: if link_local { interface } else { 0 } }
            });
        }
        (SOL_SOCKET, SO_TIMESTAMP) => {
            return data.first_chunk().map(|b| u64::from_ne_bytes(*b)).filter(|ticks| *ticks > 0);
        }
        _ => {}
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received() -> Received {
        let from = ([127, 0, 0, 1], 862).into();
        Received { length: 0, truncated: false, from, to: None, at: None, traffic_class: None, ttl: None }
    }

    fn read(bytes: &[u8]) -> (Received, Option<u64>) {
        let (mut received, mut ticks) = (received(), None);
        each_message(bytes, |level, kind, data| {
            ticks = note(&mut received, level, kind, data).or(ticks);
        });
        (received, ticks)
    }

    /// As Windows lays them out: 20 bytes for a u32, the next head at 24.
    #[test]
    fn what_is_written_has_the_documented_layout() {
        let mut control = Control::new();
        control.put_stamp_id(0x0102_0304);
        control.put_class(false, 184);
        let bytes = control.bytes(control.used());
        assert_eq!(bytes.len(), 48);
        assert_eq!(bytes[..8], 20u64.to_ne_bytes());
        assert_eq!(bytes[8..12], 0xffffi32.to_ne_bytes());
        assert_eq!(bytes[12..16], 0x300Bi32.to_ne_bytes());
        assert_eq!(bytes[16..20], 0x0102_0304u32.to_ne_bytes());
        assert_eq!(bytes[24..32], 20u64.to_ne_bytes());
        assert_eq!(bytes[36..40], 3i32.to_ne_bytes());
    }

    #[test]
    fn address_class_ttl_and_time_are_read() {
        let mut control = Control::new();
        control.put(IPPROTO_IP, PKTINFO, &[192, 0, 2, 7, 12, 0, 0, 0]);
        control.put(IPPROTO_IP, IP_TOS, &184i32.to_ne_bytes());
        control.put(IPPROTO_IP, HOPLIMIT, &57i32.to_ne_bytes());
        control.put(SOL_SOCKET, SO_TIMESTAMP, &77_000_000_001u64.to_ne_bytes());
        let (received, ticks) = read(&control.bytes(control.used()));
        assert_eq!(received.to.map(|l| l.address), Some("192.0.2.7".parse().unwrap()));
        assert_eq!(
            (received.traffic_class, received.ttl, ticks),
            (Some(184), Some(57), Some(77_000_000_001))
        );

        let mut control = Control::new();
        let local = Local { address: "fe80::1".parse().unwrap(), interface: 9 };
        control.put_local(local);
        control.put_class(true, 46 << 2);
        let (received, ticks) = read(&control.bytes(control.used()));
        assert_eq!((received.to, received.traffic_class, ticks), (Some(local), Some(184), None));
        let mut control = Control::new();
        control.put_local(Local { address: "2001:db8::1".parse().unwrap(), interface: 9 });
        assert_eq!(read(&control.bytes(control.used())).0.to.unwrap().interface, 0, "an address tells it");
    }

    #[test]
    fn nonsense_is_no_message() {
        let message = |length: u64, kind: i32, data: &[u8]| {
            [&length.to_ne_bytes()[..], &SOL_SOCKET.to_ne_bytes(), &kind.to_ne_bytes(), data].concat()
        };
        let time = 5u64.to_ne_bytes();
        assert_eq!(read(&message(24, SO_TIMESTAMP, &time)).1, Some(5));
        for (bytes, what) in [
            (message(24, SO_TIMESTAMP, &time[..7]), "cut"),
            (message(23, SO_TIMESTAMP, &time), "said to be shorter than a time"),
            (message(25, SO_TIMESTAMP, &time), "said to be longer than it is"),
            (message(15, SO_TIMESTAMP, &time), "shorter than its head"),
            (message(0, SO_TIMESTAMP, &time), "empty"),
            (message(u64::MAX, SO_TIMESTAMP, &time), "endless"),
            (message(24, SO_TIMESTAMP, &[0; 8]), "no time"),
            (message(24, SO_TIMESTAMP_ID, &time), "another type"),
            (vec![], "nothing"),
            (vec![1; 15], "less than a head"),
        ] {
            assert_eq!(read(&bytes).1, None, "{what}");
        }
        // What comes before is kept.
        let two = [message(24, SO_TIMESTAMP, &time), message(9, SO_TIMESTAMP, &time)].concat();
        assert_eq!(read(&two).1, Some(5));
        let mut full = Control::new();
        for _ in 0..100 {
            full.put_stamp_id(1);
        }
        assert_eq!(full.used(), ROOM / 24 * 24, "what has no room is left out");
    }

    proptest::proptest! {
        #[test]
        fn nothing_breaks_the_reader(bytes in proptest::collection::vec(0u8..=255, 0..ROOM)) {
            read(&bytes);
        }
    }
}
