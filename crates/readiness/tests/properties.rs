//! What holds for every desk that the wire can describe, sensible or not.

#[path = "../../telemetry/tests/common/mod.rs"]
mod wire;

use proptest::prelude::*;
use readiness::{History, Input, Policy, explain, judge};
use serde_json::Value as Json;
use telemetry::{FindingCode, NotChecked, Outcome, Reading, Report, Severity, UnixMs, Verdict};
use wire::shape::Shape;

const NOW: i64 = 1_767_254_400_000;

/// Chooses numbers from a seed (SplitMix64).
fn picker(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed;
    move |below| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % below as u64) as usize
    }
}

/// Any readings at all, one of each probe's values at most for each target, taken a minute ago.
fn readings(seeds: &[u64]) -> Vec<Reading> {
    thread_local! {
        static SCHEMA: Json = {
            let all = telemetry::schema::all();
            let report = all.into_iter().find(|(name, _)| *name == "report.json").expect("a report").1;
            let mut schema = report.to_value();
            // Only the readings of a report.
            let reading = schema["$defs"]["Reading"].clone();
            for (key, value) in reading.as_object().expect("an object") {
                schema[key] = value.clone();
            }
            schema
        };
    }
    SCHEMA.with(|schema| {
        let shape = Shape::new(schema);
        let made = seeds.iter().map(|seed| shape.make(&mut picker(*seed)));
        made.map(|json| {
            let mut reading: Reading = serde_json::from_value(json).expect("made from the schema");
            // A value under its own probe's name, as the daemon has it.
            if let Outcome::Measured(value) = &reading.outcome {
                let name = serde_json::to_value(value).unwrap();
                let name = name.as_object().unwrap().keys().next().unwrap().clone();
                reading.probe = name.parse().expect("values are named like their probes");
            }
            reading.at = UnixMs::new(NOW - 60_000);
            reading
        })
        .collect()
    })
}

fn policy() -> Policy {
    let mut policy = Policy::for_collector(862);
    policy.browsers.chrome = "120".parse().ok();
    policy
}

fn judged(policy: &Policy, readings: &[Reading], now: i64, history: &History) -> readiness::Judgement {
    judge(policy, &Input { now: UnixMs::new(now), readings, history })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// The verdict is what its findings say, they come worst first, each once, and each has words.
    #[test]
    fn a_verdict_is_what_its_findings_say(seeds in prop::collection::vec(any::<u64>(), 0..24)) {
        let judgement = judged(&policy(), &readings(&seeds), NOW, &History::default());
        let worst = judgement.findings.iter().map(|f| f.severity).max();
        match judgement.verdict {
            Verdict::NotReady => prop_assert_eq!(worst, Some(Severity::Blocking)),
            Verdict::Unknown => {
                let missing = |f: &telemetry::Finding| f.code == FindingCode::RequiredReadingMissing;
                prop_assert!(judgement.findings.iter().any(missing), "unknown without a reason");
                prop_assert!(worst < Some(Severity::Blocking));
            }
            Verdict::AtRisk => prop_assert_eq!(worst, Some(Severity::Warning)),
            Verdict::Ready => prop_assert!(worst <= Some(Severity::Note)),
        }
        prop_assert!(judgement.findings.is_sorted_by_key(|f| std::cmp::Reverse(f.severity)));
        for (i, f) in judgement.findings.iter().enumerate() {
            let twin = judgement.findings[i + 1..].iter().any(|g| (g.code, g.probe, &g.target) == (f.code, f.probe, &f.target));
            prop_assert!(!twin, "twice: {f:?}");
            prop_assert!(!f.domains.is_empty());
            let words = explain(f);
            prop_assert!(!words.what.is_empty() && !words.whose.is_empty());
        }
        // What leaves the desk must be taken by the collector.
        let text = serde_json::to_string(&judgement.findings).unwrap();
        prop_assert!(serde_json::from_str::<Vec<telemetry::Finding>>(&text).is_ok());
    }

    /// A required probe that did not measure never lets a desk be ready, whatever the others say.
    #[test]
    fn what_is_missing_is_never_good(seeds in prop::collection::vec(any::<u64>(), 0..24), which in 0usize..5, gone in any::<bool>()) {
        let policy = policy();
        let probe = policy.required[which];
        let mut readings = readings(&seeds);
        if gone {
            readings.retain(|r| r.probe != probe);
        } else {
            for reading in readings.iter_mut().filter(|r| r.probe == probe) {
                reading.outcome = Outcome::NotChecked(NotChecked::Paused);
            }
        }
        let verdict = judged(&policy, &readings, NOW, &History::default()).verdict;
        prop_assert!(matches!(verdict, Verdict::Unknown | Verdict::NotReady), "{verdict:?}");
    }

    /// What stays the same for eight samples stands in the daemon exactly as a check would say it.
    #[test]
    fn the_daemon_and_a_check_agree_in_the_end(seeds in prop::collection::vec(any::<u64>(), 0..16)) {
        let policy = policy();
        let mut readings = readings(&seeds);
        let mut history = History::watching();
        let mut last = None;
        for minute in 1..=8 {
            let now = NOW + minute * 60_000;
            readings.iter_mut().for_each(|r| r.at = UnixMs::new(now));
            let judgement = judged(&policy, &readings, now, &history);
            history = judgement.history.clone();
            last = Some(judgement);
        }
        let last = last.expect("eight judgements");
        let once = judged(&policy, &readings, NOW + 8 * 60_000, &History::default());
        let mut standing = last.findings;
        standing.iter_mut().for_each(|f| f.since = None);
        prop_assert_eq!(standing, once.findings);
        prop_assert_eq!(last.verdict, once.verdict);
    }
}

/// A report is made of what the judge says: both must fit the same schema.
#[test]
fn a_report_of_it_is_a_report() {
    let text = include_str!("../../../docs/examples/reports/readiness.json");
    let report: Report = serde_json::from_str(text).unwrap();
    let telemetry::Body::Readiness(readiness) = report.body else { panic!("not a readiness report") };
    let policy = Policy::parse(include_str!("../../../docs/examples/policy.toml")).unwrap();
    let judgement = judged(&policy, &readiness.readings, report.at.get(), &History::default());
    assert!(judgement.findings.iter().any(|f| f.code == FindingCode::LossHigh), "{:?}", judgement.findings);
}
