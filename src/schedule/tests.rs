use super::{
    spread::{jittered, spread},
    *,
};
use readiness::Schedule;
use std::time::Duration;
use telemetry::{ProbeId, Trigger};

/// 2026-11-23 00:00 UTC, a Monday.
const DAY: i64 = 1_795_392_000_000;
/// What the boot clock read at that moment.
const BOOT: Duration = Duration::from_secs(1_000_000);

fn seconds(clock: &str) -> i64 {
    let parts: Vec<i64> = clock.split(':').map(|p| p.parse().expect("digits")).collect();
    parts[0] * 3600 + parts[1] * 60 + parts.get(2).copied().unwrap_or(0)
}

fn utc(clock: &str) -> UnixMs {
    UnixMs::new(DAY + seconds(clock) * 1000)
}

fn boot(clock: &str) -> Duration {
    BOOT + Duration::from_secs(seconds(clock) as u64)
}

fn at(clock: &str) -> Moment {
    Moment { utc: utc(clock), boot: boot(clock), awake: boot(clock) }
}

fn shift(id: &str, begin: &str, end: &str) -> Planned {
    Planned { id: id.parse().unwrap(), span: ShiftSpan { begin: utc(begin), end: utc(end) } }
}

struct Case {
    schedule: Schedule,
    shifts: Vec<Planned>,
    pause: Pause,
    microphone: bool,
    started: Duration,
    last: Last,
    woke: Option<Duration>,
    changed: Option<Duration>,
}

impl Case {
    /// A desk with a shift from 9 to 17, whose daemon has run since one at night.
    fn new() -> Self {
        Self {
            schedule: Schedule::default(),
            shifts: vec![shift("early", "09:00", "17:00")],
            pause: Pause::No,
            microphone: false,
            started: boot("01:00"),
            last: Last::default(),
            woke: None,
            changed: None,
        }
    }

    fn desk(&self) -> Desk<'_> {
        Desk {
            schedule: &self.schedule,
            shifts: &self.shifts,
            pause: self.pause,
            microphone: self.microphone,
            seed: 42,
            started: self.started,
            last: &self.last,
            woke: self.woke,
            changed: self.changed,
        }
    }

    /// Everything was measured just then, so that only checks can be due.
    fn measured_at(mut self, clock: &str) -> Self {
        self.last.measured(&at(clock), &ProbeId::ALL);
        self
    }

    fn checked_at(mut self, clock: &str, ready: bool) -> Self {
        self.last.checked(&at(clock), &self.shifts, self.schedule.pre_shift_minutes, ready);
        self
    }

    fn due(&self, clock: &str) -> Option<Due> {
        decide(&at(clock), &self.desk()).due
    }
}

fn checks(trigger: Trigger, shift: &str) -> Option<Due> {
    Some(Due::Check { trigger, shift: shift.parse().unwrap() })
}

#[test]
fn a_shift_is_checked_before_it_begins_and_once() {
    // The window opens at 8:30; the spread is at most a quarter of half an hour.
    for (clock, expected) in [
        ("07:00", None),
        ("08:29:59", None),
        ("08:37:30", checks(Trigger::PreShift, "early")),
        ("09:30", checks(Trigger::PreShift, "early")),
        ("16:59:59", checks(Trigger::PreShift, "early")),
        ("17:00", None),
    ] {
        assert_eq!(Case::new().measured_at(clock).due(clock), expected, "{clock}");
    }
    let done = Case::new().checked_at("08:35", true);
    for clock in ["08:35:10", "08:35:40"] {
        assert_eq!(done.due(clock), None, "{clock}");
    }
}

#[test]
fn in_a_shift_a_verdict_is_renewed_before_it_runs_out() {
    // It holds an hour; five minutes before that it is renewed, and after the shift never.
    let case = |clock: &str| Case::new().checked_at("08:35", true).measured_at(clock).due(clock);
    assert_eq!(case("09:29:59"), None);
    assert_eq!(case("09:30"), checks(Trigger::Renewal, "early"));
    assert_eq!(case("16:59"), checks(Trigger::Renewal, "early"));
    assert_eq!(case("17:01"), None);
}

#[test]
fn the_spread_differs_between_desks_and_stays_in_the_window() {
    let case = Case::new().measured_at("08:29");
    let begin = |seed| {
        (seconds("08:30")..=seconds("08:38"))
            .find(|s| {
                let now = Moment {
                    utc: UnixMs::new(DAY + s * 1000),
                    boot: BOOT + Duration::from_secs(*s as u64),
                    awake: BOOT,
                };
                let desk = Desk { seed, ..case.desk() };
                matches!(decide(&now, &desk).due, Some(Due::Check { .. }))
            })
            .expect("each is checked within the quarter")
    };
    let all: std::collections::BTreeSet<i64> = (0..200).map(begin).collect();
    assert!(all.len() > 100, "{} different seconds for 200 desks", all.len());
    assert_eq!(begin(7), begin(7), "the same for one desk each time");
}

