//! One connection that makes the load: takes the large object, or sends one, until the share is used up.

use super::{
    body::{Sent, Share},
    line::{Line, Sender, Trouble, Way},
    notes::Notes,
};
use http_body_util::BodyExt as _;
use hyper::client::conn::http2;
use std::sync::Arc;
use telemetry::Failure;
use tokio::sync::mpsc::UnboundedSender;

/// A connection of the load that can be asked on, or only that there is one more.
pub type Open = Option<http2::SendRequest<Sent>>;

/// How a connection of the load ended. It never ends well: the large object is larger than the share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Whether it was open at all.
    pub open: bool,
    /// Why it ended.
    pub why: Trouble,
}

/// Loads until the share is used up or the connection ends.
pub async fn run(line: Arc<Line>, way: Way, share: Arc<Share>, opened: UnboundedSender<Open>) -> Ended {
    // What these handshakes take is not counted: there are few, and they come in steps.
    let mut connection = match line.connect(&Notes::default()).await {
        Ok(connection) => connection,
        Err(why) => return Ended { open: false, why },
    };
    // Nobody listens any more when the phase is over.
    let _ = opened.send(match &connection.sender {
        Sender::Two(sender) => Some(sender.clone()),
        Sender::One(_) => None,
    });
    let why = loop {
        let step = match way {
            Way::Down => take(&line, &mut connection.sender, &share).await,
            Way::Up => give(&line, &mut connection.sender, &share).await,
        };
        match step {
            Ok(()) => {}
            // Once bytes have passed, a no says that it was enough.
            Err(Trouble::Busy | Trouble::NotOffered) if share.moved() > 0 => break Trouble::Spent,
            Err(Trouble::Failed(Failure::BadAnswer | Failure::Refused)) if share.is_spent() => {
                break Trouble::Spent;
            }
            Err(why) => break why,
        }
    };
    Ended { open: true, why }
}

async fn take(line: &Line, sender: &mut Sender, share: &Share) -> Result<(), Trouble> {
    let request = line.request("GET", &line.urls().large, Sent::Nothing)?;
    let mut body = line.ask(sender, request).await?.into_body();
    let mut some = false;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| match line.is_spent() {
            true => Trouble::Spent,
            false => Trouble::Failed(Failure::NoAnswer),
        })?;
        let length = frame.data_ref().map_or(0, |data| data.len() as u64);
        some |= length > 0;
        if !share.came(length) {
            return Err(Trouble::Spent);
        }
    }
    // A large object of nothing would be asked for as fast as it comes.
    if some { Ok(()) } else { Err(Trouble::Failed(Failure::BadAnswer)) }
}

async fn give(line: &Line, sender: &mut Sender, share: &Arc<Share>) -> Result<(), Trouble> {
    let before = share.moved();
    let request = line.request("POST", &line.urls().upload, Sent::Load(share.clone(), line.noise()))?;
    let response = line.ask(sender, request).await?;
    drop(response);
    if share.is_spent() {
        return Err(Trouble::Spent);
    }
    // Answered before anything was sent: it takes no uploads.
    if share.moved() > before { Ok(()) } else { Err(Trouble::Failed(Failure::BadAnswer)) }
}
