//! `SystemVersion.plist` of macOS.

#[cfg(any(target_os = "macos", test))]
/// The version of macOS, from the XML or binary file.
pub fn version(file: &[u8]) -> Option<telemetry::Version> {
    let file: plist::Dictionary = plist::from_bytes(file).ok()?;
    telemetry::Version::from_loose(file.get("ProductVersion")?.as_string()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(build: &str, version: &str) -> Vec<u8> {
        include_str!("../../../tests/fixtures/environment/SystemVersion.plist")
            .replace("23G93", build)
            .replace("14.6.1", version)
            .into_bytes()
    }

    #[test]
    fn versions_of_macos() {
        for (build, number) in
            [("22H313", "13.7.2"), ("23G93", "14.6.1"), ("24B2091", "15.1.1"), ("25A354", "26.0")]
        {
            assert_eq!(version(&file(build, number)).unwrap().as_str(), number);
        }
    }

    #[test]
    fn nonsense() {
        let whole = file("23G93", "14.6.1");
        let closed = whole.windows(7).position(|w| w == b"</dict>").unwrap();
        for end in 0..closed {
            assert_eq!(version(&whole[..end]), None, "cut at {end}");
        }
        assert_eq!(version(&file("23G93", "Sonoma")), None);
    }
}
