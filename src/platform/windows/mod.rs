//! Windows.

pub mod audio;
pub mod autostart;
pub mod clock;
pub mod control;
pub mod devices;
pub mod facts;
pub mod files;
pub mod gateway;
pub mod link;
pub mod load;
pub mod metered;
pub mod microphone;
pub mod path;
pub mod places;
pub mod program;
pub mod registry;
pub mod rights;
pub mod sandbox;
pub mod trust;
pub mod user;
pub mod wifi;
