//! The status file of dpkg. It has megabytes, so it is read as a stream and only the wanted
//! packages are kept.

use std::io::{self, BufRead};

/// Longest line that is looked at; of a longer one the rest is skipped.
const LINE: usize = 512;

/// Name and version of those wanted packages that are installed.
pub fn installed(
    mut status: impl BufRead,
    wanted: &dyn Fn(&str) -> bool,
) -> io::Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    let mut stanza = Stanza::default();
    let mut line = Vec::with_capacity(LINE);
    loop {
        let more = read_line(&mut status, &mut line)?;
        let text = line.trim_ascii_end();
        if text.is_empty() || !more {
            found.extend(std::mem::take(&mut stanza).installed());
        }
        if !more {
            return Ok(found);
        }
        let Ok(text) = std::str::from_utf8(text) else { continue };
        if let Some(name) = text.strip_prefix("Package:") {
            stanza.name = Some(name.trim()).filter(|n| wanted(n)).map(str::to_owned);
        } else if stanza.name.is_none() {
            continue;
        } else if let Some(state) = text.strip_prefix("Status:") {
            // Want, error flag, state. A package that was removed and left its configuration ends in another.
            stanza.here = state.split_ascii_whitespace().next_back() == Some("installed");
        } else if let Some(version) = text.strip_prefix("Version:") {
            stanza.version = Some(version.trim().to_owned());
        } else if let Some(needs) = text.strip_prefix("Pre-Depends:") {
            let mut names = needs.split([',', '|']).filter_map(|n| n.split_ascii_whitespace().next());
            stanza.pointer |= names.any(|name| name == "snapd");
        }
    }
}

#[derive(Default)]
struct Stanza {
    name: Option<String>,
    here: bool,
    version: Option<String>,
    /// It only brings a snap, by which its program is found: such a package says so by what it
    /// needs, and not always by its version (Ubuntu 22.04's `chromium-browser` is `1:85.0.4183.83-0ubuntu2.22.04.1`).
    pointer: bool,
}

impl Stanza {
    fn installed(self) -> Option<(String, String)> {
        (self.here && !self.pointer).then_some((self.name?, self.version?))
    }
}

/// Reads a line, keeping at most `LINE` bytes of it. `false` at the end of the input.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    loop {
        let chunk = match input.fill_buf() {
            Ok(chunk) => chunk,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        if chunk.is_empty() {
            return Ok(!line.is_empty());
        }
        let end = chunk.iter().position(|b| *b == b'\n');
        let used = end.map_or(chunk.len(), |at| at + 1);
        line.extend_from_slice(&chunk[..used.min(LINE - line.len().min(LINE))]);
        input.consume(used);
        if end.is_some() {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::browser::{PACKAGES, of_package};
    use crate::fixtures;
    use proptest::prelude::*;

    /// The browsers among the packages, as the system tells them.
    fn said(status: &[u8]) -> String {
        let wanted = |name: &str| PACKAGES.iter().any(|(n, ..)| *n == name);
        let found = installed(status, &wanted).unwrap();
        let one = |(name, version): &(String, String)| {
            let found = of_package(name, version)?;
            found.version.iter().for_each(fixtures::travels);
            Some(format!("{:?} {:?} {}", found.browser, found.channel, found.version?))
        };
        found.iter().filter_map(one).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn status_files_as_they_were_seen() {
        fixtures::check(
            "dpkg",
            &[
                ("debian-12", "Firefox Esr 128.5.0-esr, Chrome Stable 131.0.6778.85"),
                (
                    "debian-13",
                    "Chromium Stable 141.0.7390.107, Firefox Esr 140.4.0-esr, Firefox Stable 144.0",
                ),
                (
                    "debian-testing",
                    "Firefox Stable 144.0, Firefox Esr 140.4.0-esr, Chromium Stable 142.0.7444.59",
                ),
                (
                    "linuxmint-22",
                    "Firefox Stable 144.0, Chromium Stable 141.0.7390.65, Edge Dev 142.0.3579.0",
                ),
                ("lmde-6", "Firefox Stable 133.0"),
                ("pop-22.04", "Firefox Stable 132.0.2, Brave Nightly 1.75.57"),
                ("ubuntu-22.04", "Edge Stable 131.0.2903.70, Brave Stable 1.73.97"),
                ("ubuntu-24.04", ""),
                ("ubuntu-25.10", "Chrome Stable 141.0.7390.107, Chrome Dev 143.0.7475.0, Brave Beta 1.84.90"),
            ],
            |_, bytes| said(bytes),
        );
    }

    #[test]
    fn only_what_is_wanted_is_kept() {
        let of = |status: &[u8]| installed(status, &|n: &str| n == "pipewire").unwrap();
        let ubuntu = fixtures::file("dpkg", "ubuntu-24.04");
        assert_eq!(of(&ubuntu), [("pipewire".to_owned(), "1.0.5-1ubuntu2".to_owned())]);
        assert!(of(&fixtures::file("dpkg", "debian-12")).is_empty(), "half-configured is not installed");
    }

    #[test]
    fn a_package_that_only_brings_a_snap_holds_no_browser() {
        let of = |needs: &str| {
            said(format!("Package: chromium-browser\nStatus: install ok installed\nPre-Depends: {needs}\nVersion: 1:85.0.4183.83-0ubuntu2\n").as_bytes())
        };
        assert_eq!(of("debconf, snapd (>= 2.54)"), "");
        assert_eq!(of("dpkg (>= 1.14.0), snapd-xdg-open"), "Chromium Stable 85.0.4183.83");
    }

    #[test]
    fn a_hostile_file_costs_no_memory_and_no_panic() {
        let mut long = b"Package: firefox\nStatus: install ok installed\nVersion: ".to_vec();
        long.extend(std::iter::repeat_n(b'9', 3_000_000));
        let version = installed(&long[..], &|_| true).unwrap().remove(0).1;
        assert!(version.len() <= LINE);
        for bad in [
            &b""[..],
            b"\n\n\n",
            b"Package:\n",
            b"Version: 1\n",
            b"Package: firefox\nVersion: 1",
            b"\xff\xfe\n\0",
        ] {
            assert_eq!(said(bad), "", "{bad:?}");
        }
    }

    #[test]
    fn a_file_without_a_newline_at_its_end() {
        assert_eq!(said(b"Package: firefox\nStatus: hold ok installed\nVersion: 1.2"), "Firefox Stable 1.2");
    }

    #[test]
    fn line_ends_of_windows_change_nothing() {
        for (_, file) in fixtures::of("dpkg") {
            let other: Vec<u8> = String::from_utf8(file.clone()).unwrap().replace('\n', "\r\n").into();
            assert_eq!(said(&other), said(&file));
        }
    }

    #[test]
    fn whatever_is_in_it_can_be_sent() {
        fixtures::spoilt("dpkg", |bytes| drop(said(bytes)));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in fixtures::mangled("dpkg")) {
            said(&bytes);
        }
    }
}
