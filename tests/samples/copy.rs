//! Samples cannot be copied.
fn main() {
    let samples = preshift::audio::Samples::new();
    let _ = samples.clone();
}
