//! Sends what is in the spool and reads the collector's answers. Must not decide what is measured.
//!
//! `run` owns when to send, `pass` what is sent, `classify` what an answer means, `client` how a
//! request travels, `preset` how a desk is enrolled without its agent. Data leaves the spool only for a final answer of a collector, in the same durable
//! transaction that notes the answer. What goes wrong on the way changes the spool in nothing.

pub mod address;
mod assignment;
mod backoff;
mod batch;
mod classify;
mod client;
mod enroll;
mod fetch;
mod pass;
mod preset;
mod run;
mod status;

pub use assignment::{InForce, StoredAssignment};
pub use backoff::Pace;
pub use classify::{Action, Stop, Trouble, classify};
pub use client::{ClientError, Settings, sign_get};
pub use enroll::{EnrollError, Goodbye, enroll, unenroll};
pub use pass::{Deliverer, Pass};
pub use preset::{Preset, PresetError, PresetStatus, Presets, Source, Wrong, code};
pub use run::Nudge;
pub use status::Delivery;

#[cfg(test)]
mod tests;
