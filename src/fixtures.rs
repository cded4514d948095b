//! The fixtures of what operating systems say: walks their folders and bends what is in them.
//!
//! Only for tests. A folder `tests/fixtures/<area>` belongs to one parser, and the parser's test
//! holds every file of it against a table: a file that is in no row fails, and so does a row
//! without a file. What the same files look like when a disk or a person has spoilt them comes
//! from here too, so that each parser meets the same hostility.

use proptest::prelude::*;
use std::{collections::BTreeMap, fmt::Debug, fs, path::PathBuf};

/// Where the files of an area are.
pub fn folder(area: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(area)
}

/// The files of an area by name. The README that says where they were seen is none of them.
pub fn of(area: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = folder(area);
    let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    entries
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap()))
        .filter(|(name, _)| name != "README.md")
        .collect()
}

/// One file of an area.
pub fn file(area: &str, name: &str) -> Vec<u8> {
    of(area).remove(name).unwrap_or_else(|| panic!("no fixture {area}/{name}"))
}

/// Holds what a parser says of each file of an area against what it must say.
#[track_caller]
pub fn check(area: &str, expected: &[(&str, &str)], said: impl Fn(&str, &[u8]) -> String) {
    let mut rows: BTreeMap<&str, &str> = expected.iter().copied().collect();
    assert_eq!(rows.len(), expected.len(), "{area}: a file has two rows");
    let mut wrong = Vec::new();
    for (name, content) in of(area) {
        let is = said(&name, &content);
        match rows.remove(name.as_str()) {
            Some(must) if must == is => {}
            Some(must) => wrong.push(format!("{name}\n     must be {must}\n     and is  {is}")),
            None => wrong.push(format!("{name} is in no row; the parser says {is}")),
        }
    }
    wrong.extend(rows.keys().map(|name| format!("{name} has a row and is no file")));
    assert!(wrong.is_empty(), "{area}:\n  {}", wrong.join("\n  "));
}

/// Text of another system: lines that end as on Windows, and a byte order mark before them.
pub fn as_on_windows(text: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(text.to_vec()).unwrap().replace("\r\n", "\n").replace('\n', "\r\n");
    ["\u{feff}".as_bytes(), text.as_bytes()].concat()
}

/// Every file of an area spoilt in every way that disks, editors and enemies have: empty, cut, with
/// zeros and broken UTF-8, with doubled lines, with numbers that fit no type, and huge.
pub fn spoilt(area: &str, mut take: impl FnMut(&[u8])) {
    const NUMBER: &[u8] = b"99999999999999999999999999";
    take(b"");
    for (_, good) in of(area) {
        // Every length of a short file, and a hundred of a long one.
        for end in (0..good.len()).step_by(good.len().div_ceil(100).max(1)) {
            take(&good[..end]);
            for byte in [0, 0xff, b'\n', b'-'] {
                let mut bent = good.clone();
                bent[end] = byte;
                take(&bent);
            }
        }
        take(&[&good[..], &good[..]].concat());
        take(&good.split_inclusive(|b| *b == b'\n').flat_map(|l| [l, l]).collect::<Vec<_>>().concat());
        take(
            &good
                .iter()
                .flat_map(|b| if b.is_ascii_digit() { NUMBER.to_vec() } else { vec![*b] })
                .collect::<Vec<_>>(),
        );
        take(&[&good[..], &vec![b'x'; 1 << 20]].concat());
        take(&good.iter().flat_map(|b| [*b, 0]).collect::<Vec<_>>());
    }
}

/// A file of an area after some edits at random: for properties.
pub fn mangled(area: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let files: Vec<Vec<u8>> = of(area).into_values().collect();
    let edit = (any::<prop::sample::Index>(), any::<u8>(), prop::collection::vec(any::<u8>(), 0..6));
    (prop::sample::select(files), prop::collection::vec(edit, 0..12)).prop_map(|(mut bytes, edits)| {
        for (at, how, new) in edits {
            let at = at.index(bytes.len() + 1);
            match how % 4 {
                0 => drop(bytes.splice(at..at, new)),
                1 => drop(bytes.splice(at..(at + new.len()).min(bytes.len()), new)),
                2 => drop(bytes.drain(at..(at + usize::from(how)).min(bytes.len()))),
                _ => bytes.extend_from_within(at..(at + usize::from(how)).min(bytes.len())),
            }
        }
        bytes
    })
}

/// Whether a value comes through the wire as it went in: what the wire refuses does not.
#[track_caller]
pub fn travels<T>(value: &T)
where
    T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + Debug,
{
    let json = serde_json::to_string(value).unwrap();
    assert_eq!(&serde_json::from_str::<T>(&json).unwrap_or_else(|e| panic!("{json}: {e}")), value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "is in no row")]
    fn a_file_without_a_row_fails() {
        check("os-release", &[], |_, _| String::new());
    }

    #[test]
    #[should_panic(expected = "nowhere has a row and is no file")]
    fn a_row_without_a_file_fails() {
        let files = of("os-release");
        let rows: Vec<(&str, &str)> =
            files.keys().map(|n| (n.as_str(), "")).chain([("nowhere", "")]).collect();
        check("os-release", &rows, |_, _| String::new());
    }

    #[test]
    #[should_panic(expected = "must be right")]
    fn another_answer_fails() {
        let files = of("os-release");
        let rows: Vec<(&str, &str)> = files.keys().map(|n| (n.as_str(), "right")).collect();
        check("os-release", &rows, |_, _| "wrong".into());
    }

    #[test]
    fn every_area_says_where_its_files_were_seen() {
        let areas = fs::read_dir(folder("")).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_dir());
        for area in areas.filter(|p| !p.ends_with("config")) {
            assert!(area.join("README.md").is_file(), "{} has no README.md", area.display());
        }
    }
}
