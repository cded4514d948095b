//! Who may get at what Preshift keeps, read back from the system and not from what was asked for.

use super::{Found, Said};
use crate::platform::files;
use std::{fs, io, path::Path};

/// How many things in a folder are for this user alone, and how many are not.
#[derive(Debug, Default)]
pub(super) struct Tally {
    closed: u64,
    open: u64,
}

impl Tally {
    /// Of a folder and everything right in it.
    pub(super) fn of_folder(folder: &Path) -> io::Result<Self> {
        let mut tally = Self::default();
        tally.add(files::only_this_user(folder)?);
        for entry in fs::read_dir(folder)? {
            match files::only_this_user(&entry?.path()) {
                // Side files of the store come and go.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                closed => tally.add(closed?),
            }
        }
        Ok(tally)
    }

    fn add(&mut self, closed: bool) {
        *(if closed { &mut self.closed } else { &mut self.open }) += 1;
    }

    /// As a check's finding.
    pub(super) fn found(result: io::Result<Self>) -> Found {
        match result {
            Ok(tally) => {
                let was = Said::of("for this user alone:")
                    .count(tally.closed)
                    .and("open to others:")
                    .count(tally.open);
                Found::by(tally.open == 0, was)
            }
            Err(error) => Found::fail(Said::of("the rights could not be read").refusal(&error)),
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::{fs::Permissions, os::unix::fs::PermissionsExt as _};

    #[test]
    fn one_file_that_others_can_read_is_found() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("data");
        files::make_private_dir(&folder).unwrap();
        drop(files::create_private(&folder.join("a")).unwrap());
        let found = Tally::found(Tally::of_folder(&folder));
        assert_eq!(found, Found::pass(Said::of("for this user alone: 2, open to others: 0")));
        fs::set_permissions(folder.join("a"), Permissions::from_mode(0o640)).unwrap();
        let found = Tally::found(Tally::of_folder(&folder));
        assert_eq!(found, Found::fail(Said::of("for this user alone: 1, open to others: 1")));
        assert_eq!(
            Tally::found(Tally::of_folder(&root.path().join("nothing"))).result,
            crate::selftest::Outcome::Fail
        );
    }
}
