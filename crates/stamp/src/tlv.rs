//! The TLVs of RFC 8972 that follow a base packet.

/// Flags, type and length.
pub(crate) const HEADER: usize = 4;
const UNRECOGNIZED: u8 = 0x80;
const MALFORMED: u8 = 0x40;
const INTEGRITY: u8 = 0x20;

/// The flags of a TLV (RFC 8972 §4). A sender sets U and clears the others; the reflector answers with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags {
    /// U: the reflector did not recognise it.
    pub unrecognized: bool,
    /// M: the reflector found it malformed.
    pub malformed: bool,
    /// I: its integrity could not be verified.
    pub integrity: bool,
}

impl Flags {
    /// From the wire; bits without a meaning are ignored.
    pub fn from_bits(bits: u8) -> Self {
        Self {
            unrecognized: bits & UNRECOGNIZED != 0,
            malformed: bits & MALFORMED != 0,
            integrity: bits & INTEGRITY != 0,
        }
    }

    /// For the wire.
    pub fn to_bits(self) -> u8 {
        let bit = |set, bit| if set { bit } else { 0 };
        bit(self.unrecognized, UNRECOGNIZED) | bit(self.malformed, MALFORMED) | bit(self.integrity, INTEGRITY)
    }
}

/// The type of a TLV, as far as we know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 0: reserved. What follows is plain padding of an older sender, and no TLV.
    Reserved,
    /// 1: Extra Padding.
    Padding,
    /// 4: Class of Service.
    ClassOfService,
    /// Any other.
    Other(u8),
}

impl Kind {
    /// From the wire.
    pub fn from_bits(bits: u8) -> Self {
        match bits {
            0 => Self::Reserved,
            1 => Self::Padding,
            4 => Self::ClassOfService,
            other => Self::Other(other),
        }
    }

    /// For the wire.
    pub fn to_bits(self) -> u8 {
        match self {
            Self::Reserved => 0,
            Self::Padding => 1,
            Self::ClassOfService => 4,
            Self::Other(other) => other,
        }
    }
}

/// One TLV.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tlv<'a> {
    /// Where it begins, counted from the end of the base packet.
    pub at: usize,
    /// Its flags.
    pub flags: Flags,
    /// Its type.
    pub kind: Kind,
    /// Its value.
    pub value: &'a [u8],
}

/// A TLV whose length does not fit into the packet; nothing behind it can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the TLV {at} bytes behind the base packet is cut off")]
pub struct Malformed {
    /// Where it begins, counted from the end of the base packet.
    pub at: usize,
}

/// The TLVs of a packet, in order. Ends at the end, at plain padding, or after the first malformed one.
#[derive(Debug, Clone)]
pub struct Tlvs<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Tlvs<'a> {
    /// Over what follows the base packet.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }
}

impl<'a> Iterator for Tlvs<'a> {
    type Item = Result<Tlv<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let at = self.at;
        let rest = self.bytes.get(at..).filter(|rest| !rest.is_empty())?;
        let read = rest.split_first_chunk::<HEADER>().and_then(|(&[flags, kind, high, low], after)| {
            let length = usize::from(u16::from_be_bytes([high, low]));
            let value = after.get(..length)?;
            Some(Tlv { at, flags: Flags::from_bits(flags), kind: Kind::from_bits(kind), value })
        });
        match read {
            Some(tlv) if tlv.kind == Kind::Reserved => {
                self.at = self.bytes.len();
                None
            }
            Some(tlv) => {
                self.at = at + HEADER + tlv.value.len();
                Some(Ok(tlv))
            }
            None => {
                self.at = self.bytes.len();
                // Fewer than four bytes of zeros are the end of plain padding too.
                if rest.get(1).is_none_or(|&kind| kind == 0) { None } else { Some(Err(Malformed { at })) }
            }
        }
    }
}

/// The Class of Service TLV (RFC 8972 §4.4): which marking the sender asks for, and what arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClassOfService {
    /// DSCP1: what the sender asks the reflector to answer with.
    pub asked: u8,
    /// DSCP2: what the reflector received.
    pub seen: u8,
    /// ECN as the reflector received it.
    pub ecn: u8,
    /// RP: the reflector would not use the DSCP that was asked for.
    pub refused: bool,
}

impl ClassOfService {
    /// Length with the TLV's header.
    pub const LENGTH: usize = 8;
    const VALUE: usize = 4;

    /// What a sender sends.
    pub fn asking(dscp: u8) -> Self {
        Self { asked: dscp & 0x3f, seen: 0, ecn: 0, refused: false }
    }

    /// From the value of a TLV.
    pub fn read(value: &[u8]) -> Option<Self> {
        let &[first, second, _, _] = value else { return None };
        let bits = u16::from_be_bytes([first, second]);
        Some(Self {
            asked: (bits >> 10) as u8,
            seen: (bits >> 4) as u8 & 0x3f,
            ecn: (bits >> 2) as u8 & 3,
            refused: bits & 3 != 0,
        })
    }

    /// As the value of a TLV.
    pub fn value(self) -> [u8; Self::VALUE] {
        let bits = u16::from(self.asked & 0x3f) << 10
            | u16::from(self.seen & 0x3f) << 4
            | u16::from(self.ecn & 3) << 2
            | u16::from(self.refused);
        let [first, second] = bits.to_be_bytes();
        [first, second, 0, 0]
    }

    /// The whole TLV, as a sender sends it.
    pub(crate) fn write(self, buffer: &mut [u8]) {
        buffer[..HEADER].copy_from_slice(&[UNRECOGNIZED, 4, 0, Self::VALUE as u8]);
        buffer[HEADER..Self::LENGTH].copy_from_slice(&self.value());
    }
}

/// Makes all of `buffer` one Extra Padding TLV of zeros, as a sender sends it. The caller has seen
/// to its length: a header at least, and a value of at most 65,535.
pub(crate) fn write_padding(buffer: &mut [u8]) {
    let [high, low] = ((buffer.len() - HEADER) as u16).to_be_bytes();
    buffer[..HEADER].copy_from_slice(&[UNRECOGNIZED, 1, high, low]);
    buffer[HEADER..].fill(0);
}
