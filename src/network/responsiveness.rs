//! The line while it is busy: how long a round trip takes while something large goes up or down.
//!
//! Owns one measurement after draft-ietf-ippm-responsiveness and its bounds: time, bytes, connections, and one
//! server. What differs from the draft is in `docs/decisions`. Must not judge, nor decide whether it
//! may run. It has a thread and an event queue of its own: nothing else may delay what is timed, and a
//! measurement that is given up is gone at once, with its connections.

mod ask;
mod body;
mod config;
pub mod figures;
mod line;
mod load;
mod meter;
mod notes;
mod once;
mod phase;
mod voice;

pub use line::Way;
use line::{Line, Trouble};
use meter::Meter;
use notes::Kind;
use readiness::Host;
use rustls::client::danger::ServerCertVerifier;
use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};
use telemetry::{Failure, Millis, Responsiveness};
use tokio::{sync::oneshot, time::timeout_at};
use url::Url;

/// All of it, whatever the server does: the agent waits for it.
pub const LONGEST: Duration = Duration::from_millis(7_600);
/// From nothing to the addresses of the test: a name, a handshake, an answer.
const OPENING: Duration = Duration::from_millis(2_500);
/// The round trips before the load.
const IDLE: Duration = Duration::from_millis(1_200);
/// One direction at most. Filling a queue takes some round trips; then four intervals are looked at.
const DIRECTION: Duration = Duration::from_millis(2_900);
/// Of the bytes, so many go to the download, in percent: lines carry more that way.
const DOWNLOAD_SHARE: u64 = 60;
/// Handshakes and asking beside the load, in percent of the bytes: what is carried is less than what is sent.
const FRAMING: u64 = 6;

/// Makes the headers that sign a GET of a path, where the server is the desk's own collector.
pub type Sign = Arc<dyn Fn(&str) -> Vec<(&'static str, String)> + Send + Sync>;

/// What is measured.
#[derive(Clone)]
pub struct Plan {
    /// Where the server's configuration is.
    pub url: Url,
    /// Whose choice the address is: a policy's host is held to `allowed`.
    pub host: Host,
    /// Signs the first request.
    pub sign: Option<Sign>,
    /// Who is trusted; needed for https only.
    pub verifier: Option<Arc<dyn ServerCertVerifier>>,
    /// Most bytes, both ways and everything together.
    pub most: u64,
    /// Where voice-like packets go beside the load, and how they are marked.
    pub voice: Option<Voice>,
    /// When it must be over.
    pub deadline: Instant,
}

/// A reflector for voice-like packets.
#[derive(Debug, Clone)]
pub struct Voice {
    /// Its name or address.
    pub host: Host,
    /// What that is on this desk.
    pub name: String,
    /// Its UDP port.
    pub port: u16,
    /// How packets are marked.
    pub dscp: u8,
}

/// Why nothing was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// It failed.
    Failed(Failure),
    /// The server measures with others.
    Busy,
    /// The server does not do this.
    NotOffered,
    /// Everything that the name resolves to is where no policy may send a desk.
    Forbidden,
}

/// Measures on a thread of its own. Dropping the future ends it.
pub async fn run(plan: Plan) -> Result<Responsiveness, Stop> {
    let (done, result) = oneshot::channel();
    let (alive, mut dropped) = oneshot::channel::<()>();
    let work = move || {
        let Ok(queue) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
            let _ = done.send(Err(Stop::Failed(Failure::System)));
            return;
        };
        let seen = queue.block_on(async {
            tokio::select! {
                seen = measure(&plan) => Some(seen),
                _ = &mut dropped => None,
            }
        });
        // A name that is being resolved cannot be called off, and is not waited for.
        queue.shutdown_background();
        if let Some(seen) = seen {
            let _ = done.send(seen);
        }
    };
    let started = std::thread::Builder::new().name("responsiveness".into()).spawn(work);
    let _alive = alive;
    match (started, result.await) {
        (Err(_), _) => Err(Stop::Failed(Failure::System)),
        (_, Ok(seen)) => seen,
        // The thread panicked: so shall the probe, whose supervisor makes a reading of it.
        (_, Err(_)) => panic!("measuring the line under load panicked"),
    }
}

