//! CPU, memory, disk, power and uptime, as Linux tells.

use crate::environment::read;
use crate::probe::load::{
    Space,
    cpu_time::CpuTime,
    power::{self, Power},
    proc_files,
};
use std::{fs, path::Path, time::Duration};

/// The kernel's own limit of a `uevent` is a page.
const MOST_OF_A_SUPPLY: u64 = 65_536;

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
    // Not as strict text: what a battery says of its maker may be any bytes.
    let uevent = |entry: std::io::Result<fs::DirEntry>| {
        read::text(&entry.ok()?.path().join("uevent"), MOST_OF_A_SUPPLY).is()
    };
    let uevents: Vec<String> = supplies.filter_map(uevent).collect();
    power::linux(uevents.iter().map(String::as_str))
}
