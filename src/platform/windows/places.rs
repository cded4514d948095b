//! Where settings for every user of the computer are, on Windows.

use std::path::PathBuf;

/// The folder of an administrator. Windows sets the variable for every session; without it there is
/// the place where it is by default.
pub fn system_settings() -> PathBuf {
    let base = std::env::var_os("ProgramData").filter(|v| !v.is_empty());
    PathBuf::from(base.unwrap_or_else(|| r"C:\ProgramData".into())).join("Preshift")
}
