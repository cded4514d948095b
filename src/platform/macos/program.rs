//! The file of the running program, on macOS.

pub use crate::platform::unix_program::*;

use crate::platform::FileIdentity;
use std::{fs::File, io, path::PathBuf};

/// The path of the running program and what lay there when it was started.
pub fn running() -> io::Result<(PathBuf, FileIdentity)> {
    let path = std::env::current_exe()?;
    let identity = identity(&File::open(&path)?)?;
    Ok((path, identity))
}

/// The running program, for starting it once more. There is no way to a file that was replaced: between an
/// upgrade and the end of a shift this is the new one.
pub fn itself() -> PathBuf {
    std::env::current_exe().unwrap_or_else(|_| PathBuf::from("preshift"))
}
