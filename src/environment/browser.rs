//! Which browsers are installed, in which version and channel, without starting one.
//!
//! Each file below parses one way in which systems record it. A browser that is not in
//! [`Browser`] is not looked for, so that nothing is learned of what else the agent has.

pub mod application_ini;
pub mod beacon;
pub mod bundle;
pub mod dpkg;
pub mod flatpak;
pub mod pacman;
pub mod rpm;
pub mod snap;

use super::Seen;
use telemetry::{FactKey, FactValue, Version, Word};

/// A browser that calls may run in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each says itself")]
pub enum Browser {
    Chrome,
    Chromium,
    Edge,
    Firefox,
    Brave,
}

impl Browser {
    /// Every browser that is looked for.
    pub const ALL: [Self; 5] = [Self::Chrome, Self::Chromium, Self::Edge, Self::Firefox, Self::Brave];

    fn keys(self) -> (FactKey, FactKey) {
        match self {
            Self::Chrome => (FactKey::ChromeVersion, FactKey::ChromeChannel),
            Self::Chromium => (FactKey::ChromiumVersion, FactKey::ChromiumChannel),
            Self::Edge => (FactKey::EdgeVersion, FactKey::EdgeChannel),
            Self::Firefox => (FactKey::FirefoxVersion, FactKey::FirefoxChannel),
            Self::Brave => (FactKey::BraveVersion, FactKey::BraveChannel),
        }
    }
}

/// One installed browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// Which.
    pub browser: Browser,
    /// Its channel, or the kind of package it came in.
    pub channel: Word,
    /// Its version; `None` if it is there and its version could not be read.
    pub version: Option<Version>,
}

/// How much of the system's records could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Coverage {
    /// A record that exists could not be read: what is missing or first among several is open.
    Failed,
    /// Not every way to install a browser is known here: what is missing is open.
    Part,
    /// What was not found is not there.
    #[default]
    Whole,
}

/// The browsers that were found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Each, in any order.
    pub installed: Vec<Installed>,
    /// What a browser that is not among them means.
    pub coverage: Coverage,
}

impl Found {
    /// The facts of each browser. Where several of one are installed the channel that most
    /// people work with comes first, then the newest version.
    pub fn facts(&self) -> Vec<(FactKey, FactValue)> {
        let mut facts = Vec::new();
        for browser in Browser::ALL {
            let (version_key, channel_key) = browser.keys();
            let (version, channel) = self.of(browser);
            facts.extend(version.fact().map(|v| (version_key, v)));
            facts.extend(channel.fact().map(|v| (channel_key, v)));
        }
        facts
    }

    fn of(&self, browser: Browser) -> (Seen<Version>, Seen<Word>) {
        let first =
            self.installed.iter().filter(|i| i.browser == browser).min_by(|a, b| {
                rank(a.channel).cmp(&rank(b.channel)).then_with(|| newness(b).cmp(&newness(a)))
            });
        match (self.coverage, first) {
            (Coverage::Failed, _) | (Coverage::Part, None) => (Seen::Unreadable, Seen::Unreadable),
            (Coverage::Whole, None) => (Seen::Nothing, Seen::Nothing),
            (_, Some(i)) => (Seen::or_unreadable(i.version.clone()), Seen::Is(i.channel)),
        }
    }
}

fn rank(channel: Word) -> usize {
    const ORDER: [Word; 8] = [
        Word::Stable,
        Word::Esr,
        Word::Snap,
        Word::Flatpak,
        Word::Beta,
        Word::Dev,
        Word::Canary,
        Word::Nightly,
    ];
    ORDER.iter().position(|c| *c == channel).unwrap_or(ORDER.len())
}

fn newness(installed: &Installed) -> Vec<u64> {
    installed.version.iter().flat_map(Version::numbers).collect()
}

