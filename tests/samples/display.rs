//! Samples cannot be printed.
fn main() {
    println!("{}", preshift::audio::Samples::new());
}
