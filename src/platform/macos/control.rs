//! The control socket, on macOS.

pub use crate::platform::unix_control::{Listener, Stream, connect};
