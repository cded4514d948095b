//! The devices of a desk as the child found them, and what of them may be told.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use telemetry::{
    AudioDevice, AudioDevices, Connection, Digest, Direction, FormFactor, Hash, Hertz, Id, List,
    MicrophonePermission, MicrophoneUse, Percent, UsbId, Version, Word,
};

/// The program that plays and records for all others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AudioServer {
    /// Which.
    pub kind: Word,
    /// Its version, if it tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
}

/// One device, as it crosses the pipe: without any name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawDevice {
    /// SHA-256 of the system's own id for it.
    pub key: Digest,
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
    /// How it is connected.
    pub connection: Connection,
    /// What it looks like.
    pub form_factor: FormFactor,
    /// Its native rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Hertz>,
    /// Its channels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<u8>,
    /// Whether it is muted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub muted: Option<bool>,
    /// Its volume as the system's slider shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<Percent>,
}

/// What a child found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inventory {
    /// What plays and records.
    pub server: AudioServer,
    /// The devices; monitors and those made by software left out, but for a default one.
    pub devices: List<RawDevice, 32>,
    /// Whether another program uses a microphone.
    pub microphone_use: MicrophoneUse,
    /// Whether the system lets programs at the microphone; absent where it asks nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub microphone_permission: Option<MicrophonePermission>,
    /// Whether opening the default microphone would switch a playing Bluetooth headset.
    pub would_switch_headset: bool,
}

/// What devices are known by between child and daemon: it says nothing about them.
pub fn key_of(system_id: &str) -> Digest {
    Digest::from_bytes(Sha256::digest(system_id.as_bytes()).into())
}

impl Inventory {
    /// The default device of a direction.
    pub fn default_of(&self, direction: Direction) -> Option<&RawDevice> {
        self.devices.iter().find(|d| d.direction == direction && d.default)
    }

    /// What the probe reports: ids hashed under the desk's key, models from our table.
    pub fn reading(&self, hash: impl Fn(&str) -> Hash) -> AudioDevices {
        AudioDevices {
            devices: self.devices.iter().map(|d| d.reading(&hash)).collect(),
            microphone_use: self.microphone_use,
            microphone_permission: self.microphone_permission,
        }
    }
}

impl RawDevice {
    /// The model's id in our own table.
    pub fn model(&self) -> Option<Id> {
        super::models::model(self.vendor.as_ref()?, self.product.as_ref()?)
    }

    fn reading(&self, hash: impl Fn(&str) -> Hash) -> AudioDevice {
        AudioDevice {
            id: hash(self.key.as_str()),
            direction: self.direction,
            default: self.default,
            vendor: self.vendor.clone(),
            product: self.product.clone(),
            model: self.model(),
            connection: self.connection,
            form_factor: self.form_factor,
            rate: self.rate,
            channels: self.channels,
            muted: self.muted,
            volume: self.volume,
        }
    }
}
