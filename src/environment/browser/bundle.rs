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

    #[test]
    fn xml_and_binary() {
        let xml = include_bytes!("../../../tests/fixtures/environment/chrome-info.plist");
        assert_eq!(version(xml).unwrap().as_str(), "131.0.6778.86");
        let mut binary = Vec::new();
        plist::from_bytes::<plist::Value>(xml).unwrap().to_writer_binary(&mut binary).unwrap();
        assert_eq!(version(&binary).unwrap().as_str(), "131.0.6778.86");
        for end in 0..binary.len() {
            version(&binary[..end]);
        }
    }

    #[test]
    fn nonsense() {
        for bad in [&b""[..], b"bplist00", b"<plist>", b"<plist><string>1</string></plist>", b"\0\0\0\0"] {
            assert_eq!(version(bad), None);
        }
    }
}
