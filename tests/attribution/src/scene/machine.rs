//! How busy the machine is that plays the cases.
//!
//! All desks of the lab have the machine's processors for theirs: where others keep them busy, each desk rightly says
//! that its computer is busy.

use std::{fs, io};

/// The desk calls a computer busy from 80 % on; a little below that the answer depends on the moment.
const TOO_BUSY_PERCENT: u64 = 70;

/// What the processors had done at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Processors {
    idle: u64,
    all: u64,
}

impl Processors {
    /// Now.
    pub fn now() -> io::Result<Self> {
        let text = fs::read_to_string("/proc/stat")?;
        parse(&text).ok_or_else(|| io::Error::other("/proc/stat has no line 'cpu'"))
    }

    /// How busy they were since then, if that was too much.
    pub fn too_busy_since(self) -> Option<String> {
        let now = Self::now().ok()?;
        let busy = self.busy_percent(now);
        (busy > TOO_BUSY_PERCENT).then(|| format!("the machine was busy, {busy} %"))
    }

    fn busy_percent(self, now: Self) -> u64 {
        let (all, idle) = (now.all.saturating_sub(self.all), now.idle.saturating_sub(self.idle));
        (all.saturating_sub(idle) * 100).checked_div(all).unwrap_or(0)
    }
}

/// From `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal; what guests use is in user.
fn parse(text: &str) -> Option<Processors> {
    let line = text.lines().find_map(|l| l.strip_prefix("cpu "))?;
    let times: Vec<u64> = line.split_whitespace().take(8).map_while(|t| t.parse().ok()).collect();
    let idle = times.get(3)? + times.get(4)?;
    Some(Processors { idle, all: times.iter().sum() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_neither_idle_nor_waiting_for_a_disk_is_busy() {
        let before = parse("cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 1 2 3 4\n").unwrap();
        let after = parse("cpu  150 0 110 715 105 0 10 10 0 0\n").unwrap();
        assert_eq!(before.busy_percent(after), 80);
        assert_eq!(before.busy_percent(before), 0);
        for odd in ["", "cpu0 1 2 3 4 5\n", "cpu  1 2 3\n", "cpu  a b\n"] {
            assert_eq!(parse(odd), None, "{odd}");
        }
    }
}
