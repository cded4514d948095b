//! JSON Schema as far as ours uses it: says whether a value fits, and makes values that do.

use super::pattern::Pattern;
use serde_json::{Map, Value as Json, json};
use std::cell::RefCell;
use std::collections::BTreeSet;

/// A schema with the definitions it refers to.
#[derive(Debug)]
pub struct Shape<'a> {
    root: &'a Json,
    /// The fields that were made so far, by where their schema stands.
    made: RefCell<BTreeSet<*const Json>>,
}

impl<'a> Shape<'a> {
    /// The schema of a whole message.
    pub fn new(root: &'a Json) -> Self {
        Self { root, made: RefCell::default() }
    }

    /// Fields of the schema that no value made so far has had: a test that makes values says with it that it
    /// saw everything.
    pub fn never_made(&self) -> Vec<String> {
        let mut all = Vec::new();
        fields(self.root, "", &mut all);
        for (name, definition) in self.root["$defs"].as_object().into_iter().flatten() {
            fields(definition, name, &mut all);
        }
        let made = self.made.borrow();
        all.into_iter().filter(|(_, field)| !made.contains(field)).map(|(path, _)| path).collect()
    }

    /// Whether the value fits; else where it does not.
    pub fn check(&self, value: &Json) -> Result<(), String> {
        self.fits(self.root, value, "")
    }

    /// A value that fits; `pick(n)` chooses a number below n.
    pub fn make(&self, pick: &mut impl FnMut(usize) -> usize) -> Json {
        self.made(self.root, pick, 0)
    }

    fn resolve(&self, schema: &'a Json) -> &'a Json {
        match schema.get("$ref").and_then(Json::as_str) {
            Some(path) => {
                self.root.pointer(path.trim_start_matches('#')).expect("a reference leads somewhere")
            }
            None => schema,
        }
    }

    fn fits(&self, schema: &'a Json, value: &Json, path: &str) -> Result<(), String> {
        let schema = self.resolve(schema);
        let fail = |why: &str| Err(format!("{path}: {why}: {value}"));
        for key in ["oneOf", "anyOf"] {
            if let Some(all) = schema.get(key).and_then(Json::as_array) {
                let fitting = all.iter().filter(|s| self.fits(s, value, path).is_ok()).count();
                return match (key, fitting) {
                    (_, 0) => fail("fits none"),
                    ("oneOf", 2..) => fail("fits several"),
                    _ => Ok(()),
                };
            }
        }
        if let Some(wanted) = schema.get("const") {
            return if value == wanted { Ok(()) } else { fail("is not the constant") };
        }
        if let Some(all) = schema.get("enum").and_then(Json::as_array) {
            return if all.contains(value) { Ok(()) } else { fail("is not in the list") };
        }
        let kinds: Vec<&str> = match &schema["type"] {
            Json::String(one) => vec![one],
            Json::Array(several) => several.iter().filter_map(Json::as_str).collect(),
            other => panic!("{path}: a schema without a type: {other}"),
        };
        let kind = match value {
            Json::Null => "null",
            Json::Bool(_) => "boolean",
            Json::String(_) => "string",
            Json::Array(_) => "array",
            Json::Object(_) => "object",
            Json::Number(n) if n.is_f64() => "number",
            Json::Number(_) if kinds.contains(&"integer") => "integer",
            Json::Number(_) => "number",
        };
        if !kinds.contains(&kind) {
            return fail("is of the wrong type");
        }
        match value {
            Json::String(s) => {
                let pattern = schema["pattern"].as_str().expect("a string has a pattern");
                if Pattern::parse(pattern).unwrap().matches(s) { Ok(()) } else { fail("does not match") }
            }
            Json::Number(n) => {
                let limit = |key| schema.get(key).and_then(Json::as_f64).expect("a number has limits");
                let n = n.as_f64().unwrap();
                if (limit("minimum")..=limit("maximum")).contains(&n) {
                    Ok(())
                } else {
                    fail("is out of range")
                }
            }
            Json::Array(items) => {
                if items.len() as u64 > schema["maxItems"].as_u64().expect("an array has an end") {
                    return fail("is too long");
                }
                items
                    .iter()
                    .enumerate()
                    .try_for_each(|(i, v)| self.fits(&schema["items"], v, &format!("{path}[{i}]")))
            }
            Json::Object(fields) => self.fits_fields(schema, fields, path),
            Json::Null | Json::Bool(_) => Ok(()),
        }
    }

    fn was_made(&self, field: &Json) -> bool {
        self.made.borrow().contains(&std::ptr::from_ref(field))
    }

    /// Whether there is a field below this schema that was never made. Our schemas hold no circles.
    fn is_new(&self, schema: &'a Json) -> bool {
        let schema = self.resolve(schema);
        let fields = schema["properties"].as_object().into_iter().flat_map(Map::values);
        let below = ["oneOf", "anyOf"].into_iter().flat_map(|k| schema[k].as_array().into_iter().flatten());
        fields.clone().any(|f| !self.was_made(f))
            || fields.chain(below).chain(schema.get("items")).any(|s| self.is_new(s))
    }

    fn fits_fields(&self, schema: &'a Json, fields: &Map<String, Json>, path: &str) -> Result<(), String> {
        let known = schema["properties"].as_object().expect("an object has properties");
        for required in schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str) {
            if !fields.contains_key(required) {
                return Err(format!("{path}: '{required}' is missing"));
            }
        }
        fields.iter().try_for_each(|(name, value)| match known.get(name) {
            Some(schema) => self.fits(schema, value, &format!("{path}.{name}")),
            None => Err(format!("{path}: '{name}' is unknown")),
        })
    }

