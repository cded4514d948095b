//! Visits each endpoint that calls depend on, phase by phase, and looks for what stands in the way.
//!
//! Owns which addresses are visited and the time all of it may take. Each visit has a thread of
//! its own, so that a resolver or a certificate store that hangs costs that visit and nothing else.

pub(super) mod interference;

use super::{BoxFuture, Context, Medium, Probe};
use crate::network::{
    allowed,
    https::{Seen, Stop, Visit},
    portal::{self, Portal},
    proxy::Proxies,
    trust::Trust,
};
use interference::{Site, judge};
use readiness::{Endpoint, Host};
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use telemetry::{
    Failure, Https, Id, Interference, Millis, NotChecked, Outcome, ProbeId, Reading, Unsupported, Value,
};
use tokio::sync::oneshot;
use url::Url;

/// The probe.
pub const PROBE: Probe =
    Probe { id: ProbeId::Https, medium: Medium::Network, timeout: |_| Duration::from_millis(8_500), run };

/// All visits together; what hangs longer is told as far as it came.
const LIMIT: Duration = Duration::from_millis(7_500);
/// How long after that a thread may still put down what it has.
const GRACE: Duration = Duration::from_millis(200);
/// Most endpoints of a policy.
const MAX_ENDPOINTS: usize = 16;
/// Threads that may hang at once, over all runs: a resolver can hold one for half a minute.
const MAX_THREADS: usize = 48;
/// Visits begin this far apart, so that their handshakes do not wait for each other's.
const SPREAD: Duration = Duration::from_millis(15);

fn run(context: Arc<Context>) -> BoxFuture<Vec<Reading>> {
    Box::pin(async move { measure(&context, Proxies::current, LIMIT).await })
}

/// What becomes of one endpoint.
enum Plan {
    Visit(Visit),
    Not(Outcome),
}

async fn measure(
    context: &Context,
    proxies: impl FnOnce() -> Proxies + Send + 'static,
    limit: Duration,
) -> Vec<Reading> {
    let deadline = Instant::now() + limit;
    let endpoints = &context.policy.targets.endpoints;
    if endpoints.is_empty() {
        return vec![nothing(context, None, Outcome::NotChecked(NotChecked::NoTarget))];
    }
    let roots = context.extra_roots.clone();
    let settings =
        tokio::task::spawn_blocking(move || (proxies(), Trust::load(&roots).map(Arc::new).ok())).await;
    let Ok((proxies, trust)) = settings else {
        return vec![nothing(context, None, Outcome::Failed(Failure::System))];
    };
    let check = portal_visit(context, &trust);
    let check = check.map(|visit| (visit.url.clone(), begin(visit, deadline, Duration::ZERO)));
    let mut running = Vec::new();
    for (number, endpoint) in endpoints.iter().take(MAX_ENDPOINTS).enumerate() {
        let begun = context.begin(ProbeId::Https, Some(endpoint.id.clone()));
        running.push(match plan(context, endpoint, &proxies, &trust) {
            Plan::Not(outcome) => Running::Over(begun.finish(outcome)),
            Plan::Visit(visit) => {
                let delay = SPREAD * (number as u32 + 1);
                Running::Visit {
                    endpoint,
                    begun,
                    visit: visit.clone(),
                    on_thread: begin(visit, deadline, delay),
                }
            }
        });
    }
    let over = futures_util::future::join_all(running.into_iter().map(|r| r.finished(deadline))).await;
    let portal = match check {
        Some((url, check)) => portal::of_check(&url, &check.seen(deadline).await),
        None => Portal::Unknown,
    };
    readings(over, portal)
}

fn readings(over: Vec<Over<'_>>, portal: Portal) -> Vec<Reading> {
    let sites: Vec<Site<'_>> = over.iter().filter_map(Over::site).collect();
    let mut found = judge(&sites, portal).into_iter();
    let outcomes: Vec<Option<Outcome>> = over
        .iter()
        .map(|o| match o {
            Over::Reading(_) => None,
            Over::Visit { visit, seen, .. } => {
                Some(outcome(visit, seen, found.next().unwrap_or(Interference::None)))
            }
        })
        .collect();
    over.into_iter()
        .zip(outcomes)
        .map(|(over, outcome)| match (over, outcome) {
            (Over::Visit { reading, .. }, Some(outcome)) => Reading { outcome, ..reading },
            (Over::Reading(reading) | Over::Visit { reading, .. }, _) => reading,
        })
        .collect()
}

fn outcome(visit: &Visit, seen: &Seen, interference: Interference) -> Outcome {
    let failure = match seen.stopped {
        Some(Stop::Unsupported) => return Outcome::Unsupported(Unsupported::ThisBuild),
        // A name that should be public, but leads into this network: with a portal that is its doing.
        Some(Stop::Forbidden) if interference == Interference::CaptivePortal => Some(Failure::BadAnswer),
        Some(Stop::Forbidden) => return Outcome::NotChecked(NotChecked::TargetForbidden),
        Some(Stop::Failed(failure)) => Some(failure),
        None if seen.done => None,
        None => Some(Failure::Timeout),
    };
    let millis = |time: Option<Duration>| time.map(|t| Millis::new(t.as_secs_f64() * 1e3));
    Outcome::Measured(Value::Https(Https {
        dns: millis(seen.dns),
        tcp: millis(seen.tcp),
        tls: millis(seen.tls),
        first_byte: millis(seen.first_byte),
        status: seen.head.as_ref().map(|h| h.status),
        proxy: visit.proxy.is_some(),
        interference,
        failure,
    }))
}

