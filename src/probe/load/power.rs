//! What powers the computer, from what each system says about it.

use telemetry::{Percent, PowerSource};

/// Power source and charge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Power {
    /// What powers the computer.
    pub source: PowerSource,
    /// Charge of its batteries together.
    pub battery: Option<Percent>,
}

impl Power {
    /// Nothing can be told.
    pub const UNKNOWN: Self = Self { source: PowerSource::Unknown, battery: None };
}

/// From the `uevent` files of Linux, one for each folder in `/sys/class/power_supply`. The battery
/// of a mouse or a headset is none of the computer's.
pub fn linux<'a>(uevents: impl IntoIterator<Item = &'a str>) -> Power {
    let (mut mains, mut discharging, mut charging) = (None, false, false);
    let mut charges = Vec::new();
    for uevent in uevents {
        let value = |key: &str| {
            let line = |l: &'a str| l.strip_prefix("POWER_SUPPLY_")?.strip_prefix(key)?.strip_prefix('=');
            uevent.lines().find_map(line).map(str::trim)
        };
        if value("SCOPE") == Some("Device") {
            continue;
        }
        match value("TYPE") {
            Some("Battery") if value("PRESENT") != Some("0") => {
                match value("STATUS") {
                    Some("Discharging") => discharging = true,
                    Some("Charging" | "Full" | "Not charging") => charging = true,
                    _ => {}
                }
                let capacity =
                    value("CAPACITY").and_then(|c| c.parse().ok()).filter(|c| (0.0..=100.0).contains(c));
                let size = value("ENERGY_FULL").or(value("CHARGE_FULL")).and_then(|s| s.parse().ok());
                charges.extend(capacity.map(|c: f64| (c, size.filter(|s: &f64| *s > 0.0))));
            }
            Some("Mains" | "USB" | "Wireless") => {
                let online = value("ONLINE").is_some_and(|o| o != "0");
                mains = Some(mains.unwrap_or(false) || online);
            }
            _ => {}
        }
    }
    let source = match mains {
        Some(true) => PowerSource::Mains,
        _ if discharging => PowerSource::Battery,
        _ if charging => PowerSource::Mains,
        _ => PowerSource::Unknown,
    };
    Power { source, battery: weighted(&charges) }
}

/// The charge of several batteries by their size, or evenly where a size is not told.
fn weighted(charges: &[(f64, Option<f64>)]) -> Option<Percent> {
    let sized = charges.iter().all(|(_, size)| size.is_some());
    let weight = |size: Option<f64>| if sized { size.unwrap_or(1.0) } else { 1.0 };
    let all: f64 = charges.iter().map(|(_, size)| weight(*size)).sum();
    let sum: f64 = charges.iter().map(|(charge, size)| charge * weight(*size)).sum();
    (!charges.is_empty()).then(|| Percent::new(sum / all))
}

/// From the fields of `SYSTEM_POWER_STATUS` of Windows: `ACLineStatus`, `BatteryFlag` and
/// `BatteryLifePercent`, in which 255 stands for "unknown" and flag 128 for "no battery".
pub fn windows(line: u8, flag: u8, percent: u8) -> Power {
    let source = match line {
        0 => PowerSource::Battery,
        1 => PowerSource::Mains,
        _ => PowerSource::Unknown,
    };
    let has_battery = flag == 255 || flag & 128 == 0;
    Power { source, battery: (has_battery && percent <= 100).then(|| Percent::new(f64::from(percent))) }
}

