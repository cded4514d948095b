//! The shift plan: a CSV file that IT exports from wherever shifts are planned.
//!
//! Owns the format and its errors. One row is one shift of one desk; every wrong row is told, with its
//! line, so that a file of a thousand rows is mended in one go.

use readiness::{Shift, ShiftSpan};
use std::collections::{HashMap, HashSet};
use telemetry::Id;

/// The columns, in any order.
pub const COLUMNS: [&str; 5] = ["desk", "shift", "begin", "end", "zone"];
/// Most errors that are told at once.
const TOLD: usize = 20;

/// Why a plan was refused: each wrong row, and how many more there are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.told())]
pub struct PlanErrors {
    /// The first wrong rows: line and reason.
    pub rows: Vec<(u64, String)>,
    /// How many more.
    pub more: usize,
}

impl PlanErrors {
    fn told(&self) -> String {
        let mut lines: Vec<String> =
            self.rows.iter().map(|(line, why)| format!("line {line}: {why}")).collect();
        if self.more > 0 {
            lines.push(format!("and {} more", self.more));
        }
        lines.join("\n")
    }

    fn one(line: u64, why: String) -> Self {
        Self { rows: vec![(line, why)], more: 0 }
    }
}

/// Reads a plan. `desk` finds the number of the desk that a text means.
pub fn parse(
    text: &str,
    mut desk: impl FnMut(&str) -> Result<i64, String>,
) -> Result<Vec<(i64, Shift, ShiftSpan)>, PlanErrors> {
    // Spreadsheets like to begin a file with this mark.
    let text = text.trim_start_matches('\u{feff}');
    let mut reader =
        csv::ReaderBuilder::new().trim(csv::Trim::All).comment(Some(b'#')).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|e| PlanErrors::one(1, e.to_string()))?.clone();
    let wanted = format!("the first line must name the columns {}", COLUMNS.join(","));
    if let Some(unknown) = header.iter().find(|h| !COLUMNS.contains(h)) {
        return Err(PlanErrors::one(1, format!("unknown column '{unknown}'; {wanted}")));
    }
    let mut places = [0; 5];
    for (place, column) in places.iter_mut().zip(COLUMNS) {
        let mut found = header.iter().enumerate().filter(|(_, h)| *h == column);
        *place = match (found.next(), found.next()) {
            (Some((i, _)), None) => i,
            (Some(_), Some(_)) => {
                return Err(PlanErrors::one(1, format!("column '{column}' is there twice")));
            }
            (None, _) => return Err(PlanErrors::one(1, format!("column '{column}' is missing; {wanted}"))),
        };
    }

    let (mut plan, mut wrong) = (Vec::new(), Vec::new());
    let mut seen: HashMap<(i64, Id), u64> = HashMap::new();
    for row in reader.records() {
        let row = match row {
            Ok(row) => row,
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                wrong.push((line, unreadable(&error)));
                continue;
            }
        };
        let line = row.position().map_or(0, csv::Position::line);
        let field = |i: usize| row.get(places[i]).unwrap_or_default();
        match shift(&field).and_then(|(shift, span)| Ok((desk(field(0))?, shift, span))) {
            Err(why) => wrong.push((line, why)),
            Ok((desk, shift, span)) => match seen.insert((desk, shift.id.clone()), line) {
                Some(first) => {
                    wrong.push((
                        line,
                        format!("desk '{}' has shift '{}' already in line {first}", field(0), shift.id),
                    ));
                }
                None => plan.push((desk, shift, span)),
            },
        }
    }
    wrong.extend(overlaps(&plan, &seen));
    if wrong.is_empty() {
        return Ok(plan);
    }
    wrong.sort();
    let more = wrong.len().saturating_sub(TOLD);
    wrong.truncate(TOLD);
    Err(PlanErrors { rows: wrong, more })
}

fn unreadable(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("it has {len} fields instead of {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => "it is not UTF-8 text".into(),
        _ => "it is not CSV".into(),
    }
}

fn shift<'r>(field: &impl Fn(usize) -> &'r str) -> Result<(Shift, ShiftSpan), String> {
    let id: Id = field(1).parse().map_err(|e| format!("shift '{}': {e}", field(1)))?;
    let time = |i: usize| {
        field(i).parse::<jiff::civil::DateTime>().map_err(|_| {
            format!("{} '{}' is not a local time such as 2026-11-23T08:00", COLUMNS[i], field(i))
        })
    };
    let shift = Shift { id, begin: time(2)?, end: time(3)?, zone: field(4).into() };
    let span = shift.span().map_err(|e| e.to_string())?;
    Ok((shift, span))
}

