//! The file of a program, and starting another program instead of this one, on Windows.
//!
//! A file that runs cannot be replaced here, but it can be renamed: an upgrade sets it aside under
//! another name in the same folder.

use crate::platform::FileIdentity;
use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io,
    os::windows::{ffi::OsStringExt, io::AsRawHandle, process::CommandExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};
use windows_sys::Win32::{
    Foundation::ERROR_ACCESS_DENIED,
    Storage::FileSystem::{
        BY_HANDLE_FILE_INFORMATION, GetFileInformationByHandle, GetFinalPathNameByHandleW, VOLUME_NAME_DOS,
    },
    System::Threading::{CREATE_BREAKAWAY_FROM_JOB, CREATE_NEW_PROCESS_GROUP, CREATE_NO_WINDOW},
};

/// Longest path that Windows knows, in UTF-16 units.
const LONGEST_PATH: usize = 32_768;

/// Set by the launcher that starts the daemon again when it fails (`crates/launcher`).
const KEPT: &str = "PRESHIFT_KEPT";
/// Tells the launcher that another version lies in the program's place and is to go on.
const TAKE_OVER: i32 = 79;

/// The running program's own file, kept open so that it is found under whatever name it has by now.
static OWN: OnceLock<File> = OnceLock::new();

/// What tells one file from another that lay at the same path.
pub fn identity(file: &File) -> io::Result<FileIdentity> {
    let mut info = BY_HANDLE_FILE_INFORMATION::default();
    // SAFETY: the handle is open; `info` is ours to be written and outlives the call.
    if unsafe { GetFileInformationByHandle(file.as_raw_handle(), &mut info) } == 0 {
        return Err(io::Error::last_os_error());
    }
    let both = |high: u32, low: u32| u64::from(high) << 32 | u64::from(low);
    let written = info.ftLastWriteTime;
    Ok(FileIdentity {
        volume: info.dwVolumeSerialNumber.into(),
        file: both(info.nFileIndexHigh, info.nFileIndexLow),
        size: both(info.nFileSizeHigh, info.nFileSizeLow),
        // In steps of 100 ns.
        modified_ns: i128::from(both(written.dwHighDateTime, written.dwLowDateTime)) * 100,
    })
}

/// Whether the file may be run at all: starting it will tell.
pub fn is_executable(file: &File) -> io::Result<bool> {
    Ok(file.metadata()?.is_file())
}

/// The path of the running program and what lay there when it was started.
pub fn running() -> io::Result<(PathBuf, FileIdentity)> {
    let path = std::env::current_exe()?;
    let file = File::open(&path)?;
    let identity = identity(&file)?;
    let _ = OWN.set(file);
    Ok((path, identity))
}

/// The running program, for starting it once more, under the name that it has by now.
pub fn itself() -> PathBuf {
    OWN.get()
        .and_then(|file| path_of(file).ok())
        .or_else(|| std::env::current_exe().ok())
        .unwrap_or_else(|| PathBuf::from("preshift.exe"))
}

fn path_of(file: &File) -> io::Result<PathBuf> {
    let mut path = vec![0u16; LONGEST_PATH];
    // SAFETY: the handle is open; the buffer is as long as is said and outlives the call.
    let used = unsafe {
        GetFinalPathNameByHandleW(
            file.as_raw_handle(),
            path.as_mut_ptr(),
            LONGEST_PATH as u32,
            VOLUME_NAME_DOS,
        )
    } as usize;
    match used {
        0 => Err(io::Error::last_os_error()),
        used if used >= LONGEST_PATH => Err(io::ErrorKind::InvalidFilename.into()),
        used => Ok(OsString::from_wide(&path[..used]).into()),
    }
}

/// Ends this process for the program with the same arguments: whoever keeps us running is told, or else it is
/// started on its own. Returns only if that failed.
pub fn give_over_to(program: &Path, _name: &OsStr, arguments: &[OsString]) -> io::Error {
    if std::env::var_os(KEPT).is_some() {
        std::process::exit(TAKE_OVER);
    }
    let start = |flags| {
        Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .creation_flags(flags)
            .spawn()
    };
    // A console without a window: one that has none at all would open a window for each of its children.
    let alone = CREATE_NO_WINDOW | CREATE_NEW_PROCESS_GROUP;
    let started = match start(alone | CREATE_BREAKAWAY_FROM_JOB) {
        // The job of whoever started us keeps its processes: then it is one of them.
        Err(e) if e.raw_os_error() == Some(ERROR_ACCESS_DENIED as i32) => start(alone),
        other => other,
    };
    match started {
        Ok(_) => std::process::exit(0),
        Err(error) => error,
    }
}
