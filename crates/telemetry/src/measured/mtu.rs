//! The largest packet that gets to a reflector and back.

use serde::{Deserialize, Serialize};

/// What holds larger packets up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum MtuLimit {
    /// Nothing: 1,500 bytes pass, and more is not tried.
    None,
    /// The computer's own connection, such as a VPN, takes no larger ones.
    Computer,
    /// A router on the way says that they are too large, as it should.
    Told,
    /// They vanish on the way there without a word.
    BlackHole,
    /// They get there, and what is as large does not come back; whether anybody is told cannot be seen from here.
    WayBack,
    /// They vanish, and in which direction cannot be told.
    Undetermined,
}

/// The largest packet that passes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Mtu {
    /// Its bytes, with the headers of IP and UDP.
    #[serde(deserialize_with = "crate::bounded::within::<_, _, 0, 1_500>")]
    #[cfg_attr(feature = "schema", schemars(range(max = 1_500)))]
    pub bytes: u32,
    /// What holds larger ones up.
    pub limit: MtuLimit,
    /// Whether it was measured over IPv6.
    pub ipv6: bool,
    /// Packets sent.
    #[serde(deserialize_with = "crate::bounded::within::<_, _, 0, 1_000>")]
    #[cfg_attr(feature = "schema", schemars(range(max = 1_000)))]
    pub sent: u32,
}
