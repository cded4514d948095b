//! What each probe measures, one file for each.

pub mod audio;
pub mod dns;
pub mod https;
pub mod link;
pub mod load;
pub mod media;
pub mod mtu;
pub mod path;
pub mod responsiveness;
pub mod signalling;
pub mod stun;
pub mod turn;
