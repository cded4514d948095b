//! Reads the replies that Windows' echo functions leave in their buffer, as a 64-bit program gets them.
//!
//! Pure. Asking is `platform::windows::gateway`.

use super::netlink::u32_at;
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

/// Which of the two functions filled the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// `IcmpSendEcho2Ex`, an `ICMP_ECHO_REPLY` (ipexport.h): address, status, time, …
    V4,
    /// `Icmp6SendEcho2`, an `ICMPV6_ECHO_REPLY` (ipexport.h): an address of 26 bytes, status, time.
    V6,
}

/// What a reply says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// The echo came back.
    Answered,
    /// A router says that it died there: `IP_TTL_EXPIRED_TRANSIT`, with IPv6 `IP_HOP_LIMIT_EXCEEDED`.
    Expired,
}

/// What the first reply in the buffer says, and after how many whole milliseconds; `None` if it is neither
/// of what we ask for, or cut short.
pub fn read(family: Family, reply: &[u8]) -> Option<(Said, u32)> {
    const SUCCESS: u32 = 0;
    const EXPIRED: u32 = 11_013;
    // Before the time comes the status; before that the address, whose last two bytes are padding with IPv6.
    let (status, time, least) = match family {
        Family::V4 => (4, 8, 40),
        Family::V6 => (28, 32, 36),
    };
    if reply.len() < least {
        return None;
    }
    let said = match u32_at(reply, status)? {
        SUCCESS => Said::Answered,
        EXPIRED => Said::Expired,
        _ => return None,
    };
    Some((said, u32_at(reply, time)?))
}

/// Who sent the first reply in the buffer: the first four bytes, in IPv6 what stands behind port and flow.
pub fn from(family: Family, reply: &[u8]) -> Option<IpAddr> {
    match family {
        Family::V4 => reply.first_chunk::<4>().map(|b| Ipv4Addr::from(*b).into()),
        Family::V6 => reply.get(6..)?.first_chunk::<16>().map(|b| Ipv6Addr::from(*b).into()),
    }
}

/// The time of an echo. Windows tells whole milliseconds, rounded down; our own clock goes from before the
/// call to after it, so the truth is no longer than that and less than a millisecond beyond what Windows tells.
pub fn time(whole_ms: u32, around: Duration) -> Duration {
    around.min(Duration::from_millis(u64::from(whole_ms) + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_replied_is_read() {
        assert_eq!(from(Family::V4, &v4(0, 1)), "192.168.1.1".parse().ok());
        let address: Ipv6Addr = "2001:db8::7".parse().unwrap();
        let six = [&[0; 6][..], &address.octets(), &[0; 14]].concat();
        assert_eq!(from(Family::V6, &six), Some(address.into()));
        assert_eq!((from(Family::V4, &[1, 2, 3]), from(Family::V6, &six[..21])), (None, None));
    }

    fn v4(status: u32, ms: u32) -> Vec<u8> {
        let mut reply = [[192, 168, 1, 1], status.to_ne_bytes(), ms.to_ne_bytes()].concat();
        reply.resize(40, 0);
        reply
    }

    fn v6(status: u32, ms: u32) -> Vec<u8> {
        let mut reply = vec![0; 28];
        reply[6..8].copy_from_slice(&[0xfe, 0x80]);
        [reply, status.to_ne_bytes().to_vec(), ms.to_ne_bytes().to_vec()].concat()
    }

    #[test]
    fn answers_and_deaths_of_both_families() {
        assert_eq!(read(Family::V4, &v4(0, 3)), Some((Said::Answered, 3)));
        assert_eq!(read(Family::V4, &v4(11_013, 1)), Some((Said::Expired, 1)));
        assert_eq!(read(Family::V6, &v6(0, 7)), Some((Said::Answered, 7)));
        assert_eq!(read(Family::V6, &v6(11_013, 0)), Some((Said::Expired, 0)));
    }

    /// Timed out, host unreachable, a general failure, and what nobody knows: all are no answer.
    #[test]
    fn what_is_no_answer() {
        for status in [11_010, 11_003, 11_050, 11_014, 1, u32::MAX] {
            assert_eq!(read(Family::V4, &v4(status, 0)), None, "{status}");
            assert_eq!(read(Family::V6, &v6(status, 0)), None, "{status}");
        }
        assert_eq!(read(Family::V4, &v4(0, 3)[..39]), None);
        assert_eq!(read(Family::V6, &v6(0, 3)[..35]), None);
        assert_eq!(read(Family::V4, &[]), None);
    }

    #[test]
    fn times_are_finer_than_windows_tells_where_that_is_certain() {
        let of = |ms, micros| time(ms, Duration::from_micros(micros)).as_micros();
        assert_eq!(of(0, 420), 420);
        assert_eq!(of(3, 3_700), 3_700);
        assert_eq!(of(3, 19_000), 4_000, "the computer was busy, not the gateway");
        assert_eq!(of(u32::MAX, 5), 5);
    }
}
