//! What CoreAudio says about devices and programs, taken apart.
//!
//! Pure, and compiled on every system; `platform::macos::audio` does the asking. The numbers are
//! CoreAudio's four letters, as in its headers.

use telemetry::{Connection, Direction, FormFactor, MicrophonePermission, MicrophoneUse};

const fn letters(four: &[u8; 4]) -> u32 {
    u32::from_be_bytes(*four)
}

// CoreAudio/AudioHardwareBase.h, "Transport Type Constants".
const BUILT_IN: u32 = letters(b"bltn");
const USB: u32 = letters(b"usb ");
const BLUETOOTH: u32 = letters(b"blue");
const BLUETOOTH_LE: u32 = letters(b"blea");
const HDMI: u32 = letters(b"hdmi");
const DISPLAY_PORT: u32 = letters(b"dprt");
const AIR_PLAY: u32 = letters(b"airp");
const AVB: u32 = letters(b"eavb");
const AGGREGATE: u32 = letters(b"grup");
const AUTO_AGGREGATE: u32 = letters(b"fgrp");
const VIRTUAL: u32 = letters(b"virt");
/// An iPhone as a microphone, by cable and without (macOS 13 and later).
const CONTINUITY_WIRED: u32 = letters(b"ccwd");
const CONTINUITY_WIRELESS: u32 = letters(b"ccwl");

// IOKit/audio/IOAudioTypes.h: kIOAudioOutputPortSubType… and kIOAudioInputPortSubType…
const HEADPHONES: u32 = letters(b"hdpn");
const EXTERNAL_SPEAKER: u32 = letters(b"espk");
const EXTERNAL_MICROPHONE: u32 = letters(b"emic");
const LINE: u32 = letters(b"line");

/// The ear of "Hey Siri". While that is switched on it records for ever, and that is no call.
const VOICE_TRIGGER: &str = "com.apple.CoreSpeech";

/// How a device is connected, by its transport type and, for the computer's own sound card, by the
/// source or destination that is chosen: what is plugged into its socket has the card's transport.
pub fn connection(transport: Option<u32>, source: Option<u32>) -> Connection {
    match transport {
        Some(BUILT_IN) => match source {
            Some(HEADPHONES | EXTERNAL_SPEAKER | EXTERNAL_MICROPHONE | LINE) => Connection::Jack,
            _ => Connection::Internal,
        },
        Some(USB | CONTINUITY_WIRED) => Connection::Usb,
        Some(BLUETOOTH | BLUETOOTH_LE) => Connection::Bluetooth,
        Some(HDMI | DISPLAY_PORT) => Connection::Hdmi,
        Some(AIR_PLAY | AVB | CONTINUITY_WIRELESS) => Connection::Network,
        Some(VIRTUAL | AGGREGATE | AUTO_AGGREGATE) => Connection::Virtual,
        _ => Connection::Unknown,
    }
}

/// What a device looks like. CoreAudio tells little: a headset on USB or Bluetooth has to be known by
/// its model.
pub fn form_factor(connection: Connection, source: Option<u32>) -> FormFactor {
    match (connection, source) {
        (Connection::Internal, _) => FormFactor::Internal,
        (Connection::Jack, Some(HEADPHONES)) => FormFactor::Headphone,
        (Connection::Jack, Some(EXTERNAL_SPEAKER)) => FormFactor::Speaker,
        // A microphone in the one socket of a Mac is on a headset or on its own: nobody can tell.
        _ => FormFactor::Unknown,
    }
}

/// What AVFoundation's `AVAuthorizationStatus` (`AVCaptureDevice.h`) means: it is of this program, and of
/// other programs it says nothing. "Restricted" is a no that the agent cannot change.
pub fn permission(status: isize) -> MicrophonePermission {
    match status {
        0 => MicrophonePermission::NotAsked,
        1 | 2 => MicrophonePermission::DeniedToPreshift,
        3 => MicrophonePermission::Granted,
        _ => MicrophonePermission::Unknown,
    }
}

