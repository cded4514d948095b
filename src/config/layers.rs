//! The layers of settings, and which one wins: flag, environment, file, default.

use super::{
    Environment, Error, Settings, Source,
    places::default_data_dir,
    values::{self, Colour, LogLevel, Proxy},
};
use serde::Deserialize;
use std::{ffi::OsString, path::Path};

/// A setting's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// In the file.
    pub key: &'static str,
    /// In the environment.
    pub variable: &'static str,
    /// On the command line, if it can be given there.
    pub flag: Option<&'static str>,
    /// What it is for, in a few words.
    pub about: &'static str,
}

/// Every setting.
pub const SETTINGS: [Setting; 5] = [
    Setting {
        key: "log_level",
        variable: "PRESHIFT_LOG",
        flag: Some("--log-level"),
        about: "how much is logged: error, warn, info, debug or trace",
    },
    Setting {
        key: "data_dir",
        variable: "PRESHIFT_DATA_DIR",
        flag: Some("--data-dir"),
        about: "folder of the local store, by its full path",
    },
    Setting {
        key: "proxy",
        variable: "PRESHIFT_PROXY",
        flag: None,
        about: "'system', 'none' or the proxy's address",
    },
    Setting {
        key: "tls_roots_file",
        variable: "PRESHIFT_TLS_ROOTS_FILE",
        flag: None,
        about: "certificates (PEM) to trust beside the system's",
    },
    Setting {
        key: "color",
        variable: "PRESHIFT_COLOR",
        flag: Some("--color"),
        about: "auto, always or never",
    },
];

/// What a settings file may say.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    log_level: Option<String>,
    data_dir: Option<String>,
    proxy: Option<String>,
    tls_roots_file: Option<String>,
    color: Option<String>,
}

/// What the command line may say.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `--log-level`.
    pub log_level: Option<String>,
    /// `--data-dir`.
    pub data_dir: Option<OsString>,
    /// `--color`.
    pub color: Option<String>,
}

/// Takes each setting from the layer that wins, and validates it.
pub(super) fn merge(
    file: Option<&Path>,
    written: &Written,
    environment: Environment<'_>,
    flags: &Flags,
) -> Result<Settings, Error> {
    let mut layers = Layers { file, environment, shown: Vec::new() };
    let [log_level, data_dir, proxy, roots, color] = SETTINGS;
    let flag = |value: &Option<String>| value.clone().map(OsString::from);
    let log_level = layers.pick(log_level, &written.log_level, flag(&flags.log_level), LogLevel::parse)?;
    let data_dir = layers.pick(data_dir, &written.data_dir, flags.data_dir.clone(), values::folder)?;
    let proxy = layers.pick(proxy, &written.proxy, None, Proxy::parse)?;
    let roots = layers.pick(roots, &written.tls_roots_file, None, values::certificates)?;
    let colour = layers.pick(color, &written.color, flag(&flags.color), Colour::parse)?;
    let mut settings = Settings {
        log_level: log_level.unwrap_or(LogLevel::Info),
        data_dir: data_dir.map_or_else(default_data_dir, Ok)?,
        proxy: proxy.unwrap_or(Proxy::System),
        tls_roots_file: roots,
        colour: colour.unwrap_or(Colour::Auto),
        file: file.map(Path::to_owned),
        enrolment_files: Vec::new(),
        shown: Vec::new(),
    };
    settings.shown = layers.shown;
    let words = [
        settings.log_level.word().to_owned(),
        settings.data_dir.display().to_string(),
        settings.proxy.to_string(),
        settings.tls_roots_file.as_ref().map_or("none".to_owned(), |p| p.display().to_string()),
        settings.colour.word().to_owned(),
    ];
    for (shown, words) in settings.shown.iter_mut().zip(words) {
        shown.1 = words;
    }
    Ok(settings)
}

struct Layers<'a> {
    file: Option<&'a Path>,
    environment: Environment<'a>,
    shown: Vec<(&'static str, String, Source)>,
}

impl Layers<'_> {
    /// The value of the layer that wins, validated; `None` if no layer has one.
    fn pick<T>(
        &mut self,
        setting: Setting,
        written: &Option<String>,
        flag: Option<OsString>,
        validate: fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Error> {
        // An empty variable counts as not set, as with `NO_COLOR` and the proxies' variables.
        let variable = (self.environment)(setting.variable).filter(|v| !v.is_empty());
        let (source, value) = if let (Some(name), Some(value)) = (setting.flag, flag) {
            (Source::Flag(name), Some(value))
        } else if let Some(value) = variable {
            (Source::Environment(setting.variable), Some(value))
        } else if let Some(value) = written {
            (Source::File, Some(value.into()))
        } else {
            (Source::Default, None)
        };
        let refused = |message| {
            let source_name = match (&source, self.file) {
                (Source::File, Some(path)) => path.display().to_string(),
                (source, _) => source.to_string(),
            };
            Error::Value { key: setting.key, source_name, message }
        };
        let value = match value {
            None => None,
            Some(value) => {
                let text = value.to_str().ok_or_else(|| refused("it is not valid UTF-8".into()))?;
                Some(validate(text).map_err(refused)?)
            }
        };
        self.shown.push((setting.key, String::new(), source));
        Ok(value)
    }
}