/// Shifts of one desk that overlap: nobody works two at a time, so one of them is a mistake.
fn overlaps(plan: &[(i64, Shift, ShiftSpan)], lines: &HashMap<(i64, Id), u64>) -> Vec<(u64, String)> {
    let mut order: Vec<_> = plan.iter().collect();
    order.sort_by_key(|(desk, _, span)| (*desk, span.begin));
    let mut told = HashSet::new();
    order
        .windows(2)
        .filter(|pair| pair[0].0 == pair[1].0 && pair[1].2.begin < pair[0].2.end)
        .filter_map(|pair| {
            let line = |p: &(i64, Shift, ShiftSpan)| lines.get(&(p.0, p.1.id.clone())).copied().unwrap_or(0);
            let (first, second) = (line(pair[0]), line(pair[1]));
            let (early, late) = (first.min(second), first.max(second));
            told.insert(late).then(|| {
                (
                    late,
                    format!(
                        "shift '{}' overlaps shift '{}' of the same desk (line {early})",
                        pair[1].1.id, pair[0].1.id
                    ),
                )
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(i64, Shift, ShiftSpan)>, String> {
        let desk = |text: &str| match text {
            "d1" => Ok(1),
            "d2" => Ok(2),
            other => Err(format!("unknown desk '{other}'")),
        };
        parse(text, desk).map_err(|e| e.to_string())
    }

    #[test]
    fn a_plan_is_read_in_any_order_of_columns() {
        let plan = read(
            "\u{feff}zone,desk, shift ,begin,end\n# early\nEurope/Berlin,d1,e-1,2026-11-23T08:00,2026-11-23T16:30\n\
             UTC,d2,n-1,2026-11-23 22:00,2026-11-24 06:00\n",
        )
        .unwrap();
        assert_eq!(plan.len(), 2);
        assert_eq!(plan[0].2.begin.get(), 1_795_417_200_000);
        assert_eq!(plan[1].2.end.since_ms(plan[1].2.begin), 8 * 3_600_000);
    }

    #[test]
    fn every_wrong_row_is_told_with_its_line() {
        let good = "d1,s,2026-11-23T08:00,2026-11-23T16:00,UTC";
        let cases = [
            (
                "",
                "line 1: column 'desk' is missing; the first line must name the columns desk,shift,begin,end,zone",
            ),
            (
                "desk,shift,begin,end,zone,name\n",
                "line 1: unknown column 'name'; the first line must name the columns desk,shift,begin,end,zone",
            ),
            ("desk,desk,shift,begin,end,zone\n", "line 1: column 'desk' is there twice"),
            ("H\nd9,s,2026-11-23T08:00,2026-11-23T16:00,UTC", "line 2: unknown desk 'd9'"),
            (
                "H\nd1,Frühschicht,2026-11-23T08:00,2026-11-23T16:00,UTC",
                "line 2: shift 'Frühschicht': not a valid id: expected 1 to 40 of a-z, 0-9, '-' and '_', the first a letter or a digit",
            ),
            (
                "H\nd1,s,23.11.2026 08:00,2026-11-23T16:00,UTC",
                "line 2: begin '23.11.2026 08:00' is not a local time such as 2026-11-23T08:00",
            ),
            (
                "H\nd1,s,2026-11-23T08:00,2026-11-23T16:00,Berlin",
                "line 2: shift s: unknown time zone 'Berlin'; use an IANA name such as Europe/Berlin",
            ),
            (
                "H\nd1,s,2026-11-23T16:00,2026-11-23T08:00,UTC",
                "line 2: shift s: it must end after it begins, and within 24 hours",
            ),
            ("H\nd1,s", "line 2: it has 2 fields instead of 5"),
            ("H\nG\nG", "line 3: desk 'd1' has shift 's' already in line 2"),
            (
                "H\nG\nd1,t,2026-11-23T15:00,2026-11-23T17:00,UTC",
                "line 3: shift 't' overlaps shift 's' of the same desk (line 2)",
            ),
            (
                "H\nd8,s,2026-11-23T08:00,2026-11-23T16:00,UTC\nG\nd9,s,2026-11-23T08:00,2026-11-23T16:00,UTC",
                "line 2: unknown desk 'd8'\nline 4: unknown desk 'd9'",
            ),
        ];
        for (text, message) in cases {
            let text = text.replace('H', "desk,shift,begin,end,zone").replace('G', good);
            assert_eq!(read(&text).unwrap_err(), message, "{text}");
        }
    }

    #[test]
    fn many_wrong_rows_are_counted() {
        let rows = "d9,s,2026-11-23T08:00,2026-11-23T16:00,UTC\n".repeat(50);
        let told = read(&format!("desk,shift,begin,end,zone\n{rows}")).unwrap_err();
        assert!(told.ends_with("\nand 30 more"), "{told}");
    }
}
