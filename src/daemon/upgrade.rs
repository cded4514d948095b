//! A new version of the program: noticing that its file was replaced, trying it, handing over to it.
//!
//! Packages replace the file and leave the daemon alone, because in the middle of a shift nothing may be
//! restarted. `Installed` is pure: what lies at the path, and what follows. When a version may take over is
//! `schedule`'s. Must not fetch, unpack or install anything: that is the package manager's.

use crate::{
    aside,
    platform::{FileIdentity, program, trust},
};
use std::{
    ffi::OsString,
    fs::File,
    io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use telemetry::Version;
use tokio::{process::Command, task::JoinHandle};

/// How often the daemon looks at its own file: one call to the system, and nobody waits for it.
const LOOK: Duration = Duration::from_secs(60);
/// A file that did not change for this long is not being written any more.
const SETTLE: Duration = Duration::from_secs(5);
/// A program says its version within milliseconds, or within this on a disk that is busy being upgraded.
const TRIAL: Duration = Duration::from_secs(10);
/// What a version takes, with room.
const SAID_BYTES: usize = 256;

/// The running program: where it lies and how it was started.
#[derive(Debug, Clone)]
pub struct Program {
    path: PathBuf,
    name: OsString,
    arguments: Vec<OsString>,
    running: FileIdentity,
}

impl Program {
    /// This process's own, to be taken at its start. Blocks.
    pub fn of_this_process() -> io::Result<Self> {
        let (path, running) = program::running()?;
        let mut arguments = std::env::args_os();
        let name = arguments.next().unwrap_or_else(|| path.clone().into());
        let path = as_called(&name, &running).unwrap_or(path);
        if cfg!(windows) {
            sweep(&path);
        }
        Ok(Self { path, name, arguments: arguments.collect(), running })
    }

    /// Gives this process over to what lies at the path by now. Returns only if that failed.
    pub fn give_over(&self) -> io::Error {
        program::give_over_to(&self.path, &self.name, &self.arguments)
    }
}

/// Deletes what installers set aside, the launcher as well. What still runs is left to the next start.
fn sweep(program: &Path) {
    for program in [program.to_owned(), program.with_file_name("preshiftw.exe")] {
        match aside::sweep(&program) {
            Ok(0) => {}
            Ok(left) => tracing::debug!(left, "programs that were set aside still run"),
            Err(error) => tracing::debug!(%error, "programs that were set aside cannot be looked for"),
        }
    }
}

/// The name by which it was called, if that is a full path of the same file: where that is a link, an
/// upgrade changes the link.
fn as_called(name: &OsString, running: &FileIdentity) -> Option<PathBuf> {
    let path = PathBuf::from(name);
    let same = path.is_absolute() && look(&path).is_some_and(|there| there == *running);
    same.then_some(path)
}

/// What lies at a path: `None` if nothing does, or if it cannot be seen. Blocks.
fn look(path: &Path) -> Option<FileIdentity> {
    program::identity(&File::open(path).ok()?).ok()
}

/// What follows from what lay at the program's path, look by look. Pure.
#[derive(Debug, Clone)]
struct Installed {
    running: FileIdentity,
    /// A copy of what runs is nothing new. An installer of Windows leaves one in the place of a program that it set
    /// aside, for the moment until it puts the new one there; copies keep their time there.
    knows_copies: bool,
    /// What lay there at the last look, if it was not what runs.
    other: Option<FileIdentity>,
    /// What became of trying it.
    tried: Option<Result<Version, NotTaken>>,
}

/// Why a file at the program's path is not taken over to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum NotTaken {
    #[error("it is no program")]
    NoProgram,
    #[error("it is still being written")]
    Writing,
    #[error("another user could have written it")]
    Untrusted,
    #[error("it does not say that it is Preshift")]
    NotPreshift,
}

/// What to do after a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Nothing new.
    Wait,
    /// Something else lies there: look again soon, whether it is whole.
    LookAgain,
    /// It did not change since the last look: try it.
    Try,
}

impl Installed {
    fn new(running: FileIdentity, knows_copies: bool) -> Self {
        Self { running, knows_copies, other: None, tried: None }
    }

    fn is_what_runs(&self, there: &FileIdentity) -> bool {
        let copy = || (there.size, there.modified_ns) == (self.running.size, self.running.modified_ns);
        *there == self.running || self.knows_copies && copy()
    }

    fn look(&mut self, there: Option<FileIdentity>) -> Next {
        // Nothing there is a file that is just being replaced, or a program that was removed.
        let there = there.filter(|there| !self.is_what_runs(there));
        if there != self.other {
            self.other = there;
            self.tried = None;
            return if there.is_some() { Next::LookAgain } else { Next::Wait };
        }
        if there.is_some() && self.tried.is_none() { Next::Try } else { Next::Wait }
    }

