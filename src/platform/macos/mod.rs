//! macOS.

pub mod audio;
pub mod autostart;
pub mod clock;
pub mod command;
pub mod control;
mod coreaudio;
pub mod facts;
pub mod files;
pub mod gateway;
pub mod link;
pub mod load;
pub mod metered;
pub mod path;
pub mod places;
pub mod program;
pub mod sandbox;
pub mod trust;
pub mod wifi;
