//! Where settings for every user of the computer are, on Linux.

use std::path::PathBuf;

/// The folder that only an administrator writes to.
pub fn system_settings() -> PathBuf {
    "/etc/preshift".into()
}
