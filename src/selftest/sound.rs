//! Microphones and speakers: whether this system tells what Preshift wants to know of them.
//!
//! Devices go by vendor and product id. The names that people give to them never get here.

use super::{Bench, Check, Found, Said, Why, at_once, document::fact};
use telemetry::{
    AudioDevice, AudioDevices, Connection, Direction, FactKey, FactValue, FormFactor, MicrophonePermission,
    MicrophoneUse, Noise, Outcome, ProbeId, Unsupported, Value, Word,
};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "sound.server",
        should: "what plays and records for programs is known",
        run: at_once!(server),
    },
    Check {
        name: "sound.devices",
        should: "each device tells how it is connected, and a USB one its vendor and product",
        run: at_once!(devices),
    },
    Check {
        name: "sound.microphone",
        should: "the default microphone tells its form, its rate, its mute and its volume",
        run: at_once!((|bench: &Bench| default(bench, Direction::Input))),
    },
    Check {
        name: "sound.speaker",
        should: "the default speaker tells its form, its rate, its mute and its volume",
        run: at_once!((|bench: &Bench| default(bench, Direction::Output))),
    },
    Check {
        name: "sound.in_use",
        should: "the system tells whether a program uses the microphone",
        run: at_once!(in_use),
    },
    Check {
        name: "sound.permission",
        should: "the system lets programs use the microphone, where it asks at all",
        run: at_once!(permission),
    },
    Check {
        name: "sound.level",
        should: "the microphone delivers sound and not zeros, without gaps",
        run: at_once!(level),
    },
];

fn inventory(bench: &Bench) -> Result<&AudioDevices, Found> {
    let found = bench.find(|value| match value {
        Value::AudioDevices(devices) => Some(devices),
        _ => None,
    });
    found.ok_or_else(|| {
        let silent = bench.readings.iter().any(|r| {
            r.probe == ProbeId::AudioDevices && r.outcome == Outcome::Unsupported(Unsupported::NoSoundSystem)
        });
        if silent {
            Found::skipped(Why::Unsupported(Unsupported::NoSoundSystem), "no sound system is running")
        } else {
            Found::skipped(Why::NeedsAnother, "the probe of sound devices told nothing")
        }
    })
}

fn server(bench: &Bench) -> Found {
    if let Err(found) = inventory(bench) {
        return found;
    }
    match (fact(bench, FactKey::AudioServer), fact(bench, FactKey::AudioServerVersion)) {
        (Some(FactValue::Word(word)), version) => {
            let was = match version {
                Some(FactValue::Version(version)) => Said::of("it is").word(&word).word(&version),
                _ => Said::of("it is").word(&word),
            };
            Found::by(!matches!(word, Word::Other | Word::Unknown | Word::None), was)
        }
        _ => Found::fail(Said::of("it is not known")),
    }
}

fn described(device: &AudioDevice) -> Said {
    let direction = match device.direction {
        Direction::Input => "microphone",
        Direction::Output => "speaker",
    };
    let mut said = Said::of(direction).word(&device.connection).word(&device.form_factor);
    if let (Some(vendor), Some(product)) = (&device.vendor, &device.product) {
        said = said.word(vendor).word(product);
    }
    if let Some(model) = &device.model {
        // From our own table, by vendor and product.
        said = said.word(model);
    }
    match device.rate {
        Some(rate) => said.figure("rate", rate.get(), "Hz"),
        None => said,
    }
}

fn devices(bench: &Bench) -> Found {
    let devices = match inventory(bench) {
        Ok(inventory) => &inventory.devices,
        Err(found) => return found,
    };
    if devices.is_empty() {
        return Found::skipped(Why::NothingThere, "there is no device");
    }
    let told = |d: &AudioDevice| {
        d.connection != Connection::Unknown
            && (d.connection != Connection::Usb || (d.vendor.is_some() && d.product.is_some()))
    };
    let was = Said::of("devices:").count(devices.len() as u64);
    let was = devices.iter().map(described).fold(was, |all, one| all.then(&one));
    Found::by(devices.iter().all(told), was)
}

fn default(bench: &Bench, direction: Direction) -> Found {
    let device = match inventory(bench) {
        Ok(inventory) => inventory.default_of(direction),
        Err(found) => return found,
    };
    let Some(device) = device else {
        return Found::skipped(Why::NothingThere, "there is no default device");
    };
    let mut was = described(device);
    was = match device.muted {
        Some(true) => was.and("muted"),
        Some(false) => was.and("not muted"),
        None => was.and("mute unknown"),
    };
    was = match device.volume {
        Some(volume) => was.figure("volume", volume.get(), "%"),
        None => was.and("volume unknown"),
    };
    if device.rate.is_none() {
        was = was.and("rate unknown");
    }
    let told = device.form_factor != FormFactor::Unknown
        && device.rate.is_some()
        && device.muted.is_some()
        && device.volume.is_some();
    Found::by(told, was)
}

fn in_use(bench: &Bench) -> Found {
    let inventory = match inventory(bench) {
        Ok(inventory) => inventory,
        Err(found) => return found,
    };
    if !inventory.devices.iter().any(|d| d.direction == Direction::Input) {
        return Found::skipped(Why::NothingThere, "there is no microphone");
    }
    let was = Said::of("it is").word(&inventory.microphone_use);
    Found::by(inventory.microphone_use != MicrophoneUse::Unknown, was)
}

fn permission(bench: &Bench) -> Found {
    match inventory(bench).map(|inventory| inventory.microphone_permission) {
        Ok(None) => Found::skipped(Why::NotOnThisSystem, "this system asks nobody"),
        Ok(Some(permission)) => {
            let was = Said::of("it is").word(&permission);
            Found::by(permission == MicrophonePermission::Granted, was)
        }
        Err(found) => found,
    }
}

fn level(bench: &Bench) -> Found {
    let noise = bench.find(|value| match value {
        Value::Noise(noise) => Some(noise),
        _ => None,
    });
    match noise {
        Some(noise) => of_noise(noise),
        None => Found::skipped(Why::NotAskedFor, "the microphone was not listened to"),
    }
}

fn of_noise(noise: &Noise) -> Found {
    let was = Said::of("heard:")
        .figure("for", noise.duration.get(), "ms")
        .figure("rate", noise.rate.get(), "Hz")
        .figure("LAeq", noise.laeq.get(), "dBFS")
        .figure("L90", noise.l90.get(), "dBFS")
        .figure("zeros", noise.zeros.get(), "%")
        .figure("clipped", noise.clipped.get(), "%")
        .and("gaps")
        .count(noise.dropouts.into());
    Found::by(noise.zeros.get() < 98.0 && noise.dropouts == 0, was)
}
