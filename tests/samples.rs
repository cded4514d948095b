//! The sample type can be neither serialized nor printed nor copied, seen from outside.
//!
//! `src/audio/samples.rs` makes sure of the same while it is compiled; this is the proof that such
//! code does not build, and why.

#[test]
fn samples_cannot_leave() {
    trybuild::TestCases::new().compile_fail("tests/samples/*.rs");
}