/// From the output of `pmset -g batt` of macOS. Only internal batteries count.
pub fn macos(output: &str) -> Power {
    let source = match output.lines().next().and_then(|l| l.split('\'').nth(1)) {
        Some("AC Power") => PowerSource::Mains,
        Some("Battery Power" | "UPS Power") => PowerSource::Battery,
        _ => PowerSource::Unknown,
    };
    let charge = |line: &str| {
        let rest = line.trim_start().strip_prefix("-InternalBattery")?;
        let number = rest.split('%').next()?.rsplit(|c: char| !c.is_ascii_digit()).next()?;
        let charge = number.parse::<f64>().ok().filter(|c| *c <= 100.0)?;
        rest.contains('%').then_some((charge, None))
    };
    Power { source, battery: weighted(&output.lines().filter_map(charge).collect::<Vec<_>>()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{environment::read, fixtures};
    use PowerSource::{Battery, Mains, Unknown};
    use proptest::prelude::*;

    fn said(power: Power) -> String {
        power.battery.iter().for_each(fixtures::travels);
        let charge = power.battery.map_or("no battery".into(), |b| format!("{} %", b.get()));
        format!("{:?}, {charge}", power.source)
    }

    /// The files of all supplies of a computer, an empty line between two.
    fn of_linux(bytes: &[u8]) -> String {
        said(linux(read::decoded(bytes).split("\n\n")))
    }

    #[test]
    fn supplies_of_linux_as_they_were_seen() {
        fixtures::check(
            "power-supply",
            &[
                ("arch-6.17-battery-of-no-maker", "Battery, 23 %"),
                ("asahi-6.12-macbook", "Mains, 88 %"),
                ("debian-11-5.10-laptop-mains", "Mains, 100 %"),
                ("debian-12-6.1-thinkpad-two-batteries", "Battery, 55 %"),
                ("desktop-6.12-headset-and-mouse", "Unknown, no battery"),
                ("desktop-6.12-mouse-only", "Unknown, no battery"),
                ("fedora-43-6.17-limit-reached", "Mains, 80 %"),
                ("laptop-6.6-battery-taken-out", "Mains, no battery"),
                ("server-no-supply", "Unknown, no battery"),
                ("ubuntu-22.04-5.15-charge-in-ampere", "Mains, 73 %"),
                ("ubuntu-24.04-6.8-usb-c", "Mains, 61 %"),
            ],
            |_, bytes| of_linux(bytes),
        );
    }

    #[test]
    fn macs_as_they_were_seen() {
        fixtures::check(
            "pmset",
            &[
                ("macos-13-battery.txt", "Battery, 67 %"),
                ("macos-13-no-estimate.txt", "Battery, 90 %"),
                ("macos-14-charged-beside-a-headset.txt", "Mains, 100 %"),
                ("macos-14-limit-reached.txt", "Mains, 80 %"),
                ("macos-15-desktop.txt", "Mains, no battery"),
                ("macos-15-finishing.txt", "Mains, 99 %"),
                ("macos-15-low.txt", "Battery, 9 %"),
                ("macos-26-battery.txt", "Battery, 100 %"),
                ("macos-26-desktop-on-ups.txt", "Battery, no battery"),
                ("macos-26-laptop-beside-ups.txt", "Mains, 66 %"),
            ],
            |_, bytes| said(macos(&read::decoded(bytes))),
        );
    }

    #[test]
    fn line_ends_of_windows_change_nothing() {
        for (name, bytes) in fixtures::of("pmset") {
            let other = read::decoded(&fixtures::as_on_windows(&bytes));
            assert_eq!(macos(&other), macos(&read::decoded(&bytes)), "{name}");
        }
    }

    #[test]
    fn whatever_is_in_it_can_be_sent() {
        fixtures::spoilt("power-supply", |bytes| drop(of_linux(bytes)));
        fixtures::spoilt("pmset", |bytes| drop(said(macos(&read::decoded(bytes)))));
    }

    fn is(power: Power, source: PowerSource, battery: Option<f64>) {
        assert_eq!((power.source, power.battery.map(Percent::get)), (source, battery));
    }

    const AC_ON: &str = "POWER_SUPPLY_NAME=AC\nPOWER_SUPPLY_TYPE=Mains\nPOWER_SUPPLY_ONLINE=1\n";
    const AC_OFF: &str = "POWER_SUPPLY_NAME=AC\nPOWER_SUPPLY_TYPE=Mains\nPOWER_SUPPLY_ONLINE=0\n";
    const MOUSE: &str = "POWER_SUPPLY_TYPE=Battery\nPOWER_SUPPLY_SCOPE=Device\nPOWER_SUPPLY_STATUS=Discharging\nPOWER_SUPPLY_CAPACITY=5\n";

    fn battery(status: &str, capacity: &str, full: &str) -> String {
        format!(
            "POWER_SUPPLY_NAME=BAT0\nPOWER_SUPPLY_TYPE=Battery\nPOWER_SUPPLY_STATUS={status}\nPOWER_SUPPLY_PRESENT=1\n\
             POWER_SUPPLY_ENERGY_FULL={full}\nPOWER_SUPPLY_CAPACITY={capacity}\nPOWER_SUPPLY_CAPACITY_LEVEL=Normal\n"
        )
    }

    #[test]
    fn laptops_on_linux() {
        is(linux([AC_ON, &*battery("Charging", "80", "50000000")]), Mains, Some(80.0));
        is(linux([AC_OFF, &*battery("Discharging", "41", "50000000")]), Battery, Some(41.0));
        is(linux([&*battery("Discharging", "41", "")]), Battery, Some(41.0));
        is(linux([&*battery("Full", "100", "5")]), Mains, Some(100.0));
        is(linux([AC_ON, &*battery("Discharging", "9", "1")]), Mains, Some(9.0));
        is(
            linux([AC_OFF, &*battery("Discharging", "100", "1"), &*battery("Unknown", "20", "3")]),
            Battery,
            Some(40.0),
        );
        is(
            linux([&*battery("Discharging", "100", "1"), &*battery("Unknown", "20", "?")]),
            Battery,
            Some(60.0),
        );
    }

    #[test]
    fn a_desktop_and_its_mouse() {
        is(linux([]), Unknown, None);
        is(linux([MOUSE]), Unknown, None);
        is(linux([MOUSE, AC_ON]), Mains, None);
    }

    #[test]
    fn nonsense_on_linux() {
        is(linux([&*battery("Anna", "101", "-1")]), Unknown, None);
        is(
            linux(["POWER_SUPPLY_TYPE=Battery\nPOWER_SUPPLY_PRESENT=0\nPOWER_SUPPLY_CAPACITY=50"]),
            Unknown,
            None,
        );
        is(
            linux(["", "\n=\n", "POWER_SUPPLY_TYPE", "POWER_SUPPLY_TYPE=Battery\nPOWER_SUPPLY_CAPACITY=NaN"]),
            Unknown,
            None,
        );
    }

    #[test]
    fn windows_marks_what_it_does_not_know() {
        is(windows(1, 128, 255), Mains, None);
        is(windows(0, 2, 30), Battery, Some(30.0));
        is(windows(1, 8 | 1, 95), Mains, Some(95.0));
        is(windows(255, 255, 255), Unknown, None);
        is(windows(7, 0, 101), Unknown, None);
    }

    #[test]
    fn nonsense_on_a_mac() {
        is(macos("Now drawing from 'AC Power'\n"), Mains, None);
        for bad in [
            "",
            "'",
            "Now drawing from 'Anna'",
            "Now drawing from\n -InternalBattery",
            "\n -InternalBattery-0 %;",
        ] {
            is(macos(bad), Unknown, None);
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(POWER_SUPPLY_|TYPE=|Battery|CAPACITY=|ENERGY_FULL=|-InternalBattery|'|%|[0-9]{0,4}|\n|é){0,30}", supplies in fixtures::mangled("power-supply"), batt in fixtures::mangled("pmset")) {
            said(linux([&*text]));
            said(macos(&text));
            of_linux(&supplies);
            said(macos(&read::decoded(&batt)));
        }
    }
}
