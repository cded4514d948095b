//! Each probe: whether it measured here.

use super::{Bench, Check, Found, Said, Why, at_once};
use telemetry::{NotChecked, Outcome, ProbeId};

macro_rules! probe {
    ($name:literal, $id:ident) => {
        Check {
            name: concat!("probe.", $name),
            should: "the probe measures on this system",
            run: at_once!((|bench: &Bench| of(bench, ProbeId::$id))),
        }
    };
}

pub(super) const CHECKS: &[Check] = &[
    probe!("link", Link),
    probe!("dns", Dns),
    probe!("https", Https),
    probe!("media", Media),
    probe!("audio_devices", AudioDevices),
    probe!("noise", Noise),
    probe!("load", Load),
    probe!("environment", Environment),
    probe!("stun", Stun),
    probe!("turn", Turn),
    probe!("signalling", Signalling),
    probe!("mtu", Mtu),
    probe!("responsiveness", Responsiveness),
];

/// A probe with many targets measured if one was measured and none failed.
fn of(bench: &Bench, id: ProbeId) -> Found {
    let readings: Vec<_> = bench.readings.iter().filter(|r| r.probe == id).collect();
    let measured = readings.iter().filter(|r| r.measured().is_some()).count();
    let failures: Vec<_> = readings
        .iter()
        .filter_map(|r| match r.outcome {
            Outcome::Failed(why) => Some(why),
            _ => None,
        })
        .collect();
    let took: u32 = readings.iter().map(|r| r.took_ms).sum();
    let was = Said::of("measured").count(measured as u64).with("of").count(readings.len() as u64);
    if !failures.is_empty() {
        return Found::fail(failures.iter().fold(was.and("failed:"), Said::word));
    }
    match readings.iter().map(|r| &r.outcome).find(|o| measured == 0 && !matches!(o, Outcome::Measured(_))) {
        Some(Outcome::NotChecked(NotChecked::NotAsked)) => Found::skipped(
            Why::NotAskedFor,
            "the microphone stayed closed; preshift doctor --selftest --microphone opens it for some seconds",
        ),
        Some(Outcome::NotChecked(why)) => skipped(Why::NotChecked(*why), readiness::words::not_checked(*why)),
        Some(Outcome::Unsupported(why)) => {
            skipped(Why::Unsupported(*why), readiness::words::unsupported(*why))
        }
        _ if measured == 0 => Found::fail(Said::of("it gave no reading")),
        _ => Found::pass(was.figure("in all", f64::from(took), "ms")),
    }
}

fn skipped(why: Why, was: &'static str) -> Found {
    Found::skipped(why, was)
}
