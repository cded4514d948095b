//! The judge's cases are data: how a desk differs from a healthy one, and what must come out.
//! `tests/common/healthy.toml` is the healthy desk; each file in `tests/cases` is one case.

mod common;

use common::{Desk, NOW, files, line, policy};
use readiness::{History, Input, judge, needs_longer};
use serde::Deserialize;
use serde_json::{Map, Value as Json};
use telemetry::{UnixMs, Value};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// What the case shows.
    says: String,
    #[serde(default)]
    policy: Map<String, Json>,
    #[serde(default)]
    desk: Desk,
    verdict: String,
    /// Worst first, none too many: `code severity domains [@target] [observed[/limit]]`.
    findings: Vec<String>,
    /// Whose fault, where the case is about that.
    #[serde(default)]
    fault: Option<Vec<String>>,
    /// Whether the stream would go on.
    #[serde(default)]
    needs_longer: bool,
}

#[test]
fn every_case_comes_out_as_written() {
    let mut failures = Vec::new();
    let all = files("cases");
    for file in &all {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let case: Case =
            toml::from_str(&std::fs::read_to_string(file).unwrap()).unwrap_or_else(|e| panic!("{name}: {e}"));
        let policy = policy(&case.policy);
        let readings = case.desk.readings(NOW);
        let history = History::default();
        let judgement =
            judge(&policy, &Input { now: UnixMs::new(NOW), readings: &readings, history: &history });
        let verdict = serde_json::to_value(judgement.verdict).unwrap();
        let findings: Vec<String> = judgement.findings.iter().map(line).collect();
        let longer = readings
            .iter()
            .filter_map(|r| r.measured())
            .any(|v| matches!(v, Value::Media(m) if needs_longer(&policy, m)));
        let fault: Vec<String> = judgement
            .fault
            .iter()
            .map(|d| serde_json::to_value(d).unwrap().as_str().unwrap().to_owned())
            .collect();
        if case.fault.as_ref().is_some_and(|wanted| *wanted != fault) {
            failures.push(format!("{name}: {}\n  wanted {:?}\n  got    {fault:?}", case.says, case.fault));
        }
        if verdict != case.verdict.as_str() || findings != case.findings || longer != case.needs_longer {
            failures.push(format!(
                "{name}: {}\n  wanted {} {:#?} longer: {}\n  got    {} {findings:#?} longer: {longer}",
                case.says,
                case.verdict,
                case.findings,
                case.needs_longer,
                verdict.as_str().unwrap(),
            ));
        }
        assert!(judgement.valid_until > UnixMs::new(NOW), "{name}: the verdict is over before it begins");
    }
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), all.len(), failures.join("\n"));
    assert!(all.len() >= 60, "only {} cases were found", all.len());
}
