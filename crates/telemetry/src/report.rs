//! What leaves a desk.
//!
//! A report is identified by (desk, epoch, lane, sequence). Its content is one of six kinds.

use crate::{
    Change, DeskId, Digest, Epoch, FaultDomain, Finding, Id, List, Millis, Reading, Severity, UnixMs,
    Verdict, Version,
};
use serde::{Deserialize, Serialize};

/// Which of a desk's two sequences a report belongs to. When the spool is full, routine
/// reports go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// Readiness, change, episode, event, gap.
    Priority,
    /// Routine.
    Routine,
}

impl Lane {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Priority => "priority",
            Self::Routine => "routine",
        }
    }
}

/// Which policy a desk was judged by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PolicyRef {
    /// Its id.
    pub id: Id,
    /// Its version.
    #[serde(deserialize_with = "crate::bounded::within::<_, _, 0, 1_000_000_000>")]
    #[cfg_attr(feature = "schema", schemars(range(max = 1_000_000_000)))]
    pub version: u32,
    /// SHA-256 of its canonical form.
    pub digest: Digest,
}

/// What the agent said about one use of the microphone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ConsentState {
    /// Not asked yet: counts as no.
    #[default]
    NotAsked,
    /// Yes.
    Given,
    /// Yes once, and no since.
    Withdrawn,
}

/// What the agent consented to on this desk. A self-check that the agent starts needs none:
/// starting it is the agent's own act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Consent {
    /// Microphone in the background, between calls.
    pub background: ConsentState,
    /// Microphone during calls.
    pub calls: ConsentState,
}

/// Why a check was run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// The agent asked.
    SelfCheck,
    /// A shift begins soon.
    PreShift,
    /// The computer woke in the pre-shift window or in a shift.
    Wake,
    /// The daemon started in the pre-shift window or in a shift.
    Logon,
    /// Something changed during a shift.
    Changed,
    /// The verdict of a shift that goes on would run out.
    Renewal,
}

/// A verdict with everything that led to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Readiness {
    /// Why it was run.
    pub trigger: Trigger,
    /// For which shift, if one is near.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shift: Option<Id>,
    /// The verdict.
    pub verdict: Verdict,
    /// Until when it holds.
    pub valid_until: UnixMs,
    /// How long the check took.
    pub took: Millis,
    /// What is wrong, worst first.
    pub findings: List<Finding, 32>,
    /// Whose fault it is that something is wrong on the way of calls: one domain, several that cannot be told
    /// apart, or `undetermined`; empty when nothing is wrong there.
    #[serde(default, skip_serializing_if = "fault_is_empty")]
    pub fault: List<FaultDomain, 4>,
    /// Every reading.
    pub readings: List<Reading, 64>,
    /// What changed since the last good shift.
    pub changes: List<Change, 48>,
}

fn fault_is_empty(fault: &List<FaultDomain, 4>) -> bool {
    fault.is_empty()
}

/// The regular measurement in between.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Routine {
    /// What was measured.
    pub readings: List<Reading, 16>,
}

/// A stretch of time with an outage or a degradation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Episode {
    /// When it began.
    pub begin: UnixMs,
    /// When it ended; absent while it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<UnixMs>,
    /// How bad it was.
    pub severity: Severity,
    /// Whose fault it was.
    pub domains: List<FaultDomain, 4>,
    /// What it was.
    pub finding: Finding,
}

/// Something that happened and is no fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The daemon started.
    Started,
    /// The daemon was stopped in order.
    Stopped,
    /// The computer slept.
    Suspended,
    /// The wall clock jumped.
    ClockJump,
    /// The agent paused measuring.
    Paused,
    /// The agent resumed measuring.
    Resumed,
    /// The agent changed what they consent to.
    ConsentChanged,
    /// The assignment changed (policy or shifts).
    AssignmentChanged,
    /// The local store was damaged, was put aside, and a new one was begun.
    StoreReset,
    /// The collector refused reports for good.
    ReportsRefused,
}

/// Something that happened and is no fault.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// What happened.
    pub event: EventKind,
    /// How long it lasted, or by how much the clock jumped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<crate::Seconds>,
    /// How many, where things are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "crate::bounded::within_if_some::<_, _, 0, 1_000_000_000>")]
    #[cfg_attr(feature = "schema", schemars(range(max = 1_000_000_000)))]
    pub count: Option<u32>,
}

/// Why reports are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// The spool was full.
    SpoolFull,
    /// They were older than the desk keeps them.
    TooOld,
    /// They could not be written: the disk was full or failed.
    NotWritten,
}

/// Reports of one lane that will never come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Gap {
    /// Whose sequence.
    pub lane: Lane,
    /// First that is missing.
    #[serde(deserialize_with = "crate::bounded::within::<_, _, 0, 9_007_199_254_740_991>")]
    #[cfg_attr(feature = "schema", schemars(range(max = 9_007_199_254_740_991u64)))]
    pub first: u64,
    /// Last that is missing.
    #[serde(deserialize_with = "crate::bounded::within::<_, _, 0, 9_007_199_254_740_991>")]
    #[cfg_attr(feature = "schema", schemars(range(max = 9_007_199_254_740_991u64)))]
    pub last: u64,
    /// Time of the first.
    pub from: UnixMs,
    /// Time of the last.
    pub to: UnixMs,
    /// Why.
    pub reason: GapReason,
}

/// What a report says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[allow(clippy::large_enum_variant, reason = "lists are on the heap; boxing would only add noise")]
pub enum Body {
    /// A verdict with all that led to it.
    Readiness(Readiness),
    /// A regular measurement.
    Routine(Routine),
    /// What changed.
    Change(List<Change, 48>),
    /// An outage or a degradation.
    Episode(Episode),
    /// Something that happened.
    Event(Event),
    /// What is lost.
    Gap(Gap),
}

impl Body {
    /// The lane this kind travels in.
    pub fn lane(&self) -> Lane {
        match self {
            Self::Routine(_) => Lane::Routine,
            _ => Lane::Priority,
        }
    }

    /// The kind's name on the wire.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Readiness(_) => "readiness",
            Self::Routine(_) => "routine",
            Self::Change(_) => "change",
            Self::Episode(_) => "episode",
            Self::Event(_) => "event",
            Self::Gap(_) => "gap",
        }
    }
}

/// What leaves a desk. Telemetry only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Schema version.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 1)))]
    pub schema: u16,
    /// Whose desk.
    pub desk: DeskId,
    /// Which local store.
    pub epoch: Epoch,
    /// Which sequence.
    pub lane: Lane,
    /// Its place in the sequence, from 1.
    #[serde(deserialize_with = "crate::bounded::within::<_, _, 1, 9_007_199_254_740_991>")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 9_007_199_254_740_991u64)))]
    pub seq: u64,
    /// When it was made, by the desk's clock.
    pub at: UnixMs,
    /// How far the desk's clock was ahead of the collector's; absent if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_offset: Option<Millis>,
    /// Preshift's version on the desk.
    pub daemon: Version,
    /// Which policy the desk was judged by.
    pub policy: PolicyRef,
    /// What the agent consented to.
    pub consent: Consent,
    /// What it says.
    pub body: Body,
}
