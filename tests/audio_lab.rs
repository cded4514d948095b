//! The listening child against a real sound server with virtual headsets.
//!
//! Needs pulseaudio and sox; `tests/labs/audio/audiolab.sh` is the lab. The tests take turns,
//! since some of them look at all children of this process.
#![cfg(target_os = "linux")]

#[path = "audio_lab/lab.rs"]
mod lab;

use lab::{Lab, children, left_over, nothing_left};
use preshift::audio::{AudioError, NoiseNumbers};
use std::time::{Duration, Instant};
use telemetry::{Connection, Direction, FormFactor, Hash, MicrophoneUse, Word};
use tokio::sync::{Mutex, MutexGuard};

static TURN: Mutex<()> = Mutex::const_new(());

async fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().await
}

/// Starts a lab or leaves the test.
macro_rules! lab {
    ($test:literal) => {
        match Lab::start($test) {
            Some(lab) => lab,
            None => return,
        }
    };
}

#[track_caller]
fn near(what: &str, got: f64, want: f64, by: f64) {
    assert!((got - want).abs() <= by, "{what}: {got} instead of {want}");
}

async fn listen(lab: &Lab, seconds: u32) -> Result<NoiseNumbers, AudioError> {
    lab.children().listen(seconds, None).await
}

/// Begins to listen, in the background.
fn begin(lab: &Lab, seconds: u32) -> tokio::task::JoinHandle<Result<NoiseNumbers, AudioError>> {
    let children = lab.children();
    tokio::spawn(async move { children.listen(seconds, None).await })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn levels_are_right_at_48_and_at_8_khz() {
    let _turn = turn().await;
    let lab = lab!("levels");
    for (kind, rate) in [("usb", 48_000.0), ("bt-nb", 8_000.0)] {
        lab.run(&["plug", kind, "one"]);
        lab.run(&["default", "one"]);
        // A 1 kHz sine keeps its level under A-weighting; one at 2 kHz gains 1.20 dB, one at
        // 125 Hz loses 16.19 dB. A full-scale sine has −3.01 dBFS.
        for (hertz, gain, weighting) in
            [(1000, -17, 0.0), (1000, -57, 0.0), (2000, -37, 1.20), (125, -27, -16.19)]
        {
            lab.feed("one", "sine.wav", &format!("synth 30 sine {hertz} gain {gain}"));
            let heard = listen(&lab, 1).await.unwrap();
            let want = f64::from(gain) - 3.01 + weighting;
            println!("{kind} {hertz} Hz: {} of {want}", heard.laeq);
            for level in [heard.laeq, heard.l10, heard.l90, heard.l95] {
                near(&format!("{kind}, {hertz} Hz"), level.get(), want, 0.2);
            }
            assert_eq!(heard.rate.get(), rate);
            near("duration", heard.duration.get(), 1000.0, 1.0);
            lab.run(&["silence", "one"]);
        }
        lab.run(&["unplug", "one"]);
    }
    nothing_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_muted_a_clipped_and_an_offset_microphone_are_found() {
    let _turn = turn().await;
    let lab = lab!("health");
    lab.run(&["plug", "usb", "one"]);
    lab.run(&["default", "one"]);

    // Over full scale for two thirds of the time, cut off there as a converter does.
    lab.feed("one", "loud.wav", "synth 30 sine 997 gain 6");
    let heard = listen(&lab, 1).await.unwrap();
    assert!(heard.clipped.get() > 50.0, "{heard:?}");
    assert_eq!(heard.zeros.get().round(), 0.0);
    lab.run(&["mute", "one", "1"]);
    let heard = listen(&lab, 1).await.unwrap();
    assert_eq!((heard.zeros.get(), heard.laeq.get(), heard.clipped.get()), (100.0, -200.0, 0.0));
    lab.run(&["mute", "one", "0"]);
    lab.run(&["silence", "one"]);

    lab.feed("one", "offset.wav", "synth 30 sine 1000 gain -37 dcshift 0.05");
    let heard = listen(&lab, 1).await.unwrap();
    near("offset", heard.dc.get(), 5.0, 0.1);
    near("level", heard.laeq.get(), -40.01, 0.2);
    assert_eq!(heard.clipped.get(), 0.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn devices_are_listed_by_id_and_without_names() {
    let _turn = turn().await;
    let lab = lab!("devices");
    for (kind, name) in [("usb", "one"), ("bt-nb", "two"), ("builtin", "three"), ("jack", "four")] {
        lab.run(&["plug", kind, name]);
    }
    lab.run(&["default", "one"]);
    lab.run(&["mute", "one", "1"]);
    lab.run(&["vol", "one", "50%"]);
    let inventory = lab.children().inventory().await.unwrap();
    assert_eq!(inventory.server.kind, Word::Pulseaudio);
    assert!(inventory.server.version.is_some());
    // Four headsets, each a speaker and a microphone; wires and monitors are none.
    assert_eq!(inventory.devices.len(), 8, "{inventory:?}");

    let reading = inventory.reading(|id| Hash::from_bytes(id.as_bytes()[..16].try_into().unwrap()));
    let input = reading.default_of(Direction::Input).unwrap();
    let id = |id: &Option<telemetry::UsbId>| id.as_ref().map(|id| id.to_string());
    assert_eq!((id(&input.vendor).as_deref(), id(&input.product).as_deref()), (Some("0b0e"), Some("0311")));
    assert_eq!(input.model.as_ref().map(|m| m.as_str()), Some("jabra-evolve-65"));
    assert_eq!((input.connection, input.form_factor), (Connection::Usb, FormFactor::Headset));
    assert_eq!((input.muted, input.volume.map(|v| v.get().round())), (Some(true), Some(50.0)));
    assert_eq!(input.rate.map(|r| r.get()), Some(48_000.0));
    let output = reading.default_of(Direction::Output).unwrap();
    assert_eq!((output.muted, output.volume.map(|v| v.get())), (Some(false), Some(100.0)));
    assert_ne!(output.id, input.id);
    let bluetooth = reading.devices.iter().find(|d| d.connection == Connection::Bluetooth).unwrap();
    assert_eq!((bluetooth.rate.map(|r| r.get()), bluetooth.default), (Some(8_000.0), false));

    // Nothing of what people or makers call them.
    let json = serde_json::to_string(&reading).unwrap() + &serde_json::to_string(&inventory).unwrap();
    for name in ["Anna", "Voyager", "one.mic", "LAB", "00:1B", "speaker\"", "GN"] {
        assert!(!json.contains(name), "{name} in {json}");
    }
    // The same device has the same id the next time.
    let again = lab.children().inventory().await.unwrap();
    assert_eq!(again.devices, inventory.devices);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_named_device_is_the_one_that_is_heard() {
    let _turn = turn().await;
    let lab = lab!("named device");
    for name in ["one", "two"] {
        lab.run(&["plug", "usb", name]);
    }
    lab.run(&["default", "one"]);
    lab.feed("two", "sine.wav", "synth 30 sine 1000 gain -27");
    let inventory = lab.children().inventory().await.unwrap();
    let two = inventory.devices.iter().find(|d| d.direction == Direction::Input && !d.default).unwrap();
    let heard = lab.children().listen(1, Some(two.key.clone())).await.unwrap();
    assert_eq!(heard.device, two.key);
    near("level", heard.laeq.get(), -30.01, 0.2);
    assert_eq!(listen(&lab, 1).await.unwrap().zeros.get(), 100.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_headset_pulled_out_is_noticed_even_where_the_stream_moves_on() {
    let _turn = turn().await;
    let lab = lab!("unplugged");
    for others in [true, false] {
        lab.run(&["plug", "usb", "one"]);
        if others {
            lab.run(&["plug", "builtin", "two"]);
        }
        lab.run(&["default", "one"]);
        let began = Instant::now();
        let heard = begin(&lab, 5);
        tokio::task::block_in_place(|| {
            lab.until_recording();
            lab.run(&["unplug", "one"]);
        });
        let heard = heard.await.unwrap();
        assert_eq!(heard, Err(AudioError::DeviceLost), "with others: {others}");
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        if others {
            lab.run(&["unplug", "two"]);
        }
    }
    assert_eq!(listen(&lab, 1).await, Err(AudioError::NoMicrophone));
    nothing_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sound_server_that_is_killed_is_noticed() {
    let _turn = turn().await;
    let lab = lab!("server killed");
    lab.run(&["plug", "usb", "one"]);
    lab.run(&["default", "one"]);
    let heard = begin(&lab, 5);
    tokio::task::block_in_place(|| {
        lab.until_recording();
        lab.run(&["kill"]);
    });
    assert_eq!(heard.await.unwrap(), Err(AudioError::SoundServer));
    assert_eq!(listen(&lab, 1).await, Err(AudioError::NoSoundSystem));
    assert_eq!(lab.children().inventory().await.unwrap_err(), AudioError::NoSoundSystem);
    nothing_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sound_server_that_hangs_holds_nobody() {
    let _turn = turn().await;
    let lab = lab!("server hung");
    lab.run(&["plug", "usb", "one"]);
    lab.run(&["default", "one"]);
    // In the middle of it.
    let began = Instant::now();
    let heard = begin(&lab, 3);
    tokio::task::block_in_place(|| {
        lab.until_recording();
        lab.run(&["hang"]);
    });
    assert_eq!(heard.await.unwrap(), Err(AudioError::SoundServer));
    assert!(began.elapsed() < Duration::from_secs(9), "{:?}", began.elapsed());
    nothing_left().await;
    // From the beginning.
    let began = Instant::now();
    assert_eq!(lab.children().inventory().await.unwrap_err(), AudioError::SoundServer);
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert_eq!(listen(&lab, 3).await, Err(AudioError::SoundServer));
    // And when nobody waits any more, as at the end of the daemon.
    let children = lab.children();
    let waiting = tokio::spawn(async move { children.listen(10, None).await });
    tokio::time::timeout(Duration::from_secs(5), async {
        while left_over().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    waiting.abort();
    nothing_left().await;
    lab.run(&["resume"]);
    assert_eq!(listen(&lab, 1).await.unwrap().zeros.get(), 100.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_sound_system_is_said_so() {
    let _turn = turn().await;
    let nowhere = || children([("PULSE_SERVER", "unix:/nowhere/native".into())]);
    assert_eq!(nowhere().inventory().await.unwrap_err(), AudioError::NoSoundSystem);
    assert_eq!(nowhere().listen(1, None).await.unwrap_err(), AudioError::NoSoundSystem);
    let over_the_network = children([("PULSE_SERVER", "tcp:203.0.113.1:4713".into())]);
    assert_eq!(over_the_network.inventory().await.unwrap_err(), AudioError::NoSoundSystem);
    nothing_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_microphone_in_use_is_left_alone() {
    let _turn = turn().await;
    let lab = lab!("in use");
    lab.run(&["plug", "usb", "one"]);
    lab.run(&["default", "one"]);
    assert_eq!(lab.children().inventory().await.unwrap().microphone_use, MicrophoneUse::Free);

    // Our own stream is not another program's, and another program that begins ends ours.
    let heard = begin(&lab, 8);
    tokio::task::block_in_place(|| lab.until_recording());
    assert_eq!(lab.children().inventory().await.unwrap().microphone_use, MicrophoneUse::Free);
    let freed = tokio::task::block_in_place(|| {
        lab.run(&["record", "one"]);
        lab.until("the other program", || lab.pactl(&["list", "source-outputs"]).contains("\"parecord\""));
        let began = Instant::now();
        lab.until("ours to go", || !lab.pactl(&["list", "source-outputs"]).contains("cpal-pulseaudio"));
        began.elapsed()
    });
    assert_eq!(heard.await.unwrap(), Err(AudioError::InUse));
    println!("released after {freed:?}");
    assert!(freed < Duration::from_millis(500), "{freed:?}");

    assert_eq!(lab.children().inventory().await.unwrap().microphone_use, MicrophoneUse::InUse);
    assert_eq!(listen(&lab, 1).await, Err(AudioError::InUse));
    lab.run(&["silence", "one"]);
    lab.until("the other program to go", || !lab.pactl(&["list", "source-outputs"]).contains("\"parecord\""));
    assert!(listen(&lab, 1).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_headset_that_plays_music_is_not_switched() {
    let _turn = turn().await;
    let lab = lab!("bluetooth music");
    lab.run(&["plug", "bt-a2dp", "music"]);
    lab.run(&["plug", "bt-wb", "call"]);
    lab.run(&["plug", "usb", "wired"]);
    lab.run(&["default", "call"]);
    let song = lab.sound("song.wav", "synth 30 sine 440 gain -20");
    assert!(listen(&lab, 1).await.is_ok(), "nothing plays");
    lab.run(&["music", "music", song.to_str().unwrap()]);
    lab.until("the music", || lab.pactl(&["list", "sinks", "short"]).contains("RUNNING"));
    lab.until("the music", || {
        lab.pactl(&["list", "short", "sinks"])
            .lines()
            .any(|l| l.contains("music.speaker") && l.contains("RUNNING"))
    });
    assert_eq!(listen(&lab, 1).await, Err(AudioError::WouldSwitchHeadset));
    assert!(lab.children().inventory().await.unwrap().would_switch_headset);
    // Another microphone does not touch the headset.
    lab.run(&["default", "wired"]);
    assert!(listen(&lab, 1).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_child_cannot_get_out() {
    let _turn = turn().await;
    let result = children([]).self_test().await.unwrap();
    println!("{result:?}");
    let Some(landlock) = result.shut_in.landlock else {
        assert!(std::env::var_os("PRESHIFT_LABS").is_none(), "this kernel has no Landlock");
        println!("SKIPPED: the_child_cannot_get_out: needs a kernel with Landlock");
        return;
    };
    assert!(landlock >= 1 && result.shut_in.seccomp);
    let all = serde_json::to_value(result.recording).unwrap();
    assert!(all.as_object().unwrap().values().all(|refused| *refused == true), "{all}");
    assert_eq!(result.other_thread, result.recording);
    // Before, it may make a local socket, to reach the sound server; nothing else.
    let mut at_start = result.at_start;
    assert!(!at_start.unix);
    at_start.unix = true;
    assert_eq!(at_start, result.recording);
    assert!(!result.dumpable && !result.core);
    assert!(!std::path::Path::new("/tmp/preshift-must-not-be-here").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_child_ends_with_its_daemon() {
    use tokio::{io::AsyncWriteExt, process::Command};
    let _turn = turn().await;
    let lab = lab!("lifeline");
    lab.run(&["plug", "usb", "one"]);
    lab.run(&["default", "one"]);
    let mut child = Command::new(env!("CARGO_BIN_EXE_preshift"))
        .arg(preshift::audio::child::WORD)
        .env("PULSE_SERVER", format!("unix:{}/pulse/native", lab.path().display()))
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut lifeline = child.stdin.take().unwrap();
    lifeline.write_all(b"{\"listen\":{\"device\":null,\"seconds\":10,\"ours\":[]}}\n").await.unwrap();
    tokio::task::block_in_place(|| lab.until_recording());
    // While it hears, every thread of it is behind all three filters.
    let tasks = format!("/proc/{}/task", child.id().unwrap());
    lab.until("all threads to be shut in", || {
        let threads: Vec<String> = std::fs::read_dir(&tasks)
            .unwrap()
            .flatten()
            .filter_map(|task| std::fs::read_to_string(task.path().join("status")).ok())
            .collect();
        let shut_in = |s: &String| ["NoNewPrivs:\t1", "Seccomp_filters:\t3"].iter().all(|w| s.contains(w));
        !threads.is_empty() && threads.iter().all(shut_in)
    });
    drop(lifeline);
    let status = tokio::time::timeout(Duration::from_secs(2), child.wait()).await.unwrap().unwrap();
    assert_eq!(status.code(), Some(3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_requests_are_refused() {
    use tokio::{io::AsyncReadExt, io::AsyncWriteExt, process::Command};
    let _turn = turn().await;
    let long = format!("{{\"inventory\":{{\"ours\":[{}1]}}}}\n", "1,".repeat(200_000));
    for request in ["", "\n", "{}\n", "null\n", "{\"listen\":{}}\n", "{\"exec\":\"id\"}\n", long.as_str()] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_preshift"))
            .arg(preshift::audio::child::WORD)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        // It may be gone before it has read everything.
        let _ = input.write_all(request.as_bytes()).await;
        drop(input);
        let mut said = String::new();
        child.stdout.take().unwrap().read_to_string(&mut said).await.unwrap();
        assert_eq!(said, "{\"error\":\"child_ended\"}\n", "{}", &request[..request.len().min(40)]);
        child.wait().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listening_costs_next_to_nothing() {
    let _turn = turn().await;
    // A sound card follows the 100 ms that we ask for and wakes up some 20 times a second; the lab does
    // not follow, and at its coarsest still delivers some 40 blocks.
    let Some(lab) = Lab::start_with("cost", 200) else { return };
    lab.run(&["plug", "usb", "one"]);
    lab.run(&["default", "one"]);
    lab.feed("one", "noise.wav", "synth 30 pinknoise gain -30");
    let heard = listen(&lab, 5).await.unwrap();
    let share = 100.0 * heard.cpu.get() / heard.lived.get();
    println!("{} ms of processor time in {} ms: {share:.2} % of a core", heard.cpu, heard.lived);
    // Not optimised, the figure means nothing.
    if !cfg!(debug_assertions) {
        assert!(share <= 1.0, "{share:.2} % of a core");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_self_test_hears_the_headset_and_does_not_name_it() {
    let _turn = turn().await;
    let lab = lab!("selftest");
    lab.run(&["plug", "usb", "annas-headset"]);
    lab.run(&["default", "annas-headset"]);
    lab.feed("annas-headset", "noise.wav", "synth 30 pinknoise gain -30");
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_preshift"));
    command
        .args(["doctor", "--selftest", "--microphone", "--json"])
        .env("PULSE_SERVER", format!("unix:{}/pulse/native", lab.path().display()))
        .env("HOME", lab.path())
        .env("PRESHIFT_DATA_DIR", lab.path().join("data"))
        .env("PRESHIFT_CONFIG", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/config/empty.toml"));
    let output = command.output().await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let checks = document["checks"].as_array().unwrap();
    for name in [
        "probe.audio_devices",
        "probe.noise",
        "sound.server",
        "sound.devices",
        "sound.microphone",
        "sound.in_use",
        "sound.level",
    ] {
        let check = checks.iter().find(|c| c["name"] == name).unwrap();
        assert_eq!(check["result"], "pass", "{check}");
    }
    let devices = checks.iter().find(|c| c["name"] == "sound.devices").unwrap();
    assert!(devices["was"].as_str().unwrap().contains("microphone usb headset 0b0e"), "{devices}");
    // Names that people give, as the sound server has them.
    let named = lab.pactl(&["list", "sources"]);
    assert!(named.contains("Annas") && named.contains("annas-headset"), "{named}");
    for private in ["annas", "gn_audio", "evolve_65"] {
        assert!(!text.to_lowercase().contains(private), "{private}: {text}");
    }
    nothing_left().await;
}
