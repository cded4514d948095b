//! ICMP errors about datagrams of ours, as plain functions over the bytes of Linux' error queue.
#![cfg_attr(
    not(target_os = "linux"),
    allow(dead_code, reason = "only Linux hands errors to the socket that caused them")
)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What somebody on the way said of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// It had no hops left.
    Expired,
    /// Nobody listens there, or it is not let through.
    Refused,
    /// There is no way further.
    NoWay,
    /// Something else.
    Other,
}

/// An ICMP error about a datagram of this socket. The kernel has held its addresses and ports to the socket's; anybody
/// who knows those could still have made it up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Complaint<'a> {
    /// What it says.
    pub says: Says,
    /// Who sent it.
    pub from: IpAddr,
    /// When it came, in nanoseconds since the Unix epoch by the wall clock, if the kernel tells.
    pub at: Option<u64>,
    /// What it quotes of the datagram's content; may be nothing.
    pub quoted: &'a [u8],
}

/// What an error says and who sent it, from a `sock_extended_err` and the address behind it (linux/errqueue.h); none
/// for what is no ICMP error.
pub(crate) fn read(data: &[u8]) -> Option<(Says, IpAddr)> {
    /// `SO_EE_ORIGIN_ICMP` and `SO_EE_ORIGIN_ICMP6`.
    const ICMP: u8 = 2;
    const ICMP6: u8 = 3;
    const FIXED: usize = 16;
    let (origin, kind, code) = (*data.get(4)?, *data.get(5)?, *data.get(6)?);
    // RFC 792 and RFC 1812; RFC 4443.
    let says = match (origin, kind, code) {
        (ICMP, 11, 0) | (ICMP6, 3, 0) => Says::Expired,
        (ICMP, 3, 3 | 9 | 10 | 13) | (ICMP6, 1, 1 | 4 | 5 | 6) => Says::Refused,
        (ICMP, 3, 0 | 1 | 5 | 6 | 7 | 11 | 12) | (ICMP6, 1, 0 | 2 | 3) => Says::NoWay,
        (ICMP | ICMP6, ..) => Says::Other,
        _ => return None,
    };
    let family = u16::from_ne_bytes(data.get(FIXED..FIXED + 2)?.try_into().ok()?);
    // `AF_INET` and `AF_INET6` of Linux: the address stands behind the port, with IPv6 behind the flow too.
    let from = match family {
        2 => IpAddr::from(Ipv4Addr::from(*data.get(FIXED + 4..)?.first_chunk::<4>()?)),
        10 => IpAddr::from(Ipv6Addr::from(*data.get(FIXED + 8..)?.first_chunk::<16>()?)),
        _ => return None,
    };
    Some((says, from))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(origin: u8, kind: u8, code: u8, family: u16, address: &[u8]) -> Vec<u8> {
        let head = [113, 0, 0, 0, origin, kind, code, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        [&head[..], &family.to_ne_bytes(), &[0, 0], address, &[0; 8]].concat()
    }

    #[test]
    fn what_routers_say() {
        let four = |kind, code| read(&error(2, kind, code, 2, &[10, 0, 0, 1])).map(|r| r.0);
        assert_eq!(read(&error(2, 11, 0, 2, &[10, 0, 0, 1])), Some((Says::Expired, [10, 0, 0, 1].into())));
        assert_eq!(four(3, 3), Some(Says::Refused));
        assert_eq!(four(3, 13), Some(Says::Refused));
        assert_eq!(four(3, 1), Some(Says::NoWay));
        assert_eq!(four(3, 4), Some(Says::Other), "too big is no refusal");
        assert_eq!(four(11, 1), Some(Says::Other), "of fragments that never were whole");
        let six = [&[0; 4][..], &[0xfe, 0x80], &[0; 13], &[1]].concat();
        let from: Ipv6Addr = "fe80::1".parse().unwrap();
        assert_eq!(read(&error(3, 3, 0, 10, &six)), Some((Says::Expired, from.into())));
        assert_eq!(read(&error(3, 1, 0, 10, &six)), Some((Says::NoWay, from.into())));
    }

    #[test]
    fn what_is_none_of_it() {
        assert_eq!(read(&error(4, 11, 0, 2, &[10, 0, 0, 1])), None, "a timestamp");
        assert_eq!(read(&error(1, 11, 0, 2, &[10, 0, 0, 1])), None, "this machine itself");
        assert_eq!(read(&error(2, 11, 0, 7, &[10, 0, 0, 1])), None, "no address");
        let whole = error(2, 11, 0, 2, &[10, 0, 0, 1]);
        for end in 0..24 {
            assert_eq!(read(&whole[..end]), None, "{end}");
        }
    }
}
