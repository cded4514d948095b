//! `application.ini`, which lies beside every Firefox on every system.

use super::{Browser, Installed};
use telemetry::{Version, Word};

/// The Firefox that an `application.ini` describes.
pub fn firefox(ini: &str) -> Option<Installed> {
    let app = |key: &str| value(ini, "App", key);
    let text = app("Version")?;
    let channel =
        channel(text, &[app("SourceRepository"), app("RemotingName"), app("CodeName"), app("Profile")]);
    Some(Installed { browser: Browser::Firefox, channel, version: Version::from_loose(text) })
}

/// Mozilla marks a channel in the version (`134.0b5`, `135.0a1`) and, by age of the build, in the
/// repository it was built from or in the name it goes by.
fn channel(version: &str, marks: &[Option<&str>]) -> Word {
    let marked = |word: &str| marks.iter().flatten().any(|m| m.to_ascii_lowercase().contains(word));
    if version.contains("esr") || marked("esr") {
        Word::Esr
    } else if marked("aurora") || marked("developer") || marked("firefox-dev") {
        Word::Dev
    } else if version.contains('a') || marked("nightly") {
        Word::Nightly
    } else if version.contains('b') || marked("mozilla-beta") {
        Word::Beta
    } else {
        Word::Stable
    }
}

/// The value of a key in a section.
fn value<'a>(ini: &'a str, section: &str, key: &str) -> Option<&'a str> {
    let mut within = false;
    for line in ini.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            within = name == section;
        } else if let Some((k, v)) = line.split_once('=').filter(|_| within)
            && k.trim() == key
        {
            return Some(v.trim());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{environment::read, fixtures};
    use proptest::prelude::*;

    fn said(ini: &str) -> String {
        let Some(found) = firefox(ini) else { return "-".into() };
        found.version.iter().for_each(fixtures::travels);
        format!("{:?} {}", found.channel, found.version.map_or("?".into(), |v| v.to_string()))
    }

    #[test]
    fn each_channel_as_it_was_seen() {
        fixtures::check(
            "application-ini",
            &[
                ("firefox-115-esr.ini", "Esr 115.27.0"),
                ("firefox-128-esr.ini", "Esr 128.5.0"),
                ("firefox-133-release.ini", "Stable 133.0"),
                ("firefox-135-nightly.ini", "Nightly 135.0"),
                ("firefox-140-esr-debian.ini", "Esr 140.4.0-esr"),
                ("firefox-144-debian.ini", "Stable 144.0"),
                ("firefox-144-release-windows.ini", "Stable 144.0"),
                ("firefox-145-beta.ini", "Beta 145.0"),
                ("firefox-145-developer.ini", "Dev 145.0"),
                ("firefox-146-nightly.ini", "Nightly 146.0"),
            ],
            |_, bytes| said(&read::decoded(bytes)),
        );
    }

    #[test]
    fn a_file_that_went_over_windows_says_the_same() {
        for (name, bytes) in fixtures::of("application-ini") {
            let other = read::decoded(&fixtures::as_on_windows(&bytes));
            assert_eq!(said(&other), said(&read::decoded(&bytes)), "{name}");
        }
    }

    #[test]
    fn another_section_and_nonsense() {
        for bad in
            ["", "[App]", "[Gecko]\nVersion=1", "Version=1", "[App]\nVersion", "[App\nVersion=1", "\0\0"]
        {
            assert_eq!(said(bad), "-", "{bad}");
        }
        assert_eq!(said("[App]\nVersion=?"), "Stable ?");
        assert_eq!(said("[App]\nVersion=1.0\nVersion=2.0\n"), "Stable 1.0");
    }

    #[test]
    fn whatever_is_in_it_can_be_sent() {
        fixtures::spoilt("application-ini", |bytes| drop(said(&read::decoded(bytes))));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(bytes in fixtures::mangled("application-ini")) {
            said(&read::decoded(&bytes));
        }
    }
}
