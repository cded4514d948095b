//! Folders of this user and files that only this user can read, on Windows.
//!
//! A folder of ours belongs to this user and gets a protected list of rights with one entry: this user,
//! everything, handed down to whatever is made in it. Each file of ours gets the same for itself, so
//! that it stays shut in whatever folder it lands.

use super::{
    rights::{self, For, Rights},
    user::User,
};
use std::{
    fs::{self, File, OpenOptions},
    io,
    os::windows::fs::OpenOptionsExt,
    path::Path,
};
use windows_sys::Win32::{
    Security::Authorization::SE_FILE_OBJECT,
    Storage::FileSystem::{FILE_FLAG_BACKUP_SEMANTICS, READ_CONTROL, WRITE_DAC, WRITE_OWNER},
};

/// Makes a folder, and those above it, that only this user may enter; tightens one that is there.
pub fn make_private_dir(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)?;
    only_ours(path, For::Folder)
}

/// Creates or empties a file that only this user can read.
pub fn create_private(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
    only_ours(path, For::Itself)?;
    Ok(file)
}

/// Makes sure that a file is there and that only this user can read it; its content stays.
pub fn make_private_file(path: &Path) -> io::Result<()> {
    drop(OpenOptions::new().append(true).create(true).open(path)?);
    tighten(path)
}

/// Sees to it that a file which may be in use can only be read by this user. Its content is not opened.
pub fn tighten(path: &Path) -> io::Result<()> {
    only_ours(path, For::Itself)
}

/// Whether nobody but this user, and the system itself, can get at a folder or file.
pub fn only_this_user(path: &Path) -> io::Result<bool> {
    rights::read(&open(path, READ_CONTROL)?, SE_FILE_OBJECT)?.is_only_for(&User::current()?)
}

/// Makes the names in a folder durable. NTFS journals renames by itself; there is nothing to call.
pub fn sync_dir(_path: &Path) -> io::Result<()> {
    Ok(())
}

fn only_ours(path: &Path, what: For) -> io::Result<()> {
    let user = User::current()?;
    let rights = Rights::only(&user, what)?;
    // Whoever owns a file may always change its list of rights, but not always its owner: so that is
    // asked for only where it is somebody else's.
    let file = open(path, READ_CONTROL | WRITE_DAC)?;
    if rights::read(&file, SE_FILE_OBJECT)?.is_owned_by(&user)? {
        return rights.put_on(&file, false);
    }
    drop(file);
    rights.put_on(&open(path, READ_CONTROL | WRITE_DAC | WRITE_OWNER)?, true)
}

/// Opens a file or a folder for its rights alone, whoever else has it open.
fn open(path: &Path, access: u32) -> io::Result<File> {
    OpenOptions::new().access_mode(access).custom_flags(FILE_FLAG_BACKUP_SEMANTICS).open(path)
}
