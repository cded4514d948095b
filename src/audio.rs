//! Devices, the listening child and the meter. Owns the one type that holds samples.
//!
//! The daemon itself never opens a microphone and never waits for a sound server: both happen in
//! a child of the same binary (`child`), which gives back numbers and ids over a pipe and ends.
//! The daemon's side of it is `parent`. What a platform must offer is in `platform::audio` and
//! `platform::sandbox`.

mod capture;
pub mod child;
pub mod consent;
pub mod coreaudio;
pub mod endpoint;
mod error;
pub mod inventory;
pub mod meter;
pub mod models;
mod parent;
pub mod pulse;
mod samples;
pub mod weighting;
pub mod wire;

pub use error::AudioError;
pub use inventory::{Inventory, RawDevice};
pub use parent::{Children, inventory, listen};
pub use samples::Samples;
pub use wire::NoiseNumbers;
