//! Time that the cores spent, and how much of a stretch of it they were busy.

/// Time that all cores together spent since the start, in units of the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CpuTime {
    busy: u64,
    all: u64,
}

impl CpuTime {
    /// From the time they idled and all there was. `None` if they idled longer than there was time.
    pub fn of(idle: u64, all: u64) -> Option<Self> {
        Some(Self { busy: all.checked_sub(idle)?, all })
    }

    /// From the three times of `GetSystemTimes` of Windows, in which idling is a part of the kernel's.
    pub fn windows(idle: u64, kernel: u64, user: u64) -> Option<Self> {
        Self::of(idle, kernel.checked_add(user)?)
    }

    /// Percent that was busy since an earlier time. `None` if no time went by.
    pub fn busy_since(self, earlier: Self) -> Option<f64> {
        let all = self.all.checked_sub(earlier.all).filter(|t| *t > 0)?;
        // Kernels correct their idle time now and then, so that this can run backwards by a tick.
        let busy = self.busy.saturating_sub(earlier.busy).min(all);
        // What rounding may leave above the whole is none.
        Some((100.0 * busy as f64 / all as f64).min(100.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn busy_is_what_is_not_idle() {
        let before = CpuTime::of(840, 1010).unwrap();
        let after = CpuTime::of(900, 1110).unwrap();
        assert_eq!(after.busy_since(before), Some(40.0));
        assert_eq!(before.busy_since(before), None);
        assert_eq!(before.busy_since(after), None);
    }

    #[test]
    fn idle_time_that_runs_backwards_is_not_negative() {
        let before = CpuTime { busy: 100, all: 1000 };
        assert_eq!(CpuTime { busy: 99, all: 1001 }.busy_since(before), Some(0.0));
        assert_eq!(CpuTime { busy: 200, all: 1001 }.busy_since(before), Some(100.0));
    }

    #[test]
    fn windows_counts_idling_as_the_kernels() {
        let before = CpuTime::windows(900, 1000, 100).unwrap();
        let after = CpuTime::windows(975, 1080, 120).unwrap();
        assert_eq!(after.busy_since(before), Some(25.0));
        assert_eq!(CpuTime::windows(2, 1, 0), None);
        assert_eq!(CpuTime::windows(0, u64::MAX, 1), None);
    }

    proptest! {
        #[test]
        fn a_share_is_a_share(a: (u64, u64), b: (u64, u64)) {
            if let (Some(a), Some(b)) = (CpuTime::of(a.0, a.1), CpuTime::of(b.0, b.1)) {
                prop_assert!(a.busy_since(b).is_none_or(|p| (0.0..=100.0).contains(&p)));
            }
        }
    }
}
