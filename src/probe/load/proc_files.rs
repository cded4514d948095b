//! What Linux writes in `/proc/stat`, `/proc/meminfo` and `/proc/uptime`.

use super::{Space, cpu_time::CpuTime};
use std::time::Duration;

impl CpuTime {
    /// From `/proc/stat`. Waiting for a disk is idling; time that a hypervisor took is not.
    pub fn parse(stat: &str) -> Option<Self> {
        let line = stat.lines().find_map(|l| l.strip_prefix("cpu "))?;
        // user nice system idle iowait irq softirq steal; guest time is already in user and nice.
        let ticks: Vec<u64> = line.split_ascii_whitespace().take(8).map_while(|n| n.parse().ok()).collect();
        let all = ticks.iter().try_fold(0u64, |sum, n| sum.checked_add(*n))?;
        let idle = ticks.get(3)?.checked_add(ticks.get(4).copied().unwrap_or(0))?;
        Self::of(idle, all)
    }
}

/// When the system started, in seconds since 1970, from `/proc/stat`.
pub fn started(stat: &str) -> Option<u64> {
    stat.lines().find_map(|l| l.strip_prefix("btime "))?.trim().parse().ok()
}

/// Memory, from `/proc/meminfo`.
pub fn memory(meminfo: &str) -> Option<Space> {
    let bytes = |key: &str| {
        let line = meminfo.lines().find_map(|l| l.strip_prefix(key)?.strip_prefix(':'))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
    };
    Some(Space { total: bytes("MemTotal")?, free: bytes("MemAvailable")? })
}

/// Time since the system started, from `/proc/uptime`.
pub fn uptime(text: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(text.split_ascii_whitespace().next()?.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;
    use proptest::prelude::*;

    /// A fixture holds `/proc/stat`, `/proc/meminfo` and `/proc/uptime`, one after the other, as
    /// `head -n 999` prints several files.
    fn part<'a>(text: &'a str, name: &str) -> &'a str {
        let (_, rest) = text.split_once(&format!("==> /proc/{name} <==\n")).unwrap_or_default();
        rest.split("\n==> ").next().unwrap_or_default()
    }

    fn said(text: &str) -> String {
        let (stat, meminfo) = (part(text, "stat"), part(text, "meminfo"));
        let megabytes = memory(meminfo).map(|m| (m.total >> 20, m.free >> 20));
        format!(
            "{:?} started {:?} memory {megabytes:?} up {:?}",
            CpuTime::parse(stat),
            started(stat),
            uptime(part(text, "uptime")),
        )
    }

    #[test]
    fn kernels_as_they_were_seen() {
        fixtures::check(
            "proc",
            &[
                (
                    "debian-12-6.1",
                    "Some(CpuTime { busy: 1271, all: 3058 }) started Some(1732780000) memory Some((15719, 11203)) up Some(15.62s)",
                ),
                (
                    "fedora-43-6.17",
                    "Some(CpuTime { busy: 482911, all: 9813400 }) started Some(1762330000) memory Some((31786, 24510)) up Some(12274.45s)",
                ),
                (
                    "ubuntu-24.04-6.8",
                    "Some(CpuTime { busy: 93544, all: 2418861 }) started Some(1730000000) memory Some((7784, 3110)) up Some(6053.09s)",
                ),
                (
                    "vm-6.18",
                    "Some(CpuTime { busy: 335682, all: 379937 }) started Some(1795657496) memory Some((24105, 22964)) up Some(1904.19s)",
                ),
                (
                    "wsl2-5.15",
                    "Some(CpuTime { busy: 2262, all: 1204622 }) started Some(1731000000) memory Some((7812, 7301)) up Some(1506.41s)",
                ),
            ],
            |_, bytes| said(std::str::from_utf8(bytes).unwrap()),
        );
    }

    #[test]
    fn an_old_kernel_with_four_columns() {
        assert_eq!(CpuTime::parse("cpu  1 2 3 4\n"), CpuTime::of(4, 10));
        assert_eq!(CpuTime::parse("cpu  1 2 3\n"), None);
    }

    #[test]
    fn numbers_that_make_no_sense() {
        assert_eq!(memory("MemTotal: 5 kB\n"), None);
        assert_eq!(memory("MemTotal: 99999999999999999 kB\nMemAvailable: 1 kB\n"), None);
        for bad in ["", "-1 2", "NaN", "1e300", "anna"] {
            assert_eq!(uptime(bad), None, "{bad}");
        }
    }

    #[test]
    fn spoilt_files_do_no_harm() {
        fixtures::spoilt("proc", |bytes| drop(said(&String::from_utf8_lossy(bytes))));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(cpu|MemTotal:|MemAvailable:|btime| |[0-9]{0,21}|kB|\n|-|\\.){0,30}", bytes in fixtures::mangled("proc")) {
            if let Some(time) = CpuTime::parse(&text) {
                time.busy_since(CpuTime::of(0, 0).unwrap());
            }
            memory(&text);
            uptime(&text);
            started(&text);
            said(&String::from_utf8_lossy(&bytes));
        }
    }
}
