//! Asks each signalling host of the policy for a WebSocket, as a softphone does that waits for calls.
//!
//! Owns which hosts, the time it may take, and what an answer means for a WebSocket. The phases, the proxies and the
//! trust are those of `https`; so is the judgement of who opens encrypted traffic.

use super::{
    BoxFuture, Context, Medium, Probe,
    https::interference::{Site, judge},
    on_thread::on_thread,
};
use crate::network::{
    allowed,
    https::{Seen, Stop, Visit},
    portal::Portal,
    proxy::Proxies,
    trust::Trust,
};
use readiness::{Host, SignallingHost};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use telemetry::{
    Failure, Interference, Millis, NotChecked, Outcome, ProbeId, Reading, Signalling, Unsupported, Upgrade,
    Value,
};
use url::Url;

/// The probe.
pub const PROBE: Probe = Probe {
    id: ProbeId::Signalling,
    medium: Medium::Network,
    timeout: |_| Duration::from_millis(8_500),
    run,
};

/// More are not asked, whatever the policy says.
const MAX_HOSTS: usize = 8;
/// All of them together; what hangs longer is told as far as it came.
const LIMIT: Duration = Duration::from_millis(7_500);
/// How long after that a thread may still put down what it has.
const GRACE: Duration = Duration::from_millis(200);
/// They begin this far apart, so that their handshakes do not wait for each other's.
const SPREAD: Duration = Duration::from_millis(15);

fn run(context: Arc<Context>) -> BoxFuture<Vec<Reading>> {
    Box::pin(async move { measure(&context, Proxies::current, LIMIT).await })
}

async fn measure(
    context: &Context,
    proxies: impl FnOnce() -> Proxies + Send + 'static,
    limit: Duration,
) -> Vec<Reading> {
    let deadline = Instant::now() + limit;
    let hosts: Vec<&SignallingHost> = context.policy.targets.signalling.iter().take(MAX_HOSTS).collect();
    let nothing = |outcome| vec![context.begin(ProbeId::Signalling, None).finish(outcome)];
    if hosts.is_empty() {
        return nothing(Outcome::NotChecked(NotChecked::NoTarget));
    }
    let roots = context.extra_roots.clone();
    let settings =
        tokio::task::spawn_blocking(move || (proxies(), Trust::load(&roots).map(Arc::new).ok())).await;
    let Ok((proxies, trust)) = settings else { return nothing(Outcome::Failed(Failure::System)) };
    let asked = futures_util::future::join_all(hosts.iter().enumerate().map(|(number, host)| {
        let (visit, begun) =
            (plan(host, &proxies, &trust), context.begin(ProbeId::Signalling, Some(host.id.clone())));
        async move {
            let seen = match &visit {
                Ok(visit) => Some(ask(visit.clone(), deadline, SPREAD * number as u32).await),
                Err(_) => None,
            };
            // How long it took, without the others.
            (visit, begun.finish(Outcome::Failed(Failure::Timeout)), seen)
        }
    }))
    .await;
    let sites: Vec<Site<'_>> = asked
        .iter()
        .filter_map(|(visit, _, seen)| visit.as_ref().ok().zip(seen.as_ref()))
        .map(|(visit, seen)| Site { url: &visit.url, seen, private_authority: false })
        .collect();
    // Whether there is a sign-in page is asked by `https`.
    let found = judge(&sites, Portal::Unknown);
    let mut found = found.into_iter();
    let outcomes: Vec<Outcome> = asked
        .iter()
        .map(|(visit, _, seen)| match (visit, seen) {
            (Ok(visit), Some(seen)) => outcome(visit, seen, found.next().unwrap_or(Interference::None)),
            (Err(why), _) => why.outcome(),
            (Ok(_), None) => Outcome::Failed(Failure::System),
        })
        .collect();
    asked.into_iter().zip(outcomes).map(|((_, reading, _), outcome)| Reading { outcome, ..reading }).collect()
}

