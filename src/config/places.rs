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

/// Where the launcher keeps the daemon's log, on the system that has a launcher: see `crates/launcher`.
pub fn launcher_log() -> Option<PathBuf> {
    let folder = folders()?.config_local_dir().parent()?.join("daemon.log");
    cfg!(windows).then_some(folder)
}

/// Every folder that is made for this user, without one that somebody chose. On Windows they are in one of ours.
pub fn own_folders() -> Vec<PathBuf> {
    let Some(folders) = folders() else { return Vec::new() };
    let above = folders.config_local_dir().parent().filter(|_| cfg!(windows));
    let ours = [Some(folders.data_local_dir()), Some(folders.config_local_dir()), above];
    ours.into_iter().flatten().map(Path::to_owned).collect()
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
    fn every_folder_is_of_our_name_alone() {
        let folders = own_folders();
        assert!(folders.contains(&default_data_dir().unwrap()), "{folders:?}");
        assert!(folders.contains(&default_file().unwrap().parent().unwrap().to_owned()), "{folders:?}");
        // They are removed whole: none may be one that others use.
        for folder in &folders {
            let named = folder.components().any(|c| c.as_os_str().eq_ignore_ascii_case("preshift"));
            assert!(named && folder.is_absolute(), "{folder:?}");
        }
        assert_eq!(launcher_log().is_some(), cfg!(windows));
    }

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
