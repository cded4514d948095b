//! Damping in the daemon, as data: samples in, standing findings out, step by step.

mod common;

use common::{Desk, NOW, files, line, policy};
use readiness::{History, Input, judge};
use serde::Deserialize;
use serde_json::{Map, Value as Json};
use telemetry::{Reading, UnixMs};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Series {
    says: String,
    #[serde(default)]
    policy: Map<String, Json>,
    step: Vec<Step>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    /// So many times one after the other.
    #[serde(default = "once")]
    times: usize,
    #[serde(default)]
    desk: Desk,
    /// Only the readings of the step before: nothing was measured.
    #[serde(default)]
    nothing_new: bool,
    verdict: String,
    findings: Vec<String>,
    /// Minutes ago that the first finding began to stand.
    since_minutes: Option<i64>,
}

fn once() -> usize {
    1
}

#[test]
fn every_series_goes_as_written() {
    let all = files("series");
    assert!(all.len() >= 8, "only {} series were found", all.len());
    for file in all {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let series: Series = toml::from_str(&std::fs::read_to_string(&file).unwrap())
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        let policy = policy(&series.policy);
        let mut history = History::watching();
        let mut readings: Vec<Reading> = Vec::new();
        let mut minute = 0;
        for (i, step) in series.step.iter().enumerate() {
            for time in 0..step.times {
                minute += 1;
                let now = NOW + minute * 60_000;
                if !step.nothing_new {
                    readings = step.desk.readings(now);
                }
                let now = UnixMs::new(now);
                let judgement = judge(&policy, &Input { now, readings: &readings, history: &history });
                let place = format!("{name}, step {} time {}: {}", i + 1, time + 1, series.says);
                let findings: Vec<String> = judgement.findings.iter().map(line).collect();
                assert_eq!(findings, step.findings, "{place}");
                assert_eq!(
                    serde_json::to_value(judgement.verdict).unwrap(),
                    step.verdict.as_str(),
                    "{place}"
                );
                if let (Some(minutes), true) = (step.since_minutes, time + 1 == step.times) {
                    let since = judgement.findings[0].since.expect("a watched finding says since when");
                    assert_eq!(now.since_ms(since), minutes * 60_000, "{place}");
                }
                // The daemon keeps the history in its store: it must survive that.
                let kept = serde_json::to_string(&judgement.history).unwrap();
                history = serde_json::from_str(&kept).unwrap();
                assert_eq!(history, judgement.history, "{place}");
            }
        }
    }
}