#[test]
fn a_desk_that_starts_or_wakes_inside_the_window_is_checked_soon() {
    for (name, started, woke, before, after, trigger) in [
        ("logon before the shift", "08:40", None, "08:40:14", "08:40:36", Trigger::Logon),
        ("logon in the shift", "10:00", None, "10:00:14", "10:00:36", Trigger::Logon),
        ("logon as the window opens", "08:30", None, "08:30:14", "08:30:36", Trigger::Logon),
        ("wake before the shift", "01:00", Some("08:50"), "08:50:14", "08:50:36", Trigger::Wake),
        ("wake in the shift", "01:00", Some("11:00"), "11:00:14", "11:00:36", Trigger::Wake),
        ("wake after a logon", "08:31", Some("08:45"), "08:45:14", "08:45:36", Trigger::Wake),
        ("asleep until just before", "01:00", Some("08:29:50"), "08:30:04", "08:37:31", Trigger::PreShift),
    ] {
        let mut case = Case { started: boot(started), ..Case::new() };
        case.woke = woke.map(boot);
        case = case.measured_at(before);
        assert_eq!(case.due(before), None, "{name}: it must settle first");
        assert_eq!(case.due(after), checks(trigger, "early"), "{name}");
    }
}

#[test]
fn a_wake_checks_again_and_outside_windows_it_does_not() {
    let mut case = Case::new().checked_at("08:35", true).measured_at("12:00");
    case.woke = Some(boot("12:00"));
    assert_eq!(case.due("12:00:36"), checks(Trigger::Wake, "early"));
    let mut case = Case::new().measured_at("06:00");
    case.woke = Some(boot("06:00"));
    assert_eq!(case.due("06:01"), None);
    let mut case = Case::new().measured_at("18:00");
    case.woke = Some(boot("18:00"));
    assert_eq!(case.due("18:01"), None);
}

#[test]
fn a_change_in_a_shift_is_followed_by_a_check_but_not_by_a_load_of_them() {
    let changed = |checked: &str, at: &str| {
        let mut case = Case::new().checked_at(checked, true).measured_at(at);
        case.changed = Some(boot(at));
        case
    };
    assert_eq!(changed("10:35", "11:00").due("11:00:04"), None, "the rest of it may still come");
    assert_eq!(changed("10:35", "11:00").due("11:00:05"), checks(Trigger::Changed, "early"));
    assert_eq!(changed("10:59:50", "11:00").due("11:00:49"), None, "too soon after the last");
    assert_eq!(changed("10:59:50", "11:00").due("11:00:50"), checks(Trigger::Changed, "early"));
    assert_eq!(changed("08:35", "17:30").due("17:31"), None, "outside a shift nobody waits for it");
}

#[test]
fn a_desk_that_is_not_ready_is_looked_at_again_until_the_shift_begins() {
    let case = |clock| Case::new().checked_at("08:40", false).measured_at(clock);
    assert_eq!(case("08:44:59").due("08:44:59"), None);
    assert_eq!(case("08:45").due("08:45"), checks(Trigger::PreShift, "early"));
    let late = |clock| Case::new().checked_at("08:58", false).measured_at(clock).due(clock);
    assert_eq!(late("09:12:59"), None, "in the shift the daemon measures anyway");
    assert_eq!(late("09:13"), checks(Trigger::Renewal, "early"));
    assert_eq!(Case::new().checked_at("08:40", true).measured_at("08:50").due("08:50"), None);
}

#[test]
fn split_shifts_are_each_checked_and_a_check_covers_every_open_window() {
    let two =
        || Case { shifts: vec![shift("a", "08:00", "12:00"), shift("b", "12:20", "16:00")], ..Case::new() };
    let case = two().checked_at("07:35", true).measured_at("11:58");
    assert_eq!(case.due("11:58"), checks(Trigger::PreShift, "b"), "the first shift still runs");
    let case = two().checked_at("11:58", true).measured_at("11:59");
    assert_eq!(case.due("11:59"), None);
    assert_eq!(case.last.checked.len(), 2);
    // The next check forgets the shift that is over.
    let mut last = case.last.clone();
    last.checked(&at("12:30"), &case.shifts, 30, true);
    assert_eq!(last.checked.iter().map(|c| c.shift.as_str()).collect::<Vec<_>>(), ["b"]);
}

