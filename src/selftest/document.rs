//! The document that a person sends back, and what is taken out of the readings before.

use super::{Bench, Check, Desk, Found, Outcome, Said, Why};
use readiness::Policy;
use serde::Serialize;
use std::collections::HashMap;
use telemetry::{FactKey, FactValue, Id, Reading, UnixMs, Value, Version};

/// The form of the document. Another one gets another number.
const FORM: u32 = 1;

/// Everything that was found.
#[derive(Debug, Clone, Serialize)]
pub struct Document {
    /// The form of this document.
    pub selftest: u32,
    /// When.
    pub at: UnixMs,
    /// The program.
    pub preshift: Program,
    /// The system it runs on.
    pub system: System,
    /// How many checks passed.
    pub passed: usize,
    /// How many failed.
    pub failed: usize,
    /// How many were not tried.
    pub skipped: usize,
    /// Each check.
    pub checks: Vec<Done>,
    /// What the probes found, in the words of a report.
    pub readings: Vec<Reading>,
}

/// The program that was tried.
#[derive(Debug, Clone, Serialize)]
pub struct Program {
    /// Its version.
    pub version: &'static str,
    /// What it was built for.
    pub target: &'static str,
    /// Whether it was built for tests: its figures then say little.
    pub debug: bool,
}

/// The system that it was tried on.
#[derive(Debug, Clone, Serialize)]
pub struct System {
    /// As the facts have it.
    pub name: Option<FactValue>,
    /// Its version.
    pub version: Option<FactValue>,
    /// Its build, or the kernel's version.
    pub build: Option<FactValue>,
    /// The processor's family.
    pub architecture: &'static str,
}

/// One check, done.
#[derive(Debug, Clone, Serialize)]
pub struct Done {
    /// Its name.
    pub name: &'static str,
    /// What should be.
    pub should: &'static str,
    /// What was.
    pub was: Said,
    /// `pass`, `fail` or `skipped`.
    pub result: &'static str,
    /// Why it was skipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Why>,
}

impl Done {
    /// A check and what it found.
    pub fn new(check: &Check, found: Found) -> Self {
        let (result, reason) = match found.result {
            Outcome::Pass => ("pass", None),
            Outcome::Fail => ("fail", None),
            Outcome::Skipped(why) => ("skipped", Some(why)),
        };
        Self { name: check.name, should: check.should, was: found.was, result, reason }
    }

    /// Why it was skipped, in the word that the JSON has.
    pub fn reason_word(&self) -> Option<String> {
        serde_json::to_value(self.reason?).ok()?.as_str().map(str::to_owned)
    }
}

impl Program {
    /// This one.
    pub fn this() -> Self {
        Self { version: env!("CARGO_PKG_VERSION"), target: TARGET, debug: cfg!(debug_assertions) }
    }
}

/// What this program was built for.
pub const TARGET: &str = if cfg!(all(windows, target_env = "gnu", target_arch = "x86_64")) {
    "x86_64-pc-windows-gnu"
} else if cfg!(all(windows, target_arch = "x86_64")) {
    "x86_64-pc-windows-msvc"
} else if cfg!(all(windows, target_arch = "aarch64")) {
    "aarch64-pc-windows"
} else if cfg!(all(target_os = "macos", target_arch = "aarch64")) {
    "aarch64-apple-darwin"
} else if cfg!(all(target_os = "macos", target_arch = "x86_64")) {
    "x86_64-apple-darwin"
} else if cfg!(all(target_os = "linux", target_arch = "x86_64")) {
    "x86_64-linux"
} else if cfg!(all(target_os = "linux", target_arch = "aarch64")) {
    "aarch64-linux"
} else {
    "another target"
};

impl Document {
    /// Of what was found.
    pub fn new(bench: &Bench, checks: Vec<Done>) -> Self {
        let number = |result| checks.iter().filter(|c| c.result == result).count();
        Self {
            selftest: FORM,
            at: (crate::desk::system_clock())(),
            preshift: Program::this(),
            system: System {
                name: fact(bench, FactKey::OsName),
                version: fact(bench, FactKey::OsVersion),
                build: fact(bench, FactKey::OsBuild),
                architecture: std::env::consts::ARCH,
            },
            passed: number("pass"),
            failed: number("fail"),
            skipped: number("skipped"),
            readings: nameless(&bench.readings),
            checks,
        }
    }

    /// Whether a daemon measured instead of this command.
    pub fn version_of(desk: &Desk) -> Option<&Version> {
        match desk {
            Desk::Daemon(status) => Some(&status.daemon),
            _ => None,
        }
    }
}

