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
    use proptest::prelude::*;

    fn said(xml: &str) -> Option<String> {
        version(xml).map(|v| v.to_string())
    }

    #[test]
    fn firefox_and_chrome() {
        let firefox = include_str!("../../../tests/fixtures/environment/flatpak-firefox.xml");
        assert_eq!(said(firefox).as_deref(), Some("133.0"));
        let chrome = include_str!("../../../tests/fixtures/environment/flatpak-chrome.xml");
        assert_eq!(said(chrome).as_deref(), Some("131.0.6778.85"));
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
            assert_eq!(said(bad), None, "{bad}");
        }
        assert_eq!(said("<release date_version='2' version = '3.1'/>").as_deref(), Some("3.1"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[<>!\\-release vn='\"=0-9.äé/]{0,80}") {
            version(&text);
        }
    }
}
