//! `docs/policy.md` says what the code does: every key with its default, and the table of limits.
//! `PRESHIFT_UPDATE=1 cargo test -p preshift-readiness --test docs` writes the table anew.

use readiness::limits::{TABLE, Worse};
use readiness::{Microphone, Policy, Schedule, words};
use serde_json::{Value as Json, json};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use telemetry::Quantity;

const BEGIN: &str =
    "<!-- limits: written by `PRESHIFT_UPDATE=1 cargo test -p preshift-readiness --test docs` -->\n";
const END: &str = "<!-- end of limits -->";

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/policy.md")
}

fn table() -> String {
    let mut out = "| name | what | good | bad | allowed | source |\n|---|---|---|---|---|---|\n".to_owned();
    for r in TABLE {
        let said = |v| words::quantity(Quantity::new(v, r.unit));
        let (up_to, beyond) = if r.worse == Worse::Higher { ("≤", ">") } else { ("≥", "<") };
        let (good, bad, min, max) = (said(r.good), said(r.bad), said(r.min), said(r.max));
        writeln!(
            out,
            "| `{}` | {} | {up_to} {good} | {beyond} {bad} | {min} to {max} | {} |",
            r.name, r.what, r.source
        )
        .unwrap();
    }
    out
}

#[test]
fn the_table_of_limits_is_the_codes() {
    let text = std::fs::read_to_string(page()).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("the page has a place for the table");
    let (kept, after) = rest.split_once(END).expect("the table has an end");
    if std::env::var_os("PRESHIFT_UPDATE").is_some() {
        std::fs::write(page(), format!("{before}{BEGIN}{}{END}{after}", table())).unwrap();
    } else {
        assert_eq!(kept, table(), "docs/policy.md is out of date; see the head of {}", file!());
    }
}

#[test]
fn every_key_has_its_row_with_its_default() {
    let text = std::fs::read_to_string(page()).unwrap();
    let row = |key: &str| {
        let row = text.lines().find(|l| l.starts_with(&format!("| `{key}` |")));
        let row = row.unwrap_or_else(|| panic!("docs/policy.md has no row for '{key}'"));
        row.split('|').nth(2).unwrap().trim().to_owned()
    };
    let example = Policy::parse(include_str!("../../../docs/examples/policy.toml")).unwrap();
    let mut keys = Vec::new();
    collect(&json!(example), "", &mut keys);
    assert!(keys.len() > 20, "the example shows little: {keys:?}");
    keys.iter().for_each(|key| drop(row(key)));
    for (section, defaults) in
        [("schedule", json!(Schedule::default())), ("microphone", json!(Microphone::default()))]
    {
        for (key, value) in defaults.as_object().unwrap() {
            assert_eq!(row(&format!("{section}.{key}")), value.to_string(), "{section}.{key}");
        }
    }
    let short = "id = 'p'\nversion = 1\n[[targets.reflectors]]\nid = 'a'\nhost = 'a.example'";
    let reflector = Policy::parse(short).unwrap().targets.reflectors.remove(0);
    assert_eq!(row("targets.reflectors.port"), reflector.port.to_string());
    assert_eq!(row("targets.reflectors.dscp"), reflector.dscp.to_string());
}

/// The keys of a policy as the page writes them; limits stand in their own table.
fn collect(value: &Json, path: &str, keys: &mut Vec<String>) {
    let join = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Json::Object(_) if path == "limits" => keys.push(path.to_owned()),
        Json::Object(fields) => fields.iter().for_each(|(name, v)| collect(v, &join(name), keys)),
        Json::Array(items) => {
            keys.push(path.to_owned());
            items.iter().filter(|i| i.is_object()).for_each(|i| collect(i, path, keys));
        }
        _ => keys.push(path.to_owned()),
    }
}
