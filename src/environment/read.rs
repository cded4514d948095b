//! Reads small files of the system, bounded, and tells "not there" from "not readable".

use super::Seen;
use std::{fs, io, io::Read, path::Path};

/// The bytes of a file of at most `most` bytes; of a longer one only so many.
pub fn bytes(path: &Path, most: u64) -> Seen<Vec<u8>> {
    let read = || -> io::Result<Vec<u8>> {
        // A pipe or a device could block for ever.
        if !fs::metadata(path)?.is_file() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut bytes = Vec::new();
        fs::File::open(path)?.take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    seen(read())
}

/// The same as text.
pub fn text(path: &Path, most: u64) -> Seen<String> {
    bytes(path, most).map(|bytes| decoded(&bytes))
}

/// Bytes as text: what is no UTF-8 is replaced, and a byte order mark, as some editors put before
/// everything, is left out.
pub fn decoded(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)).into_owned()
}

/// The names in a folder, at most as many as any real one has; none if it is not there.
pub fn names(folder: &Path) -> Seen<Vec<String>> {
    const MOST: usize = 100_000;
    let read = || -> io::Result<Vec<String>> {
        fs::read_dir(folder)?.take(MOST).map(|e| Ok(e?.file_name().to_string_lossy().into_owned())).collect()
    };
    seen(read())
}

/// Sorts an operation's result.
pub fn seen<T>(result: io::Result<T>) -> Seen<T> {
    match result {
        Ok(value) => Seen::Is(value),
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Seen::Nothing,
        Err(_) => Seen::Unreadable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_not_there_and_not_readable() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, b"ab\xffcd").unwrap();
        assert_eq!(text(&file, 3), Seen::Is("ab\u{fffd}".into()));
        assert_eq!(bytes(&folder.path().join("none"), 3), Seen::Nothing);
        assert_eq!(bytes(&file.join("below a file"), 3), Seen::Nothing);
        assert_eq!(bytes(folder.path(), 3), Seen::Unreadable);
        assert_eq!(names(folder.path()), Seen::Is(vec!["file".into()]));
        assert_eq!(names(&folder.path().join("none")), Seen::Nothing);
    }

    #[test]
    fn bytes_become_text() {
        assert_eq!(decoded(b"\xef\xbb\xbfID=debian"), "ID=debian");
        assert_eq!(decoded(b"a\xc3("), "a\u{fffd}(");
        assert_eq!(decoded(b""), "");
    }

    #[cfg(unix)]
    #[test]
    fn links_in_a_circle_are_not_followed_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        std::os::unix::fs::symlink(&a, &b).unwrap();
        std::os::unix::fs::symlink(&b, &a).unwrap();
        assert_eq!(bytes(&a, 10), Seen::Unreadable);
        assert_eq!(names(&a), Seen::Unreadable);
        let nowhere = folder.path().join("nowhere");
        std::os::unix::fs::symlink(folder.path().join("none"), &nowhere).unwrap();
        assert_eq!(bytes(&nowhere, 10), Seen::Nothing);
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_does_not_block() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let path = std::ffi::CString::new(pipe.as_os_str().as_encoded_bytes()).unwrap();
        // SAFETY: the path ends in a zero byte.
        assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
        assert_eq!(bytes(&pipe, 10), Seen::Unreadable);
    }
}
