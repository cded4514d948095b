//! Audio devices and who uses the microphone, as the sound server tells. Runs in the child only,
//! since a sound server may hang.

use super::sound_server::{self, SoundServer};
use crate::audio::{
    AudioError, Inventory, RawDevice,
    inventory::{AudioServer, key_of},
    pulse::{self, Described},
};
use pulseaudio::protocol::{
    ClientInfoList, Command, ModuleInfoList, Props, ServerInfo, SinkFlags, SinkInfo, SinkInfoList, SinkState,
    SourceFlags, SourceInfo, SourceInfoList, SourceOutputInfo, SourceOutputInfoList, port_info::PortInfo,
};
use std::{
    ffi::{CStr, OsString},
    path::PathBuf,
};
use telemetry::{Connection, Digest, Direction, Hertz, MicrophonePermission, MicrophoneUse, Percent};

/// The sound server's client that opens the microphone. Never ALSA: it would take the device from
/// the others, and its plug-ins cannot be trusted to come to an end.
pub fn host() -> Result<cpal::Host, cpal::Error> {
    cpal::host_from_id(cpal::HostId::PulseAudio)
}

/// Settles where the sound server is and what to show it, once, for all who look for that in the
/// environment. Called while this process has one thread.
pub fn find_server() {
    let mut settled = Vec::new();
    if let Some(path) = sound_server::socket_path() {
        let mut server = OsString::from("unix:");
        server.push(path);
        settled.push(("PULSE_SERVER", server));
    }
    if std::env::var_os("HOME").is_none() {
        settled.push(("HOME", "/".into()));
    }
    for (name, value) in settled {
        // SAFETY: no other thread runs yet that could read the environment.
        unsafe { std::env::set_var(name, value) };
    }
    // Servers that let everyone of this user in still want a cookie of the right length, and the
    // client sends an empty one where there is no file.
    if pulseaudio::cookie_path_from_env().is_none()
        && let Some(path) = sound_server::blank_cookie()
    {
        // SAFETY: as above.
        unsafe { std::env::set_var("PULSE_COOKIE", path) };
    }
}

/// Files that the sound server's client reads. What is in memory only needs no leave.
pub fn readable_files() -> Vec<PathBuf> {
    pulseaudio::cookie_path_from_env().into_iter().filter(|path| !path.starts_with("/proc")).collect()
}

/// The devices, and who uses the microphone. Streams of `ours` do not count.
pub fn inventory(ours: &[u32]) -> Result<Inventory, AudioError> {
    let mut server = SoundServer::connect()?;
    let seen = Seen::look(&mut server)?;
    let devices = seen
        .sinks
        .iter()
        .filter_map(|s| seen.sink(s))
        .chain(seen.sources.iter().filter_map(|s| seen.source(s)))
        // A default device comes first, so that no limit cuts it off.
        .partition::<Vec<_>, _>(|d| d.default);
    let microphone_use =
        if seen.in_use(&mut server, ours)? { MicrophoneUse::InUse } else { MicrophoneUse::Free };
    let would_switch_headset = match seen.default_source() {
        Some(source) => seen.would_switch(&mut server, source)?,
        None => false,
    };
    Ok(Inventory {
        server: seen.audio_server(),
        devices: devices.0.into_iter().chain(devices.1).collect(),
        microphone_use,
        microphone_permission: microphone_permission(),
        would_switch_headset,
    })
}

/// Nobody is asked here: sound servers let every program of the user at the microphone, but for those
/// in a sandbox, and we are in none.
pub fn microphone_permission() -> Option<MicrophonePermission> {
    None
}

/// Keeps an eye on the microphone that is listened to.
pub struct Watch {
    server: SoundServer,
    source: u32,
    key: Digest,
    rate: u32,
    ours: Vec<u32>,
}