#[test]
fn an_id_that_comes_again_the_next_day_is_another_shift() {
    let mut case = Case::new().checked_at("08:35", true);
    case.shifts = vec![shift("early", "33:00", "41:00")];
    assert_eq!(case.measured_at("32:38").due("32:38"), checks(Trigger::PreShift, "early"));
}

#[test]
fn intervals_in_a_shift_follow_the_policy() {
    let each = vec![ProbeId::Link, ProbeId::Dns, ProbeId::Https, ProbeId::AudioDevices, ProbeId::Load];
    let plus = |more: &[ProbeId]| Some(Due::Routine([&each[..], more].concat()));
    let case = Case::new().checked_at("10:00", true);
    assert_eq!(case.due("10:00:56"), None);
    assert_eq!(case.due("10:01:03"), Some(Due::Routine(each.clone())));
    // Nothing ran for a while: what is due meanwhile runs together.
    assert_eq!(case.due("10:05:20"), plus(&[ProbeId::Media]));
    assert_eq!(case.due("10:16"), plus(&[ProbeId::Environment, ProbeId::Media]));
    let with_microphone = Case { microphone: true, ..Case::new() }.checked_at("10:00", true);
    assert_eq!(with_microphone.due("10:11"), plus(&[ProbeId::Media, ProbeId::Noise]));
}

#[test]
fn outside_shifts_neither_stream_nor_microphone_runs() {
    let mut case = Case { microphone: true, ..Case::new() };
    case.last.measured(&at("19:00"), &[ProbeId::Link, ProbeId::Environment]);
    for clock in ["19:14", "19:15:50", "22:00"] {
        match case.due(clock) {
            None => assert_eq!(clock, "19:14"),
            Some(Due::Routine(probes)) => {
                assert!(!probes.contains(&ProbeId::Media) && !probes.contains(&ProbeId::Noise), "{clock}");
                assert!(probes.contains(&ProbeId::Environment), "{clock}");
            }
            Some(check) => panic!("{clock}: {check:?}"),
        }
    }
    case.schedule.idle_seconds = 0;
    assert_eq!(case.due("22:00"), None, "0 is never");
}

#[test]
fn a_pause_holds_outside_shifts_only() {
    let paused = |pause, clock| Case { pause, ..Case::new() }.due(clock);
    assert!(paused(Pause::No, "20:00").is_some());
    assert_eq!(paused(Pause::UntilResumed, "20:00"), None);
    assert_eq!(paused(Pause::Until(utc("20:01")), "20:00"), None);
    assert!(paused(Pause::Until(utc("20:00")), "20:00").is_some(), "it is over");
    assert_eq!(paused(Pause::UntilResumed, "08:38"), checks(Trigger::PreShift, "early"));
}

#[test]
fn a_wait_ends_when_the_next_thing_is_due_and_is_never_long() {
    let wait = |case: &Case, clock| decide(&at(clock), &case.desk()).wait;
    assert_eq!(wait(&Case::new().measured_at("03:00"), "03:00:01"), LONGEST_WAIT);
    let case = Case { started: boot("08:40"), ..Case::new() }.measured_at("08:40");
    let check_at = boot("08:40:15") + spread(42, 1, Duration::from_secs(20));
    assert_eq!(boot("08:40:14") + wait(&case, "08:40:14"), check_at.min(boot("08:40:14") + LONGEST_WAIT));
    let none = Case {
        shifts: Vec::new(),
        schedule: Schedule { idle_seconds: 0, ..Schedule::default() },
        ..Case::new()
    };
    assert_eq!(decide(&at("12:00"), &none.desk()), Decision { due: None, wait: LONGEST_WAIT });
}

#[test]
fn a_shift_of_before_the_computer_started_does_not_underflow() {
    let mut now = at("09:10");
    now.boot = Duration::from_secs(20);
    let case = Case { started: Duration::from_secs(5), ..Case::new() };
    assert!(matches!(decide(&now, &case.desk()).due, None | Some(Due::Check { .. })));
    now.boot = Duration::from_secs(60);
    assert_eq!(decide(&now, &case.desk()).due, checks(Trigger::Logon, "early"));
}

