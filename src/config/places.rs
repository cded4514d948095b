//! Where settings and data are, and where an administrator may leave word for a desk.

use super::Error;
use crate::platform::places;
use std::path::{Path, PathBuf};

/// The settings file's name in the platform's folder.
const SETTINGS_FILE: &str = "config.toml";
/// The name of the file that tells where to enrol.
const ENROLMENT_FILE: &str = "enrolment.toml";

/// A file that may tell this desk where to enrol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnrolmentFile {
    /// Which.
    pub path: PathBuf,
    /// It is this user's own, with a code for this desk: it is deleted once it is used. One that an
    /// administrator wrote for every user of the computer stays.
    pub own: bool,
}

/// The settings file in the platform's folder.
pub fn default_file() -> Option<PathBuf> {
    Some(folders()?.config_local_dir().join(SETTINGS_FILE))
}

/// The data folder of a desk for which nobody set one.
pub(super) fn default_data_dir() -> Result<PathBuf, Error> {
    Ok(folders().ok_or(Error::NoHome)?.data_local_dir().to_owned())
}

/// Where a file may tell where to enrol: the first that is there counts. Settings that are named
/// have their own beside them and no other, so that a desk for trying things out stays one.
pub(super) fn enrolment_files(named_settings: Option<&Path>) -> Vec<EnrolmentFile> {
    let own = |path| EnrolmentFile { path, own: true };
    if let Some(named) = named_settings {
        return vec![own(named.with_file_name(ENROLMENT_FILE))];
    }
    let system = EnrolmentFile { path: places::system_settings().join(ENROLMENT_FILE), own: false };
    let mine = folders().map(|f| own(f.config_local_dir().join(ENROLMENT_FILE)));
    mine.into_iter().chain([system]).collect()
}

fn folders() -> Option<directories::ProjectDirs> {
    directories::ProjectDirs::from("", "", "preshift")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_users_own_file_comes_before_the_administrators_and_named_settings_have_their_own() {
        let files = enrolment_files(None);
        let last = files.last().unwrap();
        assert!(!last.own && last.path.is_absolute(), "{files:?}");
        assert!(files[..files.len() - 1].iter().all(|f| f.own && f.path.ends_with(ENROLMENT_FILE)));
        let named = enrolment_files(Some(Path::new("/try/it/settings.toml")));
        assert_eq!(named, [EnrolmentFile { path: "/try/it/enrolment.toml".into(), own: true }]);
    }
}
