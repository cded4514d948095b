//! Facts of the environment, as Windows tells.

use super::registry::{self, Hive, Key};
use crate::environment::{
    Places, Seen,
    browser::{
        Coverage, Found, Installed, application_ini,
        beacon::{self, MOZILLA, PLACES, Place},
    },
    os::{Os, windows_version},
    read,
};
use std::{hash::Hasher, path::Path};
use telemetry::Word;

const CURRENT_VERSION: &str = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion";
/// Keys that exist while an update waits for a restart. `PendingFileRenameOperations` is not among
/// them: browsers' updaters set it every day.
const RESTART: [&str; 2] = [
    r"SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\RebootPending",
    r"SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired",
];

/// The operating system.
pub fn os(_: &Places) -> Os {
    let values = match Key::open(Hive::Machine, CURRENT_VERSION) {
        Seen::Is(key) => windows_version::Values {
            build: key.text("CurrentBuildNumber").is(),
            updates: key.number("UBR").is(),
            product: key.text("ProductName").is(),
            installation: key.text("InstallationType").is(),
        },
        _ => windows_version::Values::default(),
    };
    windows_version::parse(&values, pending_restart())
}

fn pending_restart() -> Seen<bool> {
    let waits = RESTART.map(|path| registry::exists(Hive::Machine, path));
    if waits.contains(&Seen::Is(true)) {
        Seen::Is(true)
    } else if waits.iter().all(|w| *w == Seen::Is(false)) {
        Seen::Is(false)
    } else {
        Seen::Unreadable
    }
}

/// The browsers that are installed.
pub fn browsers(_: &Places) -> Found {
    let mut found = Found::default();
    for place in &PLACES {
        match (installed(place), started(place)) {
            (Seen::Unreadable, _) | (_, Seen::Unreadable) => found.coverage = Coverage::Failed,
            (installed, started) => {
                found.installed.extend(beacon::chromium(
                    place,
                    installed.is().as_deref(),
                    started.is().as_deref(),
                ));
            }
        }
    }
    for (product, channel) in MOZILLA {
        for hive in [Hive::Machine, Hive::User] {
            match mozilla(hive, product, channel) {
                Seen::Is(browser) => found.installed.push(browser),
                Seen::Unreadable => found.coverage = Coverage::Failed,
                Seen::Nothing | Seen::Unsupported => {}
            }
        }
    }
    found
}

/// What the updater says that it installed: for the computer (a 32-bit program, hence the folder)
/// or for this user.
fn installed(place: &Place) -> Seen<String> {
    let Some(updater) = place.updater else { return Seen::Nothing };
    match registry::text(Hive::Machine, &format!(r"SOFTWARE\WOW6432Node\{updater}"), "pv") {
        Seen::Nothing => registry::text(Hive::User, &format!(r"Software\{updater}"), "pv"),
        other => other,
    }
}

fn started(place: &Place) -> Seen<String> {
    registry::text(Hive::User, &format!(r"Software\{}\BLBeacon", place.product), "version")
}

fn mozilla(hive: Hive, product: &str, channel: Word) -> Seen<Installed> {
    let path = format!(r"SOFTWARE\Mozilla\{product}");
    let current = match registry::text(hive, &path, "CurrentVersion") {
        Seen::Is(current) => current,
        Seen::Unreadable => return Seen::Unreadable,
        Seen::Nothing | Seen::Unsupported => return Seen::Nothing,
    };
    let folder = registry::text(hive, &format!(r"{path}\{current}\Main"), "Install Directory");
    // The file beside the program knows the channel better than the key does.
    let beside = folder
        .is()
        .and_then(|folder| read::text(&Path::new(&folder).join("application.ini"), 65_536).is())
        .and_then(|ini| application_ini::firefox(&ini));
    Seen::or_nothing(beside.or_else(|| beacon::firefox(channel, &current)))
}

/// Takes everything into account that a fact is read from.
pub fn watch(_: &Places, into: &mut dyn Hasher) {
    let mut key = |hive: Hive, path: &str| {
        let written = Key::open(hive, path).is().and_then(|k| k.written());
        into.write_u64(written.unwrap_or(0));
    };
    key(Hive::Machine, CURRENT_VERSION);
    RESTART.iter().for_each(|path| key(Hive::Machine, path));
    for place in &PLACES {
        key(Hive::User, &format!(r"Software\{}\BLBeacon", place.product));
        if let Some(updater) = place.updater {
            key(Hive::Machine, &format!(r"SOFTWARE\WOW6432Node\{updater}"));
            key(Hive::User, &format!(r"Software\{updater}"));
        }
    }
    for (product, _) in MOZILLA {
        key(Hive::Machine, &format!(r"SOFTWARE\Mozilla\{product}"));
        key(Hive::User, &format!(r"SOFTWARE\Mozilla\{product}"));
    }
    key(Hive::User, r"Software\Microsoft\Windows\CurrentVersion\Internet Settings");
    key(Hive::Machine, r"SYSTEM\CurrentControlSet\Control\TimeZoneInformation");
}
