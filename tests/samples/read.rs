//! Samples cannot be read by those who do not measure.
fn main() {
    let samples = preshift::audio::Samples::new();
    let _ = samples.as_slice();
}
