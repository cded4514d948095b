//! Reads what an ICMP error says of the UDP datagram that it is about.
//!
//! Pure, and compiled on every system. RFC 792 and RFC 4443: an error quotes the header of the packet
//! that died and at least the first eight bytes behind it, which for UDP begin with both ports.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A UDP datagram of ours that somebody on the way could not take further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Died {
    /// Where it was sent to.
    pub to: IpAddr,
    /// The port that it was sent from.
    pub from_port: u16,
    /// The port that it was sent to.
    pub to_port: u16,
}

const UDP: u8 = 17;

/// From a whole IPv4 packet with its header, as an ICMP socket of macOS hands it out.
pub fn died_v4(packet: &[u8]) -> Option<Died> {
    const UNREACHABLE: u8 = 3;
    const TIME_EXCEEDED: u8 = 11;
    let message = packet.get(header_length(packet)?..)?;
    let quoted = message.get(8..)?;
    let known = matches!(*message.first()?, UNREACHABLE | TIME_EXCEEDED) && *quoted.get(9)? == UDP;
    // A fragment that is not the first begins somewhere in the middle.
    let whole = u16::from_be_bytes(*quoted.get(6..)?.first_chunk()?) & 0x1fff == 0;
    let to = Ipv4Addr::from(*quoted.get(16..)?.first_chunk::<4>()?);
    let ports = quoted.get(header_length(quoted)?..)?;
    (known && whole).then_some(())?;
    died(to.into(), ports)
}

/// From an ICMPv6 message, which comes without the IPv6 header before it.
pub fn died_v6(message: &[u8]) -> Option<Died> {
    const UNREACHABLE: u8 = 1;
    const TIME_EXCEEDED: u8 = 3;
    const HEADER: usize = 40;
    let quoted = message.get(8..)?;
    let known = matches!(*message.first()?, UNREACHABLE | TIME_EXCEEDED) && *quoted.get(6)? == UDP;
    let to = Ipv6Addr::from(*quoted.get(24..)?.first_chunk::<16>()?);
    known.then_some(())?;
    died(to.into(), quoted.get(HEADER..)?)
}

fn died(to: IpAddr, ports: &[u8]) -> Option<Died> {
    let port = |at: usize| Some(u16::from_be_bytes(*ports.get(at..)?.first_chunk()?));
    Some(Died { to, from_port: port(0)?, to_port: port(2)? })
}

/// Length of an IPv4 header.
fn header_length(packet: &[u8]) -> Option<usize> {
    let first = *packet.first()?;
    let length = usize::from(first & 0x0f) * 4;
    (first >> 4 == 4 && length >= 20).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An IPv4 header to 192.0.2.1 that says it has `words` words.
    fn v4(words: u8, protocol: u8, fragment: u16) -> Vec<u8> {
        let mut header = vec![0; usize::from(words.max(5)) * 4];
        header[0] = 0x40 | words;
        header[6..8].copy_from_slice(&fragment.to_be_bytes());
        header[9] = protocol;
        header[16..20].copy_from_slice(&[192, 0, 2, 1]);
        header
    }

    const PORTS: [u8; 8] = [0xc0, 0x01, 0x82, 0x9a, 0, 16, 0, 0];

    fn error_v4(kind: u8, outer: u8, inner: Vec<u8>) -> Vec<u8> {
        [v4(outer, 1, 0), vec![kind, 0, 0, 0, 0, 0, 0, 0], inner, PORTS.to_vec()].concat()
    }

    fn error_v6(kind: u8, next: u8) -> Vec<u8> {
        let mut header = vec![0; 40];
        header[0] = 0x60;
        header[6] = next;
        header[24..40].copy_from_slice(&"2001:db8::1".parse::<Ipv6Addr>().unwrap().octets());
        [vec![kind, 0, 0, 0, 0, 0, 0, 0], header, PORTS.to_vec()].concat()
    }

    #[test]
    fn what_died_is_read_from_the_quote() {
        let ours = |to: &str| Some(Died { to: to.parse().unwrap(), from_port: 0xc001, to_port: 33_434 });
        for kind in [3, 11] {
            assert_eq!(died_v4(&error_v4(kind, 5, v4(5, 17, 0))), ours("192.0.2.1"));
            assert_eq!(died_v4(&error_v4(kind, 6, v4(8, 17, 0x4000))), ours("192.0.2.1"), "with options");
        }
        for kind in [1, 3] {
            assert_eq!(died_v6(&error_v6(kind, 17)), ours("2001:db8::1"));
        }
    }

    #[test]
    fn all_else_is_nothing() {
        assert_eq!(died_v4(&error_v4(0, 5, v4(5, 17, 0))), None, "an echo's answer");
        assert_eq!(died_v4(&error_v4(11, 5, v4(5, 6, 0))), None, "about TCP");
        assert_eq!(died_v4(&error_v4(11, 5, v4(5, 17, 0x00b9))), None, "the middle of a datagram");
        assert_eq!(died_v4(&error_v4(11, 4, v4(5, 17, 0))), None, "a header too short");
        assert_eq!(died_v6(&error_v6(129, 17)), None, "an echo's answer");
        assert_eq!(died_v6(&error_v6(3, 58)), None, "about ICMPv6");
    }

    #[test]
    fn cut_anywhere_it_is_nothing() {
        let (four, six) = (error_v4(11, 5, v4(5, 17, 0)), error_v6(3, 17));
        // The last four bytes are length and checksum, which nobody reads.
        for end in 0..four.len() - 4 {
            assert_eq!(died_v4(&four[..end]), None, "{end}");
        }
        for end in 0..six.len() - 4 {
            assert_eq!(died_v6(&six[..end]), None, "{end}");
        }
    }
}
