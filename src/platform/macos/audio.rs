//! Audio devices and who uses the microphone, as macOS tells.
//!
//! Sources: CoreAudio.framework, `AudioHardware.h` (devices, processes) and `AudioHardwareBase.h`
//! (transport types, identity). What the answers mean is in `audio::coreaudio`.

use super::coreaudio::{GLOBAL, Property};
use crate::audio::{
    AudioError, Inventory, RawDevice,
    coreaudio::{self as meaning, Recorder, Running},
    endpoint,
    inventory::{AudioServer, key_of},
};
use objc2::rc::autoreleasepool;
use objc2_av_foundation::{AVCaptureDevice, AVMediaTypeAudio};
use objc2_core_audio::{
    AudioObjectID, AudioObjectPropertyScope, AudioObjectPropertySelector, kAudioDevicePropertyDataSource,
    kAudioDevicePropertyDeviceIsAlive, kAudioDevicePropertyDeviceIsRunningSomewhere,
    kAudioDevicePropertyDeviceUID, kAudioDevicePropertyModelUID, kAudioDevicePropertyMute,
    kAudioDevicePropertyNominalSampleRate, kAudioDevicePropertyStreams, kAudioDevicePropertyTransportType,
    kAudioDevicePropertyVolumeScalar, kAudioHardwarePropertyDefaultInputDevice,
    kAudioHardwarePropertyDefaultOutputDevice, kAudioHardwarePropertyDevices,
    kAudioHardwarePropertyProcessObjectList, kAudioObjectPropertyScopeInput, kAudioObjectPropertyScopeOutput,
    kAudioObjectSystemObject, kAudioProcessPropertyBundleID, kAudioProcessPropertyIsRunningInput,
    kAudioProcessPropertyPID,
};
use std::path::PathBuf;
use telemetry::{Connection, Digest, Direction, Hertz, MicrophonePermission, MicrophoneUse, Percent, Word};

const SYSTEM: AudioObjectID = kAudioObjectSystemObject as AudioObjectID;

/// `kAudioHardwareServiceDeviceProperty_VirtualMainVolume` (AudioToolbox.framework,
/// `AudioHardwareService.h`): the volume as the system's slider shows it, whatever channels are behind
/// it. The functions of that header are deprecated for `AudioObjectGetPropertyData`; the property is not.
const VIRTUAL_MAIN_VOLUME: AudioObjectPropertySelector = u32::from_be_bytes(*b"vmvc");

/// The system's own host.
pub fn host() -> Result<cpal::Host, cpal::Error> {
    cpal::host_from_id(cpal::HostId::CoreAudio)
}

/// Nothing to settle: macOS has one audio service.
pub fn find_server() {}

/// Nothing that the service's client would have to read.
pub fn readable_files() -> Vec<PathBuf> {
    Vec::new()
}

/// The devices, and who uses the microphone. Streams of `ours` do not count.
pub fn inventory(ours: &[u32]) -> Result<Inventory, AudioError> {
    let devices = device_ids()?;
    let found = [Direction::Output, Direction::Input]
        .into_iter()
        .flat_map(|direction| devices.iter().filter_map(move |id| device(*id, direction)));
    let (first, rest): (Vec<_>, Vec<_>) = found.partition(|d| d.default);
    Ok(Inventory {
        server: AudioServer { kind: Word::Coreaudio, version: None },
        devices: first.into_iter().chain(rest).collect(),
        microphone_use: microphone_use(&devices, ours),
        microphone_permission: microphone_permission(),
        would_switch_headset: default(Direction::Input).is_some_and(would_switch),
    })
}

/// Whether the system lets this program at the microphone. Asking shows nothing to the agent.
///
/// Source: AVFoundation.framework, `AVCaptureDevice.h`: `+authorizationStatusForMediaType:` tells of the
/// client, which for a child is the app that started it; it wants `AVMediaTypeAudio` (`AVMediaFormat.h`).
/// `AVAudioApplication.recordPermission` says the same, from macOS 14 on only.
pub fn microphone_permission() -> Option<MicrophonePermission> {
    autoreleasepool(|_| {
        // SAFETY: a constant of the framework, set before any program of it runs.
        let Some(audio) = (unsafe { AVMediaTypeAudio }) else { return Some(MicrophonePermission::Unknown) };
        // SAFETY: a class method that may be called from any thread, with a media type that it takes.
        let status = unsafe { AVCaptureDevice::authorizationStatusForMediaType(audio) };
        Some(meaning::permission(status.0))
    })
}

