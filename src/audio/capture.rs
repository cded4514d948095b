//! Opens the microphone and measures. Runs in the child only.
//!
//! The stream has a thread of its own, since starting it blocks for as long as the sound server
//! hangs. The first fatal error is kept and ends the measurement. In between, the sound server is
//! asked whether the stream is still on the microphone that was asked for, and alone there.

use super::{
    AudioError, NoiseNumbers, coreaudio,
    inventory::key_of,
    meter::{Dropouts, Meter},
    samples::Samples,
    wire::ShutIn,
};
use crate::platform::{
    audio::{self as system, Watch},
    sandbox,
};
use cpal::{
    BufferSize, ErrorKind, SampleFormat, StreamConfig,
    traits::{DeviceTrait, HostTrait, StreamTrait},
};
use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard},
    time::{Duration, Instant},
};
use telemetry::{Dbfs, Digest, Hertz, MicrophonePermission, Millis, Percent};

/// Blocks in a second. What the system picks by itself is up to a third of a second long, too
/// coarse to see losses. But each block costs some 0.1 ms, half of it in the client of PulseAudio,
/// which clears a megabyte before every read: 200 blocks a second cost 2.2 % of a core, 40 cost
/// 0.6 %.
const BLOCKS_A_SECOND: u32 = 10;
/// How long a device may take to deliver its first block: Bluetooth has to set up a call.
const FIRST_DATA: Duration = Duration::from_secs(3);
/// How long it may pause after that.
const NEXT_DATA: Duration = Duration::from_millis(1500);
/// How often the sound server is asked. The microphone must be free within 0.5 s of another
/// program opening it.
const WATCH: Duration = Duration::from_millis(200);

/// What the stream's callbacks and this thread share.
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    meter: Meter,
    /// `None` once nothing more is to be heard.
    samples: Option<Samples>,
    dropouts: Option<Dropouts>,
    first: Option<Instant>,
    last: Instant,
    error: Option<AudioError>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn take(&self, sound: &[f32], channels: usize, rate: u32) {
        let mut guard = self.lock();
        let state = &mut *guard;
        let now = Instant::now();
        let first = *state.first.get_or_insert(now);
        state.last = now;
        let Some(samples) = state.samples.as_mut().filter(|_| !state.meter.is_done()) else { return };
        state
            .dropouts
            .get_or_insert_with(|| Dropouts::new(rate))
            .add(now - first, sound.len() / channels.max(1));
        let mut rest = sound;
        while !rest.is_empty() {
            rest = samples.fill(rest, channels);
            state.meter.add(samples);
        }
        if state.meter.is_done() {
            self.changed.notify_all();
        }
    }

    /// Keeps the first fatal error.
    fn fail(&self, kind: ErrorKind) {
        let Some(error) = fatal(kind) else { return };
        self.lock().error.get_or_insert(error);
        self.changed.notify_all();
    }
}

/// What an error of the stream means; `None` if it goes on.
fn fatal(kind: ErrorKind) -> Option<AudioError> {
    match kind {
        // A lost block is seen by the count of what arrives; the others do not touch the data.
        ErrorKind::Xrun | ErrorKind::RealtimeDenied | ErrorKind::DeviceBusy => None,
        ErrorKind::DeviceNotAvailable | ErrorKind::DeviceChanged => Some(AudioError::DeviceLost),
        ErrorKind::PermissionDenied => Some(AudioError::NoPermission),
        ErrorKind::StreamInvalidated | ErrorKind::HostUnavailable => Some(AudioError::SoundServer),
        _ => Some(AudioError::System),
    }
}

