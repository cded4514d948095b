//! Whether a softphone's WebSocket, over which calls are announced, can be opened.

use crate::{Failure, Interference, Millis};
use serde::{Deserialize, Serialize};

/// What became of the request to go on as a WebSocket (RFC 6455).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Upgrade {
    /// Done, with the right answer to our key.
    Done,
    /// The host answered with an error of its own: it is there, but whether a WebSocket passes was not seen.
    Declined,
    /// Answered as if nothing but a page had been asked for: the request for it was lost on the way.
    Stripped,
    /// Something else than the host answered: the answer does not belong to our key.
    Broken,
}

/// How a signalling host answered. A phase is absent if it was not reached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Signalling {
    /// Resolving the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns: Option<Millis>,
    /// The TCP handshake; to the proxy, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tcp: Option<Millis>,
    /// The TLS handshake.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Millis>,
    /// From the request for a WebSocket to its answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Millis>,
    /// What became of that request; absent without an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgrade: Option<Upgrade>,
    /// The HTTP status, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "crate::bounded::within_if_some::<_, _, 100, 999>")]
    #[cfg_attr(feature = "schema", schemars(range(min = 100, max = 999)))]
    pub status: Option<u16>,
    /// Whether a proxy was used.
    pub proxy: bool,
    /// What stands in the way.
    pub interference: Interference,
    /// Why it did not get to an answer; absent if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}
