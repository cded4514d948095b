//! Delivery against a collector of the tests, which keeps the answer rules and can be told to misbehave.

mod preset;
mod server;
mod stories;
mod tls;
mod wire;
