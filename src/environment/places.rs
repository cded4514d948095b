//! Where the facts of a desk are read from, handed in so that tests can have a system of their own.

use std::path::{Path, PathBuf};

/// The folders that facts are read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    root: PathBuf,
    home: Option<PathBuf>,
    runtime: Option<PathBuf>,
}

impl Places {
    /// Those of this computer and this user.
    pub fn here() -> Self {
        Self {
            root: PathBuf::from("/"),
            home: directories::BaseDirs::new().map(|d| d.home_dir().to_owned()),
            runtime: std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|p| p.is_absolute()),
        }
    }

    /// A system that lies in a folder, its user's home and runtime folder given within it.
    pub fn within(root: &Path, home: Option<&str>, runtime: Option<&str>) -> Self {
        Self {
            root: root.to_owned(),
            home: home.map(|h| root.join(h)),
            runtime: runtime.map(|r| root.join(r)),
        }
    }

    /// A path of the system, given from its root without a slash before it.
    pub fn system(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// A path in the user's home, if the user has one.
    pub fn home(&self, path: &str) -> Option<PathBuf> {
        Some(self.home.as_ref()?.join(path))
    }

    /// A path in the folder of the user's running programs' sockets, if there is one.
    pub fn runtime(&self, path: &str) -> Option<PathBuf> {
        Some(self.runtime.as_ref()?.join(path))
    }
}
