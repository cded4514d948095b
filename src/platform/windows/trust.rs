//! Whether a file is to be believed, as Windows tells it: by its owner and its list of rights.
//!
//! Asked of what tells a desk where to report, and of a program that is to be started. `%ProgramData%` lets every
//! user make folders in it, and what is put there later takes their list from them: so the owner alone says nothing.

use super::{rights, user::User};
use std::{fs::File, io};
use windows_sys::Win32::Security::Authorization::SE_FILE_OBJECT;

/// Whether the file belongs to this user, to the administrators or to the system, and nobody else may change it.
pub fn is_trusted(file: &File) -> io::Result<bool> {
    rights::read(file, SE_FILE_OBJECT)?.only_trusted_write(&User::current()?)
}
