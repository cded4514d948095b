//! Audio devices and who uses the microphone, as Windows tells.

pub use super::microphone::microphone_permission;
use super::{
    devices::{self, Container},
    microphone::microphone_use,
};
use crate::audio::{
    AudioError, Inventory, RawDevice, endpoint,
    inventory::{AudioServer, key_of},
};
use std::path::PathBuf;
use telemetry::{Connection, Digest, Direction, FormFactor, Hertz, MicrophoneUse, Percent, Word};
use windows::{
    Win32::{
        Devices::Properties::{DEVPKEY_Device_ContainerId, DEVPKEY_Device_EnumeratorName},
        Foundation::PROPERTYKEY,
        Media::Audio::{
            DEVICE_STATE_ACTIVE, Endpoints::IAudioEndpointVolume, IMMDevice, IMMDeviceEnumerator,
            MMDeviceEnumerator, WAVEFORMATEX, eCapture, eConsole, eRender,
        },
        System::{
            Com::{
                CLSCTX_ALL, COINIT_MULTITHREADED, CoCreateInstance, CoInitializeEx, CoTaskMemFree, STGM_READ,
            },
            Variant::{VT_BLOB, VT_CLSID},
        },
        UI::Shell::PropertiesSystem::IPropertyStore,
    },
    core::GUID,
};

/// `PKEY_AudioEndpoint_FormFactor` (mmdeviceapi.h).
const FORM_FACTOR: PROPERTYKEY =
    PROPERTYKEY { fmtid: GUID::from_u128(0x1da5d803_d492_4edd_8c23_e0c0ffee7f0e), pid: 0 };
/// `PKEY_AudioEngine_DeviceFormat` (mmdeviceapi.h): the rate and channels that all programs share.
const DEVICE_FORMAT: PROPERTYKEY =
    PROPERTYKEY { fmtid: GUID::from_u128(0xf19f064d_082c_4e27_bc73_6882a1bb8e4c), pid: 0 };
/// The instance id of the hardware behind an endpoint, behind a number in braces: `{1}.USB\\VID_…`. No header
/// names it; programs that have to tell headsets apart have read it since Windows 7, and where it says
/// nothing the container does.
const HARDWARE_PATH: PROPERTYKEY =
    PROPERTYKEY { fmtid: GUID::from_u128(0xb3f8fa53_0004_438e_9003_51a46e139bfc), pid: 2 };
/// `PKEY_Device_ContainerId` (devpkey.h, functiondiscoverykeys_devpkey.h).
const CONTAINER: PROPERTYKEY =
    PROPERTYKEY { fmtid: DEVPKEY_Device_ContainerId.fmtid, pid: DEVPKEY_Device_ContainerId.pid };
/// The system's own host.
pub fn host() -> Result<cpal::Host, cpal::Error> {
    cpal::host_from_id(cpal::HostId::Wasapi)
}

/// Nothing to settle: Windows has one audio service.
pub fn find_server() {}

/// Nothing that the service's client would have to read.
pub fn readable_files() -> Vec<PathBuf> {
    Vec::new()
}

/// The devices, and who uses the microphone. What is `ours` is told by this program's path.
pub fn inventory(_ours: &[u32]) -> Result<Inventory, AudioError> {
    let enumerator = enumerator()?;
    let mut devices = Vec::new();
    for (direction, flow) in [(Direction::Output, eRender), (Direction::Input, eCapture)] {
        // SAFETY: COM is initialised on this thread, and everything asked is owned by its wrapper.
        let (default, endpoints) = unsafe {
            let default = enumerator.GetDefaultAudioEndpoint(flow, eConsole).ok().and_then(|d| id(&d));
            let endpoints = enumerator
                .EnumAudioEndpoints(flow, DEVICE_STATE_ACTIVE)
                .map_err(|_| AudioError::NoSoundSystem)?;
            let count = endpoints.GetCount().unwrap_or(0);
            (default, (0..count).filter_map(|i| endpoints.Item(i).ok()).collect::<Vec<_>>())
        };
        devices.extend(endpoints.iter().filter_map(|d| device(d, direction, default.as_deref())));
    }
    let (first, rest): (Vec<_>, Vec<_>) = devices.into_iter().partition(|d| d.default);
    Ok(Inventory {
        server: AudioServer { kind: Word::Wasapi, version: None },
        devices: first.into_iter().chain(rest).collect(),
        microphone_use: microphone_use(),
        microphone_permission: microphone_permission(),
        // A headset's microphone is an endpoint of its own here, and Windows does not say whether
        // its music plays now; since Windows 11 22H2 the two are one device that need not switch.
        would_switch_headset: false,
    })
}

