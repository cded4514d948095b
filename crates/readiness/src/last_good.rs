//! The last good shift: the last shift that began ready and had no blocking finding. It is what
//! "what changed since it last worked" is held against.

use crate::ShiftSpan;
use telemetry::{Finding, Severity, UnixMs, Verdict};

/// A judgement as it is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judged {
    /// When.
    pub at: UnixMs,
    /// Until when it held.
    pub valid_until: UnixMs,
    /// The verdict.
    pub verdict: Verdict,
    /// Whether any finding was blocking.
    pub blocking: bool,
}

impl Judged {
    /// Remembers a judgement made at this moment.
    pub fn new(at: UnixMs, valid_until: UnixMs, verdict: Verdict, findings: &[Finding]) -> Self {
        Self { at, valid_until, verdict, blocking: findings.iter().any(|f| f.severity == Severity::Blocking) }
    }
}

/// The last of these shifts that is over, began ready and had no blocking finding. Neither list needs to be in order.
///
/// A shift begins with the verdict that holds at its beginning; if none does (the desk slept), with the first one in it.
pub fn last_good_shift(shifts: &[ShiftSpan], judged: &[Judged], now: UnixMs) -> Option<ShiftSpan> {
    let over = shifts.iter().filter(|s| s.end <= now);
    over.filter(|s| was_good(s, judged)).max_by_key(|s| s.begin).copied()
}

fn was_good(shift: &ShiftSpan, judged: &[Judged]) -> bool {
    let within = || judged.iter().filter(|j| shift.begin < j.at && j.at <= shift.end);
    let before = judged.iter().filter(|j| j.at <= shift.begin).max_by_key(|j| j.at);
    let first = before.filter(|j| j.valid_until >= shift.begin).or_else(|| within().min_by_key(|j| j.at));
    first.is_some_and(|j| j.verdict == Verdict::Ready) && !within().any(|j| j.blocking)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::{AtRisk, NotReady, Ready, Unknown};

    const HOUR: i64 = 3_600_000;

    fn t(hour: i64) -> UnixMs {
        UnixMs::new(UnixMs::MIN + hour * HOUR)
    }

    fn shift(begin: i64, end: i64) -> ShiftSpan {
        ShiftSpan { begin: t(begin), end: t(end) }
    }

    fn judged(at: i64, verdict: Verdict) -> Judged {
        Judged { at: t(at), valid_until: t(at + 1), verdict, blocking: verdict == NotReady }
    }

    #[test]
    fn the_latest_that_began_ready_and_was_never_blocked() {
        let shifts = [shift(57, 65), shift(9, 17), shift(33, 41)];
        let all = [judged(8, Ready), judged(33, Ready), judged(38, NotReady), judged(57, AtRisk)];
        assert_eq!(last_good_shift(&shifts, &all, t(100)), Some(shifts[1]));
        assert_eq!(last_good_shift(&shifts, &all[1..], t(100)), None);
    }

    #[test]
    fn a_shift_that_is_not_over_does_not_count() {
        let all = [judged(8, Ready)];
        assert_eq!(last_good_shift(&[shift(9, 17)], &all, t(16)), None);
        assert_eq!(last_good_shift(&[shift(9, 17)], &all, t(17)), Some(shift(9, 17)));
    }

    #[test]
    fn a_verdict_that_ran_out_before_the_shift_is_none() {
        let shifts = [shift(9, 17)];
        assert_eq!(last_good_shift(&shifts, &[judged(7, Ready)], t(20)), None);
        // Woken late: the first check in the shift is how it began.
        assert_eq!(
            last_good_shift(&shifts, &[judged(7, NotReady), judged(10, Ready)], t(20)),
            Some(shifts[0])
        );
        assert_eq!(last_good_shift(&shifts, &[judged(10, Unknown), judged(11, Ready)], t(20)), None);
        assert_eq!(last_good_shift(&shifts, &[], t(20)), None);
    }
}
