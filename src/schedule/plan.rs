//! What is due now, and how long to wait for what comes next.

use super::{
    Moment, Pause, Planned,
    spread::{jittered, spread},
};
use readiness::Schedule;
use std::time::Duration;
use telemetry::{Id, ProbeId, Trigger, UnixMs};

/// Nobody waits longer than this without looking at the clocks: a sleep, a set clock or a wake is
/// seen within it.
pub const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// After a start or a wake, networks and sound servers need this long to come up by themselves;
/// a check before would find faults that mend themselves.
const SETTLE: Duration = Duration::from_secs(15);
/// After a change, the rest of it (a dock brings a network, a screen and a headset) comes within this.
pub const CHANGE_SETTLE: Duration = Duration::from_secs(5);
/// Checks that follow changes are at least this far apart: a loose plug must not make a load.
const CHANGE_APART: Duration = Duration::from_secs(60);
/// Before a shift begins, a desk that is not ready is looked at again so often: what the agent
/// mended must show without anybody asking.
const AGAIN_UNTIL_READY: Duration = Duration::from_secs(300);
/// In a shift it is looked at again so often.
const AGAIN_IN_SHIFT: Duration = Duration::from_secs(900);
/// In a shift a verdict is renewed so long before it runs out: a desk that is watched must not read
/// as unknown for want of a check.
const RENEW_BEFORE: Duration = Duration::from_secs(300);
/// Checks at logon and on wake are spread over this.
const LOGON_SPREAD: Duration = Duration::from_secs(20);
/// Facts of the environment change by updates and plugs; plugs are watched for, updates are looked
/// for this often.
const ENVIRONMENT: Duration = Duration::from_secs(900);
/// What is due within this is run together, in one report.
const TOGETHER: Duration = Duration::from_secs(2);

/// What is measured each time.
const EACH_TIME: [ProbeId; 5] =
    [ProbeId::Link, ProbeId::Dns, ProbeId::Https, ProbeId::AudioDevices, ProbeId::Load];

/// A shift that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Which.
    pub shift: Id,
    /// When that shift begins: ids may come again.
    pub begin: UnixMs,
    /// When it was checked, by the clock that runs through sleep.
    pub at: Duration,
    /// Whether the desk was ready.
    pub ready: bool,
}

/// When things were last begun, by the clock that runs through sleep.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Last {
    /// The probes of each time.
    pub routine: Option<Duration>,
    /// The media stream.
    pub media: Option<Duration>,
    /// The microphone.
    pub microphone: Option<Duration>,
    /// The facts of the environment.
    pub environment: Option<Duration>,
    /// The shifts that were checked and are not over.
    pub checked: Vec<Checked>,
}

/// All that a decision depends on.
#[derive(Debug, Clone, Copy)]
pub struct Desk<'a> {
    /// The policy's schedule.
    pub schedule: &'a Schedule,
    /// The desk's shifts, earliest first.
    pub shifts: &'a [Planned],
    /// Whether the agent paused measuring.
    pub pause: Pause,
    /// Whether the microphone may be opened in the present window.
    pub microphone: bool,
    /// Tells this desk from others.
    pub seed: u64,
    /// When the daemon started.
    pub started: Duration,
    /// When things were last begun.
    pub last: &'a Last,
    /// When the computer woke, if no check followed yet.
    pub woke: Option<Duration>,
    /// When something changed, if no check followed yet.
    pub changed: Option<Duration>,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// A check with a verdict.
    Check {
        /// Why.
        trigger: Trigger,
        /// For which shift.
        shift: Id,
    },
    /// A measurement in between, of these probes.
    Routine(Vec<ProbeId>),
}

/// What is due, and when to ask again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What is due now.
    pub due: Option<Due>,
    /// How long to wait before the next decision, if nothing is due.
    pub wait: Duration,
}

/// Decides.
pub fn decide(now: &Moment, desk: &Desk<'_>) -> Decision {
    // A check covers every window that is open: of several that are due, a renewal says least about why.
    let checks = desk.shifts.iter().filter_map(|s| check(now, desk, s)).min_by_key(|(at, trigger, _)| {
        let due = *at <= now.boot;
        (!due, due && *trigger == Trigger::Renewal, *at)
    });
    let routine = routine(now, desk);
    let next = checks.iter().map(|(at, ..)| *at).chain(routine.iter().map(|(at, _)| *at)).min();
    let wait = next.map_or(LONGEST_WAIT, |at| at.saturating_sub(now.boot).min(LONGEST_WAIT));
    let due = match (checks, routine) {
        (Some((at, trigger, shift)), _) if at <= now.boot => Some(Due::Check { trigger, shift }),
        (_, Some((at, probes))) if at <= now.boot => Some(Due::Routine(probes)),
        _ => None,
    };
    Decision { due, wait }
}

impl Desk<'_> {
    /// The shift whose window is open: the one that comes next, if two are.
    pub fn window(&self, at: UnixMs) -> Option<&Planned> {
        self.shifts.iter().rev().find(|s| s.covers(at, self.schedule.pre_shift_minutes))
    }
}

