//! Rule of `audio_devices`: what the agent would speak into and hear with.

use super::{Candidate, held_to};
use crate::Policy;
use crate::limits::{Band, Metric};
use telemetry::{AudioDevices, Direction, FindingCode, Hertz, MicrophonePermission, Percent, Reading};

pub(super) fn rule(policy: &Policy, reading: &Reading, audio: &AudioDevices) -> Vec<Candidate> {
    let mut found = Vec::new();
    let has = |direction| audio.devices.iter().any(|d| d.direction == direction);
    let mut bad = |code| found.push(Candidate::new(code, Band::Bad, reading));
    if !has(Direction::Input) {
        bad(FindingCode::NoMicrophone);
    }
    if !has(Direction::Output) {
        bad(FindingCode::NoSpeaker);
    }
    match audio.microphone_permission {
        Some(MicrophonePermission::Denied) => bad(FindingCode::MicrophoneDenied),
        Some(MicrophonePermission::DeniedToPreshift) => bad(FindingCode::MicrophoneDeniedToPreshift),
        // Not asked yet is not denied, and where the system does not tell, the microphone itself will.
        Some(
            MicrophonePermission::Granted | MicrophonePermission::NotAsked | MicrophonePermission::Unknown,
        )
        | None => {}
    }
    let muted = |direction| audio.default_of(direction).is_some_and(|d| d.muted == Some(true));
    if muted(Direction::Input) {
        bad(FindingCode::MicrophoneMuted);
    }
    if muted(Direction::Output) {
        bad(FindingCode::SpeakerMuted);
    }
    if let Some(input) = audio.default_of(Direction::Input) {
        let volume = input.volume.map(Percent::get);
        let rate = input.rate.map(Hertz::get);
        found.extend(volume.and_then(|v| {
            held_to(policy, Metric::MicrophoneVolume, v, FindingCode::MicrophoneVolumeLow, reading)
        }));
        found.extend(
            rate.and_then(|v| {
                held_to(policy, Metric::SampleRate, v, FindingCode::NarrowBandHeadset, reading)
            }),
        );
    }
    found
}