async fn measure(plan: &Plan) -> Result<Responsiveness, Stop> {
    let deadline: tokio::time::Instant = plan.deadline.into();
    let meter = Arc::new(Meter::new(plan.most));
    let payload = plan.most - plan.most * FRAMING / 100;
    let down = payload * DOWNLOAD_SHARE / 100;
    let open = deadline.min(tokio::time::Instant::now() + OPENING);
    let line = timeout_at(open, Line::open(plan, meter.clone(), down)).await;
    let line = Arc::new(line.map_err(|_| Stop::Failed(Failure::NoAnswer))?.map_err(stop)?);
    let voice = voice::begin(plan.voice.as_ref()).await;

    let idle_until = deadline.min(tokio::time::Instant::now() + IDLE);
    let idle = phase::idle(&line, idle_until).await.map_err(stop)?;
    let began_load = Instant::now();
    let mut ways = Vec::new();
    let mut failure = None;
    for (way, most) in [(Way::Down, down), (Way::Up, payload - down)] {
        let left = plan.deadline.saturating_duration_since(Instant::now());
        // The second direction gets what the first left it, and both get as much if time is short.
        let share = if way == Way::Down { left / 2 } else { left }.min(DIRECTION);
        if share < figures::INTERVAL * 2 || failure.is_some() {
            failure = failure.or(Some(Failure::Timeout));
            break;
        }
        match phase::load(&line, way, most, Instant::now() + share).await {
            Ok(loaded) => {
                failure = loaded.failure;
                ways.push(loaded);
            }
            Err(trouble) => failure = Some(why(trouble)),
        }
    }
    let heard = match voice {
        Some(voice) => Some(voice.end(plan.deadline).await),
        None => None,
    };
    let idle_rtt = figures::median(&idle.of(Kind::Tcp)).unwrap_or_default();
    let mut told = Responsiveness {
        protocol: line.protocol(),
        idle_rtt: Millis::new(idle_rtt),
        download: None,
        upload: None,
        received: small(meter.received()),
        sent: small(meter.sent()),
        failure,
    };
    for loaded in &ways {
        let voice = heard.as_ref().and_then(|h| h.under_load(began_load, loaded));
        let place = if loaded.way == Way::Down { &mut told.download } else { &mut told.upload };
        *place = Some(loaded.told(idle_rtt, voice));
    }
    if told.download.is_none() && told.upload.is_none() {
        return Err(Stop::Failed(failure.unwrap_or(Failure::NoData)));
    }
    Ok(told)
}

fn small(bytes: u64) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX).min(1_000_000_000)
}

fn stop(trouble: Trouble) -> Stop {
    match trouble {
        Trouble::Busy => Stop::Busy,
        Trouble::NotOffered => Stop::NotOffered,
        Trouble::Forbidden => Stop::Forbidden,
        other => Stop::Failed(why(other)),
    }
}

fn why(trouble: Trouble) -> Failure {
    match trouble {
        Trouble::Failed(why) => why,
        Trouble::Busy | Trouble::NotOffered | Trouble::Forbidden => Failure::Refused,
        Trouble::Spent => Failure::NoData,
    }
}

/// Addresses of a name that may be measured, in the system's order.
async fn resolve(host: &Host, name: &str, port: u16) -> Result<Vec<SocketAddr>, Trouble> {
    let name = name.trim_matches(['[', ']']);
    let found = tokio::net::lookup_host((name, port)).await;
    let found: Vec<SocketAddr> = found.map_err(|_| Trouble::Failed(Failure::NameNotFound))?.collect();
    if found.is_empty() {
        return Err(Trouble::Failed(Failure::NameNotFound));
    }
    let may: Vec<_> = found.into_iter().filter(|a| super::allowed::may_point_at(host, a.ip())).collect();
    if may.is_empty() { Err(Trouble::Forbidden) } else { Ok(may) }
}

#[cfg(test)]
mod tests;
