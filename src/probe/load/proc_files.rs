//! What Linux writes in `/proc/stat`, `/proc/meminfo` and `/proc/uptime`.

use super::Space;
use std::time::Duration;

/// Time that all cores together spent, in ticks since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CpuTime {
    busy: u64,
    all: u64,
}

impl CpuTime {
    /// From `/proc/stat`. Waiting for a disk is idling; time that a hypervisor took is not.
    pub fn parse(stat: &str) -> Option<Self> {
        let line = stat.lines().find_map(|l| l.strip_prefix("cpu "))?;
        // user nice system idle iowait irq softirq steal; guest time is already in user and nice.
        let ticks: Vec<u64> = line.split_ascii_whitespace().take(8).map_while(|n| n.parse().ok()).collect();
        let all = ticks.iter().try_fold(0u64, |sum, n| sum.checked_add(*n))?;
        let idle = ticks.get(3)?.checked_add(ticks.get(4).copied().unwrap_or(0))?;
        Some(Self { busy: all - idle, all })
    }

    /// Percent that was busy since an earlier time. `None` if no time went by.
    pub fn busy_since(self, earlier: Self) -> Option<f64> {
        let all = self.all.checked_sub(earlier.all).filter(|t| *t > 0)?;
        // The kernel corrects its idle time now and then, so that this can run backwards by a tick.
        let busy = self.busy.saturating_sub(earlier.busy).min(all);
        Some(100.0 * busy as f64 / all as f64)
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
    use proptest::prelude::*;

    const STAT: &str =
        "cpu  100 10 50 800 40 0 5 5 3 0\ncpu0 50 5 25 400 20 0 2 3 1 0\nintr 5 0\nbtime 1760000000\n";

    #[test]
    fn busy_is_what_is_neither_idle_nor_waiting() {
        let before = CpuTime::parse(STAT).unwrap();
        assert_eq!(before, CpuTime { busy: 170, all: 1010 });
        let after = CpuTime::parse("cpu  130 10 60 850 50 0 5 5 3 0\n").unwrap();
        assert_eq!(after.busy_since(before), Some(40.0));
        assert_eq!(before.busy_since(before), None);
        assert_eq!(before.busy_since(after), None);
    }

    #[test]
    fn an_old_kernel_with_four_columns() {
        assert_eq!(CpuTime::parse("cpu  1 2 3 4\n"), Some(CpuTime { busy: 6, all: 10 }));
    }

    #[test]
    fn idle_time_that_runs_backwards_is_not_negative() {
        let before = CpuTime { busy: 100, all: 1000 };
        assert_eq!(CpuTime { busy: 99, all: 1001 }.busy_since(before), Some(0.0));
        assert_eq!(CpuTime { busy: 200, all: 1001 }.busy_since(before), Some(100.0));
    }

    #[test]
    fn memory_uptime_and_start() {
        let meminfo = "MemTotal:       16000000 kB\nMemFree:  100 kB\nMemAvailable:    4000000 kB\n";
        assert_eq!(memory(meminfo), Some(Space { total: 16_384_000_000, free: 4_096_000_000 }));
        assert_eq!(memory("MemTotal: 5 kB\n"), None);
        assert_eq!(memory("MemTotal: 99999999999999999 kB\nMemAvailable: 1 kB\n"), None);
        assert_eq!(uptime("1490.62 2263.11\n"), Some(Duration::from_millis(1_490_620)));
        assert_eq!(started(STAT), Some(1_760_000_000));
        for bad in ["", "-1 2", "NaN", "1e300", "anna"] {
            assert_eq!(uptime(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(cpu|MemTotal:|MemAvailable:|btime| |[0-9]{0,21}|kB|\n|-|\\.){0,30}") {
            if let Some(time) = CpuTime::parse(&text) {
                time.busy_since(CpuTime { busy: 0, all: 0 });
            }
            memory(&text);
            uptime(&text);
            started(&text);
        }
    }
}
