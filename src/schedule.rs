//! When to measure: shifts, pre-shift window, wake and logon, intervals with spread. Pure.
//!
//! Shifts are held against the wall clock, intervals against a clock that nobody sets and that
//! runs on while the computer sleeps. Must not read a clock, start a probe or know what one found.

mod moment;
mod plan;
mod spread;

pub use moment::{Moment, Noticed, SLEEP_MATTERS, notice};
pub use plan::{CHANGE_SETTLE, Checked, Decision, Desk, Due, LONGEST_WAIT, Last, decide};

use readiness::{Shift, ShiftSpan};
use telemetry::{Consent, ConsentState, Id, NotChecked, UnixMs};

/// A shift as the schedule needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Its id.
    pub id: Id,
    /// From when to when.
    pub span: ShiftSpan,
}

impl Planned {
    /// Shifts of an assignment, earliest first. One that is not valid is left out: the collector
    /// refuses such shifts, and one bad line must not cost an agent the checks of all others.
    pub fn from_shifts(shifts: &[Shift]) -> Vec<Self> {
        let mut planned: Vec<Self> =
            shifts.iter().filter_map(|s| Some(Self { id: s.id.clone(), span: s.span().ok()? })).collect();
        planned.sort_by_key(|p| p.span.begin);
        planned
    }

    /// When its pre-shift window opens.
    pub fn opens(&self, pre_shift_minutes: u32) -> UnixMs {
        self.span.begin.plus_ms(-60_000 * i64::from(pre_shift_minutes))
    }

    /// Whether a moment lies between the opening of the pre-shift window and the end of the shift.
    pub fn covers(&self, at: UnixMs, pre_shift_minutes: u32) -> bool {
        at >= self.opens(pre_shift_minutes) && at < self.span.end
    }
}

/// Whether the agent paused measuring. A pause holds outside shifts only; the microphone stays
/// closed under it everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pause {
    /// Not paused.
    #[default]
    No,
    /// Until this moment.
    Until(UnixMs),
    /// Until the agent resumes.
    UntilResumed,
}

impl Pause {
    /// The moment that stands for "until the agent resumes" in the store.
    pub const UNTIL_RESUMED: i64 = UnixMs::MAX;

    /// The pause that the store holds.
    pub fn from_stored(until: Option<UnixMs>) -> Self {
        match until {
            None => Self::No,
            Some(at) if at.get() == Self::UNTIL_RESUMED => Self::UntilResumed,
            Some(at) => Self::Until(at),
        }
    }

    /// Whether it holds at a moment.
    pub fn holds(self, at: UnixMs) -> bool {
        match self {
            Self::No => false,
            Self::Until(end) => at < end,
            Self::UntilResumed => true,
        }
    }
}

/// Until when something that would interrupt has to wait: the end of the shift, from the opening of its
/// pre-shift window on. Shifts whose windows follow without a gap are waited for together. `None` if nothing is in the way.
pub fn waits_until(at: UnixMs, shifts: &[Planned], pre_shift_minutes: u32) -> Option<UnixMs> {
    let end_of = |at| {
        let open = shifts.iter().filter(|s| s.covers(at, pre_shift_minutes));
        open.map(|s| s.span.end).max()
    };
    std::iter::successors(end_of(at), |end| end_of(*end)).last()
}

/// Whether the daemon may open the microphone by itself, and if not, why. A self-check is the
/// agent's own act and does not ask this.
pub fn microphone(
    consent: &Consent,
    policy_allows: bool,
    in_window: bool,
    paused: bool,
) -> Result<(), NotChecked> {
    if consent.background != ConsentState::Given {
        Err(NotChecked::NoConsent)
    } else if !policy_allows {
        Err(NotChecked::NotAllowed)
    } else if !in_window {
        Err(NotChecked::OutsideShift)
    } else if paused {
        Err(NotChecked::Paused)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
