//! How the desk's resolvers answer.

use crate::{List, Millis};
use serde::{Deserialize, Serialize};

/// Which kind of resolver: never its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ResolverClass {
    /// A stub on the computer itself.
    Stub,
    /// The home router.
    Gateway,
    /// Another private address: a company's or a home server's.
    Private,
    /// A well-known public resolver.
    Public,
    /// Another public address, mostly the internet provider's.
    Other,
}

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum RecordType {
    /// IPv4 address.
    A,
    /// IPv6 address.
    Aaaa,
}

/// How a query ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DnsAnswer {
    /// With addresses.
    Answered,
    /// The name exists, but not with this type: fine for AAAA.
    NoData,
    /// The name does not exist.
    NoSuchName,
    /// The resolver refused.
    Refused,
    /// The resolver failed (SERVFAIL and the like).
    ServerFailure,
    /// Nothing came back in time.
    Timeout,
    /// It could not be sent.
    Unreachable,
    /// What came back was no DNS answer to the question.
    BadAnswer,
}

/// One query to one resolver.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DnsQuery {
    /// Which resolver, counted from 0 in the order the operating system has them.
    #[serde(deserialize_with = "crate::bounded::within::<_, _, 0, 15>")]
    #[cfg_attr(feature = "schema", schemars(range(max = 15)))]
    pub resolver: u8,
    /// Which kind of resolver.
    pub class: ResolverClass,
    /// What was asked for.
    pub record: RecordType,
    /// How it ended.
    pub answer: DnsAnswer,
    /// How long the answer took; absent if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Millis>,
}

/// How the desk's resolvers answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Dns {
    /// Each query.
    pub queries: List<DnsQuery, 32>,
}