/// Keeps an eye on the microphone that is listened to.
pub struct Watch {
    enumerator: IMMDeviceEnumerator,
    id: windows::core::HSTRING,
    key: Digest,
    rate: u32,
}

impl Watch {
    /// Picks the microphone, the default if none is named, and makes sure that it may be opened.
    pub fn open(key: Option<&Digest>, ours: &[u32]) -> Result<Self, AudioError> {
        let seen = inventory(ours)?;
        let wanted =
            |d: &&RawDevice| d.direction == Direction::Input && key.map_or(d.default, |key| d.key == *key);
        let chosen = seen.devices.iter().find(wanted).ok_or(AudioError::NoMicrophone)?;
        if seen.microphone_use == MicrophoneUse::InUse {
            return Err(AudioError::InUse);
        }
        let enumerator = enumerator()?;
        // SAFETY: as in `inventory`.
        let found = unsafe {
            let endpoints = enumerator
                .EnumAudioEndpoints(eCapture, DEVICE_STATE_ACTIVE)
                .map_err(|_| AudioError::NoSoundSystem)?;
            (0..endpoints.GetCount().unwrap_or(0))
                .filter_map(|i| id(&endpoints.Item(i).ok()?))
                .find(|id| key_of(id) == chosen.key)
        };
        Ok(Self {
            enumerator,
            id: found.ok_or(AudioError::DeviceLost)?.into(),
            key: chosen.key.clone(),
            rate: chosen.rate.map_or(48_000, |rate| rate.get() as u32),
        })
    }

    /// The key of the microphone.
    pub fn key(&self) -> &Digest {
        &self.key
    }

    /// Its native rate.
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// Whether the microphone is still there, and nobody else at one. Windows moves no stream that
    /// was opened for a certain device.
    pub fn check(&mut self, _recording: bool) -> Result<(), AudioError> {
        // SAFETY: as in `inventory`; the id is a terminated string that outlives the call.
        let state = unsafe { self.enumerator.GetDevice(&self.id).and_then(|d| d.GetState()) };
        match state {
            Ok(state) if state == DEVICE_STATE_ACTIVE => {}
            _ => return Err(AudioError::DeviceLost),
        }
        match microphone_use() {
            MicrophoneUse::InUse => Err(AudioError::InUse),
            _ => Ok(()),
        }
    }
}

fn enumerator() -> Result<IMMDeviceEnumerator, AudioError> {
    // SAFETY: initialising COM twice on a thread is allowed, and an error then is one of the next call.
    unsafe {
        let _ = CoInitializeEx(None, COINIT_MULTITHREADED);
        CoCreateInstance(&MMDeviceEnumerator, None, CLSCTX_ALL).map_err(|_| AudioError::NoSoundSystem)
    }
}

fn id(device: &IMMDevice) -> Option<String> {
    // SAFETY: the text that comes back is terminated, and freed here and only here.
    unsafe {
        let text = device.GetId().ok()?;
        let copy = text.to_string().ok();
        CoTaskMemFree(Some(text.0 as *const _));
        copy
    }
}