/// Names of packages, as dpkg, rpm and pacman have them.
pub const PACKAGES: [(&str, Browser, Word); 27] = [
    ("google-chrome-stable", Browser::Chrome, Word::Stable),
    ("google-chrome-beta", Browser::Chrome, Word::Beta),
    ("google-chrome-unstable", Browser::Chrome, Word::Dev),
    ("google-chrome-canary", Browser::Chrome, Word::Canary),
    ("google-chrome", Browser::Chrome, Word::Stable),
    ("google-chrome-dev", Browser::Chrome, Word::Dev),
    ("chromium", Browser::Chromium, Word::Stable),
    ("chromium-browser", Browser::Chromium, Word::Stable),
    ("microsoft-edge-stable", Browser::Edge, Word::Stable),
    ("microsoft-edge-beta", Browser::Edge, Word::Beta),
    ("microsoft-edge-dev", Browser::Edge, Word::Dev),
    ("microsoft-edge-canary", Browser::Edge, Word::Canary),
    ("microsoft-edge-stable-bin", Browser::Edge, Word::Stable),
    ("firefox", Browser::Firefox, Word::Stable),
    ("firefox-esr", Browser::Firefox, Word::Esr),
    ("firefox-beta", Browser::Firefox, Word::Beta),
    ("firefox-devedition", Browser::Firefox, Word::Dev),
    ("firefox-developer-edition", Browser::Firefox, Word::Dev),
    ("firefox-nightly", Browser::Firefox, Word::Nightly),
    ("MozillaFirefox", Browser::Firefox, Word::Stable),
    ("firefox-bin", Browser::Firefox, Word::Stable),
    ("brave-browser", Browser::Brave, Word::Stable),
    ("brave-browser-beta", Browser::Brave, Word::Beta),
    ("brave-browser-dev", Browser::Brave, Word::Dev),
    ("brave-browser-nightly", Browser::Brave, Word::Nightly),
    ("brave-bin", Browser::Brave, Word::Stable),
    ("brave-beta-bin", Browser::Brave, Word::Beta),
];

/// The browser that a package holds; `None` for another package and for one that is only a
/// pointer to a snap (Ubuntu's `firefox` is `1:1snap1-0ubuntu5`).
pub fn of_package(name: &str, version: &str) -> Option<Installed> {
    let (_, browser, channel) = *PACKAGES.iter().find(|(n, ..)| *n == name)?;
    let version = package_version(version)?;
    let esr = browser == Browser::Firefox && version.as_str().contains("-esr");
    Some(Installed { browser, channel: if esr { Word::Esr } else { channel }, version: Some(version) })
}

/// The program's own version within a package's version: without epoch and packager's suffix.
pub fn package_version(version: &str) -> Option<Version> {
    if version.contains("snap") {
        return None;
    }
    let upstream = version.split_once(':').map_or(version, |(_, rest)| rest);
    Version::from_loose(upstream)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn installed(channel: Word, version: &str) -> Installed {
        Installed { browser: Browser::Chrome, channel, version: version.parse().ok() }
    }

    fn chrome(found: &Found) -> (Seen<Version>, Seen<Word>) {
        found.of(Browser::Chrome)
    }

    #[test]
    fn the_stable_channel_and_then_the_newest_come_first() {
        let all = vec![
            installed(Word::Beta, "132.0"),
            installed(Word::Stable, "99.0.1"),
            installed(Word::Stable, "131.0.2"),
        ];
        let found = Found { installed: all, coverage: Coverage::Whole };
        assert_eq!(chrome(&found), (Seen::Is("131.0.2".parse().unwrap()), Seen::Is(Word::Stable)));
        assert_eq!(found.of(Browser::Brave), (Seen::Nothing, Seen::Nothing));
    }

    #[test]
    fn what_could_not_be_read_is_neither_there_nor_gone() {
        let mut found = Found { installed: vec![installed(Word::Snap, "1.0")], coverage: Coverage::Failed };
        assert_eq!(chrome(&found), (Seen::Unreadable, Seen::Unreadable));
        found.coverage = Coverage::Part;
        assert_eq!(chrome(&found).1, Seen::Is(Word::Snap));
        assert_eq!(found.of(Browser::Edge), (Seen::Unreadable, Seen::Unreadable));
    }

    #[test]
    fn package_versions_lose_their_wrapping() {
        let version = |v| package_version(v).map(|v| v.to_string());
        assert_eq!(version("131.0.6778.85-1").as_deref(), Some("131.0.6778.85"));
        assert_eq!(version("128.5.0esr-1~deb12u1").as_deref(), Some("128.5.0-esr"));
        assert_eq!(version("1:133.0-1").as_deref(), Some("133.0"));
        assert_eq!(version("1:1snap1-0ubuntu5"), None);
        assert_eq!(of_package("firefox", "128.5.0esr-1").unwrap().channel, Word::Esr);
        assert_eq!(of_package("steam", "1.0"), None);
    }

    #[test]
    fn every_fact_is_said_of_every_browser() {
        assert_eq!(Found::default().facts().len(), 10);
    }
}
