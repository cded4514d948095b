//! Whether a file is to be believed, as Windows tells it: by its owner.
//!
//! Asked of what tells a desk where to report, and of a program that is to be started. The owner matters
//! because `%ProgramData%` lets every user make files in it, and only their owner and what he lets in
//! may change them.

use super::{rights, user::User};
use std::{fs::File, io};
use windows_sys::Win32::Security::{
    Authorization::SE_FILE_OBJECT, IsWellKnownSid, WinBuiltinAdministratorsSid, WinLocalSystemSid,
};

/// Whether the file belongs to this user, to the administrators or to the system.
pub fn is_trusted(file: &File) -> io::Result<bool> {
    let rights = rights::read(file, SE_FILE_OBJECT)?;
    if rights.is_owned_by(&User::current()?)? {
        return Ok(true);
    }
    let owner = rights.owner()?;
    let is = |known| {
        // SAFETY: `owner` points into the descriptor, which lives on.
        !owner.is_null() && unsafe { IsWellKnownSid(owner, known) } != 0
    };
    Ok(is(WinBuiltinAdministratorsSid) || is(WinLocalSystemSid))
}
