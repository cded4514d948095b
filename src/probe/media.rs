//! Streams voice-like packets against each reflector of the policy, one after the other.
//!
//! Owns the bounds that no policy can widen: how many reflectors, how long, how fast, and where they
//! may be. The stream has a thread of its own, which ends when the probe is given up.

use super::{BoxFuture, Context, Medium, Probe, Progress};
use crate::network::{
    allowed::may_point_at,
    link,
    look_up::look_up,
    stream::{Control, Look, Measured, Plan, StreamError, measure_and_look},
};
use datagram::Stamps;
use readiness::{Reflector, needs_longer, needs_path};
use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};
use telemetry::{Failure, NotChecked, Outcome, Path, ProbeId, Reading, Value};
use tokio::sync::oneshot;

/// The probe.
pub const PROBE: Probe = Probe { id: ProbeId::Media, medium: Medium::Stream, timeout, run };

/// More are not measured: a check has to end while the agent is waiting.
const MAX_REFLECTORS: usize = 3;
/// 250 packets: none lost of those still means less than 1.5 % with 95 % confidence.
const LENGTH: Duration = Duration::from_secs(5);
/// 750 packets: a loss of 2 % is told from 1 %.
const LONGEST: Duration = Duration::from_secs(15);
/// For looking up a reflector's name.
const LOOK_UP: Duration = Duration::from_secs(3);
/// Beside the stream itself: packets still under way, and the ones that ask for the reflector's count.
const AROUND: Duration = Duration::from_secs(8);
/// For looking along the way, once: twice what it takes at the longest would not fit into a check.
const LOOKING: Duration = Duration::from_secs(16);

fn timeout(context: &Context) -> Duration {
    let reflectors = context.policy.targets.reflectors.len().clamp(1, MAX_REFLECTORS);
    (LOOK_UP + LONGEST + AROUND) * reflectors as u32 + LOOKING
}

fn run(context: Arc<Context>) -> BoxFuture<Vec<Reading>> {
    Box::pin(async move {
        let reflectors: Vec<Reflector> =
            context.policy.targets.reflectors.iter().take(MAX_REFLECTORS).cloned().collect();
        let mut readings = Vec::new();
        for (number, reflector) in reflectors.iter().enumerate() {
            let begun = context.begin(ProbeId::Media, Some(reflector.id.clone()));
            // Of the first that is not well: whoever waits for the check has not got longer.
            let look = readings.iter().all(|r: &Reading| r.probe != ProbeId::Path);
            let part = Part { number, of: reflectors.len(), look };
            let (outcome, path) = measure(&context, reflector, part).await;
            let looked = begun.clone().of(ProbeId::Path);
            readings.push(begun.finish(outcome));
            readings.extend(path.map(|path| looked.finish(Outcome::Measured(Value::Path(path)))));
        }
        if readings.is_empty() {
            let begun = context.begin(ProbeId::Media, None);
            readings.push(begun.finish(Outcome::NotChecked(NotChecked::NoTarget)));
        }
        readings
    })
}

/// Which of the reflectors is measured, for the progress.
#[derive(Debug, Clone, Copy)]
struct Part {
    number: usize,
    of: usize,
    /// Whether it is looked along the way if it is not well.
    look: bool,
}

async fn measure(context: &Arc<Context>, reflector: &Reflector, part: Part) -> (Outcome, Option<Path>) {
    let nothing = |outcome| (outcome, None);
    let Some(host) = context.host(&reflector.host) else {
        return nothing(Outcome::NotChecked(NotChecked::NoTarget));
    };
    let Ok(found) = look_up(&host, reflector.port, LOOK_UP).await else {
        return nothing(Outcome::Failed(Failure::NameNotFound));
    };
    let allowed: Vec<SocketAddr> =
        found.into_iter().filter(|address| may_point_at(&reflector.host, address.ip())).collect();
    if allowed.is_empty() {
        // Not a failure of anything: there is nothing there that we may measure.
        return nothing(Outcome::NotChecked(NotChecked::NoTarget));
    }
    // The system sorts addresses by what is likely to work; another is tried only if there is no way to one.
    let mut outcome = Outcome::Failed(Failure::NoRoute);
    for target in one_of_each_family(&allowed) {
        let mut result = stream_to(context.clone(), target, reflector.dscp, part).await;
        // A clock that was set, or a sleep, is no fault of the network; once more, and it is over.
        if matches!(result, Err(StreamError::Interrupted)) {
            result = stream_to(context.clone(), target, reflector.dscp, part).await;
        }
        outcome = match result {
            Ok(Measured { refused: true, path, .. }) => return (Outcome::Failed(Failure::Refused), path),
            Ok(Measured { media, path, .. }) => return (Outcome::Measured(Value::Media(media)), path),
            Err(error) => Outcome::Failed(failure(&error)),
        };
        if outcome != Outcome::Failed(Failure::NoRoute) {
            break;
        }
    }
    nothing(outcome)
}

fn one_of_each_family(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let mut chosen: Vec<SocketAddr> = Vec::new();
    for address in addresses {
        if chosen.iter().all(|c| c.is_ipv4() != address.is_ipv4()) {
            chosen.push(*address);
        }
    }
    chosen
}

/// Runs the stream on a thread of its own. Dropping the future ends it within a packet's interval.
async fn stream_to(
    context: Arc<Context>,
    target: SocketAddr,
    dscp: u8,
    part: Part,
) -> Result<Measured, StreamError> {
    let cancel = CancelOnDrop(Arc::new(AtomicBool::new(false)));
    let cancelled = cancel.0.clone();
    let ssid = getrandom::u32().map_err(io::Error::other)? as u16 | 1; // never 0, which means "no session"
    let plan = Plan {
        target,
        dscp: dscp & 0x3f,
        ssid,
        length: LENGTH,
        longest: LONGEST,
        stamps: Stamps::Both,
        codec: context.policy.codec,
    };
    let (done, result) = oneshot::channel();
    thread::Builder::new().name("media".into()).spawn(move || {
        let control = Control {
            cancel: &cancelled,
            needs_longer: &|media| needs_longer(&context.policy, media),
            progress: &|within| {
                let done = within.map(|within| (part.number as f32 + within) / part.of as f32);
                (context.progress)(Progress { probe: ProbeId::Media, done });
            },
        };
        // Without knowing the links there is still a way to look along.
        let links = link::current().unwrap_or_default();
        let look = Look { wanted: &|media| needs_path(&context.policy, media), links: &links };
        // Nobody waits any more if the probe was given up.
        let _ = done.send(measure_and_look(&plan, &control, part.look.then_some(&look)));
    })?;
    match result.await {
        Ok(result) => result,
        // The thread panicked: so shall the probe, whose supervisor makes a reading of it.
        Err(_) => panic!("the media stream panicked"),
    }
}

struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn failure(error: &StreamError) -> Failure {
    match error {
        StreamError::NoRoute(_) => Failure::NoRoute,
        StreamError::Refused => Failure::Refused,
        StreamError::Interrupted | StreamError::Cancelled => Failure::Timeout,
        StreamError::Socket(_) | StreamError::System(_) => Failure::System,
    }
}

#[cfg(test)]
mod tests;
