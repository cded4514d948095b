//! Samples cannot be printed for debugging.
fn main() {
    println!("{:?}", preshift::audio::Samples::new());
}
