//! `preshift run`: the daemon.

use super::{Exit, exit::Ends, log, owner::Owner, welcome};
use crate::{
    config::Settings,
    daemon::{self, Ended},
};
use anyhow::Context as _;
use std::{io::IsTerminal as _, sync::Arc};

pub fn run(settings: Arc<Settings>) -> anyhow::Result<Exit> {
    log::start(&settings, true);
    // First of all, so that it ends from the first moment on.
    let stop = daemon::watch_for_stop().context("the system gives no signals")?;
    let told = stop.clone();
    let program = daemon::Program::of_this_process()
        .inspect_err(
            |error| tracing::warn!(kind = %error.kind(), "this program's own file cannot be watched"),
        )
        .ok();
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
        Ok(daemon::run(*desk, stop, program).await?)
    });
    daemon::leave(runtime);
    match ended? {
        Ended::For(program) if !told.is_requested() => {
            // The last that the old version does. Where it fails, the exit code has the system start the new one.
            let failed = program.give_over().kind();
            Err(Ends::with(Exit::Software, format!("the new version could not be started: {failed}")))
        }
        _ => Ok(Exit::Done),
    }
}
