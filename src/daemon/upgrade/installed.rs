//! What follows from what lay at the program's path, look by look. Pure: it is told what lies there, and what
//! became of trying it.

use super::trial::NotTaken;
use crate::platform::FileIdentity;
use telemetry::Version;

/// What lay at the program's path.
#[derive(Debug, Clone)]
pub(super) struct Installed {
    pub(super) running: FileIdentity,
    /// A copy of what runs is nothing new. An installer of Windows leaves one in the place of a program that it set
    /// aside, for the moment until it puts the new one there; copies keep their time there.
    knows_copies: bool,
    /// What lay there at the last look, if it was not what runs.
    other: Option<FileIdentity>,
    /// What became of trying it.
    tried: Option<Result<Version, NotTaken>>,
}

/// What to do after a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing new.
    Wait,
    /// Something else lies there: look again soon, whether it is whole.
    LookAgain,
    /// It did not change since the last look: try it.
    Try,
}

impl Installed {
    pub(super) fn new(running: FileIdentity, knows_copies: bool) -> Self {
        Self { running, knows_copies, other: None, tried: None }
    }

    fn is_what_runs(&self, there: &FileIdentity) -> bool {
        let copy = || (there.size, there.modified_ns) == (self.running.size, self.running.modified_ns);
        *there == self.running || self.knows_copies && copy()
    }

    pub(super) fn look(&mut self, there: Option<FileIdentity>) -> Next {
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
    pub(super) fn tried(&mut self, which: FileIdentity, said: Result<Version, NotTaken>) {
        if self.other == Some(which) && said != Err(NotTaken::NotYet) {
            self.tried = Some(said);
        }
    }

    pub(super) fn version(&self) -> Option<&Version> {
        self.tried.as_ref()?.as_ref().ok()
    }

    /// The file that was tried and found good.
    pub(super) fn good(&self) -> Option<FileIdentity> {
        self.version().and(self.other)
    }
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
}
