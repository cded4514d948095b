//! Findings about microphone, speaker and headset.

use super::{Damping, Entry, Grades};
use telemetry::FaultDomain::{Audio, Computer};
use telemetry::FindingCode::{
    MicrophoneDead, MicrophoneDenied, MicrophoneLost, MicrophoneMuted, MicrophoneNoData, NoMicrophone,
    NoSpeaker,
};
use telemetry::Severity::{Blocking, Note, Warning};

pub(super) static NO_MICROPHONE: Entry = Entry {
    title: "No microphone was found",
    why: "Callers would not hear you.",
    advice: "Plug your headset in, or switch it on if it is wireless. If it is plugged in, try another USB socket, directly at the computer.",
    domains: &[Audio],
    grades: Grades::always(Blocking),
    damping: Damping::AT_ONCE,
    moot_by: &[],
};

pub(super) static NO_SPEAKER: Entry = Entry {
    title: "No speaker or headphones were found",
    why: "You would not hear the caller.",
    advice: "Plug your headset in, or switch it on if it is wireless. If it is plugged in, try another USB socket, directly at the computer.",
    domains: &[Audio],
    grades: Grades::always(Blocking),
    damping: Damping::AT_ONCE,
    moot_by: &[],
};

pub(super) static MICROPHONE_MUTED: Entry = Entry {
    title: "The microphone is muted in the computer's settings",
    why: "Callers would not hear you, whatever your softphone shows.",
    advice: "Open the sound settings, choose your microphone under Input and switch mute off.",
    domains: &[Audio],
    grades: Grades::always(Blocking),
    damping: Damping::AT_ONCE,
    moot_by: &[NoMicrophone],
};

pub(super) static SPEAKER_MUTED: Entry = Entry {
    title: "The speaker is muted in the computer's settings",
    why: "You would not hear the caller.",
    advice: "Press the volume key, or open the sound settings, choose your headset under Output and switch mute off.",
    domains: &[Audio],
    grades: Grades::always(Warning),
    damping: Damping::AT_ONCE,
    moot_by: &[NoSpeaker],
};

pub(super) static MICROPHONE_VOLUME_LOW: Entry = Entry {
    title: "The microphone's volume is set very low",
    why: "Callers would hardly hear you.",
    advice: "Open the sound settings, choose your microphone under Input and move its slider up, to about three quarters.",
    domains: &[Audio],
    grades: Grades::CAUSE,
    damping: Damping::AT_ONCE,
    moot_by: &[NoMicrophone, MicrophoneMuted],
};

pub(super) static NARROW_BAND_HEADSET: Entry = Entry {
    title: "The headset runs in old telephone quality",
    why: "Your voice sounds dull, and letters such as s and f are hard to tell apart.",
    advice: "If your headset came with a USB dongle, use it instead of the computer's own Bluetooth. A headset on a cable sounds best.",
    domains: &[Audio],
    grades: Grades::always(Warning),
    damping: Damping::AT_ONCE,
    moot_by: &[NoMicrophone],
};

pub(super) static MICROPHONE_DENIED: Entry = Entry {
    title: "The system does not let programs use the microphone",
    why: "Your softphone gets no sound from the microphone, so callers would not hear you.",
    advice: "On Windows, open Settings, Privacy & security, Microphone (Windows 10: Privacy, Microphone) and switch microphone access on, also for desktop apps. On a Mac, open System Settings, Privacy & Security, Microphone and switch your softphone and browser on. If a switch cannot be moved, your IT has set it: call them.",
    domains: &[Computer],
    grades: Grades::always(Blocking),
    damping: Damping::AT_ONCE,
    moot_by: &[],
};

/// Only noted: the agent may have decided so, and the softphone may still be heard.
pub(super) static MICROPHONE_DENIED_TO_PRESHIFT: Entry = Entry {
    title: "Preshift is not allowed to use the microphone",
    why: "Preshift cannot tell whether callers would hear you. Other programs may still use the microphone.",
    advice: "If you want it checked: on a Mac, open System Settings, Privacy & Security, Microphone and switch Preshift on; on Windows, open Settings, Privacy & security, Microphone. If not, make a test call before your shift.",
    domains: &[Computer],
    grades: Grades::always(Note),
    damping: Damping::AT_ONCE,
    moot_by: &[MicrophoneDenied],
};

pub(super) static MICROPHONE_DEAD: Entry = Entry {
    title: "The microphone delivers only silence",
    why: "Callers would not hear you. Even a quiet room makes a little sound; here there is none at all.",
    advice: "Look for a mute button on the headset or its cable and press it. Check that programs may use the microphone in the privacy settings. Then unplug the headset, plug it in and check again.",
    domains: &[Audio, Computer],
    grades: Grades::always(Blocking),
    damping: Damping::TWICE,
    moot_by: &[NoMicrophone, MicrophoneMuted, MicrophoneDenied],
};

pub(super) static MICROPHONE_NO_DATA: Entry = Entry {
    title: "The microphone sends nothing at all",
    why: "Callers would not hear you.",
    advice: "Unplug the headset, wait five seconds and plug it in again; switch a wireless one off and on. If that does not help, restart the computer.",
    domains: &[Audio, Computer],
    grades: Grades::always(Blocking),
    damping: Damping::TWICE,
    moot_by: &[NoMicrophone, MicrophoneDenied],
};

pub(super) static MICROPHONE_CLIPPING: Entry = Entry {
    title: "The microphone is too loud and distorts",
    why: "Your voice sounds harsh and is hard to understand.",
    advice: "Open the sound settings, choose your microphone under Input and move its slider down. Keep the microphone two fingers from the corner of your mouth.",
    domains: &[Audio],
    grades: Grades::CAUSE,
    damping: Damping::TWICE,
    moot_by: &[NoMicrophone],
};

pub(super) static MICROPHONE_DROPOUTS: Entry = Entry {
    title: "The microphone's sound has gaps",
    why: "Callers would miss parts of what you say.",
    advice: "Plug the headset directly into the computer, not into a hub or the screen. If it is wireless, charge it and stay close. Close programs that you do not need.",
    domains: &[Audio, Computer],
    grades: Grades::CAUSE,
    damping: Damping::TWICE,
    moot_by: &[NoMicrophone, MicrophoneDead, MicrophoneNoData, MicrophoneLost],
};

pub(super) static MICROPHONE_LOST: Entry = Entry {
    title: "The microphone went away while it was checked",
    why: "If it happens in a call, the caller hears nothing any more.",
    advice: "Check the plug and the cable; try another USB socket, directly at the computer. If it is wireless, charge it and stay close.",
    domains: &[Audio],
    grades: Grades::always(Blocking),
    damping: Damping::AT_ONCE,
    moot_by: &[NoMicrophone],
};
