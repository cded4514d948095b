//! Whether UDP gets out, and what the home router or others make of the desk's address on the way.
//!
//! The address that a server saw is compared on the desk and forgotten: only kinds and figures have a place here.

use crate::{Failure, Millis};
use serde::{Deserialize, Serialize};

/// How the desk's UDP port is seen from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum NatMapping {
    /// As it is: nothing translates.
    None,
    /// Translated, and to all servers alike (RFC 4787, endpoint-independent).
    Same,
    /// Translated, and for each server anew: what one of them sees is of no use to another.
    EachServer,
    /// Translated; that it is alike for all cannot be told from one server.
    Undetermined,
}

/// How a STUN server answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Stun {
    /// Requests sent.
    #[serde(deserialize_with = "crate::bounded::within::<_, _, 0, 100>")]
    #[cfg_attr(feature = "schema", schemars(range(max = 100)))]
    pub sent: u32,
    /// Requests that were answered.
    #[serde(deserialize_with = "crate::bounded::within::<_, _, 0, 100>")]
    #[cfg_attr(feature = "schema", schemars(range(max = 100)))]
    pub answered: u32,
    /// Least time of an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtt_min: Option<Millis>,
    /// Mean time of the answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtt_mean: Option<Millis>,
    /// How the desk's port is seen; absent without an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mapping: Option<NatMapping>,
    /// Whether the same server saw another port or address from one request to the next.
    pub moved: bool,
    /// Why nothing could be sent or nothing was answered; absent if something was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}