/// Keeps an eye on the microphone that is listened to.
pub struct Watch {
    device: AudioObjectID,
    key: Digest,
    rate: u32,
    ours: Vec<u32>,
}

impl Watch {
    /// Picks the microphone, the default if none is named, and makes sure that it may be opened.
    pub fn open(key: Option<&Digest>, ours: &[u32]) -> Result<Self, AudioError> {
        let devices = device_ids()?;
        let wanted = |d: &RawDevice| key.map_or(d.default, |key| d.key == *key);
        let chosen = devices
            .iter()
            .find_map(|id| device(*id, Direction::Input).filter(wanted).map(|device| (*id, device)));
        let (id, chosen) = chosen.ok_or(AudioError::NoMicrophone)?;
        // Unknown counts as in use: nobody's call may be disturbed.
        if microphone_use(&devices, ours) != MicrophoneUse::Free {
            return Err(AudioError::InUse);
        }
        if would_switch(id) {
            return Err(AudioError::WouldSwitchHeadset);
        }
        let mut ours = ours.to_vec();
        ours.push(std::process::id());
        let rate = chosen.rate.map_or(48_000, |rate| rate.get() as u32);
        Ok(Self { device: id, key: chosen.key, rate, ours })
    }

    /// The key of the microphone.
    pub fn key(&self) -> &Digest {
        &self.key
    }

    /// Its native rate.
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// Whether the microphone is still there, and nobody else at one. Before macOS 14.2, which does
    /// not tell processes apart, the second cannot be told while we listen.
    pub fn check(&mut self, _recording: bool) -> Result<(), AudioError> {
        // kAudioDevicePropertyDeviceIsAlive: 1 while the device is there and ready.
        if Property::new(self.device, kAudioDevicePropertyDeviceIsAlive, GLOBAL).value::<u32>() != Some(1) {
            return Err(AudioError::DeviceLost);
        }
        match recorders() {
            Some(recorders) if meaning::is_used_by_another(&recorders, &self.ours) => Err(AudioError::InUse),
            _ => Ok(()),
        }
    }
}

fn scope(direction: Direction) -> AudioObjectPropertyScope {
    match direction {
        Direction::Input => kAudioObjectPropertyScopeInput,
        Direction::Output => kAudioObjectPropertyScopeOutput,
    }
}

fn device_ids() -> Result<Vec<AudioObjectID>, AudioError> {
    Property::new(SYSTEM, kAudioHardwarePropertyDevices, GLOBAL).objects().ok_or(AudioError::NoSoundSystem)
}

fn default(direction: Direction) -> Option<AudioObjectID> {
    let selector = match direction {
        Direction::Input => kAudioHardwarePropertyDefaultInputDevice,
        Direction::Output => kAudioHardwarePropertyDefaultOutputDevice,
    };
    // kAudioObjectUnknown is 0: there is none.
    Property::new(SYSTEM, selector, GLOBAL).value::<u32>().filter(|id| *id != 0)
}

/// Whether a device has streams in a direction. One device can have both, as most USB headsets do.
fn has(id: AudioObjectID, direction: Direction) -> bool {
    Property::new(id, kAudioDevicePropertyStreams, scope(direction)).objects().is_some_and(|s| !s.is_empty())
}

/// One device in one direction; `None` if it has none in that.
fn device(id: AudioObjectID, direction: Direction) -> Option<RawDevice> {
    if !has(id, direction) {
        return None;
    }
    let is_default = default(direction) == Some(id);
    let source = source(id, direction);
    let connection = connection(id, direction);
    if connection == Connection::Virtual && !is_default {
        return None;
    }
    // kAudioDevicePropertyModelUID: the same for all devices of a model; for USB it ends in
    // vendor and product.
    let (vendor, product) = Property::new(id, kAudioDevicePropertyModelUID, GLOBAL)
        .text()
        .map_or((None, None), |uid| endpoint::ids_of_model(&uid));
    Some(RawDevice {
        // kAudioDevicePropertyDeviceUID: persistent across restarts, and by it cpal knows a device.
        key: key_of(&Property::new(id, kAudioDevicePropertyDeviceUID, GLOBAL).text()?),
        direction,
        default: is_default,
        vendor,
        product,
        connection,
        form_factor: meaning::form_factor(connection, source),
        rate: Property::new(id, kAudioDevicePropertyNominalSampleRate, GLOBAL).value::<f64>().map(Hertz::new),
        channels: None,
        muted: muted(id, direction),
        volume: volume(id, direction),
    })
}

