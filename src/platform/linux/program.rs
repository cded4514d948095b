//! The file of the running program, on Linux.

pub use crate::platform::unix_program::*;

use crate::platform::FileIdentity;
use std::{fs::File, io, os::unix::ffi::OsStrExt, path::PathBuf};

/// The path of the running program and what lay there when it was started.
///
/// Where the file was replaced before this is asked, the kernel says so after the path.
pub fn running() -> io::Result<(PathBuf, FileIdentity)> {
    const THIS: &str = "/proc/self/exe";
    let path = std::fs::read_link(THIS)?;
    match path.as_os_str().as_bytes().strip_suffix(b" (deleted)") {
        Some(before) if !path.exists() => {
            let before = PathBuf::from(std::ffi::OsStr::from_bytes(before));
            Ok((before, identity(&File::open(THIS)?)?))
        }
        // By the path and not by the link: a file system of layers may number the two differently.
        _ => {
            let identity = identity(&File::open(&path)?)?;
            Ok((path, identity))
        }
    }
}

/// The running program, for starting it once more: whatever lies at its path by now.
pub fn itself() -> PathBuf {
    "/proc/self/exe".into()
}
