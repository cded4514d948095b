//! Folders of this user and files that only this user can read, on macOS.

pub use crate::platform::unix_files::*;
