//! Folders and files that only this user can read, as Unix has them. Linux and macOS share it.
//!
//! Rights are set on creation, so that there is no moment at which another user could look, and
//! set again on what was there already, so that neither a generous umask nor a restored backup
//! leaves a door open.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::Path,
};

/// Makes a folder, and those above it, that only this user may enter; tightens one that is there.
pub fn make_private_dir(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o700))
}

/// Creates or empties a file that only this user can read.
pub fn create_private(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

/// Makes sure that a file is there and that only this user can read it; its content stays.
pub fn make_private_file(path: &Path) -> io::Result<()> {
    let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))
}

/// Sees to it that a file which may be in use can only be read by this user. Its content is not opened:
/// closing any handle of a file lets go of all locks that this process holds on it.
pub fn tighten(path: &Path) -> io::Result<()> {
    fs::set_permissions(path, Permissions::from_mode(0o600))
}

/// Whether nobody but this user, and root, can get at a folder or file: by its owner and its mode.
pub fn only_this_user(path: &Path) -> io::Result<bool> {
    let meta = fs::symlink_metadata(path)?;
    // SAFETY: takes nothing and cannot fail.
    let me = unsafe { libc::geteuid() };
    Ok(meta.uid() == me && meta.mode() & 0o077 == 0)
}

/// Makes the names in a folder durable: a rename survives a power cut only after this.
pub fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_is_made_is_for_its_owner_alone_and_what_was_there_is_tightened() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("a/b");
        make_private_dir(&dir).unwrap();
        assert_eq!(mode(&dir), 0o700);
        assert!(only_this_user(&dir).unwrap());
        fs::set_permissions(&dir, Permissions::from_mode(0o777)).unwrap();
        assert!(!only_this_user(&dir).unwrap());
        make_private_dir(&dir).unwrap();
        assert_eq!(mode(&dir), 0o700);

        let file = dir.join("f");
        fs::write(&file, "kept").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o666)).unwrap();
        make_private_file(&file).unwrap();
        assert_eq!((mode(&file), fs::read_to_string(&file).unwrap().as_str()), (0o600, "kept"));
        fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        tighten(&file).unwrap();
        assert_eq!((mode(&file), fs::read_to_string(&file).unwrap().as_str()), (0o600, "kept"));
        drop(create_private(&file).unwrap());
        assert_eq!((mode(&file), fs::read(&file).unwrap().len()), (0o600, 0));
        sync_dir(&dir).unwrap();
    }
}
