//! CPU, memory, disk, power and uptime, as macOS tells.
//!
//! Sources: CPU by `host_processor_info` and memory by `host_statistics64` (`mach/mach_host.h`), uptime by
//! the `kern.boottime` of `sysctl`, all through sysinfo; the disk by `statfs` (`sys/mount.h`); power by `pmset
//! -g batt` (`man 1 pmset`), whose text is parsed in `probe::load::power`.

use crate::probe::load::{
    Space,
    power::{self, Power},
};
use std::{path::Path, time::Duration};
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

/// CPU time at one moment.
pub struct Cpu(System);

impl Cpu {
    /// Begins to measure.
    pub fn begin() -> Option<Self> {
        let only_cpu = RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing().with_usage());
        System::new_with_specifics(only_cpu).ok().map(Self)
    }

    /// Percent of all cores that were busy since.
    pub fn busy(mut self) -> Option<f64> {
        self.0.refresh_cpu_usage();
        Some(f64::from(self.0.global_cpu_usage())).filter(|p| p.is_finite())
    }
}

/// Memory.
pub fn memory() -> Option<Space> {
    let only_memory = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    let system = System::new_with_specifics(only_memory).ok()?;
    Some(Space { total: system.total_memory(), free: system.available_memory() })
}

/// The disk that holds a folder.
pub fn disk(folder: &Path) -> Option<Space> {
    use std::os::unix::ffi::OsStrExt;
    let folder = std::ffi::CString::new(folder.as_os_str().as_bytes()).ok()?;
    let mut stat = std::mem::MaybeUninit::<libc::statfs>::uninit();
    // statfs and not statvfs: the latter counts blocks in 32 bits here.
    // SAFETY: the path ends in a zero byte and `stat` has room for the answer.
    if unsafe { libc::statfs(folder.as_ptr(), stat.as_mut_ptr()) } != 0 {
        return None;
    }
    // SAFETY: statfs said that it filled it.
    let stat = unsafe { stat.assume_init() };
    let block = u64::from(stat.f_bsize);
    Some(Space { total: stat.f_blocks.checked_mul(block)?, free: stat.f_bavail.checked_mul(block)? })
}

/// Time since the system started.
pub fn uptime() -> Option<Duration> {
    System::uptime().ok().map(Duration::from_secs)
}

/// What powers the computer. `pmset` only prints; that it could hang is why it gets a deadline.
pub fn power() -> Power {
    super::command::output("/usr/bin/pmset", &["-g", "batt"])
        .map_or(Power::UNKNOWN, |text| power::macos(&text))
}
