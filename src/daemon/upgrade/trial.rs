//! Trying what lies at the program's path: whether it may be trusted, and says that it is Preshift.

use super::is_trusted;
use crate::platform::{FileIdentity, program};
use std::{fs::File, io, path::Path, process::Stdio, time::Duration};
use telemetry::Version;
use tokio::process::Command;

/// What a version takes, with room.
const SAID_BYTES: usize = 256;

/// Why a file at the program's path is not taken over to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotTaken {
    #[error("it is no program")]
    NoProgram,
    #[error("it cannot be tried now")]
    NotYet,
    #[error("another user could have written it")]
    Untrusted,
    #[error("it does not say that it is Preshift")]
    NotPreshift,
}

impl NotTaken {
    /// What it means that the file cannot be opened or started: a trouble that passes is no word about the file.
    fn by(error: &io::Error) -> Self {
        use io::ErrorKind::{ExecutableFileBusy, OutOfMemory, ResourceBusy, WouldBlock};
        // Somebody has it open for writing; there are no processes, memory or files to be had just now.
        #[cfg(unix)]
        let passes = [libc::EMFILE, libc::ENFILE];
        // ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION and ERROR_VIRUS_INFECTED: a scanner looks at it first.
        #[cfg(windows)]
        let passes = [5, 32, 225];
        match error.kind() {
            ExecutableFileBusy | OutOfMemory | ResourceBusy | WouldBlock => Self::NotYet,
            _ if error.raw_os_error().is_some_and(|number| passes.contains(&number)) => Self::NotYet,
            _ => Self::NoProgram,
        }
    }
}

/// Whether a file may be trusted and says in time that it is Preshift.
pub(super) async fn attempt(path: &Path, which: FileIdentity, within: Duration) -> Result<Version, NotTaken> {
    let file = path.to_owned();
    let trying = tokio::task::spawn_blocking(move || fit(&file, which));
    trying.await.unwrap_or(Err(NotTaken::NotYet))?;
    let mut command = Command::new(path);
    command.arg("--version").stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    #[cfg(windows)]
    command.creation_flags(windows_sys::Win32::System::Threading::CREATE_NO_WINDOW);
    match tokio::time::timeout(within, command.output()).await {
        Ok(Ok(said)) if said.status.success() => version(&said.stdout).ok_or(NotTaken::NotPreshift),
        Ok(Ok(_)) => Err(NotTaken::NotPreshift),
        Ok(Err(error)) => Err(NotTaken::by(&error)),
        Err(_) => Err(NotTaken::NotYet),
    }
}

/// Whether a file may be run at all. Blocks.
fn fit(path: &Path, which: FileIdentity) -> Result<(), NotTaken> {
    let file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => NotTaken::NoProgram,
        _ => NotTaken::NotYet,
    })?;
    // Another one by now: the next look sees it.
    if program::identity(&file).ok() != Some(which) {
        return Err(NotTaken::NotYet);
    }
    match (program::is_executable(&file), is_trusted(&file, path)) {
        (Ok(true), Ok(true)) => Ok(()),
        (Ok(true), _) => Err(NotTaken::Untrusted),
        _ => Err(NotTaken::NoProgram),
    }
}

