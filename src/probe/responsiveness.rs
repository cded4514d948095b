//! Loads the line for some seconds and looks at how long a round trip takes meanwhile.
//!
//! Owns whether that may be done at all: never in between, never while a call is on, never through a proxy, and on a
//! connection that is paid for by the megabyte only where the policy says so. The measurement itself is
//! `network::responsiveness`.

use super::{BoxFuture, Context, Medium, Occasion, Probe, Progress};
use crate::{
    audio::{self, AudioError},
    network::{
        allowed, link,
        metered::conclude,
        proxy::Proxies,
        responsiveness::{self, LONGEST, Plan, Stop, Voice},
        trust::Trust,
    },
    platform,
};
use readiness::{Host, LoadTest};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use telemetry::{Failure, MicrophoneUse, NotChecked, Outcome, ProbeId, Reading, Value};
use url::Url;

/// The probe.
pub const PROBE: Probe =
    Probe { id: ProbeId::Responsiveness, medium: Medium::Stream, timeout: |_| Duration::from_secs(8), run };

/// While it runs, it is looked so often whether a call began.
const LOOK: Duration = Duration::from_millis(700);

/// Whether somebody talks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Off,
    On,
    Unknown,
}

/// What is around the desk, as the system tells.
#[derive(Clone, Copy)]
struct Around {
    call: fn() -> BoxFuture<Call>,
    metered: fn() -> bool,
    proxies: fn() -> Proxies,
}

const HERE: Around = Around {
    call: || Box::pin(call()),
    metered: || conclude(platform::metered::metered(), link::current().ok().as_ref()),
    proxies: Proxies::current,
};

fn run(context: Arc<Context>) -> BoxFuture<Vec<Reading>> {
    Box::pin(async move { vec![measure(&context, HERE).await] })
}

async fn measure(context: &Context, around: Around) -> Reading {
    let target = context.policy.targets.responsiveness.as_ref();
    let begun = context.begin(ProbeId::Responsiveness, target.map(|t| t.id.clone()));
    let deadline = Instant::now() + LONGEST;
    let outcome = match target {
        None => Outcome::NotChecked(NotChecked::NoTarget),
        // It would be felt; and it takes the data of a whole day.
        Some(_) if context.occasion == Occasion::Routine => Outcome::NotChecked(NotChecked::OutsideShift),
        Some(test) => match plan(context, test, around, deadline).await {
            Ok(plan) => load(context, plan, around).await,
            Err(outcome) => *outcome,
        },
    };
    begun.finish(outcome)
}

/// What is to be measured, or why nothing is.
async fn plan(
    context: &Context,
    test: &LoadTest,
    around: Around,
    deadline: Instant,
) -> Result<Plan, Box<Outcome>> {
    let not = |why| Err(Box::new(Outcome::NotChecked(why)));
    let system = || Err(Box::new(Outcome::Failed(Failure::System)));
    let own = context.collector.as_ref();
    let Some(url) = readiness::target_url(&test.url, own.map(|c| &c.url)) else {
        return not(NotChecked::NoTarget);
    };
    let at_collector = readiness::is_collector(&test.url);
    let plain_is_fine = matches!(url.scheme(), "http") && is_loopback(&url);
    if url.scheme() != "https" && !plain_is_fine {
        return not(NotChecked::TargetForbidden);
    }
    // First, for it is asked whether anybody minds only where there is something to mind.
    match (around.call)().await {
        Call::Off => {}
        Call::On => return not(NotChecked::MicrophoneInUse),
        Call::Unknown => return not(NotChecked::CallPossible),
    }
    let (roots, to) = (context.extra_roots.clone(), url.clone());
    let asked = tokio::task::spawn_blocking(move || {
        let proxied = (around.proxies)().for_url(&to).is_some();
        let verifier = (to.scheme() == "https").then(|| Trust::verifier(&roots));
        (proxied, (around.metered)(), verifier.transpose())
    });
    let Ok((proxied, metered, verifier)) = asked.await else { return system() };
    if proxied {
        return not(NotChecked::BehindProxy);
    }
    if metered && !test.metered {
        return not(NotChecked::Metered);
    }
    let Ok(verifier) = verifier else { return system() };
    let voice = context.policy.targets.reflectors.first().and_then(|reflector| {
        let (host, port, dscp) = (reflector.host.clone(), reflector.port, reflector.dscp);
        Some(Voice { name: context.host(&host)?, host, port, dscp })
    });
    let host = match at_collector {
        true => Host::Collector,
        false => Host::Named(url.host_str().unwrap_or_default().to_owned()),
    };
    let sign = own.filter(|_| at_collector).and_then(|c| c.sign.clone());
    let most = u64::from(test.max_megabytes) * 1_000_000;
    Ok(Plan { url, host, sign: sign.map(|s| s.0), verifier, most, voice, deadline })
}

/// Measures, until it is done or a call begins.
async fn load(context: &Context, plan: Plan, around: Around) -> Outcome {
    let (began, deadline) = (Instant::now(), plan.deadline);
    let whole = deadline.saturating_duration_since(began).as_secs_f32().max(0.1);
    let told = async {
        loop {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let done = (began.elapsed().as_secs_f32() / whole).min(0.99);
            (context.progress)(Progress { probe: ProbeId::Responsiveness, done: Some(done) });
        }
    };
    let call = async {
        loop {
            tokio::time::sleep(LOOK).await;
            match (around.call)().await {
                Call::On => break Outcome::NotChecked(NotChecked::MicrophoneInUse),
                // It was off a moment ago; a look that failed once is no call.
                Call::Off | Call::Unknown => {}
            }
        }
    };
    tokio::select! {
        biased;
        seen = responsiveness::run(plan) => match seen {
            Ok(seen) => Outcome::Measured(Value::Responsiveness(seen)),
            Err(Stop::Failed(why)) => Outcome::Failed(why),
            Err(Stop::Busy) => Outcome::NotChecked(NotChecked::ServerBusy),
            Err(Stop::NotOffered) => Outcome::NotChecked(NotChecked::NoTarget),
            Err(Stop::Forbidden) => Outcome::NotChecked(NotChecked::TargetForbidden),
        },
        outcome = call => outcome,
        () = told => unreachable!("it tells for ever"),
        // Whatever hangs: the agent waits no longer.
        () = tokio::time::sleep_until((deadline + Duration::from_millis(200)).into()) => Outcome::Failed(Failure::Timeout),
    }
}

/// Whether somebody talks: whoever does has a microphone open. Asking opens none.
async fn call() -> Call {
    match audio::inventory().await.map(|inventory| inventory.microphone_use) {
        Ok(MicrophoneUse::Free) => Call::Off,
        Ok(MicrophoneUse::InUse) | Err(AudioError::InUse) => Call::On,
        // Without any sound there is no call.
        Err(AudioError::NoSoundSystem) => Call::Off,
        Ok(MicrophoneUse::Unknown) | Err(_) => Call::Unknown,
    }
}

fn is_loopback(url: &Url) -> bool {
    url.host().is_some_and(|host| match host {
        url::Host::Domain(name) => name == "localhost",
        url::Host::Ipv4(v4) => allowed::is_loopback(v4.into()),
        url::Host::Ipv6(v6) => allowed::is_loopback(v6.into()),
    })
}

#[cfg(test)]
mod tests;
