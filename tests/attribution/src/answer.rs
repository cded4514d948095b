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

/// Where the answer is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// In the field `fault`: absent means that nothing is wrong.
    Fault,
    /// In the findings that are more than a note, put together: of a desk that does not have the field yet.
    Findings,
}

/// What the check named.
pub fn read(said: &str, source: Source) -> anyhow::Result<Domains> {
    let report: Value = serde_json::from_str(said).context("the check did not print JSON")?;
    // Any object would do for an answer of "nothing wrong"; a readiness has these.
    anyhow::ensure!(report["verdict"].is_string() && report["readings"].is_array(), "that is no readiness");
    match source {
        Source::Fault => match &report["fault"] {
            Value::Null => Ok(Domains::new()),
            fault => domains(fault),
        },
        Source::Findings => {
            let findings = report["findings"].as_array().map(Vec::as_slice).unwrap_or_default();
            let counts = |f: &&Value| {
                f["severity"] != "note" && f["code"].as_str().is_none_or(|code| !UPKEEP.contains(&code))
            };
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
    }
}

fn domains(list: &Value) -> anyhow::Result<Domains> {
    serde_json::from_value(list.clone()).with_context(|| format!("these are no fault domains: {list}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use FaultDomain::{HomeNetwork, InternetProvider, Undetermined};

    fn said(rest: &str) -> String {
        format!(r#"{{"verdict":"ready","readings":[]{rest}}}"#)
    }

    #[test]
    fn the_fault_is_what_the_field_says_and_nothing_where_there_is_none() {
        let read = |rest| read(&said(rest), Source::Fault).unwrap();
        assert_eq!(read(""), Domains::new());
        assert_eq!(read(r#","fault":["home_network"]"#), [HomeNetwork].into());
        assert_eq!(read(r#","fault":["undetermined"]"#), [Undetermined].into());
        // Without the field findings count for nothing.
        let finding = r#","findings":[{"code":"loss_high","severity":"blocking","domains":["service"]}]"#;
        assert_eq!(read(finding), Domains::new());
    }

    #[test]
    fn findings_are_put_together_without_notes_and_upkeep() {
        let findings = r#","findings":[
            {"code":"loss_high","severity":"blocking","domains":["internet_provider"]},
            {"code":"dns_slow","severity":"warning","domains":["undetermined"]},
            {"code":"wifi_rate_low","severity":"note","domains":["home_network"]},
            {"code":"disk_full","severity":"warning","domains":["computer"]}]"#;
        assert_eq!(read(&said(findings), Source::Findings).unwrap(), [InternetProvider].into());
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        for bad in [
            "",
            "{}",
            "[]",
            "null",
            r#"{"verdict":"ready"}"#,
            &said(r#","fault":["nobody"]"#),
            &said(r#","fault":"service""#),
        ] {
            assert!(read(bad, Source::Fault).is_err(), "{bad}");
        }
    }
}
