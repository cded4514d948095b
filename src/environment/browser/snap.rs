//! `meta/snap.yaml` of an installed snap.

use telemetry::Version;

/// The version in a `snap.yaml`: the key stands at the start of a line, quoted or not.
pub fn version(yaml: &str) -> Option<Version> {
    let value = yaml.lines().find_map(|line| line.strip_prefix("version:"))?;
    Version::from_loose(value.trim().trim_matches(['\'', '"']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn firefox_chromium_and_nonsense() {
        let said = |yaml| version(yaml).map(|v| v.to_string());
        let firefox = include_str!("../../../tests/fixtures/environment/snap-firefox.yaml");
        assert_eq!(said(firefox).as_deref(), Some("133.0"));
        let chromium = include_str!("../../../tests/fixtures/environment/snap-chromium.yaml");
        assert_eq!(said(chromium).as_deref(), Some("131.0.6778.85"));
        for bad in ["", "name: firefox", "version:", "version: latest", "  version: 1.0\n", "versions: 1"] {
            assert_eq!(said(bad), None, "{bad}");
        }
    }
}