/// What `--version` prints: `preshift 0.2.0`.
fn version(said: &[u8]) -> Option<Version> {
    let text = std::str::from_utf8(said.get(..SAID_BYTES.min(said.len()))?).ok()?;
    let (name, version) = text.lines().next()?.split_once(' ')?;
    (name == "preshift").then(|| Version::from_loose(version)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_preshift_says_that_it_is_preshift() {
        let say = |text: &str| version(text.as_bytes()).map(|v| v.to_string());
        assert_eq!(say("preshift 0.2.0\n").as_deref(), Some("0.2.0"));
        assert_eq!(say("preshift 1.0.0-rc1\nmore\n").as_deref(), Some("1.0.0-rc1"));
        for bad in
            ["", "preshift", "preshift \n", "preshift-collector 0.2.0", "bash 5.2", "\n preshift 1", "ü 1"]
        {
            assert_eq!(say(bad), None, "{bad}");
        }
        assert_eq!(version(b"\xff\xfe preshift 1.0"), None);
        assert_eq!(version("preshift 1.0 ".repeat(10_000).as_bytes()).unwrap().to_string(), "1.0");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_file_that_is_no_program_or_not_ours_is_not_run() {
        use crate::daemon::upgrade::{TRIAL, look};
        use std::os::unix::fs::PermissionsExt as _;
        let two: Version = "0.2.0".parse().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("preshift");
        let put = |text: &str, mode| {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            look(&path).unwrap()
        };
        let good = "#!/bin/sh\necho preshift 0.2.0\n";
        let ran = dir.path().join("ran");
        let tells = format!("#!/bin/sh\ntouch '{}'\necho preshift 0.2.0\n", ran.display());
        for (text, mode, expected) in [
            (good, 0o755, Ok(two)),
            (good, 0o644, Err(NotTaken::NoProgram)),
            (&tells, 0o777, Err(NotTaken::Untrusted)),
            ("no program at all", 0o755, Err(NotTaken::NoProgram)),
            ("#!/bin/sh\necho something else\n", 0o755, Err(NotTaken::NotPreshift)),
            ("#!/bin/sh\necho preshift 0.2.0; exit 1\n", 0o755, Err(NotTaken::NotPreshift)),
        ] {
            let which = put(text, mode);
            // Another test may start a program just now, which has our file open for a moment.
            let mut said = Err(NotTaken::NotYet);
            while said == Err(NotTaken::NotYet) {
                said = attempt(&path, which, TRIAL).await;
            }
            assert_eq!(said, expected, "{text} {mode:o}");
        }
        assert!(!ran.exists(), "it was not even started");
        let which = put(good, 0o755);
        std::fs::remove_file(&path).unwrap();
        put("#!/bin/sh\necho preshift 0.3.0\n", 0o755);
        let another = FileIdentity { modified_ns: which.modified_ns - 1, ..which };
        assert_eq!(attempt(&path, another, TRIAL).await, Err(NotTaken::NotYet), "it is another by now");
        let slow = put("#!/bin/sh\nexec sleep 60\n", 0o755);
        let soon = Duration::from_millis(20);
        assert_eq!(attempt(&path, slow, soon).await, Err(NotTaken::NotYet), "a busy disk passes");
        std::fs::remove_file(&path).unwrap();
        assert_eq!(attempt(&path, slow, soon).await, Err(NotTaken::NoProgram));
        // Whoever may write to the folder may put another file there.
        let which = put(good, 0o755);
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        assert_eq!(attempt(&path, which, TRIAL).await, Err(NotTaken::Untrusted));
    }

    #[test]
    fn a_trouble_that_passes_is_no_word_about_the_file() {
        use io::ErrorKind::{ExecutableFileBusy, OutOfMemory, ResourceBusy, WouldBlock};
        for kind in [ExecutableFileBusy, OutOfMemory, ResourceBusy, WouldBlock] {
            assert_eq!(NotTaken::by(&kind.into()), NotTaken::NotYet, "{kind}");
        }
        #[cfg(unix)]
        let (passing, lasting) = ([libc::EAGAIN, libc::ETXTBSY, libc::EMFILE], libc::ENOEXEC);
        // ERROR_BAD_EXE_FORMAT is the last.
        #[cfg(windows)]
        let (passing, lasting) = ([5, 32, 225], 193);
        for number in passing {
            assert_eq!(NotTaken::by(&io::Error::from_raw_os_error(number)), NotTaken::NotYet, "{number}");
        }
        assert_eq!(NotTaken::by(&io::Error::from_raw_os_error(lasting)), NotTaken::NoProgram);
    }
}
