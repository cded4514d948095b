//! What an agent is told the first time.

use crate::store::{Store, keys};
use std::io::{self, Write};

/// Ten lines: what is measured, what never is, how to see and stop it.
pub const LINES: [&str; 10] = [
    "Preshift tells you before your shift whether this desk is fit to take calls.",
    "It measures: the network, name resolution, the voice path, sound devices, the level of the microphone,",
    "  how busy the computer is, and versions of the system, browsers and sound server.",
    "It never records or sends sound, what you type, what is on your screen, where you browse, or how you work.",
    "The microphone is open for a few seconds in a check that you start; otherwise only if you agree to it.",
    "What leaves this computer are figures and versions: no names, no addresses. Only if IT enrolled this desk.",
    "  See every byte that left:      preshift sent",
    "  Keep the microphone closed:    preshift consent withdraw",
    "  Stop measuring for a while:    preshift pause --for 2h",
    "  Leave the collector for good:  preshift unenroll",
];

/// Tells it once on this desk, on standard error.
pub fn once(store: &Store) -> anyhow::Result<()> {
    if store.get(keys::WELCOMED)?.unwrap_or(false) {
        return Ok(());
    }
    let mut out = anstream::stderr().lock();
    write(&mut out)?;
    writeln!(out)?;
    store.set(keys::WELCOMED, &true)?;
    Ok(())
}

/// Writes the lines.
pub fn write(out: &mut dyn Write) -> io::Result<()> {
    LINES.iter().try_for_each(|line| writeln!(out, "{line}"))
}
