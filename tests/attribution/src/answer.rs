//! What a check says about whose fault it is.
//!
//! Owns the reading of `preshift check --json`. Pure.

use crate::case::Domains;
use anyhow::Context as _;
use serde_json::Value;
use telemetry::FaultDomain;

/// Findings that are about this computer's upkeep. They say nothing of the network, and of the machine that runs
/// the cases they may be true.
const UPKEEP: [&str; 7] = [
    "memory_full",
    "disk_full",
    "battery_low",
    "uptime_long",
    "clock_wrong",
    "restart_pending",
    "browser_outdated",
];

/// The probe that looks along the way. A desk that has it says whose fault it is in the field `fault`, absent when nothing
/// is wrong; of an older one, what its findings say is put together.
const LOOKS: &str = "path";

/// What the check named.
pub fn read(said: &str) -> anyhow::Result<Domains> {
    let report: Value = serde_json::from_str(said).context("the check did not print JSON")?;
    // Any object would do for an answer of "nothing wrong"; a readiness has these.
    anyhow::ensure!(report["verdict"].is_string() && report["readings"].is_array(), "that is no readiness");
    let readings = report["readings"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !readings.iter().any(|r| r["probe"] == LOOKS) {
        return of_findings(&report);
    }
    match &report["fault"] {
        Value::Null => Ok(Domains::new()),
        fault => domains(fault),
    }
}

fn of_findings(report: &Value) -> anyhow::Result<Domains> {
    let findings = report["findings"].as_array().map(Vec::as_slice).unwrap_or_default();
    let counts =
        |f: &&Value| f["severity"] != "note" && f["code"].as_str().is_none_or(|code| !UPKEEP.contains(&code));
    let mut all = Domains::new();
    for finding in findings.iter().filter(counts) {
        all.extend(domains(&finding["domains"])?);
    }
    // What is known of one finding is not taken back by another that knows nothing. That the computer
    // is busy says nothing of the network, though.
    if all.iter().any(|d| !matches!(d, FaultDomain::Computer | FaultDomain::Undetermined)) {
        all.remove(&FaultDomain::Undetermined);
    }
    Ok(all)
}

fn domains(list: &Value) -> anyhow::Result<Domains> {
    serde_json::from_value(list.clone()).with_context(|| format!("these are no fault domains: {list}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use FaultDomain::{HomeNetwork, InternetProvider, Undetermined};

    fn said(rest: &str) -> String {
        format!(r#"{{"verdict":"ready","readings":[{{"probe":"media"}},{{"probe":"path"}}]{rest}}}"#)
    }

    #[test]
    fn the_fault_is_what_the_field_says_and_nothing_where_there_is_none() {
        let read = |rest| read(&said(rest)).unwrap();
        assert_eq!(read(""), Domains::new());
        assert_eq!(read(r#","fault":["home_network"]"#), [HomeNetwork].into());
        assert_eq!(read(r#","fault":["undetermined"]"#), [Undetermined].into());
        // With the field, findings count for nothing.
        let finding = r#","findings":[{"code":"loss_high","severity":"blocking","domains":["service"]}]"#;
        assert_eq!(read(finding), Domains::new());
    }

    #[test]
    fn of_an_older_desk_findings_are_put_together_without_notes_and_upkeep() {
        let findings = r#","findings":[
            {"code":"loss_high","severity":"blocking","domains":["internet_provider"]},
            {"code":"dns_slow","severity":"warning","domains":["undetermined"]},
            {"code":"wifi_rate_low","severity":"note","domains":["home_network"]},
            {"code":"disk_full","severity":"warning","domains":["computer"]}]"#;
        let older = said(findings).replace(r#"{"probe":"path"}"#, r#"{"probe":"load"}"#);
        assert_eq!(read(&older).unwrap(), [InternetProvider].into());
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        let nobody = [said(r#","fault":["nobody"]"#), said(r#","fault":"service""#)];
        let odd = ["", "{}", "[]", "null", r#"{"verdict":"ready"}"#];
        for bad in odd.into_iter().chain(nobody.iter().map(String::as_str)) {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
