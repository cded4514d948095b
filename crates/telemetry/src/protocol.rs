//! What a desk and a collector say to each other about reports and enrolment.
//!
//! Assignments are in `readiness`, because they carry a policy. How requests are signed is in
//! `signing`.

use crate::{DeskId, Digest, EnrollCode, InstanceId, Lane, List, PublicKey, Report, UnixMs, Version};
use serde::{Deserialize, Serialize};

/// Limits that both sides keep.
pub mod limits {
    /// Most reports in a batch.
    pub const BATCH_REPORTS: usize = 100;
    /// Most bytes of a batch as it travels (zstd).
    pub const BATCH_COMPRESSED: usize = 256 * 1024;
    /// Most bytes of a batch unpacked.
    pub const BATCH_UNPACKED: usize = 4 * 1024 * 1024;
    /// Most bytes of one report as JSON.
    pub const REPORT: usize = 64 * 1024;
    /// Most bytes of an answer that a desk reads.
    pub const ANSWER: usize = 512 * 1024;
    /// Most bytes of an enrolment request.
    pub const ENROLL: usize = 8 * 1024;
}

/// Which schema versions somebody speaks, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Versions {
    /// Oldest.
    #[serde(deserialize_with = "crate::bounded::within::<_, _, 1, 65_535>")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 65_535)))]
    pub oldest: u16,
    /// Newest.
    #[serde(deserialize_with = "crate::bounded::within::<_, _, 1, 65_535>")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 65_535)))]
    pub newest: u16,
}

impl Versions {
    /// What this crate speaks.
    pub const OURS: Self = Self { oldest: crate::OLDEST_SCHEMA_VERSION, newest: crate::SCHEMA_VERSION };
}

/// A desk asks to be known. Signed with the key it brings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EnrollRequest {
    /// Schema versions that the desk speaks.
    pub versions: Versions,
    /// The code that IT gave to the agent.
    pub code: EnrollCode,
    /// The id that the desk made for itself.
    pub desk: DeskId,
    /// The desk's public key.
    pub key: PublicKey,
    /// Preshift's version on the desk.
    pub daemon: Version,
}

/// The desk is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EnrollAnswer {
    /// Schema versions that the collector speaks.
    pub versions: Versions,
    /// The team that the desk belongs to now.
    pub team: crate::Id,
    /// The collector's time.
    pub now: UnixMs,
}

/// Reports of one desk, oldest first. Travels as JSON, compressed with zstd.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// Schema versions that the desk speaks.
    pub versions: Versions,
    /// Which start of the daemon sends this.
    pub instance: InstanceId,
    /// When that start was: an older instance after a newer one is a cloned desk.
    pub started: UnixMs,
    /// The assignment that the desk has; absent if it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignment: Option<Digest>,
    /// The reports.
    pub reports: List<Report, { limits::BATCH_REPORTS }>,
}

/// What became of one report. All three are final: the desk need not send it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Stored, durably.
    Stored,
    /// It was here already, the same to the byte.
    Duplicate,
    /// Refused for good.
    Refused(ContentRefusal),
}

/// Why a report was refused for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ContentRefusal {
    /// A report with this identity and another content is here: shown to IT.
    Conflict,
    /// It names another desk than the one that signed.
    WrongDesk,
    /// Its kind does not belong in its lane.
    WrongLane,
    /// Its schema version is not spoken here.
    Version,
    /// It breaks a limit of the schema.
    Schema,
    /// It names an id that no policy defines.
    UnknownId,
    /// Its time is more than a day ahead, or more than the retention behind.
    Time,
}

/// The answer for one report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReportAnswer {
    /// Its epoch.
    pub epoch: crate::Epoch,
    /// Its lane.
    pub lane: Lane,
    /// Its sequence.
    #[serde(deserialize_with = "crate::bounded::within::<_, _, 0, 9_007_199_254_740_991>")]
    #[cfg_attr(feature = "schema", schemars(range(max = 9_007_199_254_740_991u64)))]
    pub seq: u64,
    /// What became of it.
    pub answer: Answer,
}

/// The answer to a batch, sent after the durable commit: one answer for each report, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct BatchAnswer {
    /// Schema versions that the collector speaks.
    pub versions: Versions,
    /// The collector's time.
    pub now: UnixMs,
    /// Digest of the assignment the desk should have; absent if it has none. The desk fetches it when it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignment: Option<Digest>,
    /// What became of each report.
    pub answers: List<ReportAnswer, { limits::BATCH_REPORTS }>,
}

/// Why a whole request was turned away. The HTTP status says whether to try again
/// (408, 425, 429 and 5xx: yes; the rest: no).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// 400: it could not be read.
    Malformed,
    /// 401: the signature is missing or wrong.
    Signature,
    /// 403: the desk is not known, or was revoked.
    UnknownDesk,
    /// 403: the enrolment code is wrong, used up or too old.
    EnrollCode,
    /// 404: no such thing.
    NotFound,
    /// 409: the desk id is taken by another key.
    DeskTaken,
    /// 409: an older instance spoke after a newer one: two computers share this desk's key.
    ClonedDesk,
    /// 413: larger than the limits.
    TooLarge,
    /// 415: another encoding than JSON in zstd.
    Encoding,
    /// 426: no schema version in common.
    Version,
    /// 429: more often than allowed.
    RateLimit,
    /// 503: busy; `Retry-After` says when.
    Busy,
    /// 500: our fault.
    Internal,
}

/// The body of every answer that is not a success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ErrorAnswer {
    /// Why.
    pub error: ErrorCode,
    /// Schema versions that the collector speaks.
    pub versions: Versions,
}
