//! Linux.

pub mod audio;
pub mod autostart;
pub mod clock;
pub mod control;
pub mod facts;
pub mod files;
pub mod gateway;
pub mod link;
pub mod load;
pub mod metered;
pub mod netlink;
mod packages;
pub mod path;
pub mod places;
pub mod program;
pub mod sandbox;
mod sound_server;
pub mod trust;
pub mod wifi;
