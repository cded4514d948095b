//! Whether a file is to be believed, on Linux.

pub use crate::platform::unix_trust::*;
