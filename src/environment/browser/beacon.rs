//! Where browsers write their version in the registry of Windows, and how to read what they wrote.

use super::{Browser, Coverage, Found, Installed, application_ini};
use crate::environment::{
    Seen,
    registry::{Hive, Registry},
};
use telemetry::{Version, Word};

/// Where a browser built on Chromium leaves its version.
pub struct Place {
    /// Which.
    pub browser: Browser,
    /// Its channel.
    pub channel: Word,
    /// The vendor's and product's part of the key `HKCU\Software\…\BLBeacon`, whose value
    /// `version` is written at each start of the browser.
    pub product: &'static str,
    /// The updater's key under `SOFTWARE`, whose value `pv` is what is installed, if it has one.
    pub updater: Option<&'static str>,
}

const fn place(
    browser: Browser,
    channel: Word,
    product: &'static str,
    updater: Option<&'static str>,
) -> Place {
    Place { browser, channel, product, updater }
}

/// Each channel of each browser. The updaters' ids are those of the vendors' own documents for
/// administrators, and for Brave of `install_static/chromium_install_modes.cc` in its source.
#[rustfmt::skip]
pub const PLACES: [Place; 12] = [
    place(Browser::Chrome, Word::Stable, r"Google\Chrome",
        Some(r"Google\Update\Clients\{8A69D345-D564-463c-AFF1-A69D9E530F96}")),
    place(Browser::Chrome, Word::Beta, r"Google\Chrome Beta",
        Some(r"Google\Update\Clients\{8237E44A-0054-442C-B6B6-EA0509993955}")),
    place(Browser::Chrome, Word::Dev, r"Google\Chrome Dev",
        Some(r"Google\Update\Clients\{401C381F-E0DE-4B85-8BD8-3F3F14FBDA57}")),
    place(Browser::Chrome, Word::Canary, r"Google\Chrome SxS",
        Some(r"Google\Update\Clients\{4ea16ac7-fd5a-47c3-875b-dbf4a2008c20}")),
    place(Browser::Chromium, Word::Stable, "Chromium", None),
    place(Browser::Edge, Word::Stable, r"Microsoft\Edge",
        Some(r"Microsoft\EdgeUpdate\Clients\{56EB18F8-B008-4CBD-B6D2-8C97FE7E9062}")),
    place(Browser::Edge, Word::Beta, r"Microsoft\Edge Beta",
        Some(r"Microsoft\EdgeUpdate\Clients\{2CD8A007-E189-409D-A2C8-9AF4EF3C72AA}")),
    place(Browser::Edge, Word::Dev, r"Microsoft\Edge Dev",
        Some(r"Microsoft\EdgeUpdate\Clients\{0D50BFEC-CD6A-4F9A-964C-C7416E3ACB10}")),
    place(Browser::Edge, Word::Canary, r"Microsoft\Edge SxS",
        Some(r"Microsoft\EdgeUpdate\Clients\{65C35B14-6C1D-4122-AC46-7148CC9D6497}")),
    place(Browser::Brave, Word::Stable, r"BraveSoftware\Brave-Browser",
        Some(r"BraveSoftware\Update\Clients\{AFE6A462-C574-4B8A-AF43-4CC60DF4563B}")),
    place(Browser::Brave, Word::Beta, r"BraveSoftware\Brave-Browser-Beta",
        Some(r"BraveSoftware\Update\Clients\{103BD053-949B-43A8-9120-2E424887DE11}")),
    place(Browser::Brave, Word::Nightly, r"BraveSoftware\Brave-Browser-Nightly",
        Some(r"BraveSoftware\Update\Clients\{C6CB981E-DB30-4876-8639-109F8933582C}")),
];

/// Products of Mozilla under `SOFTWARE\Mozilla`; the value `CurrentVersion` is like
/// `133.0 (x64 en-US)` or `128.5.0 ESR (x64 de)`.
pub const MOZILLA: [(&str, Word); 4] = [
    ("Mozilla Firefox", Word::Stable),
    ("Mozilla Firefox ESR", Word::Esr),
    ("Firefox Developer Edition", Word::Dev),
    ("Nightly", Word::Nightly),
];

