//! Whether a file is to be believed, on macOS.

pub use crate::platform::unix_trust::*;
