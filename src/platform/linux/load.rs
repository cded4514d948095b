//! CPU, memory, disk, power and uptime, as Linux tells.

use crate::probe::load::{
    Space,
    power::{self, Power},
    proc_files::{self, CpuTime},
};
use std::{fs, path::Path, time::Duration};

/// CPU time at one moment.
pub struct Cpu(CpuTime);

impl Cpu {
    /// Begins to measure.
    pub fn begin() -> Option<Self> {
        CpuTime::parse(&fs::read_to_string("/proc/stat").ok()?).map(Self)
    }

    /// Percent of all cores that were busy since.
    pub fn busy(self) -> Option<f64> {
        Self::begin()?.0.busy_since(self.0)
    }
}

/// Memory.
pub fn memory() -> Option<Space> {
    proc_files::memory(&fs::read_to_string("/proc/meminfo").ok()?)
}

/// The disk that holds a folder.
pub fn disk(folder: &Path) -> Option<Space> {
    use std::os::unix::ffi::OsStrExt;
    let folder = std::ffi::CString::new(folder.as_os_str().as_bytes()).ok()?;
    let mut stat = std::mem::MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: the path ends in a zero byte and `stat` has room for the answer.
    if unsafe { libc::statvfs(folder.as_ptr(), stat.as_mut_ptr()) } != 0 {
        return None;
    }
    // SAFETY: statvfs said that it filled it.
    let stat = unsafe { stat.assume_init() };
    let block = stat.f_frsize;
    Some(Space { total: stat.f_blocks.checked_mul(block)?, free: stat.f_bavail.checked_mul(block)? })
}

/// Time since the system started.
pub fn uptime() -> Option<Duration> {
    proc_files::uptime(&fs::read_to_string("/proc/uptime").ok()?)
}

/// What powers the computer.
pub fn power() -> Power {
    let Ok(supplies) = fs::read_dir("/sys/class/power_supply") else { return Power::UNKNOWN };
    let uevent =
        |entry: std::io::Result<fs::DirEntry>| fs::read_to_string(entry.ok()?.path().join("uevent")).ok();
    let uevents: Vec<String> = supplies.filter_map(uevent).collect();
    power::linux(uevents.iter().map(String::as_str))
}
