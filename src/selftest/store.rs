//! The local store: that it can be written here, and who may read it.

use super::{Bench, Check, Desk, Found, Said, Why, blocking, rights::Tally};
use crate::{
    desk::system_clock,
    store::{Store, keys},
};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "store.writes",
        should: "a new store takes a value and has it when it is opened again",
        run: blocking!(writes),
    },
    Check { name: "store.rights", should: "a new store is for this user alone", run: blocking!(new_rights) },
    Check {
        name: "store.own_rights",
        should: "this desk's own data is for this user alone",
        run: blocking!(own_rights),
    },
];

fn writes(bench: &Bench) -> Found {
    let Ok(folder) = bench.scratch.folder("store") else {
        return Found::fail(Said::of("no folder could be made for it"));
    };
    let again = || {
        Store::open(&folder, system_clock())?.set(keys::WELCOMED, &true)?;
        Store::open(&folder, system_clock())?.get(keys::WELCOMED)
    };
    match again() {
        Ok(Some(true)) => Found::pass(Said::of("written, closed, opened and read")),
        Ok(_) => Found::fail(Said::of("the value was lost")),
        Err(crate::store::Error::Full) => Found::fail(Said::of("the disk is full")),
        Err(_) => Found::fail(Said::of("the store failed")),
    }
}

fn new_rights(bench: &Bench) -> Found {
    Tally::found(bench.scratch.folder("open").and_then(|folder| {
        let _open = Store::open(&folder, system_clock()).map_err(|_| std::io::ErrorKind::Other)?;
        // While it is open: its side files are there as well.
        Tally::of_folder(&folder)
    }))
}

fn own_rights(bench: &Bench) -> Found {
    match bench.desk {
        Desk::Closed(_) => Found::skipped(Why::NeedsAnother, "the desk's data could not be opened"),
        _ => Tally::found(Tally::of_folder(&bench.settings.data_dir)),
    }
}
