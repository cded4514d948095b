//! Audio devices and who uses the microphone, as macOS tells.

use crate::audio::{
    AudioError, Inventory, RawDevice, endpoint,
    inventory::{AudioServer, key_of},
};
use objc2_core_audio::{
    AudioObjectGetPropertyData, AudioObjectGetPropertyDataSize, AudioObjectID, AudioObjectPropertyAddress,
    AudioObjectPropertyScope, AudioObjectPropertySelector, kAudioDevicePropertyDeviceIsAlive,
    kAudioDevicePropertyDeviceIsRunningSomewhere, kAudioDevicePropertyDeviceUID,
    kAudioDevicePropertyModelUID, kAudioDevicePropertyMute, kAudioDevicePropertyNominalSampleRate,
    kAudioDevicePropertyStreams, kAudioDevicePropertyTransportType, kAudioDevicePropertyVolumeScalar,
    kAudioDeviceTransportTypeAggregate, kAudioDeviceTransportTypeAirPlay, kAudioDeviceTransportTypeBluetooth,
    kAudioDeviceTransportTypeBluetoothLE, kAudioDeviceTransportTypeBuiltIn,
    kAudioDeviceTransportTypeDisplayPort, kAudioDeviceTransportTypeHDMI, kAudioDeviceTransportTypeUSB,
    kAudioDeviceTransportTypeVirtual, kAudioHardwarePropertyDefaultInputDevice,
    kAudioHardwarePropertyDefaultOutputDevice, kAudioHardwarePropertyDevices,
    kAudioHardwarePropertyProcessObjectList, kAudioObjectPropertyElementMain,
    kAudioObjectPropertyScopeGlobal, kAudioObjectPropertyScopeInput, kAudioObjectPropertyScopeOutput,
    kAudioObjectSystemObject, kAudioProcessPropertyIsRunningInput, kAudioProcessPropertyPID,
};
use objc2_core_foundation::{CFRetained, CFString};
use std::{
    path::PathBuf,
    ptr::{NonNull, null, null_mut},
};
use telemetry::{
    Connection, Digest, Direction, FormFactor, Hertz, MicrophonePermission, MicrophoneUse, Percent, Word,
};

/// The most things of one kind that are asked for.
const MOST: usize = 512;
const SYSTEM: AudioObjectID = kAudioObjectSystemObject as AudioObjectID;

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

/// Whether the system lets this program at the microphone. It is not read here yet, and says so.
pub fn microphone_permission() -> Option<MicrophonePermission> {
    Some(MicrophonePermission::Unknown)
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
        if microphone_use(&devices, ours) == MicrophoneUse::InUse {
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
        if value::<u32>(self.device, kAudioDevicePropertyDeviceIsAlive, GLOBAL) != Some(1) {
            return Err(AudioError::DeviceLost);
        }
        match recording_processes() {
            Some(processes) if processes.iter().any(|pid| !self.ours.contains(pid)) => Err(AudioError::InUse),
            _ => Ok(()),
        }
    }
}

const GLOBAL: AudioObjectPropertyScope = kAudioObjectPropertyScopeGlobal;

fn scope(direction: Direction) -> AudioObjectPropertyScope {
    match direction {
        Direction::Input => kAudioObjectPropertyScopeInput,
        Direction::Output => kAudioObjectPropertyScopeOutput,
    }
}

fn address(
    selector: AudioObjectPropertySelector,
    scope: AudioObjectPropertyScope,
) -> AudioObjectPropertyAddress {
    AudioObjectPropertyAddress {
        mSelector: selector,
        mScope: scope,
        mElement: kAudioObjectPropertyElementMain,
    }
}

/// Numbers that a property may have.
trait Plain: Copy + Default {}
impl Plain for u32 {}
impl Plain for i32 {}
impl Plain for f32 {}
impl Plain for f64 {}

fn value<T: Plain>(
    object: AudioObjectID,
    selector: AudioObjectPropertySelector,
    scope: AudioObjectPropertyScope,
) -> Option<T> {
    let address = address(selector, scope);
    let (mut out, mut size) = (T::default(), size_of::<T>() as u32);
    // SAFETY: the address, the size and the place for the number outlive the call, which writes
    // no more than `size` bytes.
    let status = unsafe {
        AudioObjectGetPropertyData(
            object,
            NonNull::from(&address),
            0,
            null(),
            NonNull::from(&mut size),
            NonNull::from(&mut out).cast(),
        )
    };
    (status == 0 && size as usize == size_of::<T>()).then_some(out)
}

fn text(object: AudioObjectID, selector: AudioObjectPropertySelector) -> Option<String> {
    let address = address(selector, GLOBAL);
    let mut string: *mut CFString = null_mut();
    let mut size = size_of::<*mut CFString>() as u32;
    // SAFETY: as in `value`; what is written is a pointer.
    let status = unsafe {
        AudioObjectGetPropertyData(
            object,
            NonNull::from(&address),
            0,
            null(),
            NonNull::from(&mut size),
            NonNull::from(&mut string).cast(),
        )
    };
    if status != 0 {
        return None;
    }
    // SAFETY: a string that comes back is ours to release.
    NonNull::new(string).map(|string| unsafe { CFRetained::from_raw(string) }.to_string())
}

