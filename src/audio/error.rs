//! Why something about sound could not be found out.

use serde::{Deserialize, Serialize};
use telemetry::{Failure, NotChecked, Outcome, Unsupported};

/// Why a microphone could not be listened to, or the devices not be listed. It crosses the pipe
/// from the child, so it is a closed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum AudioError {
    /// No sound server runs, or the system has no sound.
    #[error("no sound system runs here")]
    NoSoundSystem,
    /// The sound server hung or went away.
    #[error("the sound server hangs or went away")]
    SoundServer,
    /// There is no microphone.
    #[error("there is no microphone")]
    NoMicrophone,
    /// Another program uses the microphone, or began to.
    #[error("another program uses the microphone")]
    InUse,
    /// It would switch a playing Bluetooth headset to call mode.
    #[error("measuring would switch a playing Bluetooth headset to call mode")]
    WouldSwitchHeadset,
    /// The system does not let this user or program at the microphone.
    #[error("the system does not permit the use of the microphone")]
    NoPermission,
    /// The microphone went away, or the stream was moved to another one.
    #[error("the microphone went away")]
    DeviceLost,
    /// The microphone delivered no data.
    #[error("the microphone delivered no data")]
    NoData,
    /// The child could not shut itself in, and so did not open the microphone.
    #[error("the listening child could not be shut in")]
    NotShutIn,
    /// The operating system refused an operation.
    #[error("the operating system refused an operation")]
    System,
    /// The child ended without an answer, or with one that made no sense.
    #[error("the listening child ended without an answer")]
    ChildEnded,
}

impl From<AudioError> for Outcome {
    fn from(error: AudioError) -> Self {
        match error {
            AudioError::NoSoundSystem => Self::Unsupported(Unsupported::NoSoundSystem),
            AudioError::NoPermission => Self::Unsupported(Unsupported::NoPermission),
            AudioError::NoMicrophone => Self::NotChecked(NotChecked::NothingToMeasure),
            AudioError::InUse => Self::NotChecked(NotChecked::MicrophoneInUse),
            AudioError::WouldSwitchHeadset => Self::NotChecked(NotChecked::WouldSwitchHeadset),
            AudioError::SoundServer => Self::Failed(Failure::SoundServer),
            AudioError::DeviceLost => Self::Failed(Failure::DeviceLost),
            AudioError::NoData => Self::Failed(Failure::NoData),
            AudioError::NotShutIn | AudioError::System => Self::Failed(Failure::System),
            AudioError::ChildEnded => Self::Failed(Failure::ChildEnded),
        }
    }
}
