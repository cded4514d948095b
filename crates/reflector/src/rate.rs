//! How often something may happen.

use std::time::Duration;

/// A rate with a burst, kept as one number: when everything allowed so far would be used up at the
/// steady rate (the generic cell rate algorithm).
#[derive(Debug, Default)]
pub(crate) struct Rate {
    used_until: Duration,
}

impl Rate {
    /// Whether one more may happen at `now`.
    pub(crate) fn allow(&mut self, per_second: u32, burst: u32, now: Duration) -> bool {
        let each = Duration::from_secs(1) / per_second.max(1);
        let begin = self.used_until.max(now);
        let allowed = begin - now <= each * burst;
        if allowed {
            self.used_until = begin + each;
        }
        allowed
    }
}
