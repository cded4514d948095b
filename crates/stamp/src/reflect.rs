//! Turning a request into its reply, in place: the reply is exactly as long as the request.

use crate::{BASE, ClassOfService, ErrorEstimate, Flags, Kind, Reply, Request, StampError, Timestamp, Tlvs};

/// What the reflector saw of a request beside its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// The reflector's own count in this session.
    pub sequence: u32,
    /// When the request came.
    pub received: Timestamp,
    /// How far to trust the reflector's clock.
    pub error: ErrorEstimate,
    /// TTL or hop limit, 0 if it cannot be told.
    pub ttl: u8,
    /// DSCP and ECN together, as in the IP header; without it the Class of Service stays unrecognised.
    pub traffic_class: Option<u8>,
}

/// Makes the reply out of the request in `packet` and says which DSCP it should be sent with.
/// The time of sending is put in afterwards by `set_sent`, as late as possible.
pub fn reflect(packet: &mut [u8], request: &Request, seen: &Seen) -> Result<u8, StampError> {
    Reply {
        sequence: seen.sequence,
        sent: Timestamp::default(),
        error: seen.error,
        ssid: request.ssid,
        received: seen.received,
        sender_sequence: request.sequence,
        sender_sent: request.sent,
        sender_error: request.error,
        sender_ttl: seen.ttl,
    }
    .write(packet)?;
    Ok(answer_tlvs(&mut packet[BASE..], seen).unwrap_or(seen.traffic_class.unwrap_or(0) >> 2))
}

/// Puts the time of sending into a reply; nothing if it is too short to be one.
pub fn set_sent(packet: &mut [u8], sent: Timestamp) {
    if let Some(field) = packet.get_mut(4..12) {
        field.copy_from_slice(&sent.0.to_be_bytes());
    }
}

/// Answers each TLV with its flags; returns the DSCP that was asked for.
fn answer_tlvs(bytes: &mut [u8], seen: &Seen) -> Option<u8> {
    let mut dscp = None;
    let mut from = 0;
    // Each step reads one TLV and then writes to it: an iterator would hold the bytes.
    while let Some(next) = Tlvs::new(&bytes[from..]).next() {
        let (at, flags, length) = match next {
            Ok(tlv) => {
                let at = from + tlv.at;
                let (flags, answer) = answer(tlv.kind, tlv.value, seen);
                let length = tlv.value.len();
                if let Some(cos) = answer {
                    dscp.get_or_insert(cos.asked);
                    bytes[at + 4..at + 8].copy_from_slice(&cos.value());
                }
                (at, flags, length)
            }
            Err(cut) => (from + cut.at, Flags { malformed: true, ..Flags::default() }, 0),
        };
        bytes[at] = flags.to_bits();
        // RFC 8972 §4: behind a malformed TLV nothing is looked at.
        if flags.malformed {
            break;
        }
        from = at + 4 + length;
    }
    dscp
}

fn answer(kind: Kind, value: &[u8], seen: &Seen) -> (Flags, Option<ClassOfService>) {
    let understood = Flags::default();
    let unrecognized = Flags { unrecognized: true, ..understood };
    match (kind, seen.traffic_class) {
        (Kind::Padding, _) => (understood, None),
        (Kind::ClassOfService, Some(class)) => match ClassOfService::read(value) {
            Some(cos) => {
                (understood, Some(ClassOfService { seen: class >> 2, ecn: class & 3, refused: false, ..cos }))
            }
            None => (Flags { malformed: true, ..understood }, None),
        },
        _ => (unrecognized, None),
    }
}