/// Listens and measures; the microphone is closed by the end of the process.
pub fn listen(
    key: Option<&Digest>,
    wanted: Duration,
    ours: &[u32],
    shut_in: ShutIn,
    started: Instant,
) -> Result<NoiseNumbers, AudioError> {
    // macOS would deliver silence and no error; and a no is a no.
    if let Some(MicrophonePermission::Denied | MicrophonePermission::DeniedToPreshift) =
        system::microphone_permission()
    {
        return Err(AudioError::NoPermission);
    }
    let mut watch = Watch::open(key, ours)?;
    let key = watch.key().clone();
    let device = find(&key)?;
    let rate = device.default_input_config().map_or(watch.rate(), |c| c.sample_rate());
    if !(8_000..=192_000).contains(&rate) {
        return Err(AudioError::System);
    }
    let shared = Arc::new(Shared {
        state: Mutex::new(State {
            meter: Meter::new(rate, wanted),
            samples: Some(Samples::new()),
            dropouts: None,
            first: None,
            last: Instant::now(),
            error: None,
        }),
        changed: Condvar::new(),
    });
    let _wiped = Wiped(shared.clone());
    let stream = build(&device, rate, &shared)?;
    // From here on no file and no socket: the first sample comes after `play`.
    sandbox::close().map_err(|_| AudioError::NotShutIn)?;
    let began = Instant::now();
    shared.lock().last = began;
    let player = shared.clone();
    std::thread::spawn(move || {
        if let Err(e) = stream.play() {
            player.fail(e.kind());
        }
        // Dropping the stream would wait for the server; the process ends instead.
        std::mem::forget(stream);
    });
    wait(&shared, &mut watch)?;
    // Once more: a move between the last look and the last block would go unseen.
    watch.check(true)?;

    let mut state = shared.lock();
    let levels = state.meter.levels().ok_or(AudioError::NoData)?;
    // The agent may have been asked only now, or be looking at the question still.
    if coreaudio::silence_is_a_no(system::microphone_permission(), levels.zeros) {
        return Err(AudioError::NoPermission);
    }
    Ok(NoiseNumbers {
        device: key,
        rate: Hertz::new(f64::from(rate)),
        duration: Millis::new(levels.duration.as_secs_f64() * 1e3),
        laeq: Dbfs::new(levels.laeq),
        l10: Dbfs::new(levels.l10),
        l90: Dbfs::new(levels.l90),
        l95: Dbfs::new(levels.l95),
        zeros: Percent::new(levels.zeros),
        clipped: Percent::new(levels.clipped),
        dc: Percent::new(levels.dc),
        dropouts: state.dropouts.take().map_or(0, Dropouts::finish),
        cpu: Millis::new(sandbox::processor_time().as_secs_f64() * 1e3),
        lived: Millis::new(started.elapsed().as_secs_f64() * 1e3),
        shut_in,
    })
}

/// However listening ends: the process ends without dropping anything, so the samples are wiped before.
struct Wiped(Arc<Shared>);

impl Drop for Wiped {
    fn drop(&mut self) {
        self.0.lock().samples = None;
    }
}

/// Waits until the meter has seen enough, something failed or nothing comes any more.
fn wait(shared: &Shared, watch: &mut Watch) -> Result<(), AudioError> {
    loop {
        let (recording, silent) = {
            let state = shared.lock();
            let (state, _) = shared
                .changed
                .wait_timeout_while(state, WATCH, |s| s.error.is_none() && !s.meter.is_done())
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            if state.meter.is_done() {
                return Ok(());
            }
            if let Some(error) = state.error {
                return Err(better(error, watch));
            }
            let limit = if state.first.is_some() { NEXT_DATA } else { FIRST_DATA };
            (state.first.is_some(), state.last.elapsed() > limit)
        };
        // A server that hangs answers nothing either; then that is the reason.
        watch.check(recording)?;
        if silent {
            return Err(AudioError::NoData);
        }
    }
}

/// A device that goes takes its stream along with it, and what the stream says about it is vague.
fn better(error: AudioError, watch: &mut Watch) -> AudioError {
    match error {
        AudioError::SoundServer | AudioError::System => watch.check(true).err().unwrap_or(error),
        error => error,
    }
}

fn find(key: &Digest) -> Result<cpal::Device, AudioError> {
    let host = system::host().map_err(|e| fatal(e.kind()).unwrap_or(AudioError::SoundServer))?;
    let mut devices = host.input_devices().map_err(|e| fatal(e.kind()).unwrap_or(AudioError::SoundServer))?;
    devices
        .find(|d| d.id().is_ok_and(|id| key_of(id.id()) == *key))
        // It was there a moment ago.
        .ok_or(AudioError::DeviceLost)
}

/// One channel where the system mixes them for us, which is the level that programs get; else the
/// first of as many as the device has: a mean of a mono microphone and an empty channel would
/// read 6 dB low.
fn build(device: &cpal::Device, rate: u32, shared: &Arc<Shared>) -> Result<cpal::Stream, AudioError> {
    let mut offers = Vec::new();
    // On macOS cpal sets the hardware to what is asked for where it can, for all programs: so nothing
    // is asked for there but what is.
    if !cfg!(target_os = "macos") {
        offers.push((1, BufferSize::Fixed(rate / BLOCKS_A_SECOND)));
    }
    if !cfg!(target_os = "linux") {
        let channels = device.default_input_config().map_or(2, |c| c.channels());
        offers.push((channels, BufferSize::Default));
    }
    let mut last = AudioError::System;
    for (channels, buffer_size) in offers {
        let config = StreamConfig { channels, sample_rate: rate, buffer_size };
        let (data, failed) = (shared.clone(), shared.clone());
        let built = device.build_input_stream_raw(
            config,
            SampleFormat::F32,
            move |sound, _| {
                if let Some(sound) = sound.as_slice::<f32>() {
                    data.take(sound, usize::from(channels), rate);
                }
            },
            move |error| failed.fail(error.kind()),
            Some(Duration::from_secs(2)),
        );
        match built {
            Ok(stream) => return Ok(stream),
            Err(e) => last = fatal(e.kind()).unwrap_or(AudioError::System),
        }
    }
    Err(last)
}
