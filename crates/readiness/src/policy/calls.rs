//! Where calls go: the servers by which a platform's voice and its signalling find their way.
//!
//! Owns their form in the policy. What they may be is in `validate`.

use super::Host;
use serde::{Deserialize, Serialize};
use telemetry::Id;

/// A STUN server, which tells a desk from where its packets seem to come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StunServer {
    /// What readings call it.
    pub id: Id,
    /// Where it is.
    pub host: Host,
    /// Its UDP port.
    #[serde(default = "StunServer::default_port")]
    pub port: u16,
}

impl StunServer {
    /// RFC 8489, section 18.6.
    fn default_port() -> u16 {
        3478
    }
}

/// A TURN server, which passes voice on where it cannot pass by itself. Each way to it has a port of its own;
/// a way without a port is not tried. Credentials have no place here: the desk may have its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TurnServer {
    /// What readings call it.
    pub id: Id,
    /// Where it is.
    pub host: Host,
    /// Its UDP port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub udp: Option<u16>,
    /// Its TCP port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tcp: Option<u16>,
    /// Its port for TLS over TCP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<u16>,
}

/// A host to which a softphone keeps a WebSocket open, over which calls are announced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignallingHost {
    /// What readings call it.
    pub id: Id,
    /// Its address; `wss`, or `ws` on loopback.
    pub url: String,
}
