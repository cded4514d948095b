//! The socket or pipe by which commands reach the daemon, tried in a folder of its own.

use super::{Bench, Check, Found, Said, waiting};
use crate::{
    control::{Answer, Asked, Client, Request, Server},
    platform,
};
use std::{path::Path, sync::Arc, time::Instant};
use tokio::{sync::mpsc, task::JoinSet};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "control.answers",
        should: "a command reaches a daemon by the socket or pipe, and is answered",
        run: waiting!(answers),
    },
    Check {
        name: "control.rights",
        should: "the socket or pipe is for this user alone",
        run: waiting!(rights),
    },
    Check {
        name: "control.nobody",
        should: "where no daemon listens, that is what a command is told",
        run: waiting!(nobody),
    },
];

/// A server that says "done" to everything, as long as the set lives.
fn serve(folder: &Path) -> std::io::Result<JoinSet<()>> {
    let server = Server::bind(folder)?;
    let (to, mut asked) = mpsc::channel::<Asked>(4);
    let mut tasks = JoinSet::new();
    tasks.spawn(server.serve(to));
    tasks.spawn(async move {
        while let Some(asked) = asked.recv().await {
            asked.replies.send(Answer::Done);
        }
    });
    Ok(tasks)
}

async fn answers(bench: Arc<Bench>) -> Found {
    let served = bench.scratch.folder("control").and_then(|folder| Ok((serve(&folder)?, folder)));
    let (_server, folder) = match served {
        Ok(served) => served,
        Err(error) => return Found::fail(Said::of("it could not be made").refusal(&error)),
    };
    let began = Instant::now();
    let client = match Client::connect(&folder).await {
        Ok(client) => client,
        Err(_) => return Found::fail(Said::of("it could not be connected to")),
    };
    match client.ask(Request::Status, |_| ()).await {
        Ok(Answer::Done) => Found::pass(Said::of("made, connected, asked and answered").figure(
            "in",
            began.elapsed().as_secs_f64() * 1e3,
            "ms",
        )),
        _ => Found::fail(Said::of("connected, but not answered")),
    }
}

async fn rights(bench: Arc<Bench>) -> Found {
    let served = bench.scratch.folder("rights").and_then(|folder| Ok((serve(&folder)?, folder)));
    let (_server, folder) = match served {
        Ok(served) => served,
        Err(error) => return Found::fail(Said::of("it could not be made").refusal(&error)),
    };
    match platform::control::only_this_user(&folder).await {
        Ok(true) => Found::pass(Said::of("its rights, read back, have this user alone")),
        Ok(false) => Found::fail(Said::of("its rights, read back, let others in")),
        Err(error) => Found::fail(Said::of("its rights could not be read").refusal(&error)),
    }
}

async fn nobody(bench: Arc<Bench>) -> Found {
    let Ok(folder) = bench.scratch.folder("nobody") else {
        return Found::fail(Said::of("no folder could be made for it"));
    };
    match Client::connect(&folder).await {
        Err(crate::control::ClientError::NotRunning) => Found::pass(Said::of("no daemon runs")),
        Err(_) => Found::fail(Said::of("another trouble was told")),
        Ok(_) => Found::fail(Said::of("somebody answered")),
    }
}