impl Watch {
    /// Picks the microphone, the default if none is named, and makes sure that it may be opened.
    pub fn open(key: Option<&Digest>, ours: &[u32]) -> Result<Self, AudioError> {
        let mut server = SoundServer::connect()?;
        let seen = Seen::look(&mut server)?;
        let source = match key {
            None => seen.default_source(),
            Some(key) => seen.sources.iter().find(|s| seen.source(s).is_some_and(|d| d.key == *key)),
        };
        let source = source.ok_or(AudioError::NoMicrophone)?;
        if seen.in_use(&mut server, ours)? {
            return Err(AudioError::InUse);
        }
        if seen.would_switch(&mut server, source)? {
            return Err(AudioError::WouldSwitchHeadset);
        }
        let (source, key, rate) =
            (source.index, key_of(&source.name.to_string_lossy()), source.sample_spec.sample_rate);
        let mut ours = ours.to_vec();
        ours.push(std::process::id());
        Ok(Self { server, source, key, rate, ours })
    }

    /// The key of the microphone.
    pub fn key(&self) -> &Digest {
        &self.key
    }

    /// Its native rate.
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// Whether all is still as it was: the stream on this microphone, and nobody else at one.
    /// Sound servers move a stream to another microphone without a word when its own goes.
    /// `recording` says that the stream has begun, so that it must be there.
    pub fn check(&mut self, recording: bool) -> Result<(), AudioError> {
        let outputs: SourceOutputInfoList = self.server.ask(&Command::GetSourceOutputInfoList)?;
        let clients: ClientInfoList = self.server.ask(&Command::GetClientInfoList)?;
        let me = std::process::id();
        let mine: Vec<_> =
            outputs.iter().filter(|o| process_of(o, &clients) == Some(me)).map(|o| o.source_index).collect();
        if recording && (mine.is_empty() || mine.iter().any(|s| *s != self.source)) {
            return Err(AudioError::DeviceLost);
        }
        if outputs.iter().all(|o| !is_foreign(o, &clients, &self.ours)) {
            return Ok(());
        }
        // Only now, since it is the longest answer: which of the sources are microphones.
        let sources: SourceInfoList = self.server.ask(&Command::GetSourceInfoList)?;
        if uses_microphone(&outputs, &clients, &sources, &self.ours) {
            Err(AudioError::InUse)
        } else {
            Ok(())
        }
    }
}

/// What the server said about itself.
struct Seen {
    info: ServerInfo,
    sinks: SinkInfoList,
    sources: SourceInfoList,
}

impl Seen {
    fn look(server: &mut SoundServer) -> Result<Self, AudioError> {
        Ok(Self {
            info: server.ask(&Command::GetServerInfo)?,
            sinks: server.ask(&Command::GetSinkInfoList)?,
            sources: server.ask(&Command::GetSourceInfoList)?,
        })
    }

    fn audio_server(&self) -> AudioServer {
        let text = |s: &Option<std::ffi::CString>| s.as_ref().map(|s| s.to_string_lossy().into_owned());
        let (name, version) = (text(&self.info.server_name), text(&self.info.server_version));
        pulse::server(&name.unwrap_or_default(), version.as_deref())
    }

    fn default_source(&self) -> Option<&SourceInfo> {
        self.sources.iter().find(|s| self.source(s).is_some_and(|d| d.default))
    }

    fn sink(&self, sink: &SinkInfo) -> Option<RawDevice> {
        let described = Parts {
            name: &sink.name,
            props: &sink.props,
            monitor: false,
            hardware: sink.flags.contains(SinkFlags::HARDWARE),
            network: sink.flags.contains(SinkFlags::NETWORK),
            port: sink.ports.get(sink.active_port),
        };
        let mut device = described.device(Direction::Output, &self.info.default_sink_name)?;
        device.rate = Some(Hertz::new(f64::from(sink.sample_spec.sample_rate)));
        device.channels = Some(sink.sample_spec.channels);
        device.muted = Some(sink.muted);
        device.volume = volume(&sink.cvolume);
        Some(device)
    }

    fn source(&self, source: &SourceInfo) -> Option<RawDevice> {
        let described = Parts {
            name: &source.name,
            props: &source.props,
            monitor: source.monitor_of_sink_index.is_some(),
            hardware: source.flags.contains(SourceFlags::HARDWARE),
            network: source.flags.contains(SourceFlags::NETWORK),
            port: source.ports.get(source.active_port),
        };
        let mut device = described.device(Direction::Input, &self.info.default_source_name)?;
        device.rate = Some(Hertz::new(f64::from(source.sample_spec.sample_rate)));
        device.channels = Some(source.sample_spec.channels);
        device.muted = Some(source.muted);
        device.volume = volume(&source.cvolume);
        Some(device)
    }

