//! CPU, memory, disk, power and uptime, as Windows tells.

use crate::probe::load::{
    Space,
    cpu_time::CpuTime,
    power::{self, Power},
};
use std::{os::windows::ffi::OsStrExt, path::Path, time::Duration};
use windows_sys::Win32::{
    Foundation::FILETIME,
    Storage::FileSystem::GetDiskFreeSpaceExW,
    System::{
        Power::{GetSystemPowerStatus, SYSTEM_POWER_STATUS},
        SystemInformation::{GetTickCount64, GlobalMemoryStatusEx, MEMORYSTATUSEX},
        Threading::GetSystemTimes,
    },
};

/// CPU time at one moment, in units of 100 ns over all cores.
pub struct Cpu(CpuTime);

impl Cpu {
    /// Begins to measure.
    pub fn begin() -> Option<Self> {
        let (mut idle, mut kernel, mut user) =
            (FILETIME::default(), FILETIME::default(), FILETIME::default());
        // SAFETY: the three point to values that live through the call.
        if unsafe { GetSystemTimes(&mut idle, &mut kernel, &mut user) } == 0 {
            return None;
        }
        CpuTime::windows(ticks(idle), ticks(kernel), ticks(user)).map(Self)
    }

    /// Percent of all cores that were busy since.
    pub fn busy(self) -> Option<f64> {
        Self::begin()?.0.busy_since(self.0)
    }
}

fn ticks(time: FILETIME) -> u64 {
    u64::from(time.dwHighDateTime) << 32 | u64::from(time.dwLowDateTime)
}

/// Memory.
pub fn memory() -> Option<Space> {
    let mut status =
        MEMORYSTATUSEX { dwLength: size_of::<MEMORYSTATUSEX>() as u32, ..MEMORYSTATUSEX::default() };
    // SAFETY: the structure says its own size and lives through the call.
    let told = unsafe { GlobalMemoryStatusEx(&mut status) } != 0;
    told.then_some(Space { total: status.ullTotalPhys, free: status.ullAvailPhys })
}

/// The disk that holds a folder.
pub fn disk(folder: &Path) -> Option<Space> {
    let folder: Vec<u16> = folder.as_os_str().encode_wide().chain([0]).collect();
    let (mut free, mut total) = (0, 0);
    // SAFETY: the path ends in a zero; the two numbers live through the call; the third may be null.
    let told =
        unsafe { GetDiskFreeSpaceExW(folder.as_ptr(), &mut free, &mut total, std::ptr::null_mut()) } != 0;
    told.then_some(Space { total, free })
}

/// Time since the system started.
pub fn uptime() -> Option<Duration> {
    // SAFETY: takes nothing and cannot fail.
    Some(Duration::from_millis(unsafe { GetTickCount64() }))
}

/// What powers the computer.
pub fn power() -> Power {
    let mut status = SYSTEM_POWER_STATUS::default();
    // SAFETY: the structure lives through the call.
    if unsafe { GetSystemPowerStatus(&mut status) } == 0 {
        return Power::UNKNOWN;
    }
    power::windows(status.ACLineStatus, status.BatteryFlag, status.BatteryLifePercent)
}