fn device(device: &IMMDevice, direction: Direction, default: Option<&str>) -> Option<RawDevice> {
    let id = id(device)?;
    // SAFETY: everything asked is owned by its wrapper.
    let (store, volume) = unsafe {
        let volume = device.Activate::<IAudioEndpointVolume>(CLSCTX_ALL, None).ok();
        (device.OpenPropertyStore(STGM_READ).ok(), volume)
    };
    let number = store.as_ref().and_then(|s| number(s, &FORM_FACTOR));
    let enumerator_key =
        PROPERTYKEY { fmtid: DEVPKEY_Device_EnumeratorName.fmtid, pid: DEVPKEY_Device_EnumeratorName.pid };
    let enumerator = store.as_ref().and_then(|s| text(s, &enumerator_key)).unwrap_or_default();
    let path = store.as_ref().and_then(|s| text(s, &HARDWARE_PATH)).unwrap_or_default();
    // An endpoint's own enumerator is often the software one; that of its hardware says more.
    let connection = match endpoint::connection(endpoint::enumerator(&path), number) {
        Connection::Unknown => endpoint::connection(&enumerator, number),
        known => known,
    };
    let (mut connection, mut ids) = (connection, endpoint::ids_of_path(&path));
    // A hands-free endpoint says nothing of its headset, and sound that the computer's own card carries to a
    // headset looks built in: what shares the hardware knows.
    let certain = matches!(connection, Connection::Usb | Connection::Bluetooth);
    let fixed = matches!(connection, Connection::Hdmi | Connection::Network);
    if !fixed && (ids.0.is_none() || !certain) {
        let nodes = store.as_ref().and_then(container).map(devices::nodes).unwrap_or_default();
        let hardware = endpoint::hardware(nodes.iter().map(String::as_str));
        if let Some(known) = hardware.connection {
            connection = known;
            ids = (hardware.vendor, hardware.product);
        }
    }
    let is_default = default == Some(id.as_str());
    if connection == Connection::Virtual && !is_default {
        return None;
    }
    let (vendor, product) = ids;
    let format = store.as_ref().and_then(format);
    let form_factor = match (number.map(endpoint::form_factor), connection) {
        (Some(FormFactor::Speaker | FormFactor::Microphone), Connection::Internal) => FormFactor::Internal,
        (Some(told), _) => told,
        (None, _) => FormFactor::Unknown,
    };
    Some(RawDevice {
        key: key_of(&id),
        direction,
        default: is_default,
        vendor,
        product,
        connection,
        form_factor,
        rate: format.map(|(rate, _)| Hertz::new(f64::from(rate))),
        channels: format.and_then(|(_, channels)| u8::try_from(channels).ok()),
        // SAFETY: plain questions to an interface that is owned here.
        muted: volume.as_ref().and_then(|v| unsafe { v.GetMute() }.ok()).map(|muted| muted.as_bool()),
        // SAFETY: as above.
        volume: volume
            .as_ref()
            .and_then(|v| unsafe { v.GetMasterVolumeLevelScalar() }.ok())
            .map(|part| Percent::new(100.0 * f64::from(part))),
    })
}

fn number(store: &IPropertyStore, key: &PROPERTYKEY) -> Option<u32> {
    // SAFETY: the key outlives the call; the value frees itself.
    let value = unsafe { store.GetValue(key) }.ok()?;
    u32::try_from(&value).ok()
}

fn text(store: &IPropertyStore, key: &PROPERTYKEY) -> Option<String> {
    // SAFETY: as above.
    let value = unsafe { store.GetValue(key) }.ok()?;
    (!value.is_empty()).then(|| value.to_string())
}

/// Which piece of hardware it is part of.
fn container(store: &IPropertyStore) -> Option<Container> {
    // SAFETY: the value lives until the end of this function, and what it points to as long; its kind is
    // looked at before anything is read through the pointer.
    unsafe {
        let value = store.GetValue(&CONTAINER).ok()?;
        let inner = &value.Anonymous.Anonymous;
        if inner.vt != VT_CLSID || inner.Anonymous.puuid.is_null() {
            return None;
        }
        Some(Container(inner.Anonymous.puuid.read_unaligned().to_u128()))
    }
}

/// Rate and channels.
fn format(store: &IPropertyStore) -> Option<(u32, u16)> {
    // SAFETY: the value lives until the end of this function, and what it points to as long; its
    // kind and length are looked at before anything is read through the pointer.
    unsafe {
        let value = store.GetValue(&DEVICE_FORMAT).ok()?;
        let inner = &value.Anonymous.Anonymous;
        if inner.vt != VT_BLOB {
            return None;
        }
        let blob = inner.Anonymous.blob;
        if blob.pBlobData.is_null() || (blob.cbSize as usize) < size_of::<WAVEFORMATEX>() {
            return None;
        }
        let format = blob.pBlobData.cast::<WAVEFORMATEX>().read_unaligned();
        Some((format.nSamplesPerSec, format.nChannels))
    }
}
