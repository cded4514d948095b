//! Verdicts as CSV, for a spreadsheet or another program.

use super::StoreError;
use rusqlite::{Connection, params};
use std::io::Write;
use telemetry::{Readiness, UnixMs};

/// Why an export ended early.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The reader.
    #[error("cannot write the export: {0}")]
    Write(#[from] std::io::Error),
}

/// The columns.
const COLUMNS: [&str; 13] = [
    "time",
    "desk",
    "label",
    "team",
    "shift",
    "trigger",
    "verdict",
    "valid_until",
    "finding",
    "severity",
    "domains",
    "findings",
    "changes",
];

/// Writes every verdict between two times, oldest first; of all desks or of one.
pub fn verdicts(
    db: &Connection,
    desk: Option<i64>,
    from: UnixMs,
    to: UnixMs,
    out: impl Write,
) -> Result<(), ExportError> {
    let sqlite = |source| StoreError::Sqlite { operation: "read verdicts", source };
    let mut out = csv::Writer::from_writer(out);
    out.write_record(COLUMNS).map_err(io)?;
    let mut query = db
        .prepare(
            "SELECT v.at, v.body, d.id, d.label, d.team FROM verdicts v JOIN desks d ON d.no = v.desk
             WHERE v.at >= ?1 AND v.at < ?2 AND (?3 IS NULL OR v.desk = ?3) ORDER BY v.at, v.row",
        )
        .map_err(sqlite)?;
    let mut rows = query.query(params![from.get(), to.get(), desk]).map_err(sqlite)?;
    while let Some(row) = rows.next().map_err(sqlite)? {
        let text = |i: usize| row.get::<_, Option<String>>(i).map(Option::unwrap_or_default).map_err(sqlite);
        let at = row.get(0).map(UnixMs::new).map_err(sqlite)?;
        let body: Readiness = serde_json::from_str(&text(1)?)
            .map_err(|e| StoreError::Damaged { what: "a verdict", why: e.to_string() })?;
        let worst = body.findings.first();
        let domains: Vec<String> = worst.iter().flat_map(|f| &f.domains).map(|d| word(*d)).collect();
        out.write_record([
            time(at),
            text(2)?,
            safe(&text(3)?),
            text(4)?,
            body.shift.as_ref().map(ToString::to_string).unwrap_or_default(),
            word(body.trigger),
            word(body.verdict),
            time(body.valid_until),
            worst.map(|f| word(f.code)).unwrap_or_default(),
            worst.map(|f| word(f.severity)).unwrap_or_default(),
            domains.join(" "),
            body.findings.len().to_string(),
            body.changes.len().to_string(),
        ])
        .map_err(io)?;
    }
    Ok(out.flush()?)
}

fn io(error: csv::Error) -> std::io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => std::io::Error::other(format!("{other:?}")),
    }
}

/// A moment for machines: UTC, to the second.
pub fn time(at: UnixMs) -> String {
    jiff::Timestamp::from_millisecond(at.get()).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The name that an enum has on the wire.
pub fn word(value: impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// Text that IT typed, for a spreadsheet: what begins like a formula is made plain text.
pub fn safe(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) { format!("'{text}") } else { text.into() }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_label_cannot_become_a_formula() {
        for bad in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"] {
            assert!(super::safe(bad).starts_with('\''), "{bad}");
        }
        assert_eq!(super::safe("Desk 12 = window"), "Desk 12 = window");
    }
}
