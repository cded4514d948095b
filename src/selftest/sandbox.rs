//! The listening child: how far it is shut in here, by its own attempts to get out.

use super::{Bench, Check, Found, Said, waiting};
use crate::audio::{
    AudioError, Children,
    wire::{Refused, SelfTest},
};
use std::sync::Arc;

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "listening.starts",
        should: "the process that listens starts, shuts itself in and answers",
        run: waiting!(starts),
    },
    Check {
        name: "listening.refused",
        should: "it is refused what this system lets a program close to itself",
        run: waiting!(refused),
    },
    Check {
        name: "listening.memory",
        should: "no core file of it can be written, nor its memory be read where the system can prevent it",
        run: waiting!(memory),
    },
];

async fn tried() -> Result<SelfTest, Found> {
    Children::of_this_program().self_test().await.map_err(|error| {
        Found::fail(Said::of(match error {
            AudioError::NotShutIn => "it could not be shut in, and so would not listen",
            AudioError::ChildEnded => "it ended without an answer",
            AudioError::SoundServer => "it did not answer in time",
            _ => "it could not be started",
        }))
    })
}

async fn starts(_: Arc<Bench>) -> Found {
    let test = match tried().await {
        Ok(test) => test,
        Err(found) => return found,
    };
    let was = match test.shut_in.landlock {
        Some(version) => Said::of("Landlock").count(version.into()),
        None => Said::of("no Landlock"),
    };
    let was = if test.shut_in.seatbelt { was.and("Seatbelt") } else { was };
    let was =
        was.and(if test.shut_in.seccomp { "system calls filtered" } else { "no filter of system calls" });
    // Without seccomp the child does not go on, on Linux; an older kernel has no Landlock.
    Found::by(test.shut_in.seccomp || !cfg!(target_os = "linux"), was)
}

/// One attempt to get out: its name, how it went, and whether this system can refuse it at all.
struct Attempt {
    name: &'static str,
    refused: bool,
    should_be: bool,
}

/// Linux closes everything; macOS what Seatbelt's rules name; Windows lets a program forbid itself other
/// processes. See `platform::sandbox` of each.
fn attempts(r: &Refused) -> Vec<Attempt> {
    let (linux, mac, windows) =
        (cfg!(target_os = "linux"), cfg!(target_os = "macos"), cfg!(target_os = "windows"));
    let attempt = |name, refused, should_be| Attempt { name, refused, should_be };
    vec![
        attempt("reading a file", r.read, linux),
        attempt("writing to a device", r.write, linux || mac),
        attempt("making a file", r.create, linux || mac),
        attempt("listing a folder", r.list, linux),
        attempt("an IPv4 socket", r.inet, linux || mac),
        attempt("an IPv6 socket", r.inet6, linux || mac),
        attempt("a netlink socket", r.netlink, linux),
        attempt("a local socket", r.unix, linux || mac),
        attempt("running a program", r.exec, linux || mac || windows),
        attempt("a second process", r.fork, linux || mac || windows),
        attempt("looking into a process", r.ptrace, linux),
        attempt("io_uring", r.io_uring, linux),
        attempt("a signal to its parent", r.kill, linux),
    ]
}

fn list(attempts: &[&Attempt]) -> Said {
    attempts.iter().fold(Said::default(), |said, attempt| said.and(attempt.name))
}

async fn refused(_: Arc<Bench>) -> Found {
    let test = match tried().await {
        Ok(test) => test,
        Err(found) => return found,
    };
    let all = attempts(&test.recording);
    let (refused, open): (Vec<_>, Vec<_>) = all.iter().partition(|a| a.refused);
    let missed: Vec<_> = all.iter().filter(|a| a.should_be && !a.refused).collect();
    let mut was = Said::of("refused:").count(refused.len() as u64).with("of").count(all.len() as u64);
    for (what, which) in [
        ("refused:", &refused),
        ("not refused, or not tried on this system:", &open),
        ("should be refused here, and is not:", &missed),
    ] {
        if !which.is_empty() {
            was = was.then(&Said::of(what).beside(&list(which)));
        }
    }
    Found::by(missed.is_empty() && test.other_thread == test.recording, was)
}

async fn memory(_: Arc<Bench>) -> Found {
    let test = match tried().await {
        Ok(test) => test,
        Err(found) => return found,
    };
    let was = Said::of(if test.core { "a core file can be written" } else { "no core file" })
        .and(if test.dumpable { "its memory can be read by this user" } else { "its memory is closed" });
    // Windows has no way to close a process to its own user.
    Found::by(!test.core && (!test.dumpable || cfg!(windows)), was)
}
