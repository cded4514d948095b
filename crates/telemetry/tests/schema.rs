//! The JSON Schema that is checked in is the one of the types, and it is closed.
//!
//! After a change of the wire types: `PRESHIFT_UPDATE=1 cargo test -p preshift-telemetry --test schema`
//! writes `docs/schema/v1` anew.

mod common;

use common::pattern::Pattern;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use telemetry::{Digest, EnrollCode, Hash, Id, UsbId, Version};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schema/v1")
}

#[test]
fn the_schema_in_the_docs_is_the_one_of_the_types() {
    let update = std::env::var_os("PRESHIFT_UPDATE").is_some();
    for (name, schema) in telemetry::schema::all() {
        let text = format!("{}\n", serde_json::to_string_pretty(&schema).unwrap());
        let file = folder().join(name);
        if update {
            std::fs::create_dir_all(folder()).unwrap();
            std::fs::write(&file, &text).unwrap();
        }
        let kept = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        assert!(kept == text, "docs/schema/v1/{name} is out of date; see the head of {}", file!());
        let _: Json = serde_json::from_str(&kept).unwrap();
    }
}

/// Walks every schema: no string without a list, a constant or a closed pattern, no number, list or
/// object without limits. This is what makes "there is no field that could carry free text" true.
#[test]
fn nothing_in_the_schema_is_open() {
    let mut strings = BTreeSet::new();
    for (name, schema) in telemetry::schema::all() {
        let schema = schema.to_value();
        walk(&schema, name, &mut strings);
        for (of, definition) in schema["$defs"].as_object().into_iter().flatten() {
            walk(definition, &format!("{name}:{of}"), &mut strings);
        }
    }
    // Each form that a string may have, to be thought about when one is added.
    let forms =
        [EnrollCode::PATTERN, Hash::PATTERN, Digest::PATTERN, UsbId::PATTERN, Id::PATTERN, Version::PATTERN];
    assert_eq!(strings, forms.map(str::to_owned).into());
}

/// The walk itself would find what it looks for.
#[test]
fn the_walk_finds_what_is_open() {
    for open in [
        json!({ "type": "string" }),
        json!({ "type": "string", "pattern": "^.{0,9}$" }),
        json!({ "type": ["string", "null"] }),
        json!({ "type": "number", "minimum": 0 }),
        json!({ "type": "integer" }),
        json!({ "type": "array", "items": { "type": "null" } }),
        json!({ "type": "array", "maxItems": 3 }),
        json!({ "type": "object", "properties": {} }),
        json!({ "type": "object", "properties": { "a": {} }, "additionalProperties": false }),
        json!({ "type": "object", "properties": {}, "additionalProperties": { "type": "string" } }),
        json!({ "anyOf": [{ "type": "null" }, true] }),
        json!({ "description": "anything" }),
        json!({ "type": "string", "pattern": "^[a-z]{0,99}$" }),
    ] {
        let found = std::panic::catch_unwind(|| walk(&open, "open", &mut BTreeSet::new()));
        assert!(found.is_err(), "{open}");
    }
}

fn walk(schema: &Json, path: &str, strings: &mut BTreeSet<String>) {
    let object = schema.as_object().unwrap_or_else(|| panic!("{path}: accepts anything"));
    if object.contains_key("$ref") || object.contains_key("const") || object.contains_key("enum") {
        return;
    }
    if let Some(all) = object.get("oneOf").or(object.get("anyOf")) {
        for (i, one) in all.as_array().expect("a list of schemas").iter().enumerate() {
            walk(one, &format!("{path}/{i}"), strings);
        }
        return;
    }
    let kinds: Vec<&str> = match object.get("type") {
        Some(Json::String(one)) => vec![one],
        Some(Json::Array(several)) => several.iter().filter_map(Json::as_str).collect(),
        _ => panic!("{path}: has no type and accepts anything"),
    };
    let has = |key: &str| assert!(object.get(key).is_some_and(Json::is_number), "{path}: has no {key}");
    for kind in kinds {
        match kind {
            "null" | "boolean" => {}
            "string" => {
                let text = object.get("pattern").and_then(Json::as_str);
                let text = text.unwrap_or_else(|| panic!("{path}: a string without a pattern"));
                let pattern =
                    Pattern::parse(text).unwrap_or_else(|e| panic!("{path}: '{text}' is open: {e}"));
                assert!(pattern.longest() <= 80, "{path}: '{text}' is long enough for a sentence");
                strings.insert(text.to_owned());
            }
            "integer" | "number" => {
                has("minimum");
                has("maximum");
            }
            "array" => {
                has("maxItems");
                walk(&object["items"], &format!("{path}[]"), strings);
            }
            "object" => {
                assert_eq!(
                    object.get("additionalProperties"),
                    Some(&Json::Bool(false)),
                    "{path}: takes more fields"
                );
                for (name, field) in object["properties"].as_object().expect("properties") {
                    walk(field, &format!("{path}.{name}"), strings);
                }
            }
            other => panic!("{path}: an unknown type {other}"),
        }
    }
}

/// Every field and every fact has its row in `docs/what-is-sent.md`, and no row is about something that is not sent.
#[test]
fn the_page_for_agents_names_every_field() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/what-is-sent.md");
    let page = std::fs::read_to_string(page).unwrap();
    let mut told = BTreeSet::new();
    for row in page.lines().filter(|l| l.starts_with("| `")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        assert_eq!(
            cells.len(),
            4,
            "a row needs a field, what it says, why, and what it can never hold: {row}"
        );
        assert!(cells.iter().all(|c| c.len() >= 5), "a cell says nothing: {row}");
        assert!(told.insert(cells[0].trim_matches('`').to_owned()), "told twice: {row}");
    }
    let mut sent = BTreeSet::new();
    for (_, schema) in telemetry::schema::all() {
        let schema = schema.to_value();
        fields(&schema, schema["title"].as_str().expect("a message has a title"), &mut sent);
        for (of, definition) in schema["$defs"].as_object().into_iter().flatten() {
            fields(definition, of, &mut sent);
            if of == "FactKey" {
                let words =
                    definition["oneOf"].as_array().unwrap().iter().map(|w| w["const"].as_str().unwrap());
                sent.extend(words.map(|w| format!("FactKey.{w}")));
            }
        }
    }
    let missing: Vec<_> = sent.difference(&told).collect();
    let stale: Vec<_> = told.difference(&sent).collect();
    assert!(missing.is_empty(), "docs/what-is-sent.md has no row for {missing:?}");
    assert!(stale.is_empty(), "docs/what-is-sent.md has rows for what is not sent: {stale:?}");
}

fn fields(schema: &Json, of: &str, all: &mut BTreeSet<String>) {
    for name in schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name) {
        all.insert(format!("{of}.{name}"));
    }
    for one in schema["oneOf"].as_array().into_iter().flatten() {
        fields(one, of, all);
    }
}
