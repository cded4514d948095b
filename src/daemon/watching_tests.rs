//! Episodes as the daemon watches them: what raises one, what ends it. Must not start a probe.

use super::*;
use telemetry::{Load, Megabytes, Millis, NotChecked, Outcome, Percent, PowerSource, Seconds};

fn at(minute: i64) -> UnixMs {
    UnixMs::new(1_795_392_000_000).plus_ms(minute * 60_000)
}

fn reading(minute: i64, probe: ProbeId, outcome: Outcome) -> Reading {
    Reading { probe, target: None, at: at(minute), took_ms: 5, outcome }
}

/// A disk with this much space left, in MB.
fn disk(minute: i64, free: f64) -> Reading {
    let load = Load {
        cpu: Percent::new(5.0),
        cpu_window: Millis::new(1000.0),
        memory: Percent::new(20.0),
        memory_total: Megabytes::new(16_000.0),
        disk_free: Megabytes::new(free),
        disk_total: Megabytes::new(500_000.0),
        power: PowerSource::Mains,
        battery: None,
        uptime: Seconds::new(3600.0),
        clock_offset: None,
    };
    reading(minute, ProbeId::Load, Outcome::Measured(Value::Load(load)))
}

fn codes(episodes: &[Episode]) -> Vec<(FindingCode, bool)> {
    episodes.iter().map(|e| (e.finding.code, e.end.is_some())).collect()
}

#[test]
fn what_stands_is_told_once_when_it_begins_and_once_when_it_is_over() {
    let policy = Policy::builtin();
    let mut watching = Watching::default();
    let mut told = Vec::new();
    for minute in 0..30 {
        // Full from the fifth to the fifteenth minute.
        let free = if (5..15).contains(&minute) { 1.0 } else { 100_000.0 };
        let seen = watching.take(&policy, at(minute), &[disk(minute, free)]);
        told.extend(seen.episodes);
    }
    assert_eq!(codes(&told), [(FindingCode::DiskFull, false), (FindingCode::DiskFull, true)]);
    assert_eq!(told[0].begin, told[1].begin);
    assert!((at(5)..at(10)).contains(&told[0].begin), "{told:?}");
    assert!(told[1].end.unwrap() >= at(15));
}

#[test]
fn what_could_not_be_measured_is_no_episode() {
    let mut watching = Watching::default();
    for minute in 0..10 {
        let missing = reading(minute, ProbeId::Load, Outcome::NotChecked(NotChecked::Paused));
        let seen = watching.take(&Policy::builtin(), at(minute), &[missing]);
        assert_eq!(seen, Seen::default());
    }
}

#[test]
fn an_end_closes_what_stands_and_forgets_it() {
    let policy = Policy::builtin();
    let mut watching = Watching::default();
    let mut began = Vec::new();
    for minute in 0..5 {
        began.extend(watching.take(&policy, at(minute), &[disk(minute, 1.0)]).episodes);
    }
    let ended = watching.end(at(6));
    assert_eq!(codes(&ended), [(FindingCode::DiskFull, true)]);
    assert_eq!(ended[0].end, Some(at(6)));
    assert_eq!(watching.end(at(7)), []);
    // A clock that was set back does not make an end before the beginning.
    for minute in 0..5 {
        watching.take(&policy, at(minute), &[disk(minute, 1.0)]);
    }
    let ended = watching.end(at(-60));
    assert!(ended.iter().all(|e| e.end >= Some(e.begin)), "{ended:?}");
}

#[test]
fn another_headset_matters_and_the_same_does_not() {
    use telemetry::{AudioDevice, AudioDevices, Connection, FormFactor, Hash, MicrophoneUse};
    let with = |minute, id: u8| {
        let device = |direction| AudioDevice {
            id: Hash::from_bytes([id; 16]),
            direction,
            default: true,
            vendor: None,
            product: None,
            model: None,
            connection: Connection::Usb,
            form_factor: FormFactor::Headset,
            rate: None,
            channels: None,
            muted: Some(false),
            volume: Some(Percent::new(80.0)),
        };
        let devices = AudioDevices {
            devices: vec![device(Direction::Input), device(Direction::Output)].into(),
            microphone_use: MicrophoneUse::Free,
            microphone_permission: None,
        };
        reading(minute, ProbeId::AudioDevices, Outcome::Measured(Value::AudioDevices(devices)))
    };
    let (policy, mut watching) = (Policy::builtin(), Watching::default());
    let mut matters = |minute, id| watching.take(&policy, at(minute), &[with(minute, id)]).matters;
    assert_eq!([matters(0, 1), matters(1, 1), matters(2, 2), matters(3, 2)], [false, false, true, false]);
}
