//! Whether a file is to be believed, as Windows tells it: by its owner.
//!
//! Asked of what tells a desk where to report, and of a program that is to be started. The owner matters
//! because `%ProgramData%` lets every user make files in it, and only their owner and what he lets in
//! may change them.

use super::control::User;
use std::{fs::File, io, os::windows::io::AsRawHandle, ptr::null_mut};
use windows_sys::Win32::{
    Foundation::{ERROR_SUCCESS, LocalFree},
    Security::{
        Authorization::{GetSecurityInfo, SE_FILE_OBJECT},
        EqualSid, IsWellKnownSid, OWNER_SECURITY_INFORMATION, PSECURITY_DESCRIPTOR, PSID,
        WinBuiltinAdministratorsSid, WinLocalSystemSid,
    },
};

/// Whether the file belongs to this user, to the administrators or to the system.
pub fn is_trusted(file: &File) -> io::Result<bool> {
    let user = User::current()?;
    let (mut owner, mut descriptor): (PSID, PSECURITY_DESCRIPTOR) = (null_mut(), null_mut());
    // SAFETY: the handle is open; `owner` and `descriptor` are ours to be written.
    let status = unsafe {
        GetSecurityInfo(
            file.as_raw_handle(),
            SE_FILE_OBJECT,
            OWNER_SECURITY_INFORMATION,
            &mut owner,
            null_mut(),
            null_mut(),
            null_mut(),
            &mut descriptor,
        )
    };
    if status != ERROR_SUCCESS {
        return Err(io::Error::from_raw_os_error(status as i32));
    }
    // SAFETY: `owner` points into the descriptor, which is freed only after this; the user's SID is in
    // memory of its own.
    let trusted = unsafe {
        EqualSid(owner, user.sid()) != 0
            || IsWellKnownSid(owner, WinBuiltinAdministratorsSid) != 0
            || IsWellKnownSid(owner, WinLocalSystemSid) != 0
    };
    // SAFETY: the descriptor came from a call that allocates with LocalAlloc, and nothing uses it any more.
    unsafe { LocalFree(descriptor) };
    Ok(trusted)
}
