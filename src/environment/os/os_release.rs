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
        "rhel" | "centos" | "rocky" | "almalinux" | "ol" => Word::Rhel,
        _ => Word::Linux,
    };
    let point = debian_version.filter(|_| name == Word::Debian).and_then(Version::from_loose);
    let version = point.or_else(|| Version::from_loose(value(os_release, "VERSION_ID")?));
    (name, Seen::or_nothing(version))
}

/// The value of a key, without its quotes. The file is one of assignments for a shell, in which the
/// last one counts.
fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let line = text.lines().filter_map(|l| l.trim().strip_prefix(key)?.strip_prefix('=')).next_back()?;
    Some(line.trim_matches(['"', '\'']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{environment::read, fixtures};
    use proptest::prelude::*;

    fn said(text: &str, debian: Option<&str>) -> String {
        let (name, version) = parse(text, debian);
        fixtures::travels(&telemetry::FactValue::Word(name));
        format!("{name:?} {}", version.is().map_or("-".into(), |v| v.to_string()))
    }

    /// What `/etc/debian_version` says on a system, where it has that file.
    fn debian_version(system: &str) -> Option<&'static str> {
        match system {
            "debian-11" => Some("11.11\n"),
            "debian-12" | "lmde-6" | "raspbian-12" => Some("12.8\n"),
            "debian-13" => Some("13.1\n"),
            "debian-testing" => Some("forky/sid\n"),
            "ubuntu-22.04" | "linuxmint-21.3" | "pop-22.04" | "zorin-17" => Some("bookworm/sid\n"),
            "ubuntu-24.04" | "linuxmint-22" => Some("trixie/sid\n"),
            "ubuntu-25.10" => Some("forky/sid\n"),
            _ => None,
        }
    }

    #[test]
    fn distributions_as_they_were_seen() {
        fixtures::check(
            "os-release",
            &[
                ("almalinux-10.0", "Rhel 10.0"),
                ("arch", "Arch -"),
                ("arch-container", "Arch -"),
                ("centos-stream-9", "Rhel 9"),
                ("debian-11", "Debian 11.11"),
                ("debian-12", "Debian 12.8"),
                ("debian-13", "Debian 13.1"),
                ("debian-testing", "Debian -"),
                ("endeavouros", "Linux -"),
                ("fedora-40-silverblue", "Fedora 40"),
                ("fedora-41", "Fedora 41"),
                ("fedora-42", "Fedora 42"),
                ("fedora-43", "Fedora 43"),
                ("linuxmint-21.3", "Mint 21.3"),
                ("linuxmint-22", "Mint 22"),
                ("lmde-6", "Mint 6"),
                ("manjaro", "Linux -"),
                ("nixos-25.05", "Linux 25.05"),
                ("opensuse-leap-15.6", "Opensuse 15.6"),
                ("opensuse-leap-16.0", "Opensuse 16.0"),
                ("opensuse-tumbleweed", "Opensuse 20240823"),
                ("oraclelinux-9.1", "Rhel 9.1"),
                ("pop-22.04", "Linux 22.04"),
                ("raspbian-12", "Linux 12"),
                ("rhel-10.0", "Rhel 10.0"),
                ("rhel-9.6", "Rhel 9.6"),
                ("rocky-10.0", "Rhel 10.0"),
                ("rocky-9.5", "Rhel 9.5"),
                ("sles-15.7", "Linux 15.7"),
                ("steamos-3.7", "Linux 3.7.16"),
                ("ubuntu-22.04", "Ubuntu 22.04"),
                ("ubuntu-24.04", "Ubuntu 24.04"),
                ("ubuntu-25.10", "Ubuntu 25.10"),
                ("zorin-17", "Linux 17"),
            ],
            |name, bytes| said(&read::decoded(bytes), debian_version(name)),
        );
    }

    #[test]
    fn without_the_file_that_names_the_point_release() {
        let text = |name| read::decoded(&fixtures::file("os-release", name));
        assert_eq!(said(&text("debian-12"), None), "Debian 12");
        assert_eq!(said(&text("debian-13"), Some("\0\u{fffd}")), "Debian 13");
    }

    #[test]
    fn a_file_that_went_over_windows_says_the_same() {
        for (name, bytes) in fixtures::of("os-release") {
            let other = read::decoded(&fixtures::as_on_windows(&bytes));
            assert_eq!(said(&other, None), said(&read::decoded(&bytes), None), "{name}");
        }
    }

    #[test]
    fn of_two_assignments_the_last_counts() {
        assert_eq!(said("ID=debian\nVERSION_ID=1\nID=fedora\nVERSION_ID=\"42\"\n", None), "Fedora 42");
    }

    #[test]
    fn another_distribution_is_never_named() {
        assert_eq!(said("ID=annas-own\nVERSION_ID=3\n", None), "Linux 3");
        for bad in
            ["", "ID", "ID=\"", "\0\u{fffd}", "VERSION_ID=anna", "ID=Debian", "# ID=debian", "XID=debian"]
        {
            assert_eq!(said(bad, None), "Linux -", "{bad}");
        }
    }

    #[test]
    fn whatever_is_in_it_can_be_sent() {
        fixtures::spoilt("os-release", |bytes| {
            let text = read::decoded(bytes);
            parse(&text, Some(&text)).1.is().iter().for_each(fixtures::travels);
        });
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(bytes in fixtures::mangled("os-release"), debian in "\\PC{0,40}") {
            parse(&read::decoded(&bytes), Some(&debian)).1.is().iter().for_each(fixtures::travels);
        }
    }
}
