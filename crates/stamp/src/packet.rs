//! The base packets: what a sender sends and what a reflector answers.

use crate::{ClassOfService, ErrorEstimate, StampError, Timestamp, Tlvs, tlv};

/// Length of both base packets; TLVs follow.
pub const BASE: usize = 44;

/// What a session sender sends (RFC 8762 §4.2.1, with the session id of RFC 8972 §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// Counts from zero in each session.
    pub sequence: u32,
    /// When it was sent: T1.
    pub sent: Timestamp,
    /// How far to trust that.
    pub error: ErrorEstimate,
    /// Tells sessions between the same two ports apart.
    pub ssid: u16,
}

impl Request {
    /// Writes the packet into all of `buffer`: the base packet, a Class of Service TLV if there is
    /// room for it, and Extra Padding for the rest. `dscp` is what the reflector is asked to answer with.
    pub fn write(&self, buffer: &mut [u8], dscp: u8) -> Result<(), StampError> {
        let wanted = buffer.len();
        if wanted < BASE {
            return Err(StampError::Short { what: "request", need: BASE, have: wanted });
        }
        buffer.fill(0);
        buffer[0..4].copy_from_slice(&self.sequence.to_be_bytes());
        buffer[4..12].copy_from_slice(&self.sent.0.to_be_bytes());
        buffer[12..14].copy_from_slice(&self.error.to_bits().to_be_bytes());
        buffer[14..16].copy_from_slice(&self.ssid.to_be_bytes());
        let mut rest = &mut buffer[BASE..];
        if rest.len() >= ClassOfService::LENGTH {
            let (own, after) = rest.split_at_mut(ClassOfService::LENGTH);
            ClassOfService::asking(dscp).write(own);
            rest = after;
        }
        match rest.len() {
            0 => Ok(()),
            1..tlv::HEADER => {
                Err(StampError::Padding { wanted, why: "a TLV's header does not fit into what is left" })
            }
            n if n - tlv::HEADER > usize::from(u16::MAX) => {
                Err(StampError::Padding { wanted, why: "a TLV holds at most 65,535 bytes" })
            }
            _ => {
                tlv::write_padding(rest);
                Ok(())
            }
        }
    }

    /// Reads the base packet at the beginning of `bytes`.
    pub fn read(bytes: &[u8]) -> Result<Self, StampError> {
        let base = base(bytes, "request")?;
        // RFC 8762 lets a receiver ignore these bytes. We do not: a reply has its receive time
        // there, and answering replies would let two reflectors talk to each other for ever.
        if base[16..].iter().any(|&b| b != 0) {
            return Err(StampError::NotARequest);
        }
        Ok(Self {
            sequence: u32_at(base, 0),
            sent: time_at(base, 4),
            error: error_at(base, 12),
            ssid: u16_at(base, 14),
        })
    }
}

/// What a session reflector answers (RFC 8762 §4.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply {
    /// A stateful reflector's own count in this session; a stateless one repeats the sender's.
    pub sequence: u32,
    /// When the reply was sent: T3.
    pub sent: Timestamp,
    /// How far to trust the reflector's times.
    pub error: ErrorEstimate,
    /// The session, repeated.
    pub ssid: u16,
    /// When the request came: T2.
    pub received: Timestamp,
    /// The request's count, repeated.
    pub sender_sequence: u32,
    /// The request's time, repeated.
    pub sender_sent: Timestamp,
    /// The request's error estimate, repeated.
    pub sender_error: ErrorEstimate,
    /// TTL or hop limit with which the request came; 0 if the reflector could not tell.
    pub sender_ttl: u8,
}

impl Reply {
    /// Reads the base packet at the beginning of `bytes`.
    pub fn read(bytes: &[u8]) -> Result<Self, StampError> {
        let base = base(bytes, "reply")?;
        Ok(Self {
            sequence: u32_at(base, 0),
            sent: time_at(base, 4),
            error: error_at(base, 12),
            ssid: u16_at(base, 14),
            received: time_at(base, 16),
            sender_sequence: u32_at(base, 24),
            sender_sent: time_at(base, 28),
            sender_error: error_at(base, 36),
            sender_ttl: base[40],
        })
    }

    /// Writes the base packet at the beginning of `buffer`; what follows it stays.
    pub fn write(&self, buffer: &mut [u8]) -> Result<(), StampError> {
        let have = buffer.len();
        let base =
            buffer.first_chunk_mut::<BASE>().ok_or(StampError::Short { what: "reply", need: BASE, have })?;
        base.fill(0);
        base[0..4].copy_from_slice(&self.sequence.to_be_bytes());
        base[4..12].copy_from_slice(&self.sent.0.to_be_bytes());
        base[12..14].copy_from_slice(&self.error.to_bits().to_be_bytes());
        base[14..16].copy_from_slice(&self.ssid.to_be_bytes());
        base[16..24].copy_from_slice(&self.received.0.to_be_bytes());
        base[24..28].copy_from_slice(&self.sender_sequence.to_be_bytes());
        base[28..36].copy_from_slice(&self.sender_sent.0.to_be_bytes());
        base[36..38].copy_from_slice(&self.sender_error.to_bits().to_be_bytes());
        base[40] = self.sender_ttl;
        Ok(())
    }

    /// What the reflector said about the class of service, if it understood the question.
    pub fn class_of_service(bytes: &[u8]) -> Option<ClassOfService> {
        let tlvs = Tlvs::new(bytes.get(BASE..)?);
        tlvs.map_while(Result::ok)
            .find(|t| t.kind == crate::Kind::ClassOfService && !t.flags.unrecognized && !t.flags.malformed)
            .and_then(|t| ClassOfService::read(t.value))
    }
}

fn base<'a>(bytes: &'a [u8], what: &'static str) -> Result<&'a [u8; BASE], StampError> {
    bytes.first_chunk().ok_or(StampError::Short { what, need: BASE, have: bytes.len() })
}

// The offsets are constants within the base packet, so none of these can be out of range.
fn u16_at(base: &[u8; BASE], at: usize) -> u16 {
    u16::from_be_bytes([base[at], base[at + 1]])
}
fn u32_at(base: &[u8; BASE], at: usize) -> u32 {
    u32::from(u16_at(base, at)) << 16 | u32::from(u16_at(base, at + 2))
}
fn time_at(base: &[u8; BASE], at: usize) -> Timestamp {
    Timestamp(u64::from(u32_at(base, at)) << 32 | u64::from(u32_at(base, at + 4)))
}
fn error_at(base: &[u8; BASE], at: usize) -> ErrorEstimate {
    ErrorEstimate::from_bits(u16_at(base, at))
}