/// kAudioDevicePropertyMute: a UInt32, 1 is muted. Not every device has it.
fn muted(id: AudioObjectID, direction: Direction) -> Option<bool> {
    let ask = |direction, element| {
        Property::new(id, kAudioDevicePropertyMute, scope(direction)).element(element).value::<u32>()
    };
    meaning::first_told(direction, ask).map(|muted| muted != 0)
}

/// kAudioDevicePropertyVolumeScalar: a Float32 between 0 and 1, of the whole device or of a channel.
fn volume(id: AudioObjectID, direction: Direction) -> Option<Percent> {
    let slider = Property::new(id, VIRTUAL_MAIN_VOLUME, scope(direction)).value::<f32>();
    let ask = |direction, element| {
        Property::new(id, kAudioDevicePropertyVolumeScalar, scope(direction)).element(element).value::<f32>()
    };
    let part = slider.or_else(|| meaning::first_told(direction, ask))?;
    Some(Percent::new(100.0 * f64::from(part)))
}

/// kAudioDevicePropertyDataSource: the item that is chosen, by its id. Only the first is of interest.
fn source(id: AudioObjectID, direction: Direction) -> Option<u32> {
    Property::new(id, kAudioDevicePropertyDataSource, scope(direction)).value::<u32>()
}

/// kAudioDevicePropertyTransportType.
fn connection(id: AudioObjectID, direction: Direction) -> Connection {
    let transport = Property::new(id, kAudioDevicePropertyTransportType, GLOBAL).value::<u32>();
    meaning::connection(transport, source(id, direction))
}

/// kAudioDevicePropertyDeviceIsRunningSomewhere: 1 while at least one process runs it, in any direction.
fn runs(id: AudioObjectID) -> bool {
    Property::new(id, kAudioDevicePropertyDeviceIsRunningSomewhere, GLOBAL).value::<u32>() == Some(1)
}

/// Opening the microphone of a Bluetooth headset switches it to its mode for calls. If one is the
/// default speaker too and plays, that would be heard.
fn would_switch(microphone: AudioObjectID) -> bool {
    connection(microphone, Direction::Input) == Connection::Bluetooth
        && default(Direction::Output)
            .is_some_and(|out| connection(out, Direction::Output) == Connection::Bluetooth && runs(out))
}

/// The programs that record now; `None` before macOS 14.2, which has no such list.
fn recorders() -> Option<Vec<Recorder>> {
    let processes = Property::new(SYSTEM, kAudioHardwarePropertyProcessObjectList, GLOBAL).objects()?;
    let records = |id: &AudioObjectID| {
        Property::new(*id, kAudioProcessPropertyIsRunningInput, GLOBAL).value::<u32>() == Some(1)
    };
    let recorder = |id| {
        let pid = Property::new(id, kAudioProcessPropertyPID, GLOBAL).value::<i32>()?;
        let bundle = Property::new(id, kAudioProcessPropertyBundleID, GLOBAL).text();
        Some(Recorder { pid: u32::try_from(pid).ok()?, bundle: bundle.filter(|b| !b.is_empty()) })
    };
    Some(processes.into_iter().filter(records).filter_map(recorder).collect())
}

/// By program where the system tells; else by whether any microphone runs, which may be ours.
fn microphone_use(devices: &[AudioObjectID], ours: &[u32]) -> MicrophoneUse {
    match recorders() {
        Some(recorders) if meaning::is_used_by_another(&recorders, ours) => MicrophoneUse::InUse,
        Some(_) => MicrophoneUse::Free,
        None => {
            let running: Vec<Running> = devices
                .iter()
                .filter(|id| has(**id, Direction::Input) && runs(**id))
                .map(|id| Running { plays_too: has(*id, Direction::Output) })
                .collect();
            meaning::use_by_devices(&running, !ours.is_empty())
        }
    }
}
