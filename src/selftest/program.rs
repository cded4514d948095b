//! The program, the desk's data, and what system this is.

use super::{
    Bench, Check, Desk, Found, Said, Why, at_once,
    document::{Program, fact},
};
use telemetry::{FactKey, FactValue, Value, Word};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "desk.opens",
        should: "the desk's data can be opened, or a daemon has it",
        run: at_once!(opens),
    },
    Check {
        name: "desk.daemon",
        should: "a daemon that runs is of the same version as this command",
        run: at_once!(daemon),
    },
    Check { name: "desk.enrolled", should: "the desk reports to a collector", run: at_once!(enrolled) },
    Check {
        name: "system.known",
        should: "name, version and build of the system can be read",
        run: at_once!(system),
    },
    Check { name: "facts.read", should: "each fact that was looked for could be read", run: at_once!(facts) },
];

fn opens(bench: &Bench) -> Found {
    match &bench.desk {
        Desk::Ours => Found::pass(Said::of("opened; no daemon runs")),
        Desk::Daemon(_) => Found::pass(Said::of("a daemon has it, and measured for this test")),
        Desk::Closed(trouble) => {
            let was = Said::of(trouble.what);
            Found::fail(match trouble.refusal {
                // Made anew from its parts: the error itself may name a file.
                Some((_, Some(code))) => was.refusal(&std::io::Error::from_raw_os_error(code)),
                Some((kind, None)) => was.refusal(&kind.into()),
                None => was,
            })
        }
    }
}

fn daemon(bench: &Bench) -> Found {
    match &bench.desk {
        Desk::Daemon(status) => {
            let same = status.daemon.as_str() == Program::this().version;
            Found::by(same, Said::of("the daemon is of version").word(&status.daemon))
        }
        _ => Found::skipped(Why::NoDaemon, "no daemon runs"),
    }
}

fn enrolled(bench: &Bench) -> Found {
    match bench.enrolled {
        Some(true) => Found::pass(Said::of("it is enrolled")),
        Some(false) => Found::skipped(Why::NothingThere, "not enrolled: nothing leaves this computer"),
        None => Found::skipped(Why::NeedsAnother, "the desk's data could not be looked at"),
    }
}

fn system(bench: &Bench) -> Found {
    let mut was = Said::of("system");
    let mut known = true;
    for key in [FactKey::OsName, FactKey::OsVersion, FactKey::OsBuild] {
        was = match fact(bench, key) {
            Some(FactValue::Word(word)) => {
                known &= !matches!(word, Word::Other | Word::Unknown | Word::None);
                was.word(&word)
            }
            Some(FactValue::Version(version)) => was.word(&version),
            _ => {
                known = false;
                was.with("unknown")
            }
        };
    }
    Found::by(known, was)
}

fn facts(bench: &Bench) -> Found {
    let facts = bench.find(|value| match value {
        Value::Environment(facts) => Some(facts),
        _ => None,
    });
    let Some(facts) = facts else {
        return Found::skipped(Why::NeedsAnother, "the probe of the environment told nothing");
    };
    let unread: Vec<FactKey> =
        facts.iter().filter(|f| f.value == FactValue::Word(Word::Unknown)).map(|f| f.key).collect();
    let was = Said::of("facts:").count(facts.len() as u64);
    if unread.is_empty() {
        return Found::pass(was);
    }
    let was = unread.iter().fold(was.and("could not be read:"), Said::word);
    Found::by(unread.iter().all(|key| may_be_silent(*key)), was)
}

/// Many a distribution of Linux never tells whether it waits for a restart.
fn may_be_silent(key: FactKey) -> bool {
    cfg!(target_os = "linux") && key == FactKey::PendingRestart
}
