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
    use crate::{environment::read, fixtures};
    use proptest::prelude::*;

    fn said(yaml: &str) -> String {
        version(yaml).map_or("-".into(), |v| v.to_string())
    }

    #[test]
    fn snaps_as_they_were_seen() {
        fixtures::check(
            "snap",
            &[
                ("ubuntu-22.04-firefox-115.yaml", "115.0.2"),
                ("ubuntu-24.04-brave-1.73.yaml", "1.73.97"),
                ("ubuntu-24.04-chromium-131.yaml", "131.0.6778.85"),
                ("ubuntu-24.04-firefox-133.yaml", "133.0"),
                ("ubuntu-24.04-firefox-beta-134.yaml", "134.0"),
                ("ubuntu-25.10-chromium-141.yaml", "141.0.7390.107"),
                ("ubuntu-25.10-firefox-144.yaml", "144.0"),
            ],
            |_, bytes| said(&read::decoded(bytes)),
        );
    }

    #[test]
    fn a_file_that_went_over_windows_says_the_same() {
        for (name, bytes) in fixtures::of("snap") {
            let other = read::decoded(&fixtures::as_on_windows(&bytes));
            assert_eq!(said(&other), said(&read::decoded(&bytes)), "{name}");
        }
    }

    #[test]
    fn nonsense() {
        for bad in ["", "name: firefox", "version:", "version: latest", "  version: 1.0\n", "versions: 1"] {
            assert_eq!(said(bad), "-", "{bad}");
        }
    }

    #[test]
    fn whatever_is_in_it_can_be_sent() {
        fixtures::spoilt("snap", |bytes| version(&read::decoded(bytes)).iter().for_each(fixtures::travels));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(bytes in fixtures::mangled("snap")) {
            version(&read::decoded(&bytes)).iter().for_each(fixtures::travels);
        }
    }
}