/// What was seen when it is over, or so far if it hangs beyond the deadline.
async fn ask(visit: Visit, deadline: Instant, delay: Duration) -> Seen {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let notes = seen.clone();
    let work = on_thread("signalling", move |_| {
        std::thread::sleep(delay);
        visit.run_websocket(deadline, &notes);
    });
    let over = tokio::time::timeout_at((deadline + GRACE).into(), work).await;
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Ok(Err(_)) = over {
        // No thread could be had.
        seen.stopped = Some(Stop::Failed(Failure::System));
    }
    seen
}

/// Why a host is not asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unasked {
    /// No policy may send a desk there, or not unencrypted.
    Forbidden,
    /// Nobody could vouch for its certificate.
    NoTrust,
}

impl Unasked {
    fn outcome(self) -> Outcome {
        match self {
            Self::Forbidden => Outcome::NotChecked(NotChecked::TargetForbidden),
            Self::NoTrust => Outcome::Failed(Failure::System),
        }
    }
}

fn plan(host: &SignallingHost, proxies: &Proxies, trust: &Option<Arc<Trust>>) -> Result<Visit, Unasked> {
    let Ok(mut url) = Url::parse(&host.url) else { return Err(Unasked::Forbidden) };
    let (web, encrypted) = if url.scheme() == "wss" { ("https", true) } else { ("http", false) };
    let on_this_computer = url.host().is_some_and(|h| match h {
        url::Host::Domain(name) => name == "localhost",
        url::Host::Ipv4(v4) => allowed::is_loopback(v4.into()),
        url::Host::Ipv6(v6) => allowed::is_loopback(v6.into()),
    });
    if url.set_scheme(web).is_err() || (!encrypted && !on_this_computer) {
        return Err(Unasked::Forbidden);
    }
    if encrypted && trust.is_none() {
        return Err(Unasked::NoTrust);
    }
    let named = Host::Named(url.host_str().unwrap_or_default().to_owned());
    Ok(Visit { proxy: proxies.for_url(&url).cloned(), url, host: named, trust: trust.clone() })
}

fn outcome(visit: &Visit, seen: &Seen, interference: Interference) -> Outcome {
    let status = seen.head.as_ref().map(|h| h.status);
    let failure = match (status, seen.stopped) {
        (_, Some(Stop::Unsupported)) => return Outcome::Unsupported(Unsupported::ThisBuild),
        (_, Some(Stop::Forbidden)) => return Outcome::NotChecked(NotChecked::TargetForbidden),
        // There was an answer: what it is worth stands in `upgrade`.
        (Some(_), _) => None,
        (None, Some(Stop::Failed(failure))) => Some(failure),
        (None, None) => Some(Failure::Timeout),
    };
    let upgrade = status.map(|status| upgrade(status, seen.stopped.is_none(), interference));
    let millis = |time: Option<Duration>| time.map(|t| Millis::new(t.as_secs_f64() * 1e3));
    Outcome::Measured(Value::Signalling(Signalling {
        dns: millis(seen.dns),
        tcp: millis(seen.tcp),
        tls: millis(seen.tls),
        answer: millis(seen.first_byte),
        upgrade,
        status,
        proxy: visit.proxy.is_some(),
        interference,
        failure,
    }))
}

/// What an answer to the request for a WebSocket means. `ours` says whether a 101 belongs to our key.
fn upgrade(status: u16, ours: bool, interference: Interference) -> Upgrade {
    match status {
        101 if ours => Upgrade::Done,
        101 => Upgrade::Broken,
        // A page, or "you must ask for an upgrade" (RFC 9110, section 15.5.22): we did, and it did not arrive.
        200..=299 | 426 => Upgrade::Stripped,
        // What many servers say where the headers of an upgrade are missing; of those that we ask directly we know
        // that they were there.
        400 if interference == Interference::TlsIntercepted => Upgrade::Stripped,
        _ => Upgrade::Declined,
    }
}

#[cfg(test)]
mod tests;
