//! STAMP test packets: reading and writing them, and nothing else.
//!
//! Owns the unauthenticated packets of RFC 8762 and, of the extensions of RFC 8972, the session
//! id and the TLVs that a measurement of voice needs: Class of Service and Extra Padding. Knows no
//! socket and no clock: times come in and go out as numbers.
//!
//! Authenticated mode (RFC 8762 §4.2.2) and the HMAC TLV (RFC 8972 §4.8) are reserved: a packet of
//! the authenticated mode is longer and laid out otherwise, so that it can be added beside these
//! types without changing them. Until then an HMAC TLV is answered as not recognised.

mod packet;
mod reflect;
mod timestamp;
mod tlv;

pub use packet::{BASE, Reply, Request};
pub use reflect::{Seen, reflect, set_sent};
pub use timestamp::{ErrorEstimate, Format, Timestamp};
pub use tlv::{ClassOfService, Flags, Kind, Malformed, Tlv, Tlvs};

/// Why bytes are no packet, or a packet cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StampError {
    /// Shorter than a packet can be.
    #[error("a STAMP {what} of {have} bytes: at least {need} are needed")]
    Short {
        /// What it should have been.
        what: &'static str,
        /// Least length.
        need: usize,
        /// Its length.
        have: usize,
    },
    /// The bytes that a sender must leave zero are not: this is a reply, or no STAMP at all.
    #[error("not a STAMP request: bytes 16 to 43 must be zero")]
    NotARequest,
    /// A length that no packet can be padded to.
    #[error("a STAMP packet cannot be padded to {wanted} bytes: {why}")]
    Padding {
        /// The length asked for.
        wanted: usize,
        /// Why not.
        why: &'static str,
    },
}