#[test]
fn sleeps_and_set_clocks_are_told_apart() {
    let s = Duration::from_secs;
    let from = Moment { utc: utc("10:00"), awake: s(100), boot: s(500) };
    let moved = |wall_s: f64, awake: u64, boot: u64| {
        let to = Moment {
            utc: from.utc.plus_ms((wall_s * 1000.0) as i64),
            awake: from.awake + s(awake),
            boot: from.boot + s(boot),
        };
        notice(&from, &to)
    };
    for (name, noticed, slept, jumped) in [
        ("nothing", moved(15.0, 15, 15), None, None),
        ("slewed by a time service", moved(15.4, 15, 15), None, None),
        ("slept an hour", moved(3615.0, 15, 3615), Some(s(3600)), None),
        ("slept, and the clock came back late", moved(3613.5, 15, 3615), Some(s(3600)), None),
        ("set forward an hour", moved(3615.0, 15, 15), None, Some(3_600_000)),
        ("set back a day", moved(15.0 - 86_400.0, 15, 15), None, Some(-86_400_000)),
        ("slept and was set", moved(7200.0, 0, 3600), Some(s(3600)), Some(3_600_000)),
        ("just within", moved(18.0, 15, 18), None, None),
        ("just beyond", moved(19.0, 15, 19), Some(s(4)), None),
    ] {
        assert_eq!(noticed, Noticed { slept, jumped_ms: jumped }, "{name}");
    }
    let earlier = Moment { boot: s(0), awake: s(0), ..from };
    assert_eq!(notice(&from, &earlier).slept, None, "a clock that runs back is no sleep");
}

#[test]
fn the_microphone_needs_consent_policy_window_and_no_pause() {
    let consent = |background| Consent { background, calls: ConsentState::Given };
    let given = consent(ConsentState::Given);
    for (name, consent, policy, window, paused, expected) in [
        ("all of them", given, true, true, false, Ok(())),
        ("not asked", consent(ConsentState::NotAsked), true, true, false, Err(NotChecked::NoConsent)),
        ("withdrawn", consent(ConsentState::Withdrawn), true, true, false, Err(NotChecked::NoConsent)),
        ("policy says no", given, false, true, false, Err(NotChecked::NotAllowed)),
        ("outside", given, true, false, false, Err(NotChecked::OutsideShift)),
        ("paused", given, true, true, true, Err(NotChecked::Paused)),
    ] {
        assert_eq!(microphone(&consent, policy, window, paused), expected, "{name}");
    }
}

#[test]
fn jitter_is_within_five_percent_and_spread_below_its_most() {
    let interval = Duration::from_secs(60);
    for seed in 0..500 {
        let next = jittered(interval, seed, 10, Duration::from_secs(seed * 7));
        assert!((57.0..=63.0).contains(&next.as_secs_f64()), "{next:?}");
        assert!(spread(seed, 1, interval) < interval);
    }
    assert_ne!(jittered(interval, 1, 10, interval), jittered(interval, 1, 10, interval * 2));
}

#[test]
fn an_invalid_shift_costs_only_itself() {
    let shift = |id: &str, zone: &str| Shift {
        id: id.parse().unwrap(),
        begin: "2026-11-23T09:00".parse().unwrap(),
        end: "2026-11-23T17:00".parse().unwrap(),
        zone: zone.into(),
    };
    let planned =
        Planned::from_shifts(&[shift("late", "Mars/Olympus"), shift("b", "UTC"), shift("a", "Asia/Tokyo")]);
    let ids: Vec<&str> = planned.iter().map(|p| p.id.as_str()).collect();
    assert_eq!(ids, ["a", "b"], "earliest first");
}

#[test]
fn what_would_interrupt_waits_for_the_end_of_the_shift() {
    let one = vec![shift("early", "09:00", "17:00")];
    let split =
        vec![shift("a", "08:00", "12:00"), shift("b", "12:20", "16:00"), shift("c", "18:00", "20:00")];
    let double = vec![shift("a", "08:00", "16:00"), shift("b", "09:00", "12:00")];
    for (name, shifts, clock, expected) in [
        ("no shift is known", &vec![], "10:00", None),
        ("before the window", &one, "08:29:59", None),
        ("the window opens", &one, "08:30", Some("17:00")),
        ("in the shift", &one, "12:00", Some("17:00")),
        ("its last second", &one, "16:59:59", Some("17:00")),
        ("it is over", &one, "17:00", None),
        ("the next window is open before the end", &split, "10:00", Some("16:00")),
        ("between the two", &split, "12:10", Some("16:00")),
        ("a gap before the next window", &split, "16:00", None),
        ("the last of the day", &split, "17:30", Some("20:00")),
        ("one inside the other", &double, "11:00", Some("16:00")),
    ] {
        assert_eq!(waits_until(utc(clock), shifts, 30), expected.map(utc), "{name}");
    }
}
