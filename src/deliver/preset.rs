//! The file by which IT lets a desk in without anybody typing: where the collector is, and the code.
//!
//! Owns what may be in it and what is wrong with one; `run` owns when it is tried. A code is a secret:
//! no message and no log repeats it.

mod run;
#[cfg(test)]
mod tests;

pub use run::{PresetStatus, Presets};

use super::address::{self, AddressError};
use crate::platform::trust;
use serde::Deserialize;
use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};
use telemetry::EnrollCode;
use url::Url;

/// Two lines and their comments; one larger than this is something else.
const FILE_BYTES: u64 = 4096;
/// A code has 29 characters; this leaves room for a line end and stray spaces.
const CODE_BYTES: u64 = 200;

/// Who says that this file is the one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Somebody named it; it may be a pipe.
    ByHand,
    /// It lay in its place: it must be a plain file that no other user could have written.
    Found,
}

/// Where to enrol, and by which code.
#[derive(Clone, PartialEq, Eq)]
pub struct Preset {
    /// The collector.
    pub collector: Url,
    /// The code.
    pub code: EnrollCode,
}

impl std::fmt::Debug for Preset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Preset").field("collector", &self.collector.as_str()).finish_non_exhaustive()
    }
}

/// What is wrong with an enrolment file, and with which.
#[derive(Debug, thiserror::Error)]
#[error("{}: {wrong}", file.display())]
pub struct PresetError {
    /// Which.
    pub file: PathBuf,
    /// What.
    pub wrong: Wrong,
}

/// What is wrong with an enrolment file.
#[derive(Debug, thiserror::Error)]
pub enum Wrong {
    /// It could not be read.
    #[error("it cannot be read ({0})")]
    Read(io::ErrorKind),
    /// It is a folder, a pipe or a device.
    #[error("it is not a plain file")]
    NotAFile,
    /// Its owner or its rights let others in.
    #[error(
        "another user could have written it; it must belong to this user or to the administrator, and nobody else may change it"
    )]
    Untrusted,
    /// It is too large.
    #[error("it is larger than {0} bytes, so it is something else")]
    TooLarge(u64),
    /// It is not UTF-8.
    #[error("it is not text in UTF-8; save it as UTF-8")]
    NotText,
    /// It is no TOML of this form.
    #[error("line {line}: {message}")]
    Syntax {
        /// In which line.
        line: usize,
        /// What.
        message: String,
    },
    /// Something is not in it.
    #[error("{0}")]
    Missing(&'static str),
    /// The code is in it twice.
    #[error("code and code_file are both there; keep one of them")]
    TwoCodes,
    /// The collector's address is not one.
    #[error("collector: {0}")]
    Collector(AddressError),
    /// The code is not one.
    #[error("code: {0}")]
    Code(telemetry::BadText),
    /// The code's file is not named by its full path.
    #[error("code_file: '{}' is not a full path", .0.display())]
    NotFull(PathBuf),
    /// The code's file is wrong.
    #[error("code_file: {}: {wrong}", file.display())]
    CodeFile {
        /// Which.
        file: PathBuf,
        /// What.
        wrong: Box<Wrong>,
    },
}

/// What a file may say.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    collector: Option<String>,
    code: Option<String>,
    code_file: Option<PathBuf>,
}

impl Preset {
    /// Reads an enrolment file. Blocks.
    pub fn read(file: &Path, source: Source) -> Result<Self, PresetError> {
        let wrong = |wrong| PresetError { file: file.to_owned(), wrong };
        let text = text_of(file, FILE_BYTES, source).map_err(wrong)?;
        let from_file = |path: &Path| text_of(path, CODE_BYTES, source);
        Self::parse(&text, &from_file).map_err(wrong)
    }

    /// A file that says the same, with the code in it.
    pub fn to_toml(&self) -> String {
        let quoted = |text: String| toml::Value::from(text);
        format!(
            "collector = {}\ncode = {}\n",
            quoted(self.collector.to_string()),
            quoted(self.code.to_string())
        )
    }

    /// Takes a file's text apart; `read` reads the file of the code.
    fn parse(text: &str, read: &dyn Fn(&Path) -> Result<String, Wrong>) -> Result<Self, Wrong> {
        let written: Written = toml::from_str(text).map_err(|e: toml::de::Error| {
            let before = e.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            Wrong::Syntax { line: before.matches('\n').count() + 1, message: e.message().to_owned() }
        })?;
        let collector = written.collector.ok_or(Wrong::Missing(
            "collector is missing; add a line such as collector = \"https://collector.example:8443\"",
        ))?;
        let collector = address::collector(&collector).map_err(Wrong::Collector)?;
        let code = match (written.code, written.code_file) {
            (Some(_), Some(_)) => return Err(Wrong::TwoCodes),
            (Some(code), None) => self::code(&code).map_err(Wrong::Code)?,
            (None, Some(file)) if !file.is_absolute() => return Err(Wrong::NotFull(file)),
            (None, Some(file)) => read(&file)
                .and_then(|text| self::code(&text).map_err(Wrong::Code))
                .map_err(|wrong| Wrong::CodeFile { file, wrong: Box::new(wrong) })?,
            (None, None) => {
                return Err(Wrong::Missing(
                    "code is missing; add the code that preshift-collector enroll-code printed, or code_file with the full path of a file that holds it",
                ));
            }
        };
        Ok(Self { collector, code })
    }
}

/// Reads a code as people write it: in capitals, and with a line end after it.
pub fn code(text: &str) -> Result<EnrollCode, telemetry::BadText> {
    text.trim().to_lowercase().parse()
}

fn text_of(path: &Path, most: u64, source: Source) -> Result<String, Wrong> {
    let failed = |e: io::Error| Wrong::Read(e.kind());
    if source == Source::Found && !std::fs::metadata(path).map_err(failed)?.is_file() {
        // Not even opened: a pipe would wait for its writer.
        return Err(Wrong::NotAFile);
    }
    let file = File::open(path).map_err(failed)?;
    if source == Source::Found && !trust::is_trusted(&file).map_err(failed)? {
        return Err(Wrong::Untrusted);
    }
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > most {
        return Err(Wrong::TooLarge(most));
    }
    let text = String::from_utf8(bytes).map_err(|_| Wrong::NotText)?;
    // Windows's own editor puts this mark before UTF-8.
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}