    /// Takes in what became of trying the file that lay there then.
    fn tried(&mut self, which: FileIdentity, said: Result<Version, NotTaken>) {
        if self.other == Some(which) && said != Err(NotTaken::Writing) {
            self.tried = Some(said);
        }
    }

    fn version(&self) -> Option<&Version> {
        self.tried.as_ref()?.as_ref().ok()
    }
}

/// Watches the program's file.
#[derive(Debug)]
pub struct Upgrade {
    program: Option<Program>,
    installed: Option<Installed>,
    next_look: Duration,
    trying: Option<JoinHandle<(FileIdentity, Result<Version, NotTaken>)>>,
}

impl Upgrade {
    /// Watches the file of this program; without one there is nothing to watch.
    pub fn watch(program: Option<Program>, now: Duration) -> Self {
        let installed = program.as_ref().map(|p| Installed::new(p.running, cfg!(windows)));
        Self { program, installed, next_look: now + LOOK, trying: None }
    }

    /// One whose new version was tried and found good.
    #[cfg(all(test, unix))]
    pub fn ready(version: Version) -> Self {
        let mut upgrade = Self::watch(Program::of_this_process().ok(), Duration::MAX - LOOK);
        let installed = upgrade.installed.as_mut().expect("there is a program");
        let other = FileIdentity { modified_ns: 0, ..installed.running };
        installed.look(Some(other));
        installed.tried(other, Ok(version));
        upgrade
    }

    /// The version that is installed, was tried and waits for its turn.
    pub fn version(&self) -> Option<&Version> {
        self.installed.as_ref()?.version()
    }

    /// Somebody says that something was installed: look at once.
    pub fn look_now(&mut self) {
        self.next_look = Duration::ZERO;
    }

    /// When to look next, by the clock that runs through sleep.
    pub fn next_look(&self) -> Option<Duration> {
        (self.program.is_some() && self.trying.is_none()).then_some(self.next_look)
    }

    /// Looks, if it is time to.
    pub async fn look(&mut self, now: Duration) {
        let (Some(program), Some(installed)) = (&self.program, &mut self.installed) else { return };
        if self.trying.is_some() || now < self.next_look {
            return;
        }
        let path = program.path.clone();
        let there = tokio::task::spawn_blocking(move || look(&path)).await.unwrap_or_default();
        let next = installed.look(there);
        self.next_look = now + if next == Next::LookAgain { SETTLE } else { LOOK };
        if let (Next::Try, Some(which)) = (next, there) {
            let path = program.path.clone();
            self.trying = Some(tokio::spawn(async move { (which, attempt(&path, which).await) }));
        }
    }

    /// Waits for a trial to end; for ever if there is none.
    pub async fn progress(&mut self) {
        let Some(trying) = &mut self.trying else { return std::future::pending().await };
        let done = trying.await;
        self.trying = None;
        if let (Ok((which, said)), Some(installed)) = (done, &mut self.installed) {
            match &said {
                Ok(version) => tracing::info!(%version, "a new version is installed"),
                Err(why) => tracing::warn!(%why, "what was put in this program's place is not taken over to"),
            }
            installed.tried(which, said);
        }
    }

    /// What takes over, if something may.
    pub fn successor(&self) -> Option<Program> {
        self.version().and(self.program.clone())
    }
}

