//! The collector: what desks report to, and what IT looks at.
//!
//! One request goes one way: `serve` (connections, TLS, time limits) → `http` (signature, size, rate)
//! → `ingest` (unpack, parse each report on its own) → `store::writer` (one thread, one durable
//! commit for many requests) → the answer. `board` only reads. Commands of `cli` work on the same
//! store while the server runs.
//!
//! No address of a desk is stored or logged anywhere.

pub mod assignment;
pub mod board;
pub mod cli;
pub mod clock;
pub mod http;
pub mod ingest;
pub mod limits;
pub mod load_tests;
pub mod secret;
pub mod serve;
pub mod shifts;
pub mod store;
