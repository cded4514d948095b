//! Echoes along the way: by the unprivileged ICMP sockets of Unix.

pub use crate::network::path::ping::sample;