/// Whether a file may be trusted and says that it is Preshift.
async fn attempt(path: &Path, which: FileIdentity) -> Result<Version, NotTaken> {
    let file = path.to_owned();
    let fit = move || {
        let file = File::open(file).ok().filter(|f| program::identity(f).is_ok_and(|there| there == which));
        let file = file.ok_or(NotTaken::NoProgram)?;
        match (program::is_executable(&file), trust::is_trusted(&file)) {
            (Ok(true), Ok(true)) => Ok(()),
            (Ok(true), _) => Err(NotTaken::Untrusted),
            _ => Err(NotTaken::NoProgram),
        }
    };
    tokio::task::spawn_blocking(fit).await.unwrap_or(Err(NotTaken::NoProgram))?;
    let mut command = Command::new(path);
    command.arg("--version").stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    #[cfg(windows)]
    command.creation_flags(windows_sys::Win32::System::Threading::CREATE_NO_WINDOW);
    match tokio::time::timeout(TRIAL, command.output()).await {
        Ok(Ok(said)) if said.status.success() => version(&said.stdout).ok_or(NotTaken::NotPreshift),
        Ok(Ok(_)) => Err(NotTaken::NotPreshift),
        // Somebody has it open for writing, on a system that tells.
        Ok(Err(e)) if e.kind() == io::ErrorKind::ExecutableFileBusy => Err(NotTaken::Writing),
        Ok(Err(_)) | Err(_) => Err(NotTaken::NoProgram),
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

    const RUNS: FileIdentity = FileIdentity { volume: 1, file: 10, size: 500, modified_ns: 7 };

    fn other(file: u64, size: u64) -> Option<FileIdentity> {
        Some(FileIdentity { file, size, ..RUNS })
    }

    fn two() -> Version {
        "0.2.0".parse().unwrap()
    }

    #[test]
    fn a_replaced_file_is_tried_when_it_did_not_change_for_two_looks() {
        let mut installed = Installed::new(RUNS, false);
        for (step, there, expected) in [
            ("what runs", Some(RUNS), Next::Wait),
            ("just being replaced", None, Next::Wait),
            ("being written", other(11, 100), Next::LookAgain),
            ("still", other(11, 300), Next::LookAgain),
            ("whole", other(11, 600), Next::LookAgain),
            ("settled", other(11, 600), Next::Try),
        ] {
            assert_eq!(installed.look(there), expected, "{step}");
            assert_eq!(installed.version(), None, "{step}");
        }
        installed.tried(other(11, 600).unwrap(), Ok(two()));
        assert_eq!(installed.look(other(11, 600)), Next::Wait, "tried once");
        assert_eq!(installed.version(), Some(&two()));
    }

    #[test]
    fn one_that_was_not_taken_is_not_tried_again_and_another_one_is() {
        let mut installed = Installed::new(RUNS, false);
        let broken = other(11, 3);
        installed.look(broken);
        assert_eq!(installed.look(broken), Next::Try);
        installed.tried(broken.unwrap(), Err(NotTaken::NoProgram));
        // One that is still written to is.
        let mut writing = Installed::new(RUNS, false);
        writing.look(broken);
        writing.tried(broken.unwrap(), Err(NotTaken::Writing));
        assert_eq!(writing.look(broken), Next::Try);
        for _ in 0..3 {
            assert_eq!(installed.look(broken), Next::Wait);
            assert_eq!(installed.version(), None);
        }
        assert_eq!(installed.look(other(12, 600)), Next::LookAgain);
        assert_eq!(installed.look(other(12, 600)), Next::Try);
    }

    #[test]
    fn what_was_tried_counts_only_while_it_lies_there() {
        let mut installed = Installed::new(RUNS, false);
        installed.look(other(11, 600));
        installed.look(other(11, 600));
        // Replaced once more while it was being tried.
        installed.look(other(12, 700));
        installed.tried(other(11, 600).unwrap(), Ok(two()));
        assert_eq!(installed.version(), None);
        installed.look(other(12, 700));
        installed.tried(other(12, 700).unwrap(), Ok(two()));
        assert_eq!(installed.version(), Some(&two()));
        // The old one is back, or everything is gone.
        for there in [Some(RUNS), None] {
            let mut installed = installed.clone();
            assert_eq!(installed.look(there), Next::Wait);
            assert_eq!(installed.version(), None);
        }
        // A time that changed is another file: it was written to.
        let touched = FileIdentity { modified_ns: 8, ..RUNS };
        assert_eq!(Installed::new(RUNS, false).look(Some(touched)), Next::LookAgain);
    }

    #[test]
    fn a_copy_that_an_installer_of_windows_leaves_is_nothing_new() {
        let copy = other(11, RUNS.size);
        let mut installed = Installed::new(RUNS, true);
        assert_eq!([installed.look(copy), installed.look(copy)], [Next::Wait; 2]);
        assert_eq!(installed.look(other(11, 501)), Next::LookAgain);
        assert_eq!(Installed::new(RUNS, false).look(copy), Next::LookAgain);
    }

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
        use std::os::unix::fs::PermissionsExt as _;
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
            (good, 0o755, Ok(two())),
            (good, 0o644, Err(NotTaken::NoProgram)),
            (&tells, 0o777, Err(NotTaken::Untrusted)),
            ("no program at all", 0o755, Err(NotTaken::NoProgram)),
            ("#!/bin/sh\necho something else\n", 0o755, Err(NotTaken::NotPreshift)),
            ("#!/bin/sh\necho preshift 0.2.0; exit 1\n", 0o755, Err(NotTaken::NotPreshift)),
        ] {
            let which = put(text, mode);
            // Another test may start a program just now, which has our file open for a moment.
            let mut said = Err(NotTaken::Writing);
            while said == Err(NotTaken::Writing) {
                said = attempt(&path, which).await;
            }
            assert_eq!(said, expected, "{text} {mode:o}");
        }
        assert!(!ran.exists(), "it was not even started");
        let which = put(good, 0o755);
        std::fs::remove_file(&path).unwrap();
        put("#!/bin/sh\necho preshift 0.3.0\n", 0o755);
        let another = FileIdentity { modified_ns: which.modified_ns - 1, ..which };
        assert_eq!(attempt(&path, another).await, Err(NotTaken::NoProgram), "it is another by now");
    }
}
