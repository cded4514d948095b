//! Facts, snapshots and what differs between them.
//!
//! `platform/*/facts.rs` reads the system; the parsers of what it said are here, pure, and tested
//! on every system. Must not start a program that it reports on, and must not decide whether a
//! fact is good: that is the judge's.

pub mod browser;
pub mod network;
pub mod os;
mod places;
pub mod read;
pub mod registry;
pub mod routes;
mod seen;
mod snapshot;
pub mod sound;
pub mod watch;

pub use places::Places;
pub use seen::Seen;
pub use snapshot::{Snapshot, diff};
pub use watch::Fingerprint;
