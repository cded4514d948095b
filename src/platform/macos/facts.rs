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

const SYSTEM_VERSION: &str = "System/Library/CoreServices/SystemVersion.plist";
/// Far more than an `Info.plist` has.
const MOST: u64 = 1 << 20;

/// The operating system. Whether an update waits for a restart it tells nobody.
pub fn os(places: &Places) -> Os {
    let version =
        read::bytes(&places.system(SYSTEM_VERSION), MOST).is().and_then(|f| system_version::version(&f));
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
    for path in [SYSTEM_VERSION, "private/var/run/resolv.conf", "private/etc/localtime"] {
        stamp(&places.system(path), into);
    }
    for (app, _) in bundles(places) {
        stamp(&app.join("Contents/Info.plist"), into);
    }
}
