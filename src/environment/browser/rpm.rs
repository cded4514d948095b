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
    use proptest::prelude::*;

    const REAL: &[u8] = include_bytes!("../../../tests/fixtures/environment/rpm-header.bin");

    #[test]
    fn a_header_that_rpm_wrote() {
        assert_eq!(version(REAL), Some("131.0.6778.85"));
    }

    #[test]
    fn a_cut_header_is_no_header() {
        for end in 0..REAL.len() {
            assert_eq!(version(&REAL[..end]), None, "cut at {end}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(at in 0..REAL.len(), byte: u8, junk in prop::collection::vec(any::<u8>(), 0..64)) {
            let mut bent = REAL.to_vec();
            bent[at] = byte;
            version(&bent);
            version(&junk);
        }
    }
}
