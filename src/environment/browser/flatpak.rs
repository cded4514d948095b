//! The metainfo file of an installed flatpak: AppStream XML that names the newest release first.

use super::Browser;
use telemetry::Version;

/// Application ids, as they name folders and files.
pub const APPLICATIONS: [(&str, Browser); 5] = [
    ("com.google.Chrome", Browser::Chrome),
    ("org.chromium.Chromium", Browser::Chromium),
    ("com.microsoft.Edge", Browser::Edge),
    ("org.mozilla.firefox", Browser::Firefox),
    ("com.brave.Browser", Browser::Brave),
];

/// The version of the first release. A scanner for this one thing: a whole XML parser would
/// weigh more than what it finds.
pub fn version(metainfo: &str) -> Option<Version> {
    let mut rest = metainfo;
    loop {
        rest = &rest[rest.find('<')?..];
        if let Some(comment) = rest.strip_prefix("<!--") {
            rest = &comment[comment.find("-->")?..];
            continue;
        }
        let tag = &rest[1..rest.find('>')?];
        rest = &rest[1..];
        if tag.strip_prefix("release").is_some_and(|t| t.starts_with(char::is_whitespace)) {
            return Version::from_loose(attribute(tag, "version")?);
        }
    }
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = tag;
    loop {
        let at = rest.find(name)?;
        let before = rest[..at].chars().next_back();
        rest = &rest[at + name.len()..];
        let Some(value) = rest.trim_start().strip_prefix('=') else { continue };
        if !before.is_some_and(char::is_whitespace) {
            continue;
        }
        let value = value.trim_start();
        let quote = value.chars().next().filter(|q| matches!(q, '"' | '\''))?;
        return value[1..].split(quote).next();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{environment::read, fixtures};
    use proptest::prelude::*;

    fn said(xml: &str) -> String {
        version(xml).map_or("-".into(), |v| v.to_string())
    }

    #[test]
    fn applications_as_they_were_seen() {
        fixtures::check(
            "flatpak",
            &[
                ("brave-1.83.xml", "1.83.112"),
                ("chrome-120.xml", "120.0.6099.109"),
                ("chrome-131-one-line.xml", "131.0.6778.85"),
                ("chromium-141.xml", "141.0.7390.107"),
                ("edge-141.xml", "141.0.3537.71"),
                ("firefox-133.xml", "133.0"),
                ("firefox-144.xml", "144.0"),
            ],
            |_, bytes| said(&read::decoded(bytes)),
        );
    }

    #[test]
    fn a_file_that_went_over_windows_says_the_same() {
        for (name, bytes) in fixtures::of("flatpak") {
            let other = read::decoded(&fixtures::as_on_windows(&bytes));
            assert_eq!(said(&other), said(&read::decoded(&bytes)), "{name}");
        }
    }

    #[test]
    fn what_is_no_release() {
        for bad in [
            "",
            "<",
            "<release",
            "<releases version='1'>",
            "<!-- <release version='1'> ",
            "<release version>",
        ] {
            assert_eq!(said(bad), "-", "{bad}");
        }
        assert_eq!(said("<release date_version='2' version = '3.1'/>"), "3.1");
    }

    #[test]
    fn whatever_is_in_it_can_be_sent() {
        fixtures::spoilt("flatpak", |bytes| {
            version(&read::decoded(bytes)).iter().for_each(fixtures::travels)
        });
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[<>!\\-release vn='\"=0-9.äé/]{0,80}", bytes in fixtures::mangled("flatpak")) {
            version(&text).iter().for_each(fixtures::travels);
            version(&read::decoded(&bytes)).iter().for_each(fixtures::travels);
        }
    }
}
