//! The JSON Schema of everything on the wire, made from the types themselves.

use crate::{Batch, BatchAnswer, EnrollAnswer, EnrollRequest, ErrorAnswer, Report};

/// Every message of the wire with its schema, by file name.
pub fn all() -> Vec<(&'static str, schemars::Schema)> {
    vec![
        ("report.json", schemars::schema_for!(Report)),
        ("batch.json", schemars::schema_for!(Batch)),
        ("batch-answer.json", schemars::schema_for!(BatchAnswer)),
        ("enroll-request.json", schemars::schema_for!(EnrollRequest)),
        ("enroll-answer.json", schemars::schema_for!(EnrollAnswer)),
        ("error-answer.json", schemars::schema_for!(ErrorAnswer)),
    ]
}
