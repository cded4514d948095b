//! Our STAMP against another's: see `tests/`. Run by `cargo test --manifest-path tests/interop/Cargo.toml`.
