//! A desk's own credentials for relays: a file in the folder of the local store, which only this user can read.
//!
//! They count for the host that they name, so that no policy can have them shown to another. Must never be
//! logged, reported or put on the command line.

use crate::platform::files;
use serde::Deserialize;
use std::{fs, io::Read as _, path::Path};
use zeroize::Zeroizing;

/// The file's name in the folder of the local store.
pub const FILE: &str = "turn-credentials.toml";
/// Larger is something else.
const BYTES: u64 = 64 * 1024;

/// A user name and a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user name.
    pub username: String,
    /// The password.
    pub password: Zeroizing<String>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials")
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    server: Vec<Server>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Server {
    host: String,
    username: String,
    password: String,
}

/// The credentials of this desk for a host, if it has any. Blocks. A file that cannot be used is said in the log,
/// without a word of what it holds.
pub fn for_host(folder: &Path, host: &str) -> Option<Credentials> {
    let path = folder.join(FILE);
    if !path.exists() {
        return None;
    }
    let mut text = Zeroizing::new(String::new());
    let read = files::tighten(&path)
        .and_then(|()| fs::File::open(&path))
        .and_then(|file| file.take(BYTES + 1).read_to_string(&mut text));
    let problem = match read {
        Err(error) => error.kind().to_string(),
        Ok(length) if length as u64 > BYTES => "too large".to_owned(),
        Ok(_) => match find(&text, host) {
            Ok(found) => return found,
            Err(line) => format!("line {line} is not as it must be"),
        },
    };
    tracing::warn!(file = FILE, %problem, "the credentials for relays are not used");
    None
}

/// The credentials in a file's text for a host; the line that is wrong if it is no such file.
fn find(text: &str, host: &str) -> Result<Option<Credentials>, usize> {
    let written: Written = toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        before.matches('\n').count() + 1
    })?;
    let bare = |host: &str| host.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
    let own = written.server.into_iter().find(|s| bare(&s.host) == bare(host));
    Ok(own.map(|s| Credentials { username: s.username, password: s.password.into() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "[[server]]\nhost = 'turn.example.net'\nusername = 'desk'\npassword = 'se cret'\n";

    #[test]
    fn credentials_are_for_the_host_that_they_name() {
        let found = find(TEXT, "Turn.Example.net.").unwrap().unwrap();
        assert_eq!((found.username.as_str(), found.password.as_str()), ("desk", "se cret"));
        assert_eq!(format!("{found:?}"), "Credentials", "nothing is shown");
        assert_eq!(find(TEXT, "turn.example.org"), Ok(None));
        assert_eq!(find("", "turn.example.net"), Ok(None));
    }

    #[test]
    fn a_file_that_is_wrong_is_told_by_its_line_and_not_by_its_words() {
        assert_eq!(find("[[server]]\nhost = 'a'\npasword = 'x'\n", "a"), Err(3));
        assert_eq!(find("not toml", "a"), Err(1));
        assert!(find("[[server]]\nhost = 'a'\n", "a").is_err());
    }

    #[test]
    fn a_file_of_a_folder_is_read_and_kept_from_others() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(for_host(folder.path(), "turn.example.net"), None);
        let path = folder.path().join(FILE);
        fs::write(&path, TEXT).unwrap();
        assert!(for_host(folder.path(), "turn.example.net").is_some());
        assert!(files::only_this_user(&path).unwrap());
        fs::write(&path, "host = 5").unwrap();
        assert_eq!(for_host(folder.path(), "turn.example.net"), None);
    }
}