    fn made(&self, schema: &'a Json, pick: &mut impl FnMut(usize) -> usize, depth: usize) -> Json {
        let schema = self.resolve(schema);
        for key in ["oneOf", "anyOf"] {
            if let Some(all) = schema.get(key).and_then(Json::as_array) {
                // What has not been made yet comes first, so that a few hundred values show everything.
                let new: Vec<&Json> = all.iter().filter(|s| self.is_new(s)).collect();
                let one = if new.is_empty() { &all[pick(all.len())] } else { new[pick(new.len())] };
                return self.made(one, pick, depth);
            }
        }
        if let Some(wanted) = schema.get("const") {
            return wanted.clone();
        }
        if let Some(all) = schema.get("enum").and_then(Json::as_array) {
            return all[pick(all.len())].clone();
        }
        let kind = match &schema["type"] {
            Json::Array(several) => several[pick(several.len())].as_str().unwrap(),
            one => one.as_str().unwrap(),
        };
        match kind {
            "null" => Json::Null,
            "boolean" => json!(pick(2) == 1),
            "string" => json!(Pattern::parse(schema["pattern"].as_str().unwrap()).unwrap().make(pick)),
            "integer" => {
                let (min, max) = (schema["minimum"].as_i64().unwrap(), schema["maximum"].as_i64().unwrap());
                json!(match pick(4) {
                    0 => min,
                    1 => max,
                    _ => min + (pick(usize::MAX) as i128 % (i128::from(max) - i128::from(min) + 1)) as i64,
                })
            }
            "number" => {
                let (min, max) = (schema["minimum"].as_f64().unwrap(), schema["maximum"].as_f64().unwrap());
                json!(match pick(4) {
                    0 => min,
                    1 => max,
                    _ => min + (max - min) * (pick(1 << 24) as f64 / f64::from(1 << 24)),
                })
            }
            "array" => {
                // Short lists, so that a value stays small enough to look at; now and then an empty one.
                let most = schema["maxItems"].as_u64().unwrap().min(if depth > 4 { 2 } else { 3 }) as usize;
                let n = if pick(6) == 0 { 0 } else { 1 + pick(most) };
                (0..n).map(|_| self.made(&schema["items"], pick, depth + 1)).collect()
            }
            "object" => {
                let required: Vec<&str> =
                    schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
                let fields = schema["properties"].as_object().unwrap();
                let mut made = Map::new();
                for (name, field) in fields {
                    if required.contains(&name.as_str())
                        || !self.was_made(field)
                        || self.is_new(field)
                        || pick(2) == 1
                    {
                        self.made.borrow_mut().insert(field);
                        made.insert(name.clone(), self.made(field, pick, depth + 1));
                    }
                }
                Json::Object(made)
            }
            other => panic!("a schema of type {other}"),
        }
    }
}

/// Every field below this schema, without following references.
fn fields(schema: &Json, path: &str, all: &mut Vec<(String, *const Json)>) {
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        all.push((format!("{path}.{name}"), field));
    }
    for one in schema["oneOf"].as_array().into_iter().flatten() {
        fields(one, path, all);
    }
}
