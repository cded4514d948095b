//! What differs between operating systems, behind the same signatures on each.
//!
//! Reading the system is here; parsing what it said is in pure functions beside the code that
//! needs it, tested from fixtures on every system.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(unix)]
mod unix_control;
#[cfg(unix)]
mod unix_files;
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
