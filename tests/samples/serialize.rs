//! Samples cannot be serialized.
fn main() {
    let samples = preshift::audio::Samples::new();
    let _ = serde_json::to_string(&samples);
}
