//! STUN binding (RFC 8489, section 6), as much of it as a server without state needs: no socket, no clock.
//!
//! Unlike a usual STUN server it never answers with more bytes than it was asked with, so that nobody can
//! have it send more than they sent themselves. Who asks with the bare head of 20 bytes gets no answer; a
//! request that carries some attribute, as desks send it, does.

use std::net::{IpAddr, SocketAddr};

/// Length of a message's head: type, length, cookie, transaction.
const HEAD: usize = 20;
/// Section 5.
const COOKIE: [u8; 4] = [0x21, 0x12, 0xA4, 0x42];
const REQUEST: [u8; 2] = [0x00, 0x01];
const SUCCESS: [u8; 2] = [0x01, 0x01];
/// `XOR-MAPPED-ADDRESS`, section 14.2.
const XOR_MAPPED_ADDRESS: [u8; 2] = [0x00, 0x20];
/// Attributes below this must be understood by whoever answers (section 14).
const OPTIONAL: u8 = 0x80;

/// Whether this is a binding request, whole and nothing but that.
pub(crate) fn is_binding_request(packet: &[u8]) -> bool {
    packet.len() >= HEAD
        && packet.len().is_multiple_of(4)
        && packet[..2] == REQUEST
        && packet[4..8] == COOKIE
        && usize::from(u16::from_be_bytes([packet[2], packet[3]])) == packet.len() - HEAD
}

/// Makes the answer to a binding request in its place and gives its length; `None` if there is to be none.
pub(crate) fn answer(packet: &mut [u8], from: SocketAddr) -> Option<usize> {
    if !is_binding_request(packet) || !only_optional(&packet[HEAD..]) {
        return None;
    }
    // The socket takes both families: an IPv4 address may come as a mapped one.
    let (family, address) = match from.ip().to_canonical() {
        IpAddr::V4(v4) => (1, v4.octets().to_vec()),
        IpAddr::V6(v6) => (2, v6.octets().to_vec()),
    };
    let value = 4 + address.len();
    let whole = HEAD + 4 + value;
    if whole > packet.len() {
        return None;
    }
    let mut key = [0; 16];
    key.copy_from_slice(&packet[4..HEAD]);
    packet[..2].copy_from_slice(&SUCCESS);
    packet[2..4].copy_from_slice(&((4 + value) as u16).to_be_bytes());
    let (head, rest) = packet[HEAD..whole].split_at_mut(8);
    head[..2].copy_from_slice(&XOR_MAPPED_ADDRESS);
    head[2..4].copy_from_slice(&(value as u16).to_be_bytes());
    head[4..6].copy_from_slice(&[0, family]);
    let port = from.port() ^ u16::from_be_bytes([COOKIE[0], COOKIE[1]]);
    head[6..8].copy_from_slice(&port.to_be_bytes());
    for (place, (byte, key)) in rest.iter_mut().zip(address.iter().zip(key)) {
        *place = byte ^ key;
    }
    Some(whole)
}

/// Whether every attribute is one that an answer may leave aside, and each is whole.
fn only_optional(mut rest: &[u8]) -> bool {
    while let Some(head) = rest.first_chunk::<4>() {
        let length = usize::from(u16::from_be_bytes([head[2], head[3]])).next_multiple_of(4);
        let Some(next) = rest.get(4 + length..) else { return false };
        if head[0] < OPTIONAL {
            return false;
        }
        rest = next;
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A binding request with one attribute of this type and length.
    fn request(kind: u16, length: u16) -> Vec<u8> {
        let mut packet = [REQUEST, (4 + length).to_be_bytes()].concat();
        packet.extend(COOKIE);
        packet.extend((1..=12).collect::<Vec<u8>>());
        packet.extend(kind.to_be_bytes());
        packet.extend(length.to_be_bytes());
        packet.resize(packet.len() + usize::from(length), 7);
        packet
    }

    #[test]
    fn an_answer_holds_where_it_came_from_and_is_no_longer_than_its_request() {
        let mut packet = request(0x8022, 20);
        let length = answer(&mut packet, "192.0.2.1:32853".parse().unwrap()).unwrap();
        // The example of RFC 5769, section 2.2: 192.0.2.1:32853 is e1 12 a6 43 behind the port a1 47.
        let wanted = [
            &[0x01, 0x01, 0x00, 0x0c, 0x21, 0x12, 0xa4, 0x42][..],
            &(1..=12).collect::<Vec<u8>>(),
            &[0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43],
        ]
        .concat();
        assert_eq!(packet[..length], wanted);
        assert_eq!(answer(&mut request(0x8022, 20), "[2001:db8::1]:5".parse().unwrap()), Some(44));
        assert_eq!(answer(&mut request(0x8022, 20), "[::ffff:192.0.2.1]:5".parse().unwrap()), Some(32));
        assert_eq!(answer(&mut request(0x8022, 8), "192.0.2.1:5".parse().unwrap()), Some(32));
        assert_eq!(answer(&mut request(0x8022, 4), "192.0.2.1:5".parse().unwrap()), None, "it would grow");
        assert_eq!(answer(&mut request(0x8022, 16), "[2001:db8::1]:5".parse().unwrap()), None);
        let bare = &mut request(0x8022, 20)[..HEAD].to_vec();
        bare[2..4].fill(0);
        assert!(is_binding_request(bare));
        assert_eq!(answer(bare, "192.0.2.1:5".parse().unwrap()), None);
    }

    #[test]
    fn what_is_no_request_or_asks_for_more_is_not_answered() {
        let from = "192.0.2.1:5".parse().unwrap();
        let refused = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut packet = request(0x8022, 20);
            change(&mut packet);
            answer(&mut packet, from).is_none()
        };
        assert!(!refused(&|_| {}));
        assert!(refused(&|p| p[0] = 1), "a success");
        assert!(refused(&|p| p[1] = 3), "another method");
        assert!(refused(&|p| p[5] = 0), "another cookie");
        assert!(refused(&|p| p[3] = 20), "another length");
        assert!(refused(&|p| p.truncate(40)), "cut");
        assert!(refused(&|p| p.push(0)), "longer than it says");
        assert!(refused(&|p| p[23] = 30), "an attribute beyond the end");
        assert!(refused(&|p| p[20] = 0), "an attribute that must be understood");
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived_and_never_grow(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), like in any::<bool>(), v6 in any::<bool>()) {
            if like && bytes.len() >= 20 {
                let length = (bytes.len() - 20) as u16;
                bytes[..2].copy_from_slice(&REQUEST);
                bytes[2..4].copy_from_slice(&length.to_be_bytes());
                bytes[4..8].copy_from_slice(&COOKIE);
            }
            let before = bytes.len();
            let from = if v6 { "[2001:db8::1]:9" } else { "192.0.2.1:9" };
            if let Some(length) = answer(&mut bytes, from.parse().unwrap()) {
                prop_assert!(length <= before);
                prop_assert!(answer(&mut bytes[..length].to_vec(), from.parse().unwrap()).is_none(), "an answer is not answered");
            }
        }
    }
}
