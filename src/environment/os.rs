//! The operating system: its name, version, build, and whether it waits for a restart.

pub mod kernels;
pub mod os_release;
pub mod system_version;
pub mod windows_version;

use super::Seen;
use telemetry::{FactKey, FactValue, Version, Word};

/// What is known of the operating system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Os {
    /// Its name.
    pub name: Seen<Word>,
    /// Its version as its maker counts.
    pub version: Seen<Version>,
    /// Its build, or the kernel's version.
    pub build: Seen<Version>,
    /// Whether an update waits for a restart.
    pub pending_restart: Seen<bool>,
}

impl Os {
    /// Its facts.
    pub fn facts(self) -> Vec<(FactKey, FactValue)> {
        [
            (FactKey::OsName, self.name.fact()),
            (FactKey::OsVersion, self.version.fact()),
            (FactKey::OsBuild, self.build.fact()),
            (FactKey::PendingRestart, self.pending_restart.fact()),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
        .collect()
    }
}
