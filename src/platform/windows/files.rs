//! Folders of this user and files that only this user can read, on Windows.
//!
//! A folder of ours gets a protected list of rights with one entry: its owner, everything, handed
//! down to whatever is made in it. Files therefore need nothing of their own, and SQLite's
//! side files are covered as well.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::windows::ffi::OsStrExt,
    path::Path,
    ptr::null_mut,
};
use windows_sys::Win32::{
    Foundation::{ERROR_SUCCESS, LocalFree},
    Security::{
        ACL,
        Authorization::{
            ConvertStringSecurityDescriptorToSecurityDescriptorW, SDDL_REVISION_1, SE_FILE_OBJECT,
            SetNamedSecurityInfoW,
        },
        DACL_SECURITY_INFORMATION, GetSecurityDescriptorDacl, PROTECTED_DACL_SECURITY_INFORMATION,
        PSECURITY_DESCRIPTOR,
    },
};

/// Full access for the owner (`OW`) and nobody else; `P` takes nothing from above, `OICI` hands down.
const OWNER_ONLY: &str = "D:P(A;OICI;FA;;;OW)";

/// Makes a folder, and those above it, that only this user may enter; tightens one that is there.
pub fn make_private_dir(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)?;
    owner_only(path)
}

/// Creates or empties a file that only this user can read.
pub fn create_private(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
    owner_only(path)?;
    Ok(file)
}

/// Makes sure that a file is there and that only this user can read it; its content stays.
pub fn make_private_file(path: &Path) -> io::Result<()> {
    drop(OpenOptions::new().append(true).create(true).open(path)?);
    owner_only(path)
}

/// Makes the names in a folder durable. NTFS journals renames by itself; there is nothing to call.
pub fn sync_dir(_path: &Path) -> io::Result<()> {
    Ok(())
}

fn owner_only(path: &Path) -> io::Result<()> {
    let wide = |s: &std::ffi::OsStr| s.encode_wide().chain([0]).collect::<Vec<u16>>();
    let sddl = wide(OWNER_ONLY.as_ref());
    let name = wide(path.as_os_str());
    let mut descriptor: PSECURITY_DESCRIPTOR = null_mut();
    // SAFETY: `sddl` ends in 0 and outlives the call; `descriptor` is ours to be written, and freed below.
    let made = unsafe {
        ConvertStringSecurityDescriptorToSecurityDescriptorW(
            sddl.as_ptr(),
            SDDL_REVISION_1,
            &mut descriptor,
            null_mut(),
        )
    };
    if made == 0 {
        return Err(io::Error::last_os_error());
    }
    let (mut present, mut defaulted, mut list) = (0, 0, null_mut::<ACL>());
    // SAFETY: `descriptor` was made just above; the list points into it and is used before it is freed.
    let status = unsafe {
        if GetSecurityDescriptorDacl(descriptor, &mut present, &mut list, &mut defaulted) == 0 {
            Err(io::Error::last_os_error())
        } else {
            Ok(SetNamedSecurityInfoW(
                name.as_ptr().cast_mut(),
                SE_FILE_OBJECT,
                DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION,
                null_mut(),
                null_mut(),
                list,
                null_mut(),
            ))
        }
    };
    // SAFETY: the descriptor came from a call that allocates with LocalAlloc, and nothing uses it any more.
    unsafe { LocalFree(descriptor) };
    match status? {
        ERROR_SUCCESS => Ok(()),
        code => Err(io::Error::from_raw_os_error(code as i32)),
    }
}
