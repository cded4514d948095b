//! Each rule of a policy file has a fixture and the exact message that its author reads.
//! `PRESHIFT_UPDATE=1 cargo test -p preshift-readiness --test policies` writes the messages anew: read them before committing.

use readiness::Policy;
use std::path::{Path, PathBuf};

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/policies");
    let mut all: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    all.sort();
    all
}

#[test]
fn each_bad_policy_is_refused_with_its_message() {
    let update = std::env::var_os("PRESHIFT_UPDATE").is_some();
    let mut seen = 0;
    for file in fixtures().into_iter().filter(|p| p.extension().is_some_and(|e| e == "toml")) {
        let text = std::fs::read_to_string(&file).unwrap();
        let said = match Policy::parse(&text) {
            Err(error) => format!("{error}\n"),
            Ok(_) => panic!("{} was accepted", file.display()),
        };
        let expected = file.with_extension("txt");
        if update {
            std::fs::write(&expected, &said).unwrap();
        }
        let wanted = std::fs::read_to_string(&expected)
            .unwrap_or_else(|e| panic!("{} has no message beside it: {e}", file.display()));
        assert_eq!(said, wanted, "{}", file.display());
        seen += 1;
    }
    assert!(seen >= 55, "only {seen} fixtures were found");
}

#[test]
fn no_message_is_without_its_policy() {
    for file in fixtures().into_iter().filter(|p| p.extension().is_some_and(|e| e == "txt")) {
        assert!(file.with_extension("toml").exists(), "{}", file.display());
    }
}

/// A desk reads its policy from a collector as JSON: the caps hold there too.
#[test]
fn the_caps_hold_for_json() {
    let mut policy = Policy::builtin();
    policy.schedule.routine_seconds = 1;
    let json = serde_json::to_string(&policy).unwrap();
    let error = serde_json::from_str::<Policy>(&json).unwrap_err().to_string();
    assert!(error.starts_with("schedule.routine_seconds = 1: must be 10 to 3600"), "{error}");
}

#[test]
fn what_we_serve_ourselves_is_valid_and_survives_both_forms() {
    for policy in [Policy::builtin(), Policy::for_collector(862), Policy::for_collector(18_620)] {
        policy.validate().unwrap();
        let json = serde_json::to_string(&policy).unwrap();
        assert_eq!(serde_json::from_str::<Policy>(&json).unwrap(), policy);
        let toml = toml::to_string(&policy).unwrap();
        assert_eq!(Policy::parse(&toml).unwrap(), policy, "{toml}");
    }
}

/// Only a policy that names another codec has the key, so that older desks take all the others.
#[test]
fn the_codec_is_told_only_if_it_is_another() {
    let told = |codec: &str| Policy::parse(&format!("id = 'p'\nversion = 1\n{codec}")).unwrap();
    for (codec, key) in [("", false), ("codec = 'g711_plc'", false), ("codec = 'opus_estimate'", true)] {
        let policy = told(codec);
        assert_eq!(serde_json::to_string(&policy).unwrap().contains("codec"), key, "{codec}");
        assert_eq!(Policy::parse(&toml::to_string(&policy).unwrap()).unwrap(), policy);
    }
    assert_eq!(told("codec = 'g729a'").codec, telemetry::Codec::G729a);
}

/// Whether two sides mean the same policy hangs on this. If the digest changes, every desk fetches its
/// policy anew once: fine, but never by accident.
#[test]
fn the_digest_is_stable() {
    let digest = |p: Policy| p.digest().to_string();
    assert_eq!(digest(Policy::builtin()), include_str!("digests/builtin.txt").trim());
    assert_eq!(digest(Policy::for_collector(862)), include_str!("digests/collector.txt").trim());
    let mut other = Policy::builtin();
    other.limits.insert("rtt".into(), readiness::limits::Override { good: Some(100.0), bad: None });
    assert_ne!(digest(other), digest(Policy::builtin()));
}

#[test]
fn the_example_is_valid() {
    let text = include_str!("../../../docs/examples/policy.toml");
    let policy = Policy::parse(text).unwrap();
    assert!(!policy.limits.is_empty() && policy.browsers.chrome.is_some(), "the example shows little");
}
