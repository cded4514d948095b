//! The assignment: what the collector tells this desk, and what of it is in force.
//!
//! A new one takes effect at once, and only if it is valid. One that is not is refused and the one
//! before it stays: a mistake in a policy must not leave desks unmeasured.

use crate::store::{self, Store, keys};
use readiness::{Assignment, Policy};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use telemetry::{Digest, UnixMs};

/// An assignment as the collector sent it, with the digest the collector knows it by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredAssignment {
    /// The collector's digest of it.
    pub digest: Digest,
    /// When it was fetched.
    pub at: UnixMs,
    /// The assignment itself.
    pub assignment: Assignment,
}

/// What a desk goes by.
#[derive(Debug, Clone, PartialEq)]
pub struct InForce {
    /// Its policy.
    pub policy: Arc<Policy>,
    /// The assignment, if the desk has one.
    pub assignment: Option<Arc<Assignment>>,
    /// The collector's digest of it.
    pub digest: Option<Digest>,
}

impl InForce {
    /// What a desk goes by that has no assignment.
    pub fn builtin() -> Self {
        Self { policy: Arc::new(Policy::builtin()), assignment: None, digest: None }
    }

    /// What a desk goes by that has this one.
    pub fn from_stored(stored: StoredAssignment) -> Self {
        Self {
            policy: Arc::new(stored.assignment.policy.clone()),
            assignment: Some(Arc::new(stored.assignment)),
            digest: Some(stored.digest),
        }
    }

    /// What is in force on this desk: the stored assignment of an enrolled desk if this version finds
    /// it valid, or else what is built in. Blocks.
    pub fn load(store: &Store, enrolled: bool) -> Result<Self, store::Error> {
        let stored = if enrolled { store.get(keys::ASSIGNMENT)? } else { None };
        Ok(stored
            .filter(|s: &StoredAssignment| check(&s.assignment).is_ok())
            .map_or_else(Self::builtin, Self::from_stored))
    }
}

/// Reads an assignment from an answer. The message says what is wrong, for IT: a policy holds nothing private.
pub fn read(body: &[u8]) -> Result<Assignment, String> {
    let assignment: Assignment = serde_json::from_slice(body).map_err(|e| e.to_string())?;
    check(&assignment)?;
    Ok(assignment)
}

fn check(assignment: &Assignment) -> Result<(), String> {
    assignment.policy.validate().map_err(|e| e.to_string())?;
    assignment.shifts.iter().try_for_each(|shift| shift.span().map(drop).map_err(|e| e.to_string()))
}

/// The digest in an entity tag.
pub fn tag_digest(tag: &str) -> Option<Digest> {
    tag.trim().trim_start_matches("W/").strip_prefix('"')?.strip_suffix('"')?.parse().ok()
}
