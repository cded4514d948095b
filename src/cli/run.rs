//! `preshift run`: the daemon.

use super::{Exit, exit::Ends, log, owner::Owner, welcome};
use crate::{config::Settings, daemon};
use anyhow::Context as _;
use std::{io::IsTerminal as _, sync::Arc};

pub fn run(settings: Arc<Settings>) -> anyhow::Result<Exit> {
    log::start(&settings, true);
    // First of all, so that it ends from the first moment on.
    let stop = daemon::watch_for_stop().context("the system gives no signals")?;
    let runtime = daemon::runtime().context("the system gives no event queue")?;
    let ended = runtime.block_on(async {
        let desk = match Owner::find(settings).await? {
            Owner::Us(desk) => desk,
            Owner::Daemon(_) => {
                return Err(Ends::with(Exit::TryAgain, "the daemon runs already; see preshift status"));
            }
        };
        if std::io::stderr().is_terminal() {
            welcome::once(&desk.store)?;
        }
        Ok(daemon::run(*desk, stop).await?)
    });
    daemon::leave(runtime);
    ended.map(|()| Exit::Done)
}
