//! The file that registers the start at logon, where it is a file: systemd and launchd.

use super::Error;
use std::{fs, io, path::Path};

/// The text of a file that registers something; `None` if there is none.
pub(crate) fn read(path: &Path) -> Result<Option<String>, Error> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::file("read", path)(e)),
    }
}

/// Writes such a file, in a folder that is made for it.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Error> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(Error::file("make", folder))?;
    }
    fs::write(path, text).map_err(Error::file("write", path))
}
