//! What network probes are built from. Must not judge; of policies it knows only where none may point.

pub mod allowed;
pub mod dns;
#[cfg(unix)]
pub mod echo;
pub mod echo_replies;
pub mod emodel;
pub mod gateway;
pub mod https;
pub mod icmp;
pub mod icmp_error;
pub mod link;
pub mod look_up;
pub mod metered;
pub mod names;
pub mod netlink;
pub mod path;
pub mod path_mtu;
pub mod portal;
pub mod proxy;
pub mod resolvers;
pub mod responsiveness;
pub mod roots;
pub mod statistics;
pub mod stream;
pub mod stun;
pub mod timing;
pub mod trust;
pub mod turn;
pub mod wifi;

#[cfg(test)]
pub(crate) mod testing;
