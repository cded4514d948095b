//! Whether a file is to be believed, as Unix tells it: by who could have written it.
//!
//! Asked of what tells a desk where to report, and of a program that is to be started. Linux and
//! macOS share it.

use std::{fs::File, io, os::unix::fs::MetadataExt};

/// Groups whose members could become root anyway: `root` or `wheel`, and macOS's `admin`.
const MIGHTY: &[u32] = if cfg!(target_os = "macos") { &[0, 80] } else { &[0] };

/// Whether only this user, or the system's administrator, could have written the file.
pub fn is_trusted(file: &File) -> io::Result<bool> {
    let meta = file.metadata()?;
    // SAFETY: both only read numbers of this process and cannot fail.
    let (user, group) = unsafe { (libc::geteuid(), libc::getegid()) };
    Ok(trusted(meta.uid(), meta.gid(), meta.mode(), user, group))
}

/// A group may write if it is the user's own: distributions that give each user a group give new files
/// its right to write.
fn trusted(owner: u32, group: u32, mode: u32, user: u32, own_group: u32) -> bool {
    let group_ok = mode & 0o020 == 0 || group == own_group || MIGHTY.contains(&group);
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
            ("everybody may write", 0, 0, 0o100_666, false),
            ("everybody may write the user's own", 1000, 1000, 0o100_602, false),
            ("somebody else's", 1001, 1000, 0o100_600, false),
        ] {
            assert_eq!(trusted(owner, group, mode, 1000, 1000), expected, "{name}");
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
}
