//! The control socket, on macOS.

pub use crate::platform::unix_control::{Listener, Stream, connect, only_this_user};