fn objects(
    object: AudioObjectID,
    selector: AudioObjectPropertySelector,
    scope: AudioObjectPropertyScope,
) -> Option<Vec<AudioObjectID>> {
    let address = address(selector, scope);
    let mut size = 0u32;
    // SAFETY: as in `value`.
    let status = unsafe {
        AudioObjectGetPropertyDataSize(object, NonNull::from(&address), 0, null(), NonNull::from(&mut size))
    };
    if status != 0 {
        return None;
    }
    let mut list = vec![0; (size as usize / size_of::<AudioObjectID>()).min(MOST)];
    if list.is_empty() {
        return Some(list);
    }
    let mut size = size_of_val(list.as_slice()) as u32;
    // SAFETY: as in `value`; the list has room for `size` bytes.
    let status = unsafe {
        AudioObjectGetPropertyData(
            object,
            NonNull::from(&address),
            0,
            null(),
            NonNull::from(&mut size),
            NonNull::from(list.as_mut_slice()).cast(),
        )
    };
    list.truncate(size as usize / size_of::<AudioObjectID>());
    (status == 0).then_some(list)
}

fn device_ids() -> Result<Vec<AudioObjectID>, AudioError> {
    objects(SYSTEM, kAudioHardwarePropertyDevices, GLOBAL).ok_or(AudioError::NoSoundSystem)
}

fn default(direction: Direction) -> Option<AudioObjectID> {
    let selector = match direction {
        Direction::Input => kAudioHardwarePropertyDefaultInputDevice,
        Direction::Output => kAudioHardwarePropertyDefaultOutputDevice,
    };
    value::<u32>(SYSTEM, selector, GLOBAL).filter(|id| *id != 0)
}

/// One device in one direction; `None` if it has none in that.
fn device(id: AudioObjectID, direction: Direction) -> Option<RawDevice> {
    objects(id, kAudioDevicePropertyStreams, scope(direction)).filter(|streams| !streams.is_empty())?;
    let is_default = default(direction) == Some(id);
    let connection = connection(id);
    if connection == Connection::Virtual && !is_default {
        return None;
    }
    let (vendor, product) =
        text(id, kAudioDevicePropertyModelUID).map_or((None, None), |uid| endpoint::ids_of_model(&uid));
    Some(RawDevice {
        key: key_of(&text(id, kAudioDevicePropertyDeviceUID)?),
        direction,
        default: is_default,
        vendor,
        product,
        connection,
        form_factor: if connection == Connection::Internal {
            FormFactor::Internal
        } else {
            FormFactor::Unknown
        },
        rate: value::<f64>(id, kAudioDevicePropertyNominalSampleRate, GLOBAL).map(Hertz::new),
        channels: None,
        muted: value::<u32>(id, kAudioDevicePropertyMute, scope(direction)).map(|muted| muted != 0),
        volume: value::<f32>(id, kAudioDevicePropertyVolumeScalar, scope(direction))
            .map(|part| Percent::new(100.0 * f64::from(part))),
    })
}

fn connection(id: AudioObjectID) -> Connection {
    #[allow(non_upper_case_globals, reason = "the system's own names")]
    match value::<u32>(id, kAudioDevicePropertyTransportType, GLOBAL) {
        Some(kAudioDeviceTransportTypeUSB) => Connection::Usb,
        Some(kAudioDeviceTransportTypeBluetooth | kAudioDeviceTransportTypeBluetoothLE) => {
            Connection::Bluetooth
        }
        Some(kAudioDeviceTransportTypeBuiltIn) => Connection::Internal,
        Some(kAudioDeviceTransportTypeHDMI | kAudioDeviceTransportTypeDisplayPort) => Connection::Hdmi,
        Some(kAudioDeviceTransportTypeAirPlay) => Connection::Network,
        Some(kAudioDeviceTransportTypeVirtual | kAudioDeviceTransportTypeAggregate) => Connection::Virtual,
        _ => Connection::Unknown,
    }
}

/// Opening the microphone of a Bluetooth headset switches it to its mode for calls. If one is the
/// default speaker too and plays, that would be heard.
fn would_switch(microphone: AudioObjectID) -> bool {
    let plays = |id| value::<u32>(id, kAudioDevicePropertyDeviceIsRunningSomewhere, GLOBAL) == Some(1);
    connection(microphone) == Connection::Bluetooth
        && default(Direction::Output)
            .is_some_and(|out| connection(out) == Connection::Bluetooth && plays(out))
}

/// The processes that record now; `None` before macOS 14.2.
fn recording_processes() -> Option<Vec<u32>> {
    let processes = objects(SYSTEM, kAudioHardwarePropertyProcessObjectList, GLOBAL)?;
    let records =
        |id: &AudioObjectID| value::<u32>(*id, kAudioProcessPropertyIsRunningInput, GLOBAL) == Some(1);
    let pid = |id| value::<i32>(id, kAudioProcessPropertyPID, GLOBAL).and_then(|pid| u32::try_from(pid).ok());
    Some(processes.into_iter().filter(records).filter_map(pid).collect())
}

/// By process where the system tells; else by whether any microphone runs, which may be ours.
fn microphone_use(devices: &[AudioObjectID], ours: &[u32]) -> MicrophoneUse {
    if let Some(processes) = recording_processes() {
        let foreign = processes.iter().any(|pid| !ours.contains(pid));
        return if foreign { MicrophoneUse::InUse } else { MicrophoneUse::Free };
    }
    let is_microphone = |id: &&AudioObjectID| {
        objects(**id, kAudioDevicePropertyStreams, kAudioObjectPropertyScopeInput)
            .is_some_and(|s| !s.is_empty())
    };
    let runs = |id: &AudioObjectID| {
        value::<u32>(*id, kAudioDevicePropertyDeviceIsRunningSomewhere, GLOBAL) == Some(1)
    };
    match (devices.iter().filter(is_microphone).any(runs), ours.is_empty()) {
        (false, _) => MicrophoneUse::Free,
        (true, true) => MicrophoneUse::InUse,
        (true, false) => MicrophoneUse::Unknown,
    }
}
