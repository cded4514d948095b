//! The file of a program, and giving this process over to another program, on Unix.

use super::FileIdentity;
use std::{
    ffi::OsString,
    fs::File,
    io,
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::Path,
    process::Command,
};

/// What tells one file from another that lay at the same path.
pub fn identity(file: &File) -> io::Result<FileIdentity> {
    let meta = file.metadata()?;
    let modified_ns = i128::from(meta.mtime()) * 1_000_000_000 + i128::from(meta.mtime_nsec());
    Ok(FileIdentity { volume: meta.dev(), file: meta.ino(), size: meta.size(), modified_ns })
}

/// Whether the file may be run at all.
pub fn is_executable(file: &File) -> io::Result<bool> {
    let meta = file.metadata()?;
    Ok(meta.is_file() && meta.mode() & 0o111 != 0)
}

/// Becomes the program: the same process, with the same arguments. Returns only if that failed.
pub fn give_over_to(program: &Path, name: &std::ffi::OsStr, arguments: &[OsString]) -> io::Error {
    Command::new(program).arg0(name).args(arguments).exec()
}
