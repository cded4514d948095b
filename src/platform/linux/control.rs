//! The control socket, on Linux.

pub use crate::platform::unix_control::{Listener, Stream, connect};
