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

    fn said(ini: &str) -> Option<(String, Word)> {
        firefox(ini).map(|i| (i.version.map(|v| v.to_string()).unwrap_or_default(), i.channel))
    }

    #[test]
    fn each_channel() {
        let ini = include_str!("../../../tests/fixtures/environment/application-esr-128.ini");
        assert_eq!(said(ini), Some(("128.5.0".into(), Word::Esr)));
        let ini = include_str!("../../../tests/fixtures/environment/application-release-133.ini");
        assert_eq!(said(ini), Some(("133.0".into(), Word::Stable)));
        let ini = include_str!("../../../tests/fixtures/environment/application-nightly-135.ini");
        assert_eq!(said(ini), Some(("135.0".into(), Word::Nightly)));
        let dev = "[App]\nVersion=134.0\nRemotingName=firefox-aurora\n";
        assert_eq!(said(dev), Some(("134.0".into(), Word::Dev)));
        let beta =
            "[App]\r\nVersion=134.0\r\nSourceRepository=https://hg.mozilla.org/releases/mozilla-beta\r\n";
        assert_eq!(said(beta), Some(("134.0".into(), Word::Beta)));
    }

    #[test]
    fn another_section_and_nonsense() {
        for bad in
            ["", "[App]", "[Gecko]\nVersion=1", "Version=1", "[App]\nVersion", "[App\nVersion=1", "\0\0"]
        {
            assert_eq!(said(bad), None, "{bad}");
        }
        assert_eq!(said("[App]\nVersion=?"), Some((String::new(), Word::Stable)));
    }
}
