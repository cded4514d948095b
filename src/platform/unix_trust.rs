//! Whether a file is to be believed, as Unix tells it: by who could have written it.
//!
//! Asked of what tells a desk where to report, and of a program that is to be started. Linux and
//! macOS share it.

use std::{
    fs::{File, Metadata},
    io,
    os::unix::fs::MetadataExt,
    path::Path,
};

/// Groups whose members could become root anyway: `root` or `wheel`, and macOS's `admin`.
const MIGHTY: &[u32] = if cfg!(target_os = "macos") { &[0, 80] } else { &[0] };
/// The bit of a folder in which only a file's owner may rename or delete it.
const STICKY: u32 = 0o1000;

/// Whether only this user, or the system's administrator, could have written the file.
pub fn is_trusted(file: &File) -> io::Result<bool> {
    Ok(only_ours(&file.metadata()?, false))
}

/// Whether only this user, or the system's administrator, could have put another file to this path: asked of
/// the folder that it is in and, where the path is a link, of the one that the file is in.
pub fn is_trusted_place(path: &Path) -> io::Result<bool> {
    for path in [path, &path.canonicalize()?] {
        let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
        if !only_ours(&folder.metadata()?, true) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn only_ours(meta: &Metadata, folder: bool) -> bool {
    // SAFETY: it only reads a number of this process and cannot fail.
    let user = unsafe { libc::geteuid() };
    // In a sticky folder everybody may add files, but nobody may replace another's.
    let mode = if folder && meta.mode() & STICKY != 0 { meta.mode() & !0o022 } else { meta.mode() };
    trusted(meta.uid(), meta.gid(), mode, user)
}

/// A group may write if it is the user's alone: distributions that give each user a group of the same number give
/// new files its right to write. Others share their first group: macOS has `staff`, openSUSE `users`.
fn trusted(owner: u32, group: u32, mode: u32, user: u32) -> bool {
    let group_ok = mode & 0o020 == 0 || group == user || MIGHTY.contains(&group);
    (owner == 0 || owner == user) && mode & 0o002 == 0 && group_ok
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_user_and_root_are_believed() {
        for (name, owner, group, mode, expected) in [
            ("the user's own", 1000, 1000, 0o100_600, true),
            ("root's, for all to read", 0, 0, 0o100_644, true),
            ("root's, for a group to read", 0, 50, 0o100_640, true),
            ("a group of the user's own may write", 1000, 1000, 0o100_664, true),
            ("root's group may write", 0, 0, 0o100_664, true),
            ("another group may write", 0, 50, 0o100_660, false),
            ("a group that users share may write", 1000, 20, 0o100_664, false),
            ("everybody may write", 0, 0, 0o100_666, false),
            ("everybody may write the user's own", 1000, 1000, 0o100_602, false),
            ("somebody else's", 1001, 1000, 0o100_600, false),
        ] {
            assert_eq!(trusted(owner, group, mode, 1000), expected, "{name}");
        }
    }

    #[test]
    fn a_file_is_asked() {
        use std::os::unix::fs::PermissionsExt as _;
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(is_trusted(file.as_file()).unwrap());
        file.as_file().set_permissions(std::fs::Permissions::from_mode(0o666)).unwrap();
        assert!(!is_trusted(file.as_file()).unwrap());
    }

    #[test]
    fn a_folder_is_asked_and_that_of_a_link_as_well() {
        use std::{fs, os::unix::fs::PermissionsExt as _};
        let dir = tempfile::tempdir().unwrap();
        let (safe, open) = (dir.path().join("safe"), dir.path().join("open"));
        let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        for folder in [&safe, &open] {
            fs::create_dir(folder).unwrap();
            mode(folder, 0o755);
        }
        fs::write(open.join("program"), "").unwrap();
        std::os::unix::fs::symlink(open.join("program"), safe.join("link")).unwrap();
        let all = || [open.join("program"), safe.join("link")].map(|path| is_trusted_place(&path).unwrap());
        assert_eq!(all(), [true, true]);
        mode(&open, 0o757);
        assert_eq!(all(), [false, false]);
        mode(&open, 0o1777);
        assert_eq!(all(), [true, true], "nobody may replace another's file there");
        assert!(is_trusted_place(&dir.path().join("nothing")).is_err());
    }
}
