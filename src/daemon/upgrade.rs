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
/// What a look at the file may take. Where it takes longer, the volume hangs, and the daemon goes on without.
const LOOK_TAKES: Duration = Duration::from_secs(2);
/// What a version takes, with room.
const SAID_BYTES: usize = 256;

/// The running program: where it lies and how it was started.
#[derive(Debug, Clone)]
pub struct Program {
    path: PathBuf,
    name: OsString,
    arguments: Vec<OsString>,
    running: FileIdentity,
    /// What was tried and is to take over.
    tried: Option<FileIdentity>,
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
        Ok(Self { path, name, arguments: arguments.collect(), running, tried: None })
    }

    /// Gives this process over to what lies at the path, if it still is what was tried. Returns only if that failed.
    pub fn give_over(&self) -> io::Error {
        match self.is_what_was_tried() {
            Ok(()) => program::give_over_to(&self.path, &self.name, &self.arguments),
            Err(error) => error,
        }
    }

    /// It goes by its path, and the last look may be a while ago.
    fn is_what_was_tried(&self) -> io::Result<()> {
        let file = File::open(&self.path)?;
        if Some(program::identity(&file)?) != self.tried {
            return Err(io::Error::other("the new version was replaced since it was tried"));
        }
        if !is_trusted(&file, &self.path)? {
            return Err(io::Error::other("another user could have written the new version"));
        }
        Ok(())
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

/// Whether only this user and the system could have put this file to this path. Blocks.
fn is_trusted(file: &File, path: &Path) -> io::Result<bool> {
    // Whoever may write to its folder may put another file in its place.
    #[cfg(unix)]
    if !trust::is_trusted_place(path)? {
        return Ok(false);
    }
    #[cfg(windows)]
    let _ = path;
    trust::is_trusted(file)
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
        if self.other == Some(which) && said != Err(NotTaken::NotYet) {
            self.tried = Some(said);
        }
    }

    fn version(&self) -> Option<&Version> {
        self.tried.as_ref()?.as_ref().ok()
    }

    /// The file that was tried and found good.
    fn good(&self) -> Option<FileIdentity> {
        self.version().and(self.other)
    }
}

/// Watches the program's file.
#[derive(Debug)]
pub struct Upgrade {
    program: Option<Program>,
    installed: Option<Installed>,
    next_look: Duration,
    /// A look that did not end in time.
    hangs: Option<JoinHandle<Option<FileIdentity>>>,
    trying: Option<JoinHandle<(FileIdentity, Result<Version, NotTaken>)>>,
}

impl Upgrade {
    /// Watches the file of this program; without one there is nothing to watch.
    pub fn watch(program: Option<Program>, now: Duration) -> Self {
        let installed = program.as_ref().map(|p| Installed::new(p.running, cfg!(windows)));
        Self { program, installed, next_look: now + LOOK, hangs: None, trying: None }
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

    /// Looks, if it is time to. Always if a version waits, for it may take over right after.
    pub async fn look(&mut self, now: Duration) {
        let (Some(program), Some(installed)) = (&self.program, &mut self.installed) else { return };
        if self.trying.is_some() || (now < self.next_look && installed.version().is_none()) {
            return;
        }
        // Each look that hangs takes a thread: one is enough.
        if self.hangs.as_ref().is_some_and(|hangs| !hangs.is_finished()) {
            self.next_look = now + LOOK;
            return;
        }
        let path = program.path.clone();
        let mut looking = tokio::task::spawn_blocking(move || look(&path));
        let looked = tokio::time::timeout(LOOK_TAKES, &mut looking).await;
        let Ok(there) = looked else {
            tracing::warn!("this program's file cannot be looked at: its volume does not answer");
            self.hangs = Some(looking);
            self.next_look = now + LOOK;
            return;
        };
        self.hangs = None;
        let there = there.unwrap_or_default();
        let next = installed.look(there);
        self.next_look = now + if next == Next::LookAgain { SETTLE } else { LOOK };
        if let (Next::Try, Some(which)) = (next, there) {
            let path = program.path.clone();
            self.trying = Some(tokio::spawn(async move { (which, attempt(&path, which, TRIAL).await) }));
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
                Err(NotTaken::NotYet) => {
                    tracing::info!("what was put in this program's place cannot be tried now")
                }
                Err(why) => tracing::warn!(%why, "what was put in this program's place is not taken over to"),
            }
            installed.tried(which, said);
        }
    }

    /// What takes over, if something may.
    pub fn successor(&self) -> Option<Program> {
        let good = self.installed.as_ref()?.good().filter(|_| self.hangs.is_none())?;
        Some(Program { tried: Some(good), ..self.program.clone()? })
    }
}

/// Whether a file may be trusted and says in time that it is Preshift.
async fn attempt(path: &Path, which: FileIdentity, within: Duration) -> Result<Version, NotTaken> {
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
        // One that could not be tried is.
        let mut busy = Installed::new(RUNS, false);
        busy.look(broken);
        busy.tried(broken.unwrap(), Err(NotTaken::NotYet));
        assert_eq!(busy.look(broken), Next::Try);
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

    #[cfg(unix)]
    #[test]
    fn only_what_was_tried_takes_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("preshift");
        std::fs::write(&path, "one").unwrap();
        let tried = look(&path);
        let name = OsString::from("preshift");
        let program = Program { path: path.clone(), name, arguments: Vec::new(), running: RUNS, tried };
        program.is_what_was_tried().unwrap();
        std::fs::write(&path, "another").unwrap();
        assert!(program.is_what_was_tried().unwrap_err().to_string().contains("replaced"));
        assert!(Program { tried: None, ..program }.is_what_was_tried().is_err(), "nothing was tried");
    }

    #[tokio::test]
    async fn a_version_that_waits_is_looked_at_again_before_its_turn_and_a_look_that_hangs_holds_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("preshift");
        std::fs::write(&path, "new").unwrap();
        let program = Program {
            path: path.clone(),
            name: "preshift".into(),
            arguments: Vec::new(),
            running: RUNS,
            tried: None,
        };
        let mut upgrade = Upgrade::watch(Some(program), Duration::ZERO);
        let installed = upgrade.installed.as_mut().unwrap();
        let there = look(&path);
        installed.look(there);
        installed.tried(there.unwrap(), Ok(two()));
        // Long before the next look is due.
        upgrade.look(Duration::from_secs(1)).await;
        assert_eq!(upgrade.successor().unwrap().tried, there);
        // A look that never ends: the daemon goes on at once, and nothing takes over.
        upgrade.hangs = Some(tokio::spawn(std::future::pending()));
        std::fs::write(&path, "replaced since").unwrap();
        upgrade.look(Duration::from_secs(2)).await;
        assert_eq!((upgrade.version(), upgrade.successor().is_none()), (Some(&two()), true));
        upgrade.hangs = None;
        upgrade.look(Duration::from_secs(3)).await;
        assert!(upgrade.version().is_none() && upgrade.successor().is_none());
    }
}
