//! How an HTTPS endpoint answers, phase by phase.

use crate::Millis;
use serde::{Deserialize, Serialize};

/// What stands in the way of the desk's web traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Interference {
    /// Nothing that could be seen.
    None,
    /// A sign-in page answers instead of the service.
    CaptivePortal,
    /// Somebody opens encrypted traffic: the certificate is not from whom it should be.
    TlsIntercepted,
}

/// How one endpoint answered. A phase is absent if it was not reached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Https {
    /// Resolving the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns: Option<Millis>,
    /// The TCP handshake; to the proxy, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tcp: Option<Millis>,
    /// The TLS handshake.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Millis>,
    /// From the request to the answer's first byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_byte: Option<Millis>,
    /// The HTTP status, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "crate::bounded::within_if_some::<_, _, 100, 999>")]
    #[cfg_attr(feature = "schema", schemars(range(min = 100, max = 999)))]
    pub status: Option<u16>,
    /// Whether a proxy was used.
    pub proxy: bool,
    /// What stands in the way.
    pub interference: Interference,
    /// Why it did not get to the end; absent if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<crate::Failure>,
}
