//! What differs between operating systems, behind the same signatures on each.
//!
//! Reading the system is here; parsing what it said is in pure functions beside the code that
//! needs it, tested from fixtures on every system.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
pub mod sddl;
pub mod tool;
#[cfg(unix)]
mod unix_control;
#[cfg(unix)]
mod unix_files;
#[cfg(unix)]
mod unix_program;
#[cfg(unix)]
mod unix_trust;
#[cfg(windows)]
mod windows;

#[cfg(target_os = "linux")]
pub use linux::*;
#[cfg(target_os = "macos")]
pub use macos::*;
#[cfg(windows)]
pub use windows::*;

/// What tells one file from another that lay at the same path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileIdentity {
    /// The volume or device.
    pub volume: u64,
    /// The file's number on it.
    pub file: u64,
    /// Its size.
    pub size: u64,
    /// When it was last written, in nanoseconds of whatever epoch the system has.
    pub modified_ns: i128,
}
