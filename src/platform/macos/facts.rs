//! Facts of the environment, as macOS tells.

use crate::environment::{
    Places, Seen,
    browser::{
        Browser, Coverage, Found, Installed, application_ini,
        bundle::{self, BUNDLES},
    },
    os::{Os, system_version},
    read,
    watch::stamp,
};
use std::{
    hash::Hasher,
    path::{Path, PathBuf},
};
use telemetry::{Version, Word};

/// The version of the system; the first that is there counts.
///
/// The first is a symbolic link to the second (since macOS 11). A program that was linked with an
/// older system's libraries gets another file when it opens the second one, with a version for
/// compatibility: 10.16 for 11 and later. The rule looks at the name only (xnu,
/// `libsyscall/wrappers/system-version-compat.c`), so the link tells the truth however we were built.
const SYSTEM_VERSION: [&str; 2] = [
    "System/Library/CoreServices/.SystemVersionPlatform.plist",
    "System/Library/CoreServices/SystemVersion.plist",
];
/// Far more than an `Info.plist` has.
const MOST: u64 = 1 << 20;

/// The operating system. Whether an update waits for a restart is not told to ordinary programs.
pub fn os(places: &Places) -> Os {
    let version = SYSTEM_VERSION
        .iter()
        .find_map(|path| read::bytes(&places.system(path), MOST).is())
        .and_then(|file| system_version::version(&file));
    // `kern.osrelease` (sysctl): Darwin's own version, 23.6.0 for macOS 14.6.
    let kernel = sysinfo::System::kernel_version().ok().and_then(|k| Version::from_loose(&k));
    Os {
        name: Seen::Is(Word::Macos),
        version: Seen::or_unreadable(version),
        build: Seen::or_unreadable(kernel),
        pending_restart: Seen::Unsupported,
    }
}

/// The browsers that are installed.
pub fn browsers(places: &Places) -> Found {
    let mut found = Found::default();
    for (app, (_, browser, channel)) in bundles(places) {
        match read::bytes(&app.join("Contents/Info.plist"), MOST) {
            Seen::Is(info) => {
                let esr = *browser == Browser::Firefox && is_esr(&app);
                found.installed.push(Installed {
                    browser: *browser,
                    channel: if esr { Word::Esr } else { *channel },
                    version: bundle::version(&info),
                });
            }
            Seen::Unreadable => found.coverage = Coverage::Failed,
            Seen::Nothing | Seen::Unsupported => {}
        }
    }
    found
}

/// Where each bundle would be.
fn bundles(places: &Places) -> impl Iterator<Item = (PathBuf, &'static (&'static str, Browser, Word))> {
    let folders = [Some(places.system("Applications")), places.home("Applications")];
    folders.into_iter().flatten().flat_map(|folder| {
        BUNDLES.iter().map(move |bundle| (folder.join(format!("{}.app", bundle.0)), bundle))
    })
}

/// The long-term Firefox has the name of the short-lived one.
fn is_esr(app: &Path) -> bool {
    let ini = read::text(&app.join("Contents/Resources/application.ini"), 65_536).is();
    ini.and_then(|ini| application_ini::firefox(&ini)).is_some_and(|i| i.channel == Word::Esr)
}

/// Takes everything into account that a fact is read from.
pub fn watch(places: &Places, into: &mut dyn Hasher) {
    for path in SYSTEM_VERSION.iter().chain(&["private/var/run/resolv.conf", "private/etc/localtime"]) {
        stamp(&places.system(path), into);
    }
    for (app, _) in bundles(places) {
        stamp(&app.join("Contents/Info.plist"), into);
    }
}