/// A fact of this desk.
pub(super) fn fact(bench: &Bench, key: FactKey) -> Option<FactValue> {
    bench.find(|value| match value {
        Value::Environment(facts) => facts.iter().find(|f| f.key == key).map(|f| f.value.clone()),
        _ => None,
    })
}

/// The keyed hashes in readings say nothing about what they stand for, but they stay the same on
/// a desk, and this document is not for following a desk. So each becomes a number: which readings
/// speak of the same thing can still be seen. So does what a policy calls its targets, for that may be a
/// customer's or a site's name; only our own names stay. A reading that cannot be changed so is left out.
fn nameless(readings: &[Reading]) -> Vec<Reading> {
    let mut numbers = HashMap::new();
    let mut targets = HashMap::new();
    readings
        .iter()
        .filter_map(|reading| {
            let target = match &reading.target {
                Some(target) => Some(our_name(target, &mut targets)?),
                None => None,
            };
            let mut json = serde_json::to_value(Reading { target, ..reading.clone() }).ok()?;
            renumber(&mut json, &mut numbers);
            serde_json::from_value(json).ok()
        })
        .collect()
}

/// A target by a name of ours.
fn our_name(target: &Id, numbers: &mut HashMap<Id, usize>) -> Option<Id> {
    let ours = [Policy::builtin(), Policy::for_collector(0)].map(|policy| policy.targets);
    let mut ids = ours.iter().flat_map(|targets| {
        targets.reflectors.iter().map(|r| &r.id).chain(targets.endpoints.iter().map(|e| &e.id))
    });
    if ids.any(|id| id == target) {
        return Some(target.clone());
    }
    let next = numbers.len() + 1;
    let number = *numbers.entry(target.clone()).or_insert(next);
    format!("target-{number}").parse().ok()
}

fn renumber(json: &mut serde_json::Value, numbers: &mut HashMap<String, usize>) {
    use serde_json::Value as Json;
    match json {
        Json::String(text) if text.parse::<telemetry::Hash>().is_ok() => {
            let next = numbers.len() + 1;
            let number = *numbers.entry(text.clone()).or_insert(next);
            *text = format!("{number:032x}");
        }
        Json::Array(all) => all.iter_mut().for_each(|one| renumber(one, numbers)),
        Json::Object(all) => all.values_mut().for_each(|one| renumber(one, numbers)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_become_numbers_that_still_tell_the_same_from_another() {
        let readings: Vec<Reading> = serde_json::from_str(
            r#"[{"probe":"environment","at":1760000000000,"took_ms":1,"outcome":{"measured":{"environment":[
                {"key":"gateway_hash","value":{"hash":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},"origin":"desk"},
                {"key":"os_version","value":{"version":"12"},"origin":"desk"}]}}},
               {"probe":"noise","at":1760000000000,"took_ms":1,"outcome":{"measured":{"noise":{
                "device":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","duration":1000,"rate":48000,"laeq":-50,"l10":-50,"l90":-50,
                "l95":-50,"zeros":0,"clipped":0,"dc":0,"dropouts":0}}}},
               {"probe":"environment","at":1760000000000,"took_ms":1,"outcome":{"measured":{"environment":[
                {"key":"gateway_hash","value":{"hash":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},"origin":"desk"}]}}}]"#,
        )
        .unwrap();
        let text = serde_json::to_string(&nameless(&readings)).unwrap();
        assert!(!text.contains("aaaa") && !text.contains("bbbb"), "{text}");
        assert_eq!(text.matches("\"00000000000000000000000000000001\"").count(), 2, "{text}");
        assert_eq!(text.matches("\"00000000000000000000000000000002\"").count(), 1, "{text}");
        assert!(text.contains(r#"{"version":"12"}"#), "{text}");
    }

    #[test]
    fn what_a_policy_calls_its_targets_becomes_numbers() {
        let reading = |target: &str| {
            let json = r#"{"probe":"https","target":"TARGET","at":1760000000000,"took_ms":1,
                "outcome":{"not_checked":"offline"}}"#;
            serde_json::from_str::<Reading>(&json.replace("TARGET", target)).unwrap()
        };
        let readings = ["bank-of-somewhere", "collector", "site-north", "bank-of-somewhere"].map(reading);
        let told = nameless(&readings);
        let told: Vec<_> = told.iter().map(|r| r.target.as_ref().unwrap().as_str()).collect();
        assert_eq!(told, ["target-1", "collector", "target-2", "target-1"]);
    }
}
