//! The reader and the schema agree, both ways: what fits the schema is read and comes back the same, and
//! what the reader takes fits the schema, however a message is mangled on its way.

mod common;

use common::shape::Shape;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value as Json, json};
use telemetry::{Batch, BatchAnswer, EnrollAnswer, EnrollRequest, ErrorAnswer, Report};

/// Runs a check for each message of the wire.
macro_rules! each_message {
    ($check:ident) => {{
        $check::<Report>("report.json");
        $check::<Batch>("batch.json");
        $check::<BatchAnswer>("batch-answer.json");
        $check::<EnrollRequest>("enroll-request.json");
        $check::<EnrollAnswer>("enroll-answer.json");
        $check::<ErrorAnswer>("error-answer.json");
    }};
}

fn schema(name: &str) -> Json {
    telemetry::schema::all().into_iter().find(|(n, _)| *n == name).expect("a message").1.to_value()
}

/// Chooses numbers from a seed that proptest draws, so that a failure can be repeated (SplitMix64).
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

fn run(cases: u32, test: impl Fn(u64) -> Result<(), TestCaseError>) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new(config).run(&any::<u64>(), test).unwrap();
}

/// Repeats a run until every field of the schema has stood in a message.
fn run_until_all_is_seen(
    name: &str,
    shape: &Shape<'_>,
    cases: u32,
    test: impl Fn(u64) -> Result<(), TestCaseError>,
) {
    run(cases, &test);
    // Each message brings what is still missing wherever it may stand, unless a list came out empty.
    for seed in 0..200 {
        if shape.never_made().is_empty() {
            return;
        }
        test(seed).unwrap();
    }
    panic!("{name}: fields that this test never saw: {:?}", shape.never_made());
}

#[test]
fn what_fits_the_schema_is_read_and_comes_back() {
    fn check<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(name: &str) {
        let schema = schema(name);
        let shape = Shape::new(&schema);
        run(300, |seed| {
            let made = shape.make(&mut picker(seed));
            prop_assert!(shape.check(&made).is_ok(), "{:?}", shape.check(&made));
            let text = made.to_string();
            let read: T =
                serde_json::from_str(&text).map_err(|e| TestCaseError::fail(format!("{e}: {text}")))?;
            let written = serde_json::to_string(&read).unwrap();
            let again: T = serde_json::from_str(&written).unwrap();
            prop_assert_eq!(&again, &read);
            // Written out once, it is the same for good: the digest of a report does not change on the way.
            prop_assert_eq!(serde_json::to_string(&again).unwrap(), written.clone());
            let written: Json = serde_json::from_str(&written).unwrap();
            prop_assert!(shape.check(&written).is_ok(), "{:?}", shape.check(&written));
            Ok(())
        });
    }
    each_message!(check);
}

/// Every place of many messages gets every hostile value in turn. What the reader makes of it is looked at, since
/// serde takes a list of the right values for an object: harmless, but never to be stored as it came.
#[test]
fn what_is_read_fits_the_schema_however_mangled() {
    fn check<T: Serialize + DeserializeOwned>(name: &str) {
        let schema = schema(name);
        let shape = Shape::new(&schema);
        let hostile = hostile_values();
        run_until_all_is_seen(name, &shape, if name == "report.json" { 24 } else { 8 }, |seed| {
            let mut made = shape.make(&mut picker(seed));
            let mut places = Vec::new();
            find_places(&made, "", &mut places);
            for place in places {
                for value in &hostile {
                    let was = std::mem::replace(made.pointer_mut(&place).expect("a place"), value.clone());
                    if let Ok(read) = T::deserialize(&made)
                        && let Err(why) = shape.check(&serde_json::to_value(&read).unwrap())
                    {
                        // The reader leaves another schema version to the collector, which answers "version".
                        prop_assert!(
                            why.contains(".schema: is out of range"),
                            "{} at {} takes {}",
                            name,
                            place,
                            why
                        );
                    }
                    *made.pointer_mut(&place).expect("a place") = was;
                }
            }
            Ok(())
        });
    }
    each_message!(check);
}

