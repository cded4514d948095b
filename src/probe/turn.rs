//! Tries each way to each relay of the policy: UDP, TCP and TLS, each apart.
//!
//! Owns which relays, the ways and the time they may take. Where this desk has credentials for a relay, a packet
//! goes through it; without, an answer that asks for a sign-in is enough to know that the way is open.

use super::{BoxFuture, Context, Medium, Probe, on_thread::on_thread};
use crate::network::{
    https::{Protocol, Seen, Stop, Visit},
    names::{NoAddress, addresses},
    proxy::Proxies,
    stun::way_to,
    trust::{Trust, Word},
    turn::{self, Credentials, Found, Stream, Udp},
};
use readiness::TurnServer;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use telemetry::{
    Failure, Millis, NotChecked, Outcome, ProbeId, Reading, Turn, TurnResult, TurnTransport, TurnWay,
    Unsupported, Value,
};
use url::Url;

/// The probe.
pub const PROBE: Probe =
    Probe { id: ProbeId::Turn, medium: Medium::Network, timeout: |_| Duration::from_secs(11), run };

/// More are not tried, whatever the policy says.
const MAX_SERVERS: usize = 4;
/// For looking up the names.
const LOOK_UP: Duration = Duration::from_secs(3);
/// Every way to every relay; what hangs longer failed.
const LIMIT: Duration = Duration::from_secs(9);
/// How long after that a thread may still bring what it has.
const GRACE: Duration = Duration::from_millis(700);
/// The ways begin this far apart, so that their handshakes do not wait for each other's.
const SPREAD: Duration = Duration::from_millis(40);

fn run(context: Arc<Context>) -> BoxFuture<Vec<Reading>> {
    Box::pin(async move { measure(&context, Proxies::current, LIMIT).await })
}

async fn measure(
    context: &Context,
    proxies: impl FnOnce() -> Proxies + Send + 'static,
    limit: Duration,
) -> Vec<Reading> {
    let deadline = Instant::now() + limit;
    let nothing = |outcome| vec![context.begin(ProbeId::Turn, None).finish(outcome)];
    let servers = &context.policy.targets.turn;
    if servers.is_empty() {
        return nothing(Outcome::NotChecked(NotChecked::NoTarget));
    }
    let roots = context.extra_roots.clone();
    let settings =
        tokio::task::spawn_blocking(move || (proxies(), Trust::load(&roots).map(Arc::new).ok())).await;
    let Ok((proxies, trust)) = settings else { return nothing(Outcome::Failed(Failure::System)) };
    let way = Surroundings { proxies, trust, deadline };
    let readings = servers.iter().take(MAX_SERVERS).map(|server| {
        let way = &way;
        async move {
            let begun = context.begin(ProbeId::Turn, Some(server.id.clone()));
            begun.finish(all_ways(context, server, way).await)
        }
    });
    futures_util::future::join_all(readings).await
}

/// What every way goes by.
struct Surroundings {
    proxies: Proxies,
    trust: Option<Arc<Trust>>,
    deadline: Instant,
}

/// Why a way was not tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Untried {
    Forbidden,
    Unsupported,
}

async fn all_ways(context: &Context, server: &TurnServer, around: &Surroundings) -> Outcome {
    let Some(host) = context.host(&server.host) else { return Outcome::NotChecked(NotChecked::NoTarget) };
    let (folder, name) = (context.data_dir.clone(), host.clone());
    let credentials =
        tokio::task::spawn_blocking(move || turn::for_host(&folder, &name)).await.ok().flatten();
    let over_udp = async {
        match server.udp {
            Some(port) => Some(udp(server, &host, port, credentials.clone(), around).await),
            None => None,
        }
    };
    let stream = |transport, port: Option<u16>, delay| {
        let (host, credentials) = (&host, credentials.clone());
        async move {
            match port {
                Some(port) => Some(stream(server, host, port, transport, credentials, around, delay).await),
                None => None,
            }
        }
    };
    let (udp, tcp, tls) = tokio::join!(
        over_udp,
        stream(TurnTransport::Tcp, server.tcp, SPREAD),
        stream(TurnTransport::Tls, server.tls, SPREAD * 2)
    );
    let tried: Vec<Result<TurnWay, Untried>> = [udp, tcp, tls].into_iter().flatten().collect();
    // A name that leads into a private network is no target of ours by any way.
    if tried.contains(&Err(Untried::Forbidden)) {
        return Outcome::NotChecked(NotChecked::TargetForbidden);
    }
    let ways: Vec<TurnWay> = tried.into_iter().flatten().collect();
    match ways.is_empty() {
        true => Outcome::Unsupported(Unsupported::ThisBuild),
        false => Outcome::Measured(Value::Turn(Turn { ways: ways.into() })),
    }
}

