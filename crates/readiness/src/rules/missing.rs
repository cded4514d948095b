//! What could not be measured: four things that are never good, and which of them is itself a sign.

use super::{Candidate, Scene};
use crate::Policy;
use crate::limits::Band;
use std::collections::BTreeSet;
use telemetry::{Failure, FindingCode, Id, NotChecked, Outcome, ProbeId, Reading, Severity, Value};

pub(super) fn rule(scene: &Scene<'_>, found: &[Candidate]) -> Vec<Candidate> {
    let mut missing = Vec::new();
    // What another probe makes when it is needed is not missing when it is not.
    for probe in ProbeId::ALL.into_iter().filter(|p| p.made_by() == *p) {
        let required = scene.policy.requires(probe);
        for reading in scene.of(probe) {
            let blocking = found.iter().any(|c| {
                c.finding.severity == Severity::Blocking
                    && c.finding.probe == probe
                    && c.finding.target == reading.target
            });
            // What is known to be broken is not unknown; neither is a service that does not answer, for that is what was asked.
            let told = probe == ProbeId::Https && without_value(reading) == Some(true);
            if without_value(reading).is_none() || blocking || told {
                continue;
            }
            if required {
                missing.push(Candidate::new(FindingCode::RequiredReadingMissing, Band::Bad, reading));
            } else if worth_a_note(reading) {
                missing.push(Candidate::new(FindingCode::OptionalReadingMissing, Band::Bad, reading));
            }
        }
        if required {
            let code = FindingCode::RequiredReadingMissing;
            missing.extend(
                unread(scene, probe)
                    .into_iter()
                    .map(|target| Candidate::of_probe(code, Band::Bad, probe, target)),
            );
        }
    }
    missing
}

/// Whether a reading brought no value: `Some(true)` if that is a sign of what it points at (nothing answered),
/// `Some(false)` if it only says that it was not measured.
pub(crate) fn without_value(reading: &Reading) -> Option<bool> {
    match &reading.outcome {
        Outcome::Measured(Value::Media(m)) if m.received == 0 => Some(m.sent > 0),
        Outcome::Measured(Value::Stun(s)) if s.sent == 0 => Some(false),
        Outcome::Measured(Value::Mtu(m)) if m.bytes == 0 => Some(false),
        Outcome::Measured(_) => None,
        Outcome::Failed(why) => Some(is_evidence(*why)),
        Outcome::NotChecked(_) | Outcome::Unsupported(_) => Some(false),
    }
}

/// Whether a failure is the other side's or the way's, and not our own.
pub(super) fn is_evidence(why: Failure) -> bool {
    match why {
        Failure::NoRoute
        | Failure::Refused
        | Failure::NameNotFound
        | Failure::NoAnswer
        | Failure::BadAnswer
        | Failure::BadCertificate => true,
        Failure::Timeout
        | Failure::Panic
        | Failure::SoundServer
        | Failure::DeviceLost
        | Failure::NoData
        | Failure::System
        | Failure::ChildEnded => false,
    }
}

/// What a required probe gave no reading of at all: its targets by the policy, or the probe itself.
fn unread(scene: &Scene<'_>, probe: ProbeId) -> Vec<Option<Id>> {
    let read: Vec<Option<&Id>> = scene.of(probe).map(|r| r.target.as_ref()).collect();
    let targets = targets(scene.policy, probe);
    // One reading without a target speaks for all of them: "offline", "no network".
    if targets.is_empty() || read.is_empty() || read.contains(&None) {
        return if read.is_empty() { vec![None] } else { Vec::new() };
    }
    targets.into_iter().filter(|t| !read.contains(&Some(t))).map(|t| Some(t.clone())).collect()
}

fn targets(policy: &Policy, probe: ProbeId) -> BTreeSet<&Id> {
    match probe {
        ProbeId::Media => policy.targets.reflectors.iter().map(|r| &r.id).collect(),
        ProbeId::Https => policy.targets.endpoints.iter().map(|e| &e.id).collect(),
        ProbeId::Stun => policy.targets.stun.iter().map(|s| &s.id).collect(),
        ProbeId::Turn => policy.targets.turn.iter().map(|t| &t.id).collect(),
        ProbeId::Signalling => policy.targets.signalling.iter().map(|s| &s.id).collect(),
        _ => BTreeSet::new(),
    }
}

/// Not noted: what the agent or the policy chose not to measure.
fn worth_a_note(reading: &Reading) -> bool {
    // A platform may have no such servers; that voice itself has nothing to be measured against is said by `media`.
    let extra = matches!(
        reading.probe,
        ProbeId::Stun | ProbeId::Turn | ProbeId::Signalling | ProbeId::Mtu | ProbeId::Responsiveness
    );
    match &reading.outcome {
        Outcome::NotChecked(NotChecked::NoTarget | NotChecked::Offline) if extra => false,
        Outcome::Measured(_) | Outcome::Unsupported(_) | Outcome::Failed(_) => true,
        Outcome::NotChecked(why) => match why {
            NotChecked::NoTarget
            | NotChecked::TargetForbidden
            | NotChecked::MicrophoneInUse
            | NotChecked::WouldSwitchHeadset
            | NotChecked::NothingToMeasure
            | NotChecked::Offline => true,
            NotChecked::NotAsked
            | NotChecked::NotAllowed
            | NotChecked::NoConsent
            | NotChecked::OutsideShift
            | NotChecked::Paused
            | NotChecked::Metered
            | NotChecked::ServerBusy
            | NotChecked::BehindProxy
            | NotChecked::CallPossible => false,
        },
    }
}
