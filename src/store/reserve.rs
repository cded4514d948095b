//! A little disk space held back: on a full disk even deleting needs room for the log, so this is given up first.

use crate::platform::files;
use std::{io::Write, path::Path};

const FILE: &str = "reserve";
/// Room for the log of trimming history: 64 pages.
const BYTES: usize = 256 * 1024;

/// Holds the space, if it is not held. A disk that is full already has none to hold.
pub(super) fn hold(dir: &Path) {
    let path = dir.join(FILE);
    if std::fs::metadata(&path).is_ok_and(|m| m.len() == BYTES as u64) {
        return;
    }
    let held = files::create_private(&path).and_then(|mut file| {
        file.write_all(&[0; BYTES])?;
        file.sync_all()
    });
    if held.is_err() {
        let _ = std::fs::remove_file(&path);
    }
}

/// Gives the space up.
pub(super) fn release(dir: &Path) {
    let _ = std::fs::remove_file(dir.join(FILE));
}
