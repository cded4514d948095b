//! What is to be known of an Ethernet frame.

const ETHERNET: usize = 14;
const ICMP: u8 = 1;
const UDP: u8 = 17;
/// Length of a STAMP base packet (RFC 8762).
const STAMP: usize = 44;
/// With which irtt's packets begin; then come its flags and the token of the connection.
const IRTT: [u8; 3] = [0x14, 0xa7, 0x5b];

/// What a packet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A STAMP request.
    Request,
    /// A STAMP reply.
    Reply,
    /// An ICMP echo request over IPv4. Its session is left zero: address translation changes it.
    EchoRequest,
    /// An ICMP echo reply over IPv4.
    EchoReply,
    /// A packet of irtt's to its server.
    IrttRequest,
    /// A packet of irtt's from its server.
    IrttReply,
    /// Anything else.
    Other,
}

/// By which a packet is known wherever it passes, also behind address translation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// What it is.
    pub kind: Kind,
    /// The STAMP session.
    pub ssid: u16,
    /// The sender's count: in a reply, that of the request.
    pub sequence: u32,
    /// Length of the frame.
    pub length: usize,
}

/// Whether a frame is somebody's data, and not ARP, neighbour discovery or MLD.
pub(crate) fn is_data(frame: &[u8]) -> bool {
    match ethertype(frame) {
        Some(0x0800) => true,
        Some(0x86dd) => {
            let Some((protocol, payload)) = ipv6_payload(frame) else { return true };
            protocol != 58 || !matches!(payload.first(), Some(130..=137 | 143))
        }
        _ => false,
    }
}

/// By what a frame is known.
pub(crate) fn identity(frame: &[u8]) -> Identity {
    let other = Identity { kind: Kind::Other, ssid: 0, sequence: 0, length: frame.len() };
    let payload = match ethertype(frame) {
        Some(0x0800) => ipv4_payload(frame),
        Some(0x86dd) => ipv6_payload(frame),
        _ => None,
    };
    let known = match payload {
        Some((ICMP, message)) if ethertype(frame) == Some(0x0800) => echo(message),
        Some((UDP, datagram)) => {
            datagram.get(8..).and_then(|payload| irtt(payload).or_else(|| stamp(payload)))
        }
        _ => None,
    };
    match known {
        Some((kind, ssid, sequence)) => Identity { kind, ssid, sequence, length: frame.len() },
        None => other,
    }
}

fn stamp(payload: &[u8]) -> Option<(Kind, u16, u32)> {
    let stamp = payload.get(..STAMP)?;
    let number = |at: usize| stamp[at..at + 4].iter().fold(0, |n, byte| n << 8 | u32::from(*byte));
    // What a sender leaves zero, a reflector fills.
    let request = stamp[16..].iter().all(|byte| *byte == 0);
    let ssid = u16::from_be_bytes([stamp[14], stamp[15]]);
    Some(if request { (Kind::Request, ssid, number(0)) } else { (Kind::Reply, ssid, number(24)) })
}

fn echo(message: &[u8]) -> Option<(Kind, u16, u32)> {
    let kind = match message.get(..2)? {
        [8, 0] => Kind::EchoRequest,
        [0, 0] => Kind::EchoReply,
        _ => return None,
    };
    Some((kind, 0, u32::from(u16::from_be_bytes(message.get(6..8)?.try_into().ok()?))))
}

/// Without the opening and the closing of a connection, and of connections without HMAC, as is its default.
fn irtt(payload: &[u8]) -> Option<(Kind, u16, u32)> {
    let kind = match (payload.get(..3)? == IRTT, payload.get(3)?) {
        (true, 0) => Kind::IrttRequest,
        (true, 2) => Kind::IrttReply,
        _ => return None,
    };
    Some((kind, 0, u32::from_le_bytes(payload.get(12..16)?.try_into().ok()?)))
}

/// Takes the DSCP off and leaves ECN.
pub(crate) fn clear_dscp(frame: &mut [u8]) {
    match ethertype(frame) {
        Some(0x0800) if frame.len() >= ETHERNET + 20 => {
            frame[15] &= 0x03;
            let header = usize::from(frame[14] & 15) * 4;
            let Some(header) = frame.get_mut(ETHERNET..ETHERNET + header).filter(|h| h.len() >= 20) else {
                return;
            };
            header[10..12].fill(0);
            let sum: u32 = header.chunks(2).map(|w| u32::from(w[0]) << 8 | u32::from(w[1])).sum();
            let folded = (sum & 0xffff) + (sum >> 16);
            let folded = (folded & 0xffff) + (folded >> 16);
            header[10..12].copy_from_slice(&(!(folded as u16)).to_be_bytes());
        }
        Some(0x86dd) if frame.len() >= ETHERNET + 40 => {
            // The class lies across two bytes: its upper six bits are the DSCP.
            frame[14] &= 0xf0;
            frame[15] &= 0x3f;
        }
        _ => {}
    }
}

