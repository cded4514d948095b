//! Looking into a desk's data without owning it: for commands that only read.

use crate::{
    config::Settings,
    desk,
    identity::Identity,
    random::Random,
    store::{self, Store},
};
use anyhow::Context as _;

/// A desk's data, to be read.
pub struct View {
    /// The store.
    pub store: Store,
    /// Who the desk is.
    pub identity: Identity,
}

impl View {
    /// Opens the data of a desk; `None` if Preshift was never used on it. Looking must not make a desk.
    pub fn open(settings: &Settings) -> anyhow::Result<Option<Self>> {
        if !store::exists(&settings.data_dir) {
            return Ok(None);
        }
        let identity = Identity::open_beside(&settings.data_dir, &Random::system())
            .context("this desk's data could not be opened")?;
        let store = Store::open_beside(&settings.data_dir, desk::system_clock()).context(
            "this desk's data could not be opened; if it is damaged, the next check puts it aside and begins anew",
        )?;
        Ok(Some(Self { store, identity }))
    }
}

/// What a command says on a desk where nothing was measured yet.
pub fn nothing_yet() {
    anstream::println!("Nothing was measured on this desk yet. Try: preshift check");
}