#[test]
fn hostile_bytes_are_refused_without_a_panic() {
    fn check<T: DeserializeOwned>(name: &str) {
        let schema = schema(name);
        let shape = Shape::new(&schema);
        run(300, |seed| {
            let mut pick = picker(seed);
            let mut bytes = shape.make(&mut pick).to_string().into_bytes();
            for _ in 0..=pick(4) {
                let at = pick(bytes.len());
                match pick(4) {
                    0 => bytes[at] = pick(256) as u8,
                    1 => bytes.truncate(at.max(1)),
                    2 => bytes.insert(at, b"{}[]\",:0-e\\\0"[pick(12)]),
                    _ => {
                        let tail = bytes[at..].to_vec();
                        bytes.extend(tail);
                    }
                }
            }
            let _ = serde_json::from_slice::<T>(&bytes);
            Ok(())
        });
        let deep = "[".repeat(100_000);
        assert!(serde_json::from_str::<T>(&deep).is_err());
        assert!(serde_json::from_str::<T>("").is_err());
    }
    each_message!(check);
}

/// Not by chance but everywhere: each object of a full message refuses a field more.
#[test]
fn an_unknown_field_is_refused_wherever_it_stands() {
    fn check<T: DeserializeOwned>(name: &str) {
        let schema = schema(name);
        let shape = Shape::new(&schema);
        run_until_all_is_seen(name, &shape, 120, |seed| {
            let made = shape.make(&mut picker(seed));
            let mut objects = Vec::new();
            find_objects(&made, "", &mut objects);
            for path in objects {
                let mut more = made.clone();
                let object = more.pointer_mut(&path).and_then(Json::as_object_mut).expect("an object");
                object.insert("note".into(), json!("the agent seemed tired"));
                prop_assert!(serde_json::from_value::<T>(more).is_err(), "{} takes more at '{}'", name, path);
            }
            Ok(())
        });
    }
    each_message!(check);
}

#[test]
fn a_field_that_stands_twice_is_refused() {
    let versions = r#"{"error":"busy","versions":{"oldest":1,"newest":1,"newest":2}}"#;
    assert!(serde_json::from_str::<ErrorAnswer>(versions).is_err());
    let error = r#"{"error":"busy","error":"busy","versions":{"oldest":1,"newest":1}}"#;
    assert!(serde_json::from_str::<ErrorAnswer>(error).is_err());
}

fn find_objects(value: &Json, path: &str, found: &mut Vec<String>) {
    match value {
        Json::Object(fields) => {
            found.push(path.to_owned());
            fields.iter().for_each(|(name, v)| find_objects(v, &format!("{path}/{name}"), found));
        }
        Json::Array(items) => {
            items.iter().enumerate().for_each(|(i, v)| find_objects(v, &format!("{path}/{i}"), found));
        }
        _ => {}
    }
}

/// Everything that stands in a message: objects, lists and what is in them.
fn find_places(value: &Json, path: &str, found: &mut Vec<String>) {
    found.push(path.to_owned());
    match value {
        Json::Object(fields) => {
            fields.iter().for_each(|(name, v)| find_places(v, &format!("{path}/{name}"), found));
        }
        Json::Array(items) => {
            items.iter().enumerate().for_each(|(i, v)| find_places(v, &format!("{path}/{i}"), found));
        }
        _ => {}
    }
}

/// What is just beyond a limit, of another type, private, or from somewhere else in the schema.
fn hostile_values() -> Vec<Json> {
    let long_list = vec![json!(1); 200];
    let texts = [
        "",
        "Anna's AirPods",
        "192.168.1.20",
        "a\u{0}b",
        "../../etc/passwd",
        "anna@example.com",
        "ready ",
        "READY",
        "measured",
        "00000000000000000000000000000000",
        "1.2.3-anna",
        "\u{202e}",
        &"a".repeat(10_000),
    ];
    let numbers = [
        json!(-1),
        json!(0),
        json!(0.5),
        json!(64),
        json!(99),
        json!(101),
        json!(256),
        json!(4.51),
        json!(10_001),
        json!(65_536),
        json!(600_001),
        json!(1_000_000_001),
        json!(3_600_001),
        json!(-251),
        json!(1e13),
        json!(1e16),
        json!(1e300),
        json!(u64::MAX),
        json!(i64::MIN),
    ];
    let others = [Json::Null, json!(true), json!([]), json!({}), json!({ "measured": 1 }), json!(long_list)];
    texts.into_iter().map(|t| json!(t)).chain(numbers).chain(others).collect()
}
