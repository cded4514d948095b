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
        }
    }
}

#[derive(Default)]
struct Stanza {
    name: Option<String>,
    here: bool,
    version: Option<String>,
}

impl Stanza {
    fn installed(self) -> Option<(String, String)> {
        self.here.then_some((self.name?, self.version?))
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

    fn names(status: &[u8]) -> Vec<String> {
        let wanted = |n: &str| n.starts_with("firefox") || n.starts_with("google-chrome") || n == "pipewire";
        installed(status, &wanted).unwrap().into_iter().map(|(n, v)| format!("{n} {v}")).collect()
    }

    #[test]
    fn debian_and_ubuntu() {
        let debian = include_bytes!("../../../tests/fixtures/environment/dpkg-debian-12");
        assert_eq!(
            names(debian),
            ["firefox-esr 128.5.0esr-1~deb12u1", "google-chrome-stable 131.0.6778.85-1"]
        );
        let ubuntu = include_bytes!("../../../tests/fixtures/environment/dpkg-ubuntu-24.04");
        assert_eq!(names(ubuntu), ["firefox 1:1snap1-0ubuntu5", "pipewire 1.0.5-1ubuntu2"]);
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
            assert!(names(bad).is_empty(), "{bad:?}");
        }
    }

    #[test]
    fn a_file_without_a_newline_at_its_end() {
        assert_eq!(names(b"Package: pipewire\nStatus: hold ok installed\nVersion: 1.2"), ["pipewire 1.2"]);
    }
}