fn plan(context: &Context, endpoint: &Endpoint, proxies: &Proxies, trust: &Option<Arc<Trust>>) -> Plan {
    let own = context.collector.as_ref().map(|c| &c.url);
    let Some(url) = readiness::target_url(&endpoint.url, own) else {
        return Plan::Not(Outcome::NotChecked(NotChecked::NoTarget));
    };
    let plain_is_fine = url.host().is_some_and(|h| match h {
        url::Host::Domain(name) => name == "localhost",
        url::Host::Ipv4(v4) => allowed::is_loopback(v4.into()),
        url::Host::Ipv6(v6) => allowed::is_loopback(v6.into()),
    });
    match url.scheme() {
        "https" if trust.is_none() => Plan::Not(Outcome::Failed(Failure::System)),
        "https" => Plan::Visit(visit(&endpoint.url, url, proxies, trust)),
        "http" if plain_is_fine => Plan::Visit(visit(&endpoint.url, url, proxies, trust)),
        _ => Plan::Not(Outcome::NotChecked(NotChecked::TargetForbidden)),
    }
}

fn visit(written: &str, url: Url, proxies: &Proxies, trust: &Option<Arc<Trust>>) -> Visit {
    let host = match readiness::is_collector(written) {
        true => Host::Collector,
        false => Host::Named(url.host_str().unwrap_or_default().to_owned()),
    };
    Visit { proxy: proxies.for_url(&url).cloned(), url, host, trust: trust.clone() }
}

/// The visit that finds a portal. Never through a proxy: a portal stands before it.
fn portal_visit(context: &Context, trust: &Option<Arc<Trust>>) -> Option<Visit> {
    let written = context.policy.targets.portal.as_deref()?;
    let url = readiness::target_url(written, context.collector.as_ref().map(|c| &c.url))?;
    matches!(url.scheme(), "http" | "https").then(|| visit(written, url, &Proxies::default(), trust))
}

/// A visit on its thread.
struct OnThread {
    seen: Arc<Mutex<Seen>>,
    done: oneshot::Receiver<()>,
}

impl OnThread {
    /// What was seen when the visit is over, or so far if it hangs beyond the deadline.
    async fn seen(self, deadline: Instant) -> Seen {
        let _ = tokio::time::timeout_at((deadline + GRACE).into(), self.done).await;
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Threads that have not ended yet.
static THREADS: AtomicUsize = AtomicUsize::new(0);

struct Counted;

impl Drop for Counted {
    fn drop(&mut self) {
        THREADS.fetch_sub(1, Ordering::Relaxed);
    }
}

fn begin(visit: Visit, deadline: Instant, delay: Duration) -> OnThread {
    /// rustls and the certificate stores of the systems need far less than half of it.
    const STACK: usize = 1 << 20;
    let seen = Arc::new(Mutex::new(Seen::default()));
    let (tell, done) = oneshot::channel();
    let counted = (THREADS.fetch_add(1, Ordering::Relaxed) < MAX_THREADS, Counted);
    let notes = seen.clone();
    let work = move || {
        let _counted = counted.1;
        std::thread::sleep(delay);
        visit.run(deadline, &notes);
        let _ = tell.send(());
    };
    let started =
        counted.0 && std::thread::Builder::new().name("https".into()).stack_size(STACK).spawn(work).is_ok();
    if !started {
        let stopped = Some(Stop::Failed(Failure::System));
        *seen.lock().unwrap_or_else(PoisonError::into_inner) =
            Seen { stopped, done: true, ..Seen::default() };
    }
    OnThread { seen, done }
}

/// An endpoint whose visit runs, or which is not visited.
enum Running<'a> {
    Over(Reading),
    Visit { endpoint: &'a Endpoint, begun: super::Begun, visit: Visit, on_thread: OnThread },
}

/// An endpoint that is done with. The outcome is settled when all are.
enum Over<'a> {
    Reading(Reading),
    Visit { endpoint: &'a Endpoint, reading: Reading, visit: Visit, seen: Box<Seen> },
}

impl<'a> Running<'a> {
    async fn finished(self, deadline: Instant) -> Over<'a> {
        match self {
            Self::Over(reading) => Over::Reading(reading),
            Self::Visit { endpoint, begun, visit, on_thread } => {
                let seen = Box::new(on_thread.seen(deadline).await);
                let reading = begun.finish(Outcome::Failed(Failure::Timeout));
                Over::Visit { endpoint, reading, visit, seen }
            }
        }
    }
}

impl Over<'_> {
    fn site(&self) -> Option<Site<'_>> {
        match self {
            Self::Reading(_) => None,
            Self::Visit { endpoint, visit, seen, .. } => Some(Site {
                url: &visit.url,
                seen,
                private_authority: endpoint.private_authority || visit.host == Host::Collector,
            }),
        }
    }
}

fn nothing(context: &Context, target: Option<Id>, outcome: Outcome) -> Reading {
    context.begin(ProbeId::Https, target).finish(outcome)
}

#[cfg(test)]
mod tests;