/// Whether silence is the system's way to say no. macOS hands out zeros, and no error, to a program that may
/// not listen, and to one whose question the agent has not answered yet; a microphone that was heard was
/// allowed. `zeros` is the share of samples that are exactly zero, in percent.
pub fn silence_is_a_no(permission: Option<MicrophonePermission>, zeros: f64) -> bool {
    /// A moment of sound before the switch went over is not enough to judge a microphone by.
    const SILENT: f64 = 98.0;
    let not_allowed = matches!(
        permission,
        Some(
            MicrophonePermission::Denied
                | MicrophonePermission::DeniedToPreshift
                | MicrophonePermission::NotAsked
        )
    );
    not_allowed && zeros >= SILENT
}

/// A program that records, as CoreAudio names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorder {
    /// Its process.
    pub pid: u32,
    /// Its bundle, if it has one. Compared and forgotten.
    pub bundle: Option<String>,
}

/// Whether any of the programs that record is neither ours nor the system's own ear.
pub fn is_used_by_another(recorders: &[Recorder], ours: &[u32]) -> bool {
    let ear = |r: &Recorder| r.bundle.as_deref().is_some_and(|b| b.eq_ignore_ascii_case(VOICE_TRIGGER));
    recorders.iter().any(|r| !ours.contains(&r.pid) && !ear(r))
}

/// A microphone's device that runs for some program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Running {
    /// It is a speaker too, so that it may be playing and not recording.
    pub plays_too: bool,
}

/// Before macOS 14.2, which does not tell programs apart: by the microphones that run. `listening`
/// says that one of our own children is at work, which may be what runs.
pub fn use_by_devices(running: &[Running], listening: bool) -> MicrophoneUse {
    if running.is_empty() {
        MicrophoneUse::Free
    } else if listening || running.iter().all(|r| r.plays_too) {
        MicrophoneUse::Unknown
    } else {
        MicrophoneUse::InUse
    }
}

