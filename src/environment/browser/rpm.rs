//! A package's header as the rpm database stores it: a count of entries, the size of the data, the
//! entries of 16 bytes, the data. All numbers big-endian.

/// Tag of the package's version.
const VERSION: usize = 1001;
/// Type of a string that ends with a zero byte.
const STRING: usize = 6;
/// More entries than any package has: what says so is no header.
const MOST_ENTRIES: usize = 65_536;

/// The version in a header.
pub fn version(header: &[u8]) -> Option<&str> {
    let entries = number(header, 0)?;
    let size = number(header, 4)?;
    if entries > MOST_ENTRIES {
        return None;
    }
    let data = header.get(8 + entries * 16..)?;
    let data = data.get(..size)?;
    let entry = (0..entries).map(|i| &header[8 + i * 16..]).find(|e| number(e, 0) == Some(VERSION))?;
    if number(entry, 4)? != STRING {
        return None;
    }
    let text = data.get(number(entry, 8)?..)?;
    std::str::from_utf8(&text[..text.iter().position(|b| *b == 0)?]).ok()
}

fn number(bytes: &[u8], at: usize) -> Option<usize> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;
    use proptest::prelude::*;

    #[test]
    fn headers_as_rpm_wrote_them() {
        fixtures::check(
            "rpm",
            &[
                ("fedora-41-firefox.bin", "133.0"),
                ("fedora-41-google-chrome.bin", "131.0.6778.85"),
                ("fedora-42-chromium.bin", "141.0.7390.107"),
                ("fedora-43-brave.bin", "1.83.118"),
                ("fedora-43-firefox.bin", "144.0"),
                ("opensuse-leap-15.6-MozillaFirefox.bin", "128.5.0"),
                ("rhel-9-firefox-esr.bin", "128.5.0"),
                ("rpm-6-by-hand-edge.bin", "141.0.3537.85"),
            ],
            |_, bytes| version(bytes).unwrap_or("-").to_owned(),
        );
    }

    #[test]
    fn a_cut_header_is_no_header() {
        for (name, whole) in fixtures::of("rpm") {
            for end in 0..whole.len() {
                assert_eq!(version(&whole[..end]), None, "{name} cut at {end}");
            }
        }
    }

    #[test]
    fn counts_that_lie() {
        let whole = fixtures::file("rpm", "fedora-43-firefox.bin");
        for at in [0, 4] {
            for lie in [0u32, 1, 65_537, u32::MAX] {
                let mut bent = whole.clone();
                bent[at..at + 4].copy_from_slice(&lie.to_be_bytes());
                // A count of entries that is too small finds no version; of too many there is no room.
                assert_eq!(version(&bent), None, "{lie} at {at}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in fixtures::mangled("rpm"), junk in prop::collection::vec(any::<u8>(), 0..64)) {
            version(&bytes);
            version(&junk);
        }
    }
}