/// The browsers that a registry tells of. `application_ini` reads the file that lies in a Firefox's folder.
pub fn browsers(registry: &dyn Registry, application_ini: &dyn Fn(&str) -> Option<String>) -> Found {
    let mut found = Found::default();
    let mut take = |seen: Seen<Installed>| match seen {
        Seen::Is(browser) => found.installed.push(browser),
        Seen::Unreadable => found.coverage = Coverage::Failed,
        Seen::Nothing | Seen::Unsupported => {}
    };
    for place in &PLACES {
        take(chromium(place, registry));
    }
    for (product, channel) in MOZILLA {
        for hive in [Hive::Machine, Hive::User] {
            take(firefox(registry, hive, product, channel, application_ini));
        }
    }
    found
}

/// Every key that the above reads, for noticing that one was written.
pub fn keys() -> impl Iterator<Item = (Hive, String)> {
    let chromium = PLACES.iter().flat_map(|place| {
        let installed = place.updater.iter().flat_map(|updater| updater_keys(updater));
        installed.chain([(Hive::User, beacon(place))])
    });
    let mozilla = MOZILLA.iter().flat_map(|(product, _)| {
        [Hive::Machine, Hive::User].map(|hive| (hive, format!(r"SOFTWARE\Mozilla\{product}")))
    });
    chromium.chain(mozilla)
}

/// Where an updater keeps what it installed: for the computer (it is a 32-bit program, hence the
/// folder) or for this user.
fn updater_keys(updater: &str) -> [(Hive, String); 2] {
    [
        (Hive::Machine, format!(r"SOFTWARE\WOW6432Node\{updater}")),
        (Hive::User, format!(r"Software\{updater}")),
    ]
}

fn beacon(place: &Place) -> String {
    format!(r"Software\{}\BLBeacon", place.product)
}

/// What one place says: what is installed counts before what was started last.
fn chromium(place: &Place, registry: &dyn Registry) -> Seen<Installed> {
    let mut installed = Seen::Nothing;
    for (hive, key) in place.updater.iter().flat_map(|updater| updater_keys(updater)) {
        match registry.text(hive, &key, "pv") {
            // The updater keeps the key of an uninstalled program with an empty version or zeros,
            // also for the computer beside a whole one for this user.
            Seen::Is(version) if is_gone(&version) => installed = Seen::Is(version),
            Seen::Nothing | Seen::Unsupported => {}
            seen => {
                installed = seen;
                break;
            }
        }
    }
    let version = match installed {
        Seen::Nothing | Seen::Unsupported => registry.text(Hive::User, &beacon(place), "version"),
        seen => seen,
    };
    match version {
        Seen::Is(version) if is_gone(&version) => Seen::Nothing,
        seen => seen.map(|version| Installed {
            browser: place.browser,
            channel: place.channel,
            version: Version::from_loose(&version),
        }),
    }
}

fn is_gone(version: &str) -> bool {
    Version::from_loose(version).is_none_or(|v| v.numbers().all(|n| n == 0))
}

/// What one product of Mozilla says. The file beside the program knows the channel better than the key.
fn firefox(
    registry: &dyn Registry,
    hive: Hive,
    product: &str,
    channel: Word,
    application_ini: &dyn Fn(&str) -> Option<String>,
) -> Seen<Installed> {
    let path = format!(r"SOFTWARE\Mozilla\{product}");
    let current = match registry.text(hive, &path, "CurrentVersion") {
        Seen::Is(current) => current,
        Seen::Unreadable => return Seen::Unreadable,
        Seen::Nothing | Seen::Unsupported => return Seen::Nothing,
    };
    let folder = registry.text(hive, &format!(r"{path}\{current}\Main"), "Install Directory");
    let beside = folder.is().and_then(|f| application_ini::firefox(&application_ini(&f)?));
    Seen::or_nothing(beside.or_else(|| current_version(channel, &current)))
}