    fn in_use(&self, server: &mut SoundServer, ours: &[u32]) -> Result<bool, AudioError> {
        let outputs: SourceOutputInfoList = server.ask(&Command::GetSourceOutputInfoList)?;
        let clients: ClientInfoList = server.ask(&Command::GetClientInfoList)?;
        Ok(uses_microphone(&outputs, &clients, &self.sources, ours))
    }

    /// A Bluetooth headset that plays music has no microphone until it is switched to its mode
    /// for calls: by opening its microphone, or any at all where the server is set to that.
    fn would_switch(&self, server: &mut SoundServer, source: &SourceInfo) -> Result<bool, AudioError> {
        let plays_music = self.sinks.iter().any(|s| {
            s.state == SinkState::Running && pulse::is_music_profile(&|key| property(&s.props, key))
        });
        if !plays_music {
            return Ok(false);
        }
        if self.source(source).is_none_or(|d| d.connection == Connection::Bluetooth) {
            return Ok(true);
        }
        let modules: ModuleInfoList = server.ask(&Command::GetModuleInfoList)?;
        Ok(modules.iter().any(|m| {
            let argument = m.argument.as_ref().map(|a| a.to_string_lossy());
            pulse::switches_headsets(&m.name.to_string_lossy(), argument.as_deref())
        }))
    }
}

/// What sinks and sources have in common.
struct Parts<'a> {
    name: &'a CStr,
    props: &'a Props,
    monitor: bool,
    hardware: bool,
    network: bool,
    port: Option<&'a PortInfo>,
}

impl Parts<'_> {
    fn device(&self, direction: Direction, default: &Option<std::ffi::CString>) -> Option<RawDevice> {
        let name = self.name.to_string_lossy();
        let port = self.port.map(|p| p.name.to_string_lossy());
        let kind = pulse::kind_of(&Described {
            name: &name,
            monitor: self.monitor,
            hardware: self.hardware,
            network: self.network,
            port: port.as_deref(),
            property: &|key| property(self.props, key),
        })?;
        let default = default.as_deref() == Some(self.name);
        // Made by software: clutter, unless it is what programs are given.
        if kind.connection == Connection::Virtual && !default {
            return None;
        }
        Some(RawDevice {
            key: key_of(&name),
            direction,
            default,
            vendor: kind.vendor,
            product: kind.product,
            connection: kind.connection,
            form_factor: kind.form_factor,
            rate: None,
            channels: None,
            muted: None,
            volume: None,
        })
    }
}

/// A property as text; they end in a zero byte.
fn property<'a>(props: &'a Props, key: &str) -> Option<&'a str> {
    let key = std::ffi::CString::new(key).ok()?;
    let value = props.iter().find(|(k, _)| ***k == *key)?.1;
    std::str::from_utf8(value).ok().map(|v| v.trim_end_matches('\0'))
}

/// The slider's position: that of the loudest channel.
fn volume(volume: &pulseaudio::protocol::ChannelVolume) -> Option<Percent> {
    let loudest = volume.channels().iter().map(|v| v.as_u32()).max()?;
    Some(Percent::new(100.0 * f64::from(loudest) / 65_536.0))
}

/// The process that records, by its client: streams need not say.
fn process_of(output: &SourceOutputInfo, clients: &ClientInfoList) -> Option<u32> {
    let client = clients.iter().find(|c| Some(c.index) == output.client_index)?;
    property(&client.props, "application.process.id")?.parse().ok()
}

/// Whether another program records by this stream. One without a client is the server's own
/// plumbing; one that is corked is paused.
fn is_foreign(output: &SourceOutputInfo, clients: &ClientInfoList, ours: &[u32]) -> bool {
    output.client_index.is_some()
        && !output.corked
        && process_of(output, clients).is_none_or(|pid| !ours.contains(&pid))
}

fn uses_microphone(
    outputs: &SourceOutputInfoList,
    clients: &ClientInfoList,
    sources: &SourceInfoList,
    ours: &[u32],
) -> bool {
    let is_microphone =
        |index: u32| sources.iter().any(|s| s.index == index && s.monitor_of_sink_index.is_none());
    outputs.iter().any(|o| is_foreign(o, clients, ours) && is_microphone(o.source_index))
}
