//! Reads cases: how a desk differs from a healthy one, and what the judge must say.

use readiness::{Policy, explain};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use telemetry::{Finding, Outcome, Reading, UnixMs};

/// The moment of every case: 2026-01-01 08:00 UTC.
pub const NOW: i64 = 1_767_254_400_000;

/// What differs from a healthy desk.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Desk {
    /// Fields of measurements, by probe.
    pub set: BTreeMap<String, Map<String, Json>>,
    /// Fields that are absent, such as "media.stall_p95".
    pub unset: Vec<String>,
    /// How probes ended that did not measure: `media = "failed.no_answer"`.
    pub outcome: BTreeMap<String, String>,
    /// Probes of which there is no reading.
    pub without: Vec<String>,
    /// Minutes before now that a probe's reading was taken.
    pub age_minutes: BTreeMap<String, i64>,
    /// Points of the way of voice: `gateway flow_ttl 300/300 0.3 0.4 0.9`, which is point, method, answered and sent, and
    /// least, median and 95th percentile of the round trip; without any there is no such reading.
    pub hops: Vec<String>,
    /// What else the way of voice shows.
    pub way: Map<String, Json>,
    /// Facts of the environment; without any there is no such reading.
    pub facts: Vec<Json>,
    /// Readings of further targets: probe, target, and `set` or `outcome`.
    pub also: Vec<Also>,
}

/// A reading of a further target.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Also {
    pub probe: String,
    pub target: String,
    #[serde(default)]
    pub set: Map<String, Json>,
    pub outcome: Option<String>,
}

/// Every file of a folder beside the tests.
pub fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let mut all: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    all.sort();
    all
}

/// The policy of the cases with a case's own keys laid over it.
pub fn policy(over: &Map<String, Json>) -> Policy {
    let mut policy = json!({
        "id": "case", "version": 1,
        "required": ["link", "https", "media", "audio_devices", "load"],
        "targets": {
            "reflectors": [{ "id": "a", "host": "media.example.net" }],
            "endpoints": [{ "id": "a", "url": "https://softphone.example.net/" }],
        },
    });
    merge(&mut policy, &Json::Object(over.clone()));
    serde_json::from_value(policy).expect("the case's policy is valid")
}

impl Desk {
    /// The readings, taken at this moment.
    pub fn readings(&self, at: i64) -> Vec<Reading> {
        let healthy: Map<String, Json> = toml::from_str(include_str!("healthy.toml")).unwrap();
        let mut readings = Vec::new();
        for (probe, value) in &healthy {
            if !self.without.contains(probe) {
                let mut value = value.clone();
                if let Some(set) = self.set.get(probe) {
                    merge(&mut value, &Json::Object(set.clone()));
                }
                for path in &self.unset {
                    let (of, field) = path.split_once('.').expect("probe.field");
                    if of == probe {
                        value.as_object_mut().unwrap().remove(field).expect("a field of the healthy desk");
                    }
                }
                let target =
                    matches!(probe.as_str(), "https" | "media" | "responsiveness").then(|| "a".to_owned());
                readings.push(self.reading(probe, target, self.outcome.get(probe), value, at));
            }
        }
        for named in self.set.keys().chain(self.outcome.keys()).chain(&self.without) {
            assert!(healthy.contains_key(named) || named == "environment", "no probe '{named}'");
        }
        if !self.facts.is_empty() {
            readings.push(self.reading("environment", None, None, Json::Array(self.facts.clone()), at));
        }
        let calls: Map<String, Json> = toml::from_str(include_str!("calls.toml")).unwrap();
        if !self.hops.is_empty() {
            let hops: Vec<Json> = self.hops.iter().map(|line| hop(line)).collect();
            let mut way =
                json!({ "ipv6": false, "tunnel": false, "hops": hops, "burst_ratio": 1, "duration": 15000 });
            merge(&mut way, &Json::Object(self.way.clone()));
            readings.push(self.reading("path", Some("a".to_owned()), None, way, at));
        }
        for also in &self.also {
            let mut value = healthy.get(&also.probe).unwrap_or_else(|| &calls[&also.probe]).clone();
            merge(&mut value, &Json::Object(also.set.clone()));
            readings.push(self.reading(
                &also.probe,
                Some(also.target.clone()),
                also.outcome.as_ref(),
                value,
                at,
            ));
        }
        readings
    }

    fn reading(
        &self,
        probe: &str,
        target: Option<String>,
        outcome: Option<&String>,
        value: Json,
        now: i64,
    ) -> Reading {
        let outcome = match outcome {
            None => json!({ "measured": { probe: value } }),
            Some(how) => {
                let (kind, why) = how.split_once('.').expect("an outcome such as failed.timeout");
                json!({ kind: why })
            }
        };
        let outcome: Outcome = serde_json::from_value(outcome)
            .unwrap_or_else(|e| panic!("the case's {probe} is not valid: {e}"));
        let age = self.age_minutes.get(probe).copied().unwrap_or(0);
        Reading {
            probe: probe.parse().unwrap(),
            target: target.map(|t| t.parse().unwrap()),
            at: UnixMs::new(now - age * 60_000),
            took_ms: 100,
            outcome,
        }
    }
}

/// A point of the way from its line.
fn hop(line: &str) -> Json {
    let words: Vec<&str> = line.split(' ').collect();
    let (answered, sent) = words[2].split_once('/').expect("answered/sent");
    let (answered, sent): (f64, f64) = (answered.parse().unwrap(), sent.parse().unwrap());
    let mut hop =
        json!({ "point": words[0], "method": words[1], "sent": sent as u32, "answered": answered as u32 });
    if answered > 0.0 {
        // Wilson, as the desk computes it.
        let (share, z) = ((sent - answered) / sent, 1.96);
        let centre = share + z * z / (2.0 * sent);
        let spread = z * ((share * (1.0 - share) + z * z / (4.0 * sent)) / sent).sqrt();
        let bound = |value: f64| (100.0 * value / (1.0 + z * z / sent)).clamp(0.0, 100.0);
        let low = if sent == answered { 0.0 } else { bound(centre - spread) };
        let time = |n: usize| words[n].parse::<f64>().unwrap();
        merge(
            &mut hop,
            &json!({
                "loss": 100.0 * share,
                "loss_interval": { "low": low, "high": bound(centre + spread) },
                "rtt_min": time(3), "rtt_median": time(4), "rtt_p95": time(5),
            }),
        );
    }
    hop
}

/// A finding in one line: code, severity, domains, then target, observed and limit where there are any.
pub fn line(f: &Finding) -> String {
    let word = |v: Json| v.as_str().unwrap().to_owned();
    let code = word(json!(f.code));
    let domains: Vec<String> = f.domains.iter().map(|d| word(json!(d))).collect();
    let mut line = format!("{code} {} {}", word(json!(f.severity)), domains.join("+"));
    if matches!(code.as_str(), "required_reading_missing" | "optional_reading_missing") {
        line += &format!(" {}", f.probe);
    }
    if let Some(target) = &f.target {
        line += &format!(" @{target}");
    }
    if let Some(observed) = f.observed {
        line += &format!(" {}", observed.value());
    }
    if let Some(limit) = f.limit {
        line += &format!("/{}", limit.value());
    }
    // Every finding that the judge can come to must have words.
    assert!(!explain(f).what.is_empty());
    line
}

fn merge(base: &mut Json, over: &Json) {
    match (base, over) {
        (Json::Object(base), Json::Object(over)) => {
            for (key, value) in over {
                merge(base.entry(key.clone()).or_insert(Json::Null), value);
            }
        }
        (base, over) => *base = over.clone(),
    }
}
