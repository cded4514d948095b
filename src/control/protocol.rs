//! What a command asks of the daemon, and what it answers: closed types, one JSON object a line.

use crate::{deliver::Goodbye, probe::Progress, supervisor::Happening};
use readiness::profile::Addition;
use serde::{Deserialize, Serialize};
use telemetry::{
    EnrollCode, Failure, Id, NotChecked, Outcome, ProbeId, Readiness, Reading, Trigger, UnixMs, Unsupported,
    Verdict, Version,
};
use url::Url;

/// The version of these words. A daemon of another version is asked to be restarted.
pub const VERSION: u16 = 1;

/// One line from a command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// Version of the words.
    pub version: u16,
    /// What is asked.
    pub request: Request,
}

/// What a command asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// What are you doing?
    Status,
    /// Measure now; steps are told as they come.
    Check(CheckRequest),
    /// Pause measuring until this moment; `Pause::UNTIL_RESUMED` is until told otherwise.
    Pause {
        /// Until when.
        until: UnixMs,
    },
    /// Measure again.
    Resume,
    /// The agent changed what they consent to.
    Consent {
        /// What for.
        about: ConsentUse,
        /// Yes or no.
        given: bool,
    },
    /// Enrol this desk.
    Enroll {
        /// With this collector.
        collector: Url,
        /// By this code.
        code: EnrollCode,
    },
    /// Say goodbye to the collector and forget the enrolment.
    Unenroll,
    /// A new version was installed: look at it now, and not within a minute.
    Upgraded,
    /// End, as at logoff.
    Stop,
}

/// A self-check, as the agent wants it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckRequest {
    /// These probes only; without any, all of them.
    pub only: Vec<ProbeId>,
    /// Nothing on the network.
    pub offline: bool,
    /// The microphone stays closed.
    pub no_microphone: bool,
    /// What a platform needs, on top of the policy in force, for this one check.
    // Left out unless set: a daemon of an older version takes all other checks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Box<Addition>>,
}

/// What a consent is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentUse {
    /// The microphone in the background, between calls.
    Background,
    /// The microphone during calls.
    Calls,
}

/// One line from the daemon. `Step` may come many times; every other ends the exchange.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// What it is doing.
    Status(Status),
    /// How far a check is.
    Step(Step),
    /// A check's result.
    Checked(Box<Readiness>),
    /// It is done.
    Done,
    /// The desk is enrolled, in this team.
    Enrolled(Id),
    /// The desk is no longer enrolled.
    Unenrolled(Goodbye),
    /// It could not be done; why, for the agent alone.
    Failed(String),
    /// It is not done.
    Refused(Refusal),
}

/// Why the daemon does not do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The request could not be read.
    #[error("the daemon did not understand the request")]
    Malformed,
    /// Another version of the words.
    #[error("the daemon that runs is of another version; the new one takes over after the shift")]
    Version,
    /// Too many ask at once.
    #[error("the daemon is busy with other requests; try again in a moment")]
    Busy,
    /// It is about to end.
    #[error("the daemon is ending")]
    Ending,
    /// The local store failed.
    #[error("the daemon could not write to the local store")]
    Store,
}

/// How far a check is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// A probe waits for its turn.
    Waiting(ProbeId),
    /// A probe began.
    Started(ProbeId),
    /// A probe is so far, in percent.
    At(ProbeId, u8),
    /// A probe ended.
    Ended(ProbeId, Ended),
}

/// How a probe ended, without what it measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// With a measurement, after so many milliseconds.
    Measured(u32),
    /// It was not run.
    NotChecked(NotChecked),
    /// It cannot work here.
    Unsupported(Unsupported),
    /// It went wrong.
    Failed(Failure),
}

impl Step {
    /// The step that a happening is. `None` for progress without a number.
    pub fn of(happening: &Happening) -> Option<Self> {
        Some(match happening {
            Happening::Waiting(probe) => Self::Waiting(*probe),
            Happening::Started(probe) => Self::Started(*probe),
            Happening::Progress(Progress { probe, done }) => {
                Self::At(*probe, ((*done)?.clamp(0.0, 1.0) * 100.0) as u8)
            }
            Happening::Finished(probe, readings) => Self::Ended(*probe, Ended::of(readings)),
        })
    }

    /// The probe it is about.
    pub fn probe(&self) -> ProbeId {
        match self {
            Self::Waiting(p) | Self::Started(p) | Self::At(p, _) | Self::Ended(p, _) => *p,
        }
    }
}

impl Ended {
    /// How a probe with these readings ended: with the worst of them, a failure before the rest.
    pub fn of(readings: &[Reading]) -> Self {
        let rank = |e: &Self| match e {
            Self::Failed(_) => 3,
            Self::Unsupported(_) => 2,
            Self::NotChecked(_) => 1,
            Self::Measured(_) => 0,
        };
        readings
            .iter()
            .map(|r| match &r.outcome {
                Outcome::Measured(_) => Self::Measured(r.took_ms),
                Outcome::NotChecked(why) => Self::NotChecked(*why),
                Outcome::Unsupported(why) => Self::Unsupported(*why),
                Outcome::Failed(why) => Self::Failed(*why),
            })
            .max_by_key(rank)
            .unwrap_or(Self::Failed(Failure::NoData))
    }
}

/// What the daemon is doing. What is in the store, a command reads there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Status {
    /// The daemon's version.
    pub daemon: Version,
    /// Its process.
    pub process: u32,
    /// Since when it runs.
    pub since: UnixMs,
    /// What it is doing now.
    pub doing: Doing,
    /// The check that comes next, as far as it is known.
    pub next: Option<Next>,
    /// The last verdict, and when.
    pub last: Option<(UnixMs, Verdict)>,
    /// A newer version that takes over as soon as it may. Daemons before it do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub successor: Option<Successor>,
}

/// A version that was installed while another one runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Successor {
    /// Which.
    pub version: Version,
    /// The end of the shift that it waits for; without one it waits for what is being done.
    pub after: Option<UnixMs>,
}

/// What the daemon is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doing {
    /// It waits.
    Waiting,
    /// A check.
    Checking(Trigger),
    /// A measurement in between.
    Measuring,
}

/// The shift that comes next or runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Next {
    /// Which.
    pub shift: Id,
    /// When it begins.
    pub begin: UnixMs,
    /// When it ends.
    pub end: UnixMs,
    /// When its pre-shift window opens.
    pub opens: UnixMs,
}
