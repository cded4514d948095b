//! Programs that an installer replaces while they run.
//!
//! Windows lets nobody overwrite or delete the file of a running program, but lets its owner rename it. So
//! an installer has the running programs set aside, a copy of each under the old name, and replaces the copies.
//! The daemon goes on in the file that was set aside until it takes over to the new one; then nobody runs
//! the old one any more, and it is swept away. The copy is there so that an installer that fails leaves a
//! program behind. Owns the names of such files; must not decide when a daemon takes over.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// What is in the name of a file that was set aside, between the program's name and a number.
const MARK: &str = ".old-";
/// Upgrades in one long shift are fewer.
const MOST: u32 = 100;

/// Renames a program and leaves a copy of it in its place. Says under which name the running one is now.
pub fn set_aside(program: &Path) -> io::Result<PathBuf> {
    let aside = free_name(program)?;
    fs::rename(program, &aside)?;
    if let Err(error) = fs::copy(&aside, program) {
        // Half a copy is worse than a program that cannot be replaced before the next start of the computer.
        let _ = fs::remove_file(program);
        let _ = fs::rename(&aside, program);
        return Err(error);
    }
    Ok(aside)
}

/// Removes what was set aside beside a program and is not in use any more. Says how many are left.
pub fn sweep(program: &Path) -> io::Result<usize> {
    let (Some(folder), Some(stem)) = (program.parent(), stem(program)) else { return Ok(0) };
    let mut left = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let ours = name.to_str().and_then(|n| n.strip_prefix(stem)).is_some_and(is_mark_and_number);
        if ours && entry.file_type()?.is_file() && fs::remove_file(entry.path()).is_err() {
            left += 1;
        }
    }
    Ok(left)
}

fn free_name(program: &Path) -> io::Result<PathBuf> {
    let stem = stem(program).ok_or(io::ErrorKind::InvalidInput)?;
    let extension = program.extension().and_then(|e| e.to_str()).map(|e| format!(".{e}")).unwrap_or_default();
    (1..=MOST)
        .map(|n| program.with_file_name(format!("{stem}{MARK}{n}{extension}")))
        .find(|path| !path.exists())
        .ok_or_else(|| io::Error::other(format!("{MOST} older programs are still in use")))
}

fn stem(program: &Path) -> Option<&str> {
    program.file_stem()?.to_str()
}

/// Whether this follows the program's name in the name of a file that was set aside.
fn is_mark_and_number(rest: &str) -> bool {
    let Some(rest) = rest.strip_prefix(MARK) else { return false };
    let number = rest.split_once('.').map_or(rest, |(number, _)| number);
    !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_set_aside_with_a_copy_in_its_place_and_swept_away_later() {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("preshift.exe");
        fs::write(&program, "version 1").unwrap();
        let first = set_aside(&program).unwrap();
        assert_eq!(first, dir.path().join("preshift.old-1.exe"));
        fs::write(&program, "version 2").unwrap();
        assert_eq!(fs::read_to_string(&first).unwrap(), "version 1");
        let second = set_aside(&program).unwrap();
        assert_eq!(fs::read_to_string(&second).unwrap(), "version 2");
        assert_eq!(fs::read_to_string(&program).unwrap(), "version 2", "the place is never empty");

        // What only looks like it stays: other programs, folders, the agent's own files.
        let others =
            ["preshiftw.old-1.exe", "preshift.old-.exe", "preshift.old-1a.exe", "my preshift.old-1.exe"];
        for other in others {
            fs::write(dir.path().join(other), "").unwrap();
        }
        fs::create_dir(dir.path().join("preshift.old-9.exe")).unwrap();
        assert_eq!(sweep(&program).unwrap(), 0);
        assert!(!first.exists() && !second.exists() && program.exists());
        assert!(others.iter().all(|o| dir.path().join(o).exists()));
        assert!(dir.path().join("preshift.old-9.exe").is_dir());
    }

    #[test]
    fn what_is_missing_is_an_error_and_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        assert!(set_aside(&dir.path().join("preshift.exe")).is_err());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        assert_eq!(sweep(Path::new("/")).unwrap(), 0);
    }

    /// A running program can be renamed, and its place taken, on every system; on Windows that is the point.
    #[test]
    fn a_running_program_goes_on_under_its_new_name() {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join(format!("runs{}", std::env::consts::EXE_SUFFIX));
        fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        let mut child = std::process::Command::new(&program)
            .args(["--exact", "aside::tests::waits_for_its_end", "--ignored", "--nocapture"])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let aside = set_aside(&program).unwrap();
        // On Windows this fails without `set_aside`: the file would be in use.
        fs::write(&program, "the next version").unwrap();
        assert!(child.try_wait().unwrap().is_none(), "it does not run any more");
        if cfg!(windows) {
            assert_eq!(sweep(&program).unwrap(), 1, "a file in use is left for later");
        }
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());
        assert_eq!(sweep(&program).unwrap(), 0);
        assert!(!aside.exists() && program.exists());
    }

    /// What the test above starts: ends with its standard input.
    #[test]
    #[ignore = "a part of the test above, which starts it"]
    fn waits_for_its_end() {
        let _ = io::read_to_string(io::stdin());
    }
}
