//! One report of each kind as it travels, in `docs/examples/reports`: whoever reads reports without our
//! code can hold their reader to these. If one of them no longer comes back the same, the format has changed.

mod common;

use common::shape::Shape;
use serde_json::Value as Json;
use std::path::Path;
use telemetry::{Lane, Report};

#[test]
fn each_kind_of_report_has_an_example_that_comes_back_the_same() {
    let (_, schema) = telemetry::schema::all().into_iter().find(|(name, _)| *name == "report.json").unwrap();
    let schema = schema.to_value();
    let shape = Shape::new(&schema);
    for kind in ["readiness", "routine", "change", "episode", "event", "gap"] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples/reports").join(kind);
        let text = std::fs::read_to_string(file.with_extension("json")).unwrap();
        let report: Report = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{kind}: {e}"));
        assert_eq!(report.body.kind(), kind);
        assert_eq!(report.body.lane(), report.lane, "{kind} is in the wrong lane");
        assert_eq!(report.lane == Lane::Routine, kind == "routine");
        let kept: Json = serde_json::from_str(&text).unwrap();
        shape.check(&kept).unwrap_or_else(|e| panic!("{kind}: {e}"));
        // Compared as text, so that neither the order of the fields nor the form of a number changes unseen.
        let again = serde_json::to_string_pretty(&report).unwrap();
        for (i, (now, kept)) in again.lines().zip(text.lines()).enumerate() {
            assert_eq!(now, kept, "{kind}, line {}", i + 1);
        }
        assert_eq!(again.lines().count(), text.lines().count(), "{kind}");
        let size = serde_json::to_vec(&report).unwrap().len();
        assert!(size <= telemetry::limits::REPORT, "{kind} has {size} bytes");
    }
}
