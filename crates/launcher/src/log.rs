//! Where words go that have no console. Nothing in them is about a person: see the daemon's own rule.
//!
//! A log's size is looked at when it is opened: the daemon's at each start of the daemon, so at each logon, upgrade
//! and failure. Not while it runs: the daemon writes into the file itself, so that its words do not hang on the
//! launcher's life.

use std::{
    env,
    fs::{self, File, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
    process::Stdio,
};

/// Weeks of a daemon that says what it does. What is larger when it is opened becomes the file before, and
/// the one before that is dropped.
const LARGEST: u64 = 1024 * 1024;

/// The daemon's log: `%LocalAppData%\preshift\daemon.log`, beside its store and its settings.
pub fn daemon() -> Stdio {
    let Some(folder) = env::var_os("LOCALAPPDATA").map(|f| PathBuf::from(f).join("preshift")) else {
        return Stdio::null();
    };
    open(&folder, "daemon.log", Held::UntilWeEnd).map_or_else(Stdio::null, Stdio::from)
}

/// Notes a command that failed in `%TEMP%\preshift-setup.log`, where an installer's log belongs.
pub fn failed(what: &str, code: i32, words: &str) {
    if let Some(mut file) = open(&env::temp_dir(), "preshift-setup.log", Held::Not) {
        let version = env!("CARGO_PKG_VERSION");
        let _ = writeln!(file, "preshift {version}: '{what}' ended with {code}:\n{}\n", words.trim_end());
    }
}

/// Whether a log may be removed while it is open.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Held {
    Not,
    /// By this, an uninstaller knows that the launcher still runs: `preshift setup remove`.
    UntilWeEnd,
}

/// Opens a log for appending; one that has grown is set aside first.
fn open(folder: &Path, name: &str, held: Held) -> Option<File> {
    fs::create_dir_all(folder).ok()?;
    let path = folder.join(name);
    if fs::metadata(&path).is_ok_and(|m| m.len() > LARGEST) {
        let _ = fs::rename(&path, folder.join(format!("{name}.1")));
    }
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(windows)]
    if held == Held::UntilWeEnd {
        // FILE_SHARE_READ alone: nobody else writes or removes it.
        std::os::windows::fs::OpenOptionsExt::share_mode(&mut options, 1);
    }
    #[cfg(not(windows))]
    let _ = held;
    options.open(path).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_grows_up_to_a_size_and_begins_anew() {
        let folder = env::temp_dir().join(format!("preshift-launcher-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        open(&folder, "a.log", Held::Not).unwrap().write_all(b"one\n").unwrap();
        open(&folder, "a.log", Held::Not).unwrap().write_all(b"two\n").unwrap();
        assert_eq!(fs::read(folder.join("a.log")).unwrap(), b"one\ntwo\n");
        fs::write(folder.join("a.log"), vec![b'x'; LARGEST as usize + 1]).unwrap();
        open(&folder, "a.log", Held::Not).unwrap().write_all(b"three\n").unwrap();
        assert_eq!(fs::read(folder.join("a.log")).unwrap(), b"three\n");
        assert_eq!(fs::metadata(folder.join("a.log.1")).unwrap().len(), LARGEST + 1);
        fs::remove_dir_all(&folder).unwrap();
    }
}
