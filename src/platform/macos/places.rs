//! Where settings for every user of the computer are, on macOS.

use std::path::PathBuf;

/// The folder that only an administrator writes to.
pub fn system_settings() -> PathBuf {
    "/Library/Application Support/Preshift".into()
}
