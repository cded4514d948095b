//! Microphones and speakers, and the health of the microphone.
//!
//! Devices go by vendor and product id and by the model that our own table knows: the names
//! that people or systems give to them have no place here. Neither has any sample of sound.

use crate::{Dbfs, Hash, Hertz, Id, List, Millis, Percent, UsbId};
use serde::{Deserialize, Serialize};

/// Which way a device carries sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// A microphone.
    Input,
    /// A speaker or headphones.
    Output,
}

/// How a device is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Connection {
    /// USB.
    Usb,
    /// Bluetooth.
    Bluetooth,
    /// Built in.
    Internal,
    /// A 3.5 mm jack.
    Jack,
    /// HDMI or DisplayPort.
    Hdmi,
    /// Made by software.
    Virtual,
    /// Over a network.
    Network,
    /// It cannot be told.
    Unknown,
}

/// What a device looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FormFactor {
    /// Headset: microphone and headphones.
    Headset,
    /// Headphones.
    Headphone,
    /// Speaker.
    Speaker,
    /// Hands-free unit.
    HandsFree,
    /// Microphone on its own.
    Microphone,
    /// Camera with a microphone.
    Webcam,
    /// Part of the computer.
    Internal,
    /// It cannot be told.
    Unknown,
}

/// One device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AudioDevice {
    /// Keyed hash of the system's own id for it: the same device has the same value on this desk.
    pub id: Hash,
    /// Microphone or speaker.
    pub direction: Direction,
    /// Whether it is the default of its direction.
    pub default: bool,
    /// Vendor id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<UsbId>,
    /// Product id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<UsbId>,
    /// Model, as our own table names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<Id>,
    /// How it is connected.
    pub connection: Connection,
    /// What it looks like.
    pub form_factor: FormFactor,
    /// Its native rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Hertz>,
    /// Its channels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "crate::bounded::within_if_some::<_, _, 0, 255>")]
    #[cfg_attr(feature = "schema", schemars(range(max = 255)))]
    pub channels: Option<u8>,
    /// Whether it is muted; absent if the system does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub muted: Option<bool>,
    /// Its volume as the system's slider shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<Percent>,
}

/// Whether a microphone is in use by another program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum MicrophoneUse {
    /// No other program has it open.
    Free,
    /// Another program has it open.
    InUse,
    /// The system does not tell.
    Unknown,
}

/// Whether the system lets programs use the microphone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum MicrophonePermission {
    /// It does.
    Granted,
    /// It keeps the microphone from all programs of this kind, the softphone among them.
    Denied,
    /// It keeps the microphone from Preshift; of other programs this says nothing.
    DeniedToPreshift,
    /// Nobody was asked yet.
    NotAsked,
    /// The system has such a permission, but does not tell.
    Unknown,
}

/// All devices of a desk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AudioDevices {
    /// The devices; made by software and monitors of outputs left out.
    pub devices: List<AudioDevice, 32>,
    /// Whether another program uses the microphone.
    pub microphone_use: MicrophoneUse,
    /// Whether the system lets programs use the microphone; absent where it asks nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub microphone_permission: Option<MicrophonePermission>,
}

impl AudioDevices {
    /// The default device of a direction.
    pub fn default_of(&self, direction: Direction) -> Option<&AudioDevice> {
        self.devices.iter().find(|d| d.direction == direction && d.default)
    }
}

/// Level and health of the microphone over a few seconds. No sound, no spectrum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Noise {
    /// The device, by the same keyed hash as in `audio_devices`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<Hash>,
    /// How much was measured.
    pub duration: Millis,
    /// Rate of the samples.
    pub rate: Hertz,
    /// Energy mean, A-weighted. -200 stands for silence.
    pub laeq: Dbfs,
    /// Exceeded in 10 % of 125 ms blocks, A-weighted.
    pub l10: Dbfs,
    /// Exceeded in 90 % of 125 ms blocks, A-weighted.
    pub l90: Dbfs,
    /// Exceeded in 95 % of 20 ms blocks, A-weighted: the floor that holds under speech.
    pub l95: Dbfs,
    /// Share of samples that are exactly zero.
    pub zeros: Percent,
    /// Share of samples at full scale.
    pub clipped: Percent,
    /// Constant offset relative to full scale.
    pub dc: Percent,
    /// Gaps in the data: times that the device delivered less than real time asks for.
    #[serde(deserialize_with = "crate::bounded::within::<_, _, 0, 10_000>")]
    #[cfg_attr(feature = "schema", schemars(range(max = 10_000)))]
    pub dropouts: u32,
}