/// What `CurrentVersion` of a product of Mozilla says.
fn current_version(channel: Word, current: &str) -> Option<Installed> {
    let version = Version::from_loose(current)?;
    let esr = current.to_ascii_lowercase().contains("esr");
    let number = current.split_ascii_whitespace().next().unwrap_or_default();
    let channel = match channel {
        Word::Stable if esr => Word::Esr,
        Word::Stable if number.contains('b') => Word::Beta,
        other => other,
    };
    Some(Installed { browser: Browser::Firefox, channel, version: Some(version) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{environment::registry::export::Export, fixtures};
    use proptest::prelude::*;

    fn said(found: &Found) -> String {
        let one = |i: &Installed| {
            let version = i.version.as_ref().map_or("?".into(), Version::to_string);
            format!("{:?} {:?} {version}", i.browser, i.channel)
        };
        let all: Vec<String> = found.installed.iter().map(one).collect();
        format!("{:?}: {}", found.coverage, all.join(", "))
    }

    fn of(text: &str) -> Found {
        browsers(&Export::parse(text), &|_| None)
    }

    #[test]
    fn browsers_as_they_were_seen() {
        fixtures::check(
            "windows",
            &[
                ("windows-10-21h2-ltsc.reg", "Whole: Edge Stable 128.0.2739.79, Firefox Esr 115.27.0"),
                (
                    "windows-10-22h2.reg",
                    "Whole: Chrome Stable 141.0.7390.108, Edge Stable 141.0.3537.85, Firefox Stable 144.0",
                ),
                (
                    "windows-11-22h2.reg",
                    "Whole: Chrome Stable 130.0.6723.70, Chrome Canary 132.0.6793.0, Edge Stable 130.0.2849.46, \
                     Firefox Dev 132.0",
                ),
                (
                    "windows-11-23h2.reg",
                    "Whole: Chrome Stable 131.0.6778.86, Edge Stable 131.0.2903.70, Brave Stable 131.1.73.97, \
                     Firefox Esr 128.5.0",
                ),
                (
                    "windows-11-24h2.reg",
                    "Whole: Chrome Beta 141.0.7390.30, Edge Stable 140.0.3485.66, Brave Stable 140.1.82.170, \
                     Firefox Stable 143.0.1",
                ),
                ("windows-11-25h2.reg", "Whole: Edge Stable 141.0.3537.92, Edge Beta 142.0.3595.19"),
                ("windows-11-multi-session.reg", "Whole: Edge Stable 136.0.3240.50"),
                ("windows-server-2022.reg", "Whole: Edge Stable 131.0.2903.51"),
                ("windows-server-2025.reg", "Whole: Edge Stable 131.0.2903.63"),
                ("wine-8.reg", "Whole: "),
            ],
            |_, bytes| said(&of(std::str::from_utf8(bytes).unwrap())),
        );
    }

    fn chrome(machine: Option<&str>, user: Option<&str>, started: Option<&str>) -> String {
        let (installed, key) = (PLACES[0].updater.unwrap(), PLACES[0].product);
        let value = |key: String, name: &str, version: Option<&str>| {
            version.map(|v| format!("{key}\n    {name}    REG_SZ    {v}\n")).unwrap_or_default()
        };
        said(&of(&[
            value(format!(r"HKEY_LOCAL_MACHINE\SOFTWARE\WOW6432Node\{installed}"), "pv", machine),
            value(format!(r"HKEY_CURRENT_USER\Software\{installed}"), "pv", user),
            value(format!(r"HKEY_CURRENT_USER\Software\{key}\BLBeacon"), "version", started),
        ]
        .concat()))
    }

    #[test]
    fn installed_counts_before_started() {
        let (new, old) = (Some("131.0.6778.86"), Some("130.0.6723.117"));
        assert_eq!(chrome(new, None, old), "Whole: Chrome Stable 131.0.6778.86");
        assert_eq!(chrome(None, None, old), "Whole: Chrome Stable 130.0.6723.117");
        assert_eq!(chrome(None, None, None), "Whole: ");
    }

    #[test]
    fn an_uninstalled_one_is_gone_whatever_was_started_once() {
        for gone in ["", "0.0.0.0", "none"] {
            assert_eq!(chrome(Some(gone), None, Some("130.0.6723.117")), "Whole: ", "{gone}");
            assert_eq!(chrome(Some(gone), Some(gone), Some("130.0.6723.117")), "Whole: ", "{gone}");
        }
    }

    #[test]
    fn zeros_for_the_computer_do_not_hide_what_this_user_installed() {
        let found = chrome(Some("0.0.0.0"), Some("131.0.6778.86"), None);
        assert_eq!(found, "Whole: Chrome Stable 131.0.6778.86");
    }

    #[test]
    fn a_value_of_another_type_removes_nothing() {
        let text = "HKEY_CURRENT_USER\\Software\\Google\\Chrome\\BLBeacon\n    version    REG_DWORD    0x1\n";
        assert_eq!(said(&of(text)), "Failed: ");
    }

    #[test]
    fn the_file_beside_a_firefox_knows_its_channel() {
        let text = "HKEY_LOCAL_MACHINE\\SOFTWARE\\Mozilla\\Mozilla Firefox\n    CurrentVersion    REG_SZ    134.0 (x64 de)\n\
                    HKEY_LOCAL_MACHINE\\SOFTWARE\\Mozilla\\Mozilla Firefox\\134.0 (x64 de)\\Main\n    \
                    Install Directory    REG_SZ    D:\\Firefox\n";
        let beta =
            "[App]\r\nVersion=134.0\r\nSourceRepository=https://hg.mozilla.org/releases/mozilla-beta\r\n";
        let ini = |folder: &str| (folder == "D:\\Firefox").then(|| beta.to_owned());
        assert_eq!(said(&browsers(&Export::parse(text), &ini)), "Whole: Firefox Beta 134.0");
        assert_eq!(said(&of(text)), "Whole: Firefox Stable 134.0");
    }

    #[test]
    fn what_mozilla_writes() {
        let said =
            |text| current_version(Word::Stable, text).map(|i| (i.version.unwrap().to_string(), i.channel));
        assert_eq!(said("133.0 (x64 en-US)"), Some(("133.0".into(), Word::Stable)));
        assert_eq!(said("128.5.0 ESR (x64 de)"), Some(("128.5.0".into(), Word::Esr)));
        assert_eq!(said("134.0b5 (x64 en-US)"), Some(("134.0".into(), Word::Beta)));
        assert_eq!(said(""), None);
        assert_eq!(current_version(Word::Nightly, "135.0a1 (x64 en-US)").unwrap().channel, Word::Nightly);
    }

    #[test]
    fn every_key_that_is_read_is_watched() {
        use std::{cell::RefCell, collections::HashSet};
        struct Spy(RefCell<HashSet<String>>);
        impl Registry for Spy {
            fn text(&self, hive: Hive, path: &str, _: &str) -> Seen<String> {
                self.0.borrow_mut().insert(format!("{hive:?} {path}"));
                Seen::Nothing
            }
            fn number(&self, _: Hive, _: &str, _: &str) -> Seen<u32> {
                Seen::Nothing
            }
            fn exists(&self, _: Hive, _: &str) -> Seen<bool> {
                Seen::Is(false)
            }
        }
        let spy = Spy(RefCell::default());
        browsers(&spy, &|_| None);
        let watched: HashSet<String> = keys().map(|(hive, path)| format!("{hive:?} {path}")).collect();
        assert_eq!(watched, spy.0.into_inner());
    }

    #[test]
    fn whatever_is_in_it_can_be_sent() {
        fixtures::spoilt("windows", |bytes| {
            of(&String::from_utf8_lossy(bytes)).facts().iter().for_each(fixtures::travels);
        });
    }

    proptest! {
        #[test]
        fn no_registry_makes_it_panic(bytes in fixtures::mangled("windows")) {
            of(&String::from_utf8_lossy(&bytes)).facts().iter().for_each(fixtures::travels);
        }
    }
}
