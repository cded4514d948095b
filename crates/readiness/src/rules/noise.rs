//! Rule of `noise`: a dead, muted, overdriven or dropping microphone. The level is recorded and not judged yet.

use super::{Candidate, Scene, held_to};
use crate::limits::{Band, Metric};
use telemetry::{Direction, Failure, FindingCode, Noise, ProbeId, Reading, Value};

/// Over less than this, silence is no proof.
const LEAST_MS: f64 = 2_000.0;

pub(super) fn rule(scene: &Scene<'_>, reading: &Reading, noise: &Noise) -> Vec<Candidate> {
    let policy = scene.policy;
    let mut found = Vec::new();
    if noise.duration.get() >= LEAST_MS {
        let code = if known_muted(scene, noise) {
            FindingCode::MicrophoneMuted
        } else {
            FindingCode::MicrophoneDead
        };
        found.extend(held_to(policy, Metric::Zeros, noise.zeros.get(), code, reading));
    }
    let clipped = noise.clipped.get();
    found.extend(held_to(policy, Metric::Clipping, clipped, FindingCode::MicrophoneClipping, reading));
    let dropouts = f64::from(noise.dropouts);
    found.extend(held_to(policy, Metric::Dropouts, dropouts, FindingCode::MicrophoneDropouts, reading));
    found
}

pub(super) fn failed(reading: &Reading, why: Failure) -> Vec<Candidate> {
    let code = match why {
        Failure::NoData => FindingCode::MicrophoneNoData,
        Failure::DeviceLost => FindingCode::MicrophoneLost,
        _ => return Vec::new(),
    };
    vec![Candidate::new(code, Band::Bad, reading)]
}

/// Whether the system says that the microphone which was measured is muted.
fn known_muted(scene: &Scene<'_>, noise: &Noise) -> bool {
    scene.values(ProbeId::AudioDevices).any(|value| {
        let Value::AudioDevices(audio) = value else { return false };
        let device = match &noise.device {
            Some(id) => audio.devices.iter().find(|d| d.direction == Direction::Input && d.id == *id),
            None => audio.default_of(Direction::Input),
        };
        device.is_some_and(|d| d.muted == Some(true))
    })
}
