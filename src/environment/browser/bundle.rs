//! Browsers as application bundles of macOS: which folders to look in, and their `Info.plist`.

use super::Browser;
use telemetry::Word;

/// Bundles in `/Applications` or in the user's own `Applications`, without `.app`.
pub const BUNDLES: [(&str, Browser, Word); 15] = [
    ("Google Chrome", Browser::Chrome, Word::Stable),
    ("Google Chrome Beta", Browser::Chrome, Word::Beta),
    ("Google Chrome Dev", Browser::Chrome, Word::Dev),
    ("Google Chrome Canary", Browser::Chrome, Word::Canary),
    ("Chromium", Browser::Chromium, Word::Stable),
    ("Microsoft Edge", Browser::Edge, Word::Stable),
    ("Microsoft Edge Beta", Browser::Edge, Word::Beta),
    ("Microsoft Edge Dev", Browser::Edge, Word::Dev),
    ("Microsoft Edge Canary", Browser::Edge, Word::Canary),
    ("Firefox", Browser::Firefox, Word::Stable),
    ("Firefox Developer Edition", Browser::Firefox, Word::Dev),
    ("Firefox Nightly", Browser::Firefox, Word::Nightly),
    ("Brave Browser", Browser::Brave, Word::Stable),
    ("Brave Browser Beta", Browser::Brave, Word::Beta),
    ("Brave Browser Nightly", Browser::Brave, Word::Nightly),
];

/// The version in an `Info.plist`, whether XML or binary.
#[cfg(any(target_os = "macos", test))]
pub fn version(info: &[u8]) -> Option<telemetry::Version> {
    let info: plist::Dictionary = plist::from_bytes(info).ok()?;
    telemetry::Version::from_loose(info.get("CFBundleShortVersionString")?.as_string()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;
    use proptest::prelude::*;

    fn said(info: &[u8]) -> String {
        version(info).map_or("-".into(), |v| v.to_string())
    }

    #[test]
    fn bundles_as_they_were_seen() {
        fixtures::check(
            "bundle",
            &[
                ("brave-141.plist", "141.1.83.118"),
                ("chrome-131.plist", "131.0.6778.86"),
                ("chrome-141.plist", "141.0.7390.108"),
                ("edge-131-binary.plist", "131.0.2903.70"),
                ("edge-141.plist", "141.0.3537.85"),
                ("firefox-128-esr.plist", "128.5.0"),
                ("firefox-144.plist", "144.0"),
                ("firefox-nightly-146.plist", "146.0"),
            ],
            |_, bytes| said(bytes),
        );
    }

    #[test]
    fn nonsense() {
        for bad in [&b""[..], b"bplist00", b"<plist>", b"<plist><string>1</string></plist>", b"\0\0\0\0"] {
            assert_eq!(version(bad), None);
        }
    }

    #[test]
    fn whatever_is_in_it_can_be_sent() {
        fixtures::spoilt("bundle", |bytes| version(bytes).iter().for_each(fixtures::travels));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in fixtures::mangled("bundle")) {
            version(&bytes).iter().for_each(fixtures::travels);
        }
    }
}