fn ethertype(frame: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes([*frame.get(12)?, *frame.get(13)?]))
}

fn ipv4_payload(frame: &[u8]) -> Option<(u8, &[u8])> {
    let packet = frame.get(ETHERNET..)?;
    let header = usize::from(packet.first()? & 15) * 4;
    Some((*packet.get(9)?, packet.get(header..)?))
}

/// Only hop-by-hop options are skipped: MLD has them.
fn ipv6_payload(frame: &[u8]) -> Option<(u8, &[u8])> {
    let packet = frame.get(ETHERNET..)?;
    let (next, rest) = (*packet.get(6)?, packet.get(40..)?);
    if next != 0 {
        return Some((next, rest));
    }
    let length = 8 * (1 + usize::from(*rest.get(1)?));
    Some((*rest.first()?, rest.get(length..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A UDP packet over IPv4, marked 46, with a right header checksum.
    fn v4(payload: &[u8]) -> Vec<u8> {
        let mut frame = [&[0; 12][..], &[8, 0]].concat();
        let header = [0x45, 0xb9, 0, 48, 0, 0, 0, 0, 64, UDP, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
        frame.extend(header);
        frame.extend([0; 8]);
        frame.extend(payload);
        frame
    }

    fn checksum(header: &[u8]) -> u32 {
        let sum: u32 = header.chunks(2).map(|w| u32::from(w[0]) << 8 | u32::from(w[1])).sum();
        (sum & 0xffff) + (sum >> 16)
    }

    #[test]
    fn a_cleared_header_has_a_right_checksum() {
        let mut frame = v4(&[0; 44]);
        clear_dscp(&mut frame);
        assert_eq!(frame[15], 0x01, "ECN stays");
        assert_eq!(checksum(&frame[14..34]), 0xffff);
    }

    #[test]
    fn requests_and_replies_are_known_by_the_senders_count() {
        let mut stamp = [0; 172];
        stamp[0..4].copy_from_slice(&[0, 0, 1, 2]);
        stamp[14..16].copy_from_slice(&[0xab, 0xcd]);
        let id = identity(&v4(&stamp));
        assert_eq!((id.kind, id.ssid, id.sequence), (Kind::Request, 0xabcd, 258));
        stamp[16] = 1;
        stamp[24..28].copy_from_slice(&[0, 0, 0, 9]);
        let id = identity(&v4(&stamp));
        assert_eq!((id.kind, id.ssid, id.sequence), (Kind::Reply, 0xabcd, 9));
        assert_eq!(identity(&v4(&[0; 43])).kind, Kind::Other);
    }

    #[test]
    fn the_packets_of_other_tools_are_known() {
        let mut frame = v4(&[0; 20]);
        frame[23] = ICMP;
        frame[34..42].copy_from_slice(&[8, 0, 0, 0, 0x12, 0x34, 0, 7]);
        assert_eq!((identity(&frame).kind, identity(&frame).sequence), (Kind::EchoRequest, 7));
        frame[34] = 0;
        assert_eq!((identity(&frame).kind, identity(&frame).sequence), (Kind::EchoReply, 7));
        frame[34] = 11;
        assert_eq!(identity(&frame).kind, Kind::Other, "an error is no answer");
        let mut irtt = [&IRTT[..], &[0], &[1; 8], &[5, 1, 0, 0], &[0; 60]].concat();
        assert_eq!((identity(&v4(&irtt)).kind, identity(&v4(&irtt)).sequence), (Kind::IrttRequest, 261));
        irtt[3] = 2;
        assert_eq!(identity(&v4(&irtt)).kind, Kind::IrttReply);
        irtt[3] = 1;
        assert_ne!(identity(&v4(&irtt)).kind, Kind::IrttRequest, "that opens a connection");
    }

    #[test]
    fn no_frame_is_too_odd() {
        let mut odd = v4(&[7; 60]);
        odd[14] = 0x4f;
        for length in 0..odd.len() {
            let mut frame = odd[..length].to_vec();
            for kind in [[8, 0], [0x86, 0xdd], [8, 6]] {
                if length >= 14 {
                    frame[12..14].copy_from_slice(&kind);
                }
                is_data(&frame);
                identity(&frame);
                clear_dscp(&mut frame);
            }
        }
    }
}
