//! A new version of the program: noticing that its file was replaced, trying it, handing over to it.
//!
//! Packages replace the file and leave the daemon alone, because in the middle of a shift nothing may be
//! restarted. What lay at the path and what follows is `installed`'s, trying it `trial`'s; when a version may take
//! over is `schedule`'s. Must not fetch, unpack or install anything: that is the package manager's.

mod installed;
mod trial;

use crate::{
    aside,
    platform::{FileIdentity, program, trust},
};
use installed::{Installed, Next};
use std::{
    ffi::OsString,
    fs::File,
    io,
    path::{Path, PathBuf},
    time::Duration,
};
use telemetry::Version;
use tokio::task::JoinHandle;
use trial::{NotTaken, attempt};

/// How often the daemon looks at its own file: one call to the system, and nobody waits for it.
const LOOK: Duration = Duration::from_secs(60);
/// A file that did not change for this long is not being written any more.
const SETTLE: Duration = Duration::from_secs(5);
/// A program says its version within milliseconds, or within this on a disk that is busy being upgraded.
const TRIAL: Duration = Duration::from_secs(10);
/// What a look at the file may take. Where it takes longer, the volume hangs, and the daemon goes on without.
const LOOK_TAKES: Duration = Duration::from_secs(2);

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

#[cfg(test)]
mod tests {
    use super::*;

    const RUNS: FileIdentity = FileIdentity { volume: 1, file: 10, size: 500, modified_ns: 7 };

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
        let two: Version = "0.2.0".parse().unwrap();
        let mut upgrade = Upgrade::watch(Some(program), Duration::ZERO);
        let installed = upgrade.installed.as_mut().unwrap();
        let there = look(&path);
        installed.look(there);
        installed.tried(there.unwrap(), Ok(two.clone()));
        // Long before the next look is due.
        upgrade.look(Duration::from_secs(1)).await;
        assert_eq!(upgrade.successor().unwrap().tried, there);
        // A look that never ends: the daemon goes on at once, and nothing takes over.
        upgrade.hangs = Some(tokio::spawn(std::future::pending()));
        std::fs::write(&path, "replaced since").unwrap();
        upgrade.look(Duration::from_secs(2)).await;
        assert_eq!((upgrade.version(), upgrade.successor().is_none()), (Some(&two), true));
        upgrade.hangs = None;
        upgrade.look(Duration::from_secs(3)).await;
        assert!(upgrade.version().is_none() && upgrade.successor().is_none());
    }
}