/// Which of several volumes or switches to believe: that of the whole device, else of its first channel.
pub fn first_told<T>(direction: Direction, ask: impl Fn(Direction, u32) -> Option<T>) -> Option<T> {
    /// `kAudioObjectPropertyElementMain`, then the first channel.
    const ELEMENTS: [u32; 2] = [0, 1];
    ELEMENTS.into_iter().find_map(|element| ask(direction, element))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_follow_the_transport() {
        for (transport, source, expected, looks) in [
            (b"bltn", None, Connection::Internal, FormFactor::Internal),
            (b"bltn", Some(b"imic"), Connection::Internal, FormFactor::Internal),
            (b"bltn", Some(b"ispk"), Connection::Internal, FormFactor::Internal),
            (b"bltn", Some(b"hdpn"), Connection::Jack, FormFactor::Headphone),
            (b"bltn", Some(b"espk"), Connection::Jack, FormFactor::Speaker),
            (b"bltn", Some(b"emic"), Connection::Jack, FormFactor::Unknown),
            (b"usb ", None, Connection::Usb, FormFactor::Unknown),
            (b"usb ", Some(b"hdpn"), Connection::Usb, FormFactor::Unknown),
            (b"blue", None, Connection::Bluetooth, FormFactor::Unknown),
            (b"blea", None, Connection::Bluetooth, FormFactor::Unknown),
            (b"hdmi", None, Connection::Hdmi, FormFactor::Unknown),
            (b"dprt", None, Connection::Hdmi, FormFactor::Unknown),
            (b"airp", None, Connection::Network, FormFactor::Unknown),
            (b"ccwd", None, Connection::Usb, FormFactor::Unknown),
            (b"ccwl", None, Connection::Network, FormFactor::Unknown),
            (b"virt", None, Connection::Virtual, FormFactor::Unknown),
            (b"grup", None, Connection::Virtual, FormFactor::Unknown),
            (b"thun", None, Connection::Unknown, FormFactor::Unknown),
        ] {
            let source = source.map(letters);
            let found = connection(Some(letters(transport)), source);
            assert_eq!((found, form_factor(found, source)), (expected, looks), "{transport:?} {source:?}");
        }
        assert_eq!(connection(None, None), Connection::Unknown);
    }

    #[test]
    fn the_numbers_are_those_of_the_headers() {
        // As objc2-core-audio has them, generated from the headers of macOS 26.
        assert_eq!(
            [BUILT_IN, USB, BLUETOOTH, BLUETOOTH_LE, HDMI, DISPLAY_PORT],
            [0x626c_746e, 0x7573_6220, 0x626c_7565, 0x626c_6561, 0x6864_6d69, 0x6470_7274]
        );
        assert_eq!(
            [AIR_PLAY, AVB, AGGREGATE, AUTO_AGGREGATE, VIRTUAL, CONTINUITY_WIRED, CONTINUITY_WIRELESS],
            [0x6169_7270, 0x6561_7662, 0x6772_7570, 0x6667_7270, 0x7669_7274, 0x6363_7764, 0x6363_776c]
        );
    }

    #[test]
    fn silence_without_permission_is_no_broken_microphone() {
        use MicrophonePermission::{DeniedToPreshift, Granted, NotAsked, Unknown};
        let status = [-1, 0, 1, 2, 3, 4].map(permission);
        assert_eq!(status, [Unknown, NotAsked, DeniedToPreshift, DeniedToPreshift, Granted, Unknown]);
        for (permission, zeros, no) in [
            (Some(NotAsked), 100.0, true),
            (Some(DeniedToPreshift), 98.0, true),
            (Some(NotAsked), 97.9, false),
            // Allowed and silent is broken or muted; so is it where nobody asks.
            (Some(Granted), 100.0, false),
            (Some(Unknown), 100.0, false),
            (None, 100.0, false),
        ] {
            assert_eq!(silence_is_a_no(permission, zeros), no, "{permission:?} {zeros}");
        }
    }

    #[test]
    fn only_another_program_counts() {
        let recorder = |pid, bundle: Option<&str>| Recorder {
            pid,
            bundle: bundle.map(std::string::ToString::to_string),
        };
        let ear = recorder(400, Some("com.apple.CoreSpeech"));
        assert!(!is_used_by_another(&[], &[]));
        assert!(!is_used_by_another(&[recorder(7, None), ear.clone()], &[7]));
        assert!(is_used_by_another(&[recorder(8, None)], &[7]), "a program without a bundle");
        assert!(is_used_by_another(&[ear, recorder(9, Some("us.zoom.xos"))], &[7]));
        assert!(is_used_by_another(&[recorder(9, Some("com.apple.FaceTime"))], &[]), "Apple's own calls too");
    }

    #[test]
    fn a_device_that_also_plays_proves_nothing() {
        let (microphone, headset) = (Running { plays_too: false }, Running { plays_too: true });
        assert_eq!(use_by_devices(&[], false), MicrophoneUse::Free);
        assert_eq!(use_by_devices(&[microphone], false), MicrophoneUse::InUse);
        assert_eq!(use_by_devices(&[headset], false), MicrophoneUse::Unknown);
        assert_eq!(use_by_devices(&[headset, microphone], false), MicrophoneUse::InUse);
        assert_eq!(use_by_devices(&[microphone], true), MicrophoneUse::Unknown);
    }

    #[test]
    fn the_whole_device_is_asked_before_its_first_channel() {
        let ask = |main, first| {
            first_told(Direction::Input, move |_, element| if element == 0 { main } else { first })
        };
        assert_eq!(ask(Some(1), Some(2)), Some(1));
        assert_eq!(ask(None, Some(2)), Some(2));
        assert_eq!(ask(None::<i32>, None), None);
    }
}
