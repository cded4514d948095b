//! The desk's own settings: file, environment, flags; validated.
//!
//! Owns where they come from and what each may be. Must not hold anything that the policy decides:
//! what is measured, when, and by which limits.

mod layers;
mod places;
mod values;

pub use layers::{Flags, SETTINGS, Setting};
pub use places::{EnrolmentFile, default_file, launcher_log, own_folders};
pub use values::{Colour, LogLevel, Proxy};

use std::{
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
};

/// Names the settings file; without it, the one in the platform's folder for settings is read if there is one.
pub const FILE_VARIABLE: &str = "PRESHIFT_CONFIG";
/// A settings file has five lines; one larger than this is something else.
const FILE_BYTES: u64 = 64 * 1024;

/// Where a setting comes from. A later one wins.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// Nobody set it.
    Default,
    /// The settings file.
    File,
    /// An environment variable.
    Environment(&'static str),
    /// A flag of the command line.
    Flag(&'static str),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File => f.write_str("settings file"),
            Self::Environment(name) => f.write_str(name),
            Self::Flag(name) => f.write_str(name),
        }
    }
}

/// Why settings were refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file could not be read.
    #[error("cannot read the settings file {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no TOML of this form.
    #[error("{}: {message}", path.display())]
    Syntax {
        /// Which.
        path: PathBuf,
        /// What is wrong, and in which line.
        message: String,
    },
    /// One value is not valid.
    #[error("{key} from {source_name}: {message}")]
    Value {
        /// Which setting.
        key: &'static str,
        /// Where it comes from.
        source_name: String,
        /// What is wrong.
        message: String,
    },
    /// The system names no home folder for this user.
    #[error("this user has no home folder; set data_dir by {variable}", variable = "PRESHIFT_DATA_DIR")]
    NoHome,
}

/// The desk's own settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How much is logged.
    pub log_level: LogLevel,
    /// The folder of the store, the identity and the lock. Local, never roaming.
    pub data_dir: PathBuf,
    /// Which proxy web traffic takes.
    pub proxy: Proxy,
    /// Certificates that are trusted beside those of the system.
    pub tls_roots_file: Option<PathBuf>,
    /// Whether output is coloured.
    pub colour: Colour,
    /// The settings file that was read, if there was one.
    pub file: Option<PathBuf>,
    /// Files that may tell this desk where to enrol: the first that is there counts.
    pub enrolment_files: Vec<EnrolmentFile>,
    /// Every setting by name: its value in words and where it comes from.
    pub shown: Vec<(&'static str, String, Source)>,
}

/// Reads environment variables; handed in, so that tests can set them.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

impl Settings {
    /// Reads and validates every layer.
    pub fn load(environment: Environment<'_>, flags: &Flags) -> Result<Self, Error> {
        let named = environment(FILE_VARIABLE).map(PathBuf::from);
        let file = named.clone().or_else(|| default_file().filter(|path| path.exists()));
        let enrolment_files = places::enrolment_files(named.as_deref());
        Ok(Self { enrolment_files, ..Self::load_from(file.as_deref(), environment, flags)? })
    }

    /// Reads and validates every layer, with this settings file. No file tells where to enrol.
    pub fn load_from(
        file: Option<&Path>,
        environment: Environment<'_>,
        flags: &Flags,
    ) -> Result<Self, Error> {
        let written = file.map(read).transpose()?.unwrap_or_default();
        layers::merge(file, &written, environment, flags)
    }
}

fn read(path: &Path) -> Result<layers::Written, Error> {
    use std::io::Read as _;
    let failed = |source| Error::Read { path: path.to_owned(), source };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(FILE_BYTES + 1).read_to_string(&mut text).map_err(failed)?;
    let syntax = |message: String| Error::Syntax { path: path.to_owned(), message };
    if text.len() as u64 > FILE_BYTES {
        return Err(syntax(format!("larger than {FILE_BYTES} bytes: not a settings file")));
    }
    toml::from_str(&text).map_err(|e: toml::de::Error| {
        let before = e.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        syntax(format!("line {}: {}", before.matches('\n').count() + 1, e.message()))
    })
}

#[cfg(test)]
mod tests;