impl Last {
    /// Notes a check that began at `now`: it covers every shift whose window is open, and all that
    /// is measured in between.
    pub fn checked(&mut self, now: &Moment, desk_shifts: &[Planned], pre_shift_minutes: u32, ready: bool) {
        self.checked.retain(|c| desk_shifts.iter().any(|s| c.is_for(s) && s.span.end > now.utc));
        for shift in desk_shifts.iter().filter(|s| s.covers(now.utc, pre_shift_minutes)) {
            self.checked.retain(|c| !c.is_for(shift));
            self.checked.push(Checked {
                shift: shift.id.clone(),
                begin: shift.span.begin,
                at: now.boot,
                ready,
            });
        }
        self.measured(now, &ProbeId::ALL);
    }

    /// Notes a measurement of these probes that began at `now`.
    pub fn measured(&mut self, now: &Moment, probes: &[ProbeId]) {
        for (probe, last) in [
            (EACH_TIME[0], &mut self.routine),
            (ProbeId::Media, &mut self.media),
            (ProbeId::Noise, &mut self.microphone),
            (ProbeId::Environment, &mut self.environment),
        ] {
            if probes.contains(&probe) {
                *last = Some(now.boot);
            }
        }
    }
}

impl Checked {
    fn is_for(&self, shift: &Planned) -> bool {
        self.shift == shift.id && self.begin == shift.span.begin
    }
}

/// When a shift's next check is due, and why; `None` if it needs none any more.
fn check(now: &Moment, desk: &Desk<'_>, shift: &Planned) -> Option<(Duration, Trigger, Id)> {
    if shift.span.end <= now.utc {
        return None;
    }
    let pre = desk.schedule.pre_shift_minutes;
    let opens = on_boot_clock(now, shift.opens(pre));
    let soon = spread(desk.seed, 1, LOGON_SPREAD);
    let (at, trigger) = match desk.last.checked.iter().find(|c| c.is_for(shift)) {
        None if desk.woke.is_some_and(|woke| woke >= opens) => (desk.woke? + SETTLE + soon, Trigger::Wake),
        None if desk.started >= opens => (desk.started + SETTLE + soon, Trigger::Logon),
        None => {
            let most = Duration::from_secs(60 * u64::from(pre) / 4);
            let earliest = desk.woke.unwrap_or(desk.started) + SETTLE;
            ((opens + spread(desk.seed, 2, most)).max(earliest), Trigger::PreShift)
        }
        Some(_) if desk.woke.is_some() => (desk.woke? + SETTLE + soon, Trigger::Wake),
        Some(c) if desk.changed.is_some() => {
            ((desk.changed? + CHANGE_SETTLE).max(c.at + CHANGE_APART), Trigger::Changed)
        }
        Some(c) if !c.ready && now.utc < shift.span.begin => (c.at + AGAIN_UNTIL_READY, Trigger::PreShift),
        // What the agent or IT mended in a shift must show as well, if less often.
        Some(c) if !c.ready => (c.at + AGAIN_IN_SHIFT, Trigger::Renewal),
        Some(c) => {
            let holds = Duration::from_secs(60 * u64::from(desk.schedule.valid_minutes));
            (c.at + holds.saturating_sub(RENEW_BEFORE).max(holds / 2), Trigger::Renewal)
        }
    };
    Some((at, trigger, shift.id.clone()))
}

/// When the next measurement in between is due, and of which probes.
fn routine(now: &Moment, desk: &Desk<'_>) -> Option<(Duration, Vec<ProbeId>)> {
    let in_window = desk.window(now.utc).is_some();
    if !in_window && desk.pause.holds(now.utc) {
        return None;
    }
    let s = desk.schedule;
    let base = if in_window { s.routine_seconds } else { s.idle_seconds };
    let environment = if in_window { ENVIRONMENT.as_secs() as u32 } else { s.idle_seconds };
    let due: Vec<(Duration, &[ProbeId])> = [
        (base, desk.last.routine, &EACH_TIME[..]),
        (environment, desk.last.environment, &[ProbeId::Environment]),
        (if in_window { s.media_seconds } else { 0 }, desk.last.media, &[ProbeId::Media]),
        (
            if in_window && desk.microphone { s.microphone_seconds } else { 0 },
            desk.last.microphone,
            &[ProbeId::Noise],
        ),
    ]
    .into_iter()
    .zip(10..)
    .filter_map(|((seconds, last, probes), purpose)| {
        let interval = (seconds > 0).then(|| Duration::from_secs(u64::from(seconds)))?;
        let at = match last {
            Some(last) => last + jittered(interval, desk.seed, purpose, last),
            // One purpose for all, so that what was never measured is measured together.
            None => desk.started + SETTLE + spread(desk.seed, 3, interval.min(Duration::from_secs(60))),
        };
        Some((at, probes))
    })
    .collect();
    let first = due.iter().map(|(at, _)| *at).min()?;
    let within = first.max(now.boot) + TOGETHER;
    let probes = due.iter().filter(|(at, _)| *at <= within).flat_map(|(_, p)| p.iter().copied()).collect();
    Some((first, probes))
}

/// Where a moment of the wall clock lies on the clock that runs through sleep.
fn on_boot_clock(now: &Moment, at: UnixMs) -> Duration {
    let ms = now.boot.as_millis() as i64 + at.since_ms(now.utc);
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}
