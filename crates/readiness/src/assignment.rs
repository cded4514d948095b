//! What the collector tells one desk: its policy and its own shifts for the next 14 days.
//!
//! Shifts are local time with a zone, so that a change of the clocks in spring does not move
//! them. Where a local time does not exist or exists twice, the earlier instant counts: a desk
//! is rather checked an hour early than an hour late.

use crate::Policy;
use jiff::{civil, tz::TimeZone};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use telemetry::{Digest, Id, UnixMs};

/// A planned working period of a desk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shift {
    /// Its id.
    pub id: Id,
    /// When it begins, in local time.
    pub begin: civil::DateTime,
    /// When it ends, in local time.
    pub end: civil::DateTime,
    /// The time zone by its IANA name, such as `Europe/Berlin`.
    pub zone: String,
}

/// A shift as two instants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShiftSpan {
    /// When it begins.
    pub begin: UnixMs,
    /// When it ends.
    pub end: UnixMs,
}

/// Why a shift is not valid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShiftError {
    /// The zone is not known.
    #[error("shift {id}: unknown time zone '{zone}'; use an IANA name such as Europe/Berlin")]
    Zone {
        /// The shift.
        id: Id,
        /// The zone.
        zone: String,
    },
    /// It does not end after it begins, or lasts longer than a day.
    #[error("shift {id}: it must end after it begins, and within 24 hours")]
    Span {
        /// The shift.
        id: Id,
    },
}

impl Shift {
    /// The shift as two instants.
    pub fn span(&self) -> Result<ShiftSpan, ShiftError> {
        let zone = TimeZone::get(&self.zone)
            .map_err(|_| ShiftError::Zone { id: self.id.clone(), zone: self.zone.clone() })?;
        let instant = |t: civil::DateTime| {
            zone.to_ambiguous_zoned(t).earlier().map(|z| UnixMs::new(z.timestamp().as_millisecond()))
        };
        let bad = || ShiftError::Span { id: self.id.clone() };
        let begin = instant(self.begin).map_err(|_| bad())?;
        let end = instant(self.end).map_err(|_| bad())?;
        if (1..=24 * 3_600_000).contains(&end.since_ms(begin)) {
            Ok(ShiftSpan { begin, end })
        } else {
            Err(bad())
        }
    }
}

/// What the collector tells one desk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assignment {
    /// The desk's team.
    pub team: Id,
    /// Its policy.
    pub policy: Policy,
    /// Its own shifts for the next 14 days, earliest first.
    pub shifts: Vec<Shift>,
}

impl Assignment {
    /// SHA-256 of its canonical form, by which both sides tell whether it is current.
    pub fn digest(&self) -> Digest {
        let json = serde_json::to_vec(self).expect("an assignment is plain data");
        Digest::from_bytes(Sha256::digest(&json).into())
    }
}
