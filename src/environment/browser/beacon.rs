//! Where browsers write their version in the registry of Windows, and how to read what they wrote.

use super::{Browser, Installed};
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

/// Each channel of each browser. The updaters' ids are those of the vendors' own documents for administrators.
pub const PLACES: [Place; 12] = [
    place(
        Browser::Chrome,
        Word::Stable,
        r"Google\Chrome",
        Some(r"Google\Update\Clients\{8A69D345-D564-463c-AFF1-A69D9E530F96}"),
    ),
    place(Browser::Chrome, Word::Beta, r"Google\Chrome Beta", None),
    place(Browser::Chrome, Word::Dev, r"Google\Chrome Dev", None),
    place(Browser::Chrome, Word::Canary, r"Google\Chrome SxS", None),
    place(Browser::Chromium, Word::Stable, "Chromium", None),
    place(
        Browser::Edge,
        Word::Stable,
        r"Microsoft\Edge",
        Some(r"Microsoft\EdgeUpdate\Clients\{56EB18F8-B008-4CBD-B6D2-8C97FE7E9062}"),
    ),
    place(Browser::Edge, Word::Beta, r"Microsoft\Edge Beta", None),
    place(Browser::Edge, Word::Dev, r"Microsoft\Edge Dev", None),
    place(Browser::Edge, Word::Canary, r"Microsoft\Edge SxS", None),
    place(Browser::Brave, Word::Stable, r"BraveSoftware\Brave-Browser", None),
    place(Browser::Brave, Word::Beta, r"BraveSoftware\Brave-Browser-Beta", None),
    place(Browser::Brave, Word::Nightly, r"BraveSoftware\Brave-Browser-Nightly", None),
];

/// Products of Mozilla under `SOFTWARE\Mozilla`; the value `CurrentVersion` is like
/// `133.0 (x64 en-US)` or `128.5.0 ESR (x64 de)`.
pub const MOZILLA: [(&str, Word); 4] = [
    ("Mozilla Firefox", Word::Stable),
    ("Mozilla Firefox ESR", Word::Esr),
    ("Firefox Developer Edition", Word::Dev),
    ("Nightly", Word::Nightly),
];

/// What the values of one place say: what is installed counts before what was started last.
pub fn chromium(place: &Place, installed: Option<&str>, started: Option<&str>) -> Option<Installed> {
    let version = installed.or(started)?;
    // The updater keeps the key of an uninstalled program with an empty version or zeros.
    let version = Version::from_loose(version);
    if version.as_ref().is_none_or(|v| v.numbers().all(|n| n == 0)) {
        return None;
    }
    Some(Installed { browser: place.browser, channel: place.channel, version })
}

/// What `CurrentVersion` of a product of Mozilla says.
pub fn firefox(channel: Word, current: &str) -> Option<Installed> {
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

    fn chrome(installed: Option<&str>, started: Option<&str>) -> Option<String> {
        chromium(&PLACES[0], installed, started).map(|i| i.version.unwrap().to_string())
    }

    #[test]
    fn installed_counts_before_started() {
        assert_eq!(chrome(Some("131.0.6778.86"), Some("130.0.6723.117")).as_deref(), Some("131.0.6778.86"));
        assert_eq!(chrome(None, Some("130.0.6723.117")).as_deref(), Some("130.0.6723.117"));
        assert_eq!(chrome(None, None), None);
        for gone in ["", "0.0.0.0", "none"] {
            assert_eq!(chrome(Some(gone), Some("130.0.6723.117")), None, "{gone}");
        }
    }

    #[test]
    fn what_mozilla_writes() {
        let said = |text| firefox(Word::Stable, text).map(|i| (i.version.unwrap().to_string(), i.channel));
        assert_eq!(said("133.0 (x64 en-US)"), Some(("133.0".into(), Word::Stable)));
        assert_eq!(said("128.5.0 ESR (x64 de)"), Some(("128.5.0".into(), Word::Esr)));
        assert_eq!(said("134.0b5 (x64 en-US)"), Some(("134.0".into(), Word::Beta)));
        assert_eq!(said(""), None);
        assert_eq!(firefox(Word::Nightly, "135.0a1 (x64 en-US)").unwrap().channel, Word::Nightly);
    }
}
