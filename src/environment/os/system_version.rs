//! `SystemVersion.plist` of macOS.

/// The version of macOS, from the XML or binary file.
///
/// `10.16` and `16.0` are what old programs are told on macOS 11 and 26 and later, so that they do
/// not stumble: there never was such a version, and what there is cannot be told from it. The
/// letter of a rapid security response stands apart, in `ProductVersionExtra`, and is no version.
#[cfg(any(target_os = "macos", test))]
pub fn version(file: &[u8]) -> Option<telemetry::Version> {
    let file: plist::Dictionary = plist::from_bytes(file).ok()?;
    let version = telemetry::Version::from_loose(file.get("ProductVersion")?.as_string()?)?;
    let numbers: Vec<u64> = version.numbers().take(2).collect();
    let made_up = matches!(numbers[..], [10, 16] | [16..=25, ..]);
    (!made_up).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;
    use proptest::prelude::*;

    fn said(file: &[u8]) -> String {
        version(file).map_or("-".into(), |v| v.to_string())
    }

    #[test]
    fn versions_of_macos_as_they_were_seen() {
        fixtures::check(
            "system-version",
            &[
                ("macos-13.3.1-rapid-response.plist", "13.3.1"),
                ("macos-13.7.2.plist", "13.7.2"),
                ("macos-14.6.1.plist", "14.6.1"),
                ("macos-14.7.1.plist", "14.7.1"),
                ("macos-15.1.1.plist", "15.1.1"),
                ("macos-15.3.1-compat.plist", "-"),
                ("macos-15.3.1.plist", "15.3.1"),
                ("macos-26-compat.plist", "-"),
                ("macos-26.0.plist", "26.0"),
                ("macos-26.1-binary.plist", "26.1"),
                ("macos-26.1.plist", "26.1"),
            ],
            |_, bytes| said(bytes),
        );
    }

    #[test]
    fn versions_that_never_were() {
        let file = String::from_utf8(fixtures::file("system-version", "macos-26.0.plist")).unwrap();
        let of = |v: &str| said(file.replace("26.0", v).as_bytes());
        for never in ["10.16", "10.16.1", "16", "16.4.1", "25.9"] {
            assert_eq!(of(never), "-", "{never}");
        }
        for real in ["10.15.7", "11.7.10", "15.7", "26", "27.0"] {
            assert_eq!(of(real), real);
        }
        assert_eq!(of("Sonoma"), "-");
    }

    #[test]
    fn a_cut_file_is_no_file() {
        let whole = fixtures::file("system-version", "macos-14.6.1.plist");
        let closed = whole.windows(7).position(|w| w == b"</dict>").unwrap();
        for end in 0..closed {
            assert_eq!(version(&whole[..end]), None, "cut at {end}");
        }
    }

    #[test]
    fn whatever_is_in_it_can_be_sent() {
        fixtures::spoilt("system-version", |bytes| version(bytes).iter().for_each(fixtures::travels));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in fixtures::mangled("system-version")) {
            version(&bytes).iter().for_each(fixtures::travels);
        }
    }
}
