//! What each setting may be: one validator for each.

use rustls::pki_types::{CertificateDer, pem::PemObject};
use std::path::{Path, PathBuf};

macro_rules! word {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// The word that people write.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            pub(super) fn parse(text: &str) -> Result<Self, String> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(format!("'{text}' is not one of {}", [$($word),+].join(", "))),
                }
            }
        }
    };
}

word! {
    /// How much is logged.
    LogLevel {
        /// Only what went wrong for good.
        Error = "error",
        /// And what went wrong for now.
        Warn = "warn",
        /// And what happens.
        Info = "info",
        /// And how; may hold names of devices and hosts.
        Debug = "debug",
        /// Everything.
        Trace = "trace",
    }
}

word! {
    /// Whether output is coloured.
    Colour {
        /// In a terminal that can, unless `NO_COLOR` is set.
        Auto = "auto",
        /// Always.
        Always = "always",
        /// Never.
        Never = "never",
    }
}

/// Which proxy web traffic takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proxy {
    /// The one that the system or the usual environment variables name.
    System,
    /// None.
    None,
    /// This one.
    Fixed(url::Url),
}

impl Proxy {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "system" => return Ok(Self::System),
            "none" => return Ok(Self::None),
            _ => {}
        }
        let url = url::Url::parse(text)
            .ok()
            .filter(|u| matches!(u.scheme(), "http" | "https") && u.has_host())
            .ok_or("expected 'system', 'none' or an address such as http://proxy.example:3128")?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it must not hold a user name or a password".into());
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err("it must end after the port".into());
        }
        Ok(Self::Fixed(url))
    }
}

impl std::fmt::Display for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::System => f.write_str("system"),
            Self::None => f.write_str("none"),
            Self::Fixed(url) => write!(f, "{url}"),
        }
    }
}

/// A folder by its full path: a daemon has no working folder to be relative to.
pub(super) fn folder(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path.is_absolute() { Ok(path) } else { Err(format!("'{text}' is not a full path")) }
}

/// A file with at least one certificate in PEM.
pub(super) fn certificates(text: &str) -> Result<PathBuf, String> {
    let path = folder(text)?;
    match count_certificates(&path) {
        Ok(0) => Err(format!("'{text}' holds no certificate in PEM")),
        Ok(_) => Ok(path),
        Err(why) => Err(format!("'{text}' cannot be read: {why}")),
    }
}

fn count_certificates(path: &Path) -> Result<usize, String> {
    let file = std::fs::read(path).map_err(|e| e.kind().to_string())?;
    CertificateDer::pem_slice_iter(&file)
        .try_fold(0, |n, one| one.map(|_| n + 1))
        .map_err(|_| "a certificate in it is damaged".into())
}
