//! By which ways a relay for voice can be reached, and whether it relays.

use crate::{Failure, List, Millis};
use serde::{Deserialize, Serialize};

/// A way to a relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum TurnTransport {
    /// UDP: what voice wants.
    Udp,
    /// TCP.
    Tcp,
    /// TLS over TCP: what passes nearly everywhere.
    Tls,
}

/// How far a way led.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum TurnResult {
    /// A packet went through the relay and came back.
    Relayed,
    /// The relay gave an address; a packet to ourselves did not come back, which some relays do not allow.
    Allocated,
    /// The relay answered and asked for a sign-in, for which this desk has no credentials.
    SignInAsked,
    /// The relay answered and did not take this desk's credentials.
    SignInRefused,
    /// The relay answered and refused for another reason.
    Refused,
    /// The relay was not reached.
    Failed,
}

/// One way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TurnWay {
    /// Which.
    pub transport: TurnTransport,
    /// How far it led.
    pub result: TurnResult,
    /// Time to connect, and over TLS to agree on encryption; absent for UDP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect: Option<Millis>,
    /// Time from the first request to its answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Millis>,
    /// Time of a packet through the relay and back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relay: Option<Millis>,
    /// Whether a proxy was used.
    pub proxy: bool,
    /// Whether somebody opens the encryption on the way.
    pub intercepted: bool,
    /// Why it was not reached, or led no further after that; absent if nothing failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

impl TurnWay {
    /// Whether the relay answered on this way, whatever it said.
    pub fn reached(&self) -> bool {
        self.result != TurnResult::Failed
    }
}

/// How a relay can be reached.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// Each way that the policy names.
    pub ways: List<TurnWay, 3>,
}
