//! An entry of a socket's error queue as Linux hands it out: `sock_extended_err` of
//! `linux/errqueue.h`, and behind it the address of whoever complained.
//!
//! Pure; reading the queue is `platform::gateway`.

use super::netlink::{AF_INET, AF_INET6, u16_at};
use std::net::IpAddr;

/// What an entry says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IcmpError {
    /// Whether it came as an ICMP message, and not from this machine's own tables.
    pub icmp: bool,
    /// Who sent that message.
    pub offender: Option<IpAddr>,
}

/// Reads an entry.
pub fn parse(bytes: &[u8]) -> Option<IcmpError> {
    /// Length of the fixed part.
    const FIXED: usize = 16;
    /// `SO_EE_ORIGIN_ICMP` and `SO_EE_ORIGIN_ICMP6`.
    const ICMP: std::ops::RangeInclusive<u8> = 2..=3;
    let origin = *bytes.get(4)?;
    // `sockaddr_in` has its address behind family and port, `sockaddr_in6` also behind the flow.
    let offender = match u16_at(bytes, FIXED).and_then(|family| u8::try_from(family).ok()) {
        Some(AF_INET) => {
            bytes.get(FIXED + 4..FIXED + 8).and_then(|b| <[u8; 4]>::try_from(b).ok()).map(IpAddr::from)
        }
        Some(AF_INET6) => {
            bytes.get(FIXED + 8..FIXED + 24).and_then(|b| <[u8; 16]>::try_from(b).ok()).map(IpAddr::from)
        }
        _ => None,
    };
    Some(IcmpError { icmp: ICMP.contains(&origin), offender })
}

#[cfg(all(test, target_endian = "little"))]
mod tests {
    use super::*;

    #[test]
    fn the_offender_is_read_from_the_error() {
        // EHOSTUNREACH, origin ICMP, type 11 (time exceeded), code 0; then a sockaddr_in of 10.0.0.1.
        let mut four = vec![113, 0, 0, 0, 2, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        four.extend([2, 0, 0, 0, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(parse(&four), Some(IcmpError { icmp: true, offender: "10.0.0.1".parse().ok() }));
        assert_eq!(parse(&four[..20]), Some(IcmpError { icmp: true, offender: None }));
        assert_eq!(parse(&four[..4]), None);
        let mut six = vec![113, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0];
        six.extend("fe80::1".parse::<std::net::Ipv6Addr>().unwrap().octets());
        assert_eq!(parse(&six), Some(IcmpError { icmp: true, offender: "fe80::1".parse().ok() }));
    }

    #[test]
    fn what_this_machine_says_itself_is_no_icmp() {
        // SO_EE_ORIGIN_LOCAL: nobody answered on the link, the family is not set.
        let own = [113, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(parse(&own), Some(IcmpError::default()));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_break_it(bytes in proptest::collection::vec(0u8..=255, 0..60)) {
            parse(&bytes);
        }
    }
}