async fn udp(
    server: &TurnServer,
    host: &str,
    port: u16,
    credentials: Option<Credentials>,
    around: &Surroundings,
) -> Result<TurnWay, Untried> {
    let failed = |why| Ok(way(TurnTransport::Udp, not_reached(why)));
    let found = match addresses(&server.host, host, port, LOOK_UP).await {
        Ok(found) => found,
        Err(NoAddress::Forbidden) => return Err(Untried::Forbidden),
        Err(NoAddress::NotFound) => return failed(Failure::NameNotFound),
    };
    let Some(relay) = found.into_iter().find(|a| way_to(*a).is_some()) else {
        return failed(Failure::NoRoute);
    };
    let deadline = around.deadline;
    let work = on_thread("turn-udp", move |_| match Udp::connect(relay) {
        Ok(mut udp) => turn::ask(&mut udp, credentials.as_ref(), deadline),
        Err(_) => not_reached(Failure::System),
    });
    Ok(match tokio::time::timeout_at((deadline + GRACE).into(), work).await {
        Ok(Ok(found)) => way(TurnTransport::Udp, found),
        Ok(Err(_)) => way(TurnTransport::Udp, not_reached(Failure::System)),
        Err(_) => way(TurnTransport::Udp, not_reached(Failure::Timeout)),
    })
}

async fn stream(
    server: &TurnServer,
    host: &str,
    port: u16,
    transport: TurnTransport,
    credentials: Option<Credentials>,
    around: &Surroundings,
    delay: Duration,
) -> Result<TurnWay, Untried> {
    let failed = |why| Ok(way(transport, not_reached(why)));
    let bare = host.trim_matches(['[', ']']);
    let written = if bare.contains(':') { format!("[{bare}]") } else { bare.to_owned() };
    let address = |scheme: &str| Url::parse(&format!("{scheme}://{written}:{port}/"));
    let scheme = if transport == TurnTransport::Tls { "https" } else { "http" };
    let (Ok(url), Ok(encrypted)) = (address(scheme), address("https")) else {
        return failed(Failure::NameNotFound);
    };
    if transport == TurnTransport::Tls && around.trust.is_none() {
        return failed(Failure::System);
    }
    // Whatever is not the web goes through a proxy by `CONNECT`, as for encrypted addresses; so do browsers.
    let proxy = around.proxies.for_url(&encrypted).cloned();
    let visit = Visit { url, host: server.host.clone(), proxy, trust: around.trust.clone() };
    let (through_proxy, deadline) = (visit.proxy.is_some(), around.deadline);
    let seen = Arc::new(Mutex::new(Seen::default()));
    let notes = seen.clone();
    let work = on_thread("turn-stream", move |_| {
        std::thread::sleep(delay);
        let connection = visit.open(Protocol::Other, deadline, &notes)?;
        Ok(turn::ask(&mut Stream::new(connection), credentials.as_ref(), deadline))
    });
    let found = match tokio::time::timeout_at((deadline + GRACE).into(), work).await {
        Ok(Ok(Ok(found))) => found,
        Ok(Ok(Err(Stop::Failed(why)))) => not_reached(why),
        Ok(Ok(Err(Stop::Forbidden))) => return Err(Untried::Forbidden),
        Ok(Ok(Err(Stop::Unsupported))) => return Err(Untried::Unsupported),
        Ok(Err(_)) => not_reached(Failure::System),
        Err(_) => not_reached(Failure::Timeout),
    };
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
    // The system's store alone vouches for it. Of our own collector's host that may be the company's authority.
    let intercepted = server.host != readiness::Host::Collector
        && seen.certificate.as_ref().is_some_and(|c| c.word == Word::LocalStore);
    let connected = seen.tcp.filter(|_| transport == TurnTransport::Tcp || seen.tls.is_some());
    let connect = connected.map(|tcp| millis(tcp + seen.tls.unwrap_or_default()));
    Ok(TurnWay { connect, proxy: through_proxy, intercepted, ..way(transport, found) })
}

fn not_reached(why: Failure) -> Found {
    Found { result: TurnResult::Failed, answer: None, relay: None, failure: Some(why) }
}

fn way(transport: TurnTransport, found: Found) -> TurnWay {
    TurnWay {
        transport,
        result: found.result,
        connect: None,
        answer: found.answer.map(millis),
        relay: found.relay.map(millis),
        proxy: false,
        intercepted: false,
        failure: found.failure,
    }
}

fn millis(time: Duration) -> Millis {
    Millis::new(time.as_secs_f64() * 1e3)
}

#[cfg(test)]
mod tests;
