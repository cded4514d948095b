//! What differs between operating systems, behind the same signatures on each.
//!
//! Reading the system is here; parsing what it said is in pure functions beside the code that
//! needs it, tested from fixtures on every system.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
pub mod sddl;
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

/// Whether an upgrade on Windows gave a running program this name: `preshift.old-3.exe` for `preshift.exe`.
#[cfg_attr(not(windows), allow(dead_code))]
fn is_set_aside(file: &str, program: &str) -> bool {
    let (file, program) = (file.to_ascii_lowercase(), program.to_ascii_lowercase());
    let Some(stem) = program.strip_suffix(".exe") else { return false };
    file.strip_prefix(stem)
        .and_then(|rest| rest.strip_prefix(".old-"))
        .and_then(|rest| rest.strip_suffix(".exe"))
        .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_an_upgrade_set_aside_is_recognised() {
        for name in ["preshift.old-1.exe", "preshift.old-20261126.exe", "Preshift.OLD-2.EXE"] {
            assert!(is_set_aside(name, "preshift.exe"), "{name}");
        }
        for name in [
            "preshift.exe",
            "preshift.old-.exe",
            "preshift.old-1.exe.bak",
            "preshift.old-1a.exe",
            "preshift.old-1",
            "preshift-collector.old-1.exe",
            "old-1.exe",
            "",
        ] {
            assert!(!is_set_aside(name, "preshift.exe"), "{name}");
        }
        assert!(!is_set_aside("preshift.old-1.exe", "preshift"), "it has no name of Windows");
    }
}
