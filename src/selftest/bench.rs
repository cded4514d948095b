//! What the checks look at: the desk that was found, its readings, and a folder of their own to try things in.

use super::media::Streamed;
use crate::{
    config::Settings,
    control::{LockError, Status},
    platform::files,
    store,
};
use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};
use telemetry::{Id, Reading, Value};

/// Everything that a check may look at.
pub struct Bench {
    /// The desk's own settings.
    pub settings: Arc<Settings>,
    /// How the desk was found.
    pub desk: Desk,
    /// What the probes found.
    pub readings: Vec<Reading>,
    /// Whether the desk reports to a collector; unknown if its data could not be looked at.
    pub enrolled: Option<bool>,
    /// A folder that nothing else uses.
    pub scratch: Scratch,
    /// The stream on loopback, once it was run: two checks look at it.
    pub(super) streamed: OnceLock<Streamed>,
}

/// How the desk was found.
#[derive(Debug, Clone, PartialEq)]
pub enum Desk {
    /// It is ours until the self-test ends: no daemon runs.
    Ours,
    /// A daemon has it, and measured for us.
    Daemon(Status),
    /// It could not be opened; the probes were run with a new desk in the scratch folder.
    Closed(OpenTrouble),
}

/// Why the desk could not be opened, without any words of the system.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenTrouble {
    /// What kind of trouble.
    pub what: &'static str,
    /// What the system said, as its kind and number.
    pub refusal: Option<(io::ErrorKind, Option<i32>)>,
}

impl OpenTrouble {
    /// What of an error may be told.
    pub fn of(error: &anyhow::Error) -> Self {
        let refusal =
            error.chain().find_map(|e| e.downcast_ref::<io::Error>()).map(|e| (e.kind(), e.raw_os_error()));
        let any = |is: fn(&(dyn std::error::Error + 'static)) -> bool| error.chain().any(is);
        let what = if any(|e| e.is::<LockError>()) {
            "the lock could not be taken"
        } else if any(|e| e.is::<store::Error>()) {
            "the store could not be opened"
        } else if any(|e| e.is::<crate::identity::Error>()) {
            "the identity could not be read or made"
        } else if any(|e| e.is::<crate::control::ClientError>()) {
            "the daemon could not be asked"
        } else {
            "the desk could not be opened"
        };
        Self { what, refusal }
    }
}

impl Bench {
    /// Of what was found.
    pub fn new(
        settings: Arc<Settings>,
        desk: Desk,
        readings: Vec<Reading>,
        enrolled: Option<bool>,
        scratch: Scratch,
    ) -> Self {
        Self { settings, desk, readings, enrolled, scratch, streamed: OnceLock::new() }
    }

    /// What the probes measured.
    pub fn values(&self) -> impl Iterator<Item = (Option<&Id>, &Value)> {
        self.readings.iter().filter_map(|r| Some((r.target.as_ref(), r.measured()?)))
    }

    /// The first measurement that is of this kind.
    pub fn find<'a, T>(&'a self, pick: impl Fn(&'a Value) -> Option<T>) -> Option<T> {
        self.values().find_map(|(_, value)| pick(value))
    }
}

/// A folder under the system's for temporary things, for this user alone, gone in the end.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes one. Its name is short, so that a socket in it stays below the 103 characters that macOS takes:
    /// 49 of them are gone for its folder for temporary things.
    pub fn new() -> io::Result<Self> {
        let mut name = [0; 6];
        getrandom::fill(&mut name).map_err(|_| io::ErrorKind::Other)?;
        let name: String = name.iter().map(|b| format!("{b:02x}")).collect();
        let path = std::env::temp_dir().join(format!("preshift-{name}"));
        files::make_private_dir(&path)?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A new folder in it.
    pub fn folder(&self, name: &'static str) -> io::Result<PathBuf> {
        let path = self.0.join(name);
        files::make_private_dir(&path)?;
        Ok(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
