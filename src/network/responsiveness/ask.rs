//! Asking for the small object: on a connection of its own, phase by phase, and on one that is loaded.

use super::{
    body::Sent,
    line::{Line, Sender, Trouble},
    notes::{Kind, Notes},
};
use hyper::{body::Incoming, client::conn::http2};
use std::sync::Arc;
use telemetry::Failure;

/// The small object is one byte; somebody's answer that is none of this kind is longer.
const MOST: usize = 64;
/// How much the server says that it has received.
const RECEIVED: &str = "preshift-received";

/// As a browser that comes to a server for the first time.
pub async fn foreign(line: Arc<Line>, notes: Arc<Notes>) -> Result<(), Trouble> {
    let mut connection = line.connect(&notes).await?;
    small(&line, &mut connection.sender, &notes, Kind::Http).await
}

/// As a page that is open already.
pub async fn own(
    line: Arc<Line>,
    sender: http2::SendRequest<Sent>,
    notes: Arc<Notes>,
) -> Result<(), Trouble> {
    small(&line, &mut Sender::Two(sender), &notes, Kind::Own).await
}

async fn small(line: &Line, sender: &mut Sender, notes: &Notes, kind: Kind) -> Result<(), Trouble> {
    let request = line.request("GET", &line.urls().small, Sent::Nothing)?;
    let timing = notes.begin(kind);
    let response = line.ask(sender, request).await?;
    let received = received(&response);
    let body = line.body(response.into_body(), MOST).await?;
    if body.is_empty() {
        return Err(Trouble::Failed(Failure::BadAnswer));
    }
    timing.done(1);
    if let Some(received) = received {
        notes.arrived(received);
    }
    Ok(())
}

fn received(response: &hyper::Response<Incoming>) -> Option<u64> {
    response.headers().get(RECEIVED)?.to_str().ok()?.parse().ok()
}
