//! `/etc/os-release`, and Debian's own file beside it.

use crate::environment::Seen;
use telemetry::{Version, Word};

/// Name and version of a distribution.
///
/// `debian_version` is the content of `/etc/debian_version`: only there does Debian name the
/// point release. A rolling distribution has no version.
pub fn parse(os_release: &str, debian_version: Option<&str>) -> (Word, Seen<Version>) {
    let name = match value(os_release, "ID").unwrap_or_default() {
        "debian" => Word::Debian,
        "ubuntu" => Word::Ubuntu,
        "fedora" => Word::Fedora,
        "arch" => Word::Arch,
        "linuxmint" => Word::Mint,
        "opensuse" | "opensuse-leap" | "opensuse-tumbleweed" => Word::Opensuse,
        "rhel" | "centos" | "rocky" | "almalinux" => Word::Rhel,
        _ => Word::Linux,
    };
    let point = debian_version.filter(|_| name == Word::Debian).and_then(Version::from_loose);
    let version = point.or_else(|| Version::from_loose(value(os_release, "VERSION_ID")?));
    (name, Seen::or_nothing(version))
}

/// The value of a key, without its quotes.
fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let line = text.lines().find_map(|l| l.trim().strip_prefix(key)?.strip_prefix('='))?;
    Some(line.trim_matches(['"', '\'']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str, debian: Option<&str>) -> (Word, Option<String>) {
        let (name, version) = parse(text, debian);
        (name, if let Seen::Is(v) = version { Some(v.to_string()) } else { None })
    }

    macro_rules! fixture {
        ($name:literal) => {
            include_str!(concat!("../../../tests/fixtures/environment/os-release-", $name))
        };
    }

    #[test]
    fn distributions() {
        assert_eq!(said(fixture!("debian-12"), Some("12.8\n")), (Word::Debian, Some("12.8".into())));
        assert_eq!(said(fixture!("debian-12"), None), (Word::Debian, Some("12".into())));
        assert_eq!(said(fixture!("debian-sid"), Some("trixie/sid\n")), (Word::Debian, None));
        assert_eq!(
            said(fixture!("ubuntu-24.04"), Some("trixie/sid\n")),
            (Word::Ubuntu, Some("24.04".into()))
        );
        assert_eq!(said(fixture!("fedora-41"), None), (Word::Fedora, Some("41".into())));
        assert_eq!(said(fixture!("arch"), None), (Word::Arch, None));
        assert_eq!(said(fixture!("rocky-9"), None), (Word::Rhel, Some("9.5".into())));
        assert_eq!(said(fixture!("tumbleweed"), None), (Word::Opensuse, Some("20241201".into())));
        assert_eq!(
            said("ID=linuxmint\nVERSION_ID=\"22\"\n", Some("trixie/sid")),
            (Word::Mint, Some("22".into()))
        );
    }

    #[test]
    fn another_distribution_is_never_named() {
        assert_eq!(said("ID=annas-own\nVERSION_ID=3\n", None), (Word::Linux, Some("3".into())));
        for bad in ["", "ID", "ID=\"", "\0\u{fffd}", "VERSION_ID=anna"] {
            assert_eq!(said(bad, None), (Word::Linux, None), "{bad}");
        }
    }
}
