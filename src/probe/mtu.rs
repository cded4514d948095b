//! Looks for the largest packet that gets to a reflector of the policy and back.
//!
//! Owns which reflectors, and the time it may take. At most some 50 kB each way are sent to each.

use super::{BoxFuture, Context, Medium, Probe, on_thread::on_thread};
use crate::network::{
    names::{NoAddress, addresses},
    path_mtu::{MtuError, measure},
    stun::way_to,
};
use readiness::Reflector;
use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};
use telemetry::{Failure, NotChecked, Outcome, ProbeId, Reading, Unsupported, Value};

/// The probe.
pub const PROBE: Probe =
    Probe { id: ProbeId::Mtu, medium: Medium::Network, timeout: |_| Duration::from_secs(16), run };

/// More are not measured: where large packets vanish, each takes some seconds.
const MAX_REFLECTORS: usize = 2;
/// For looking up the names.
const LOOK_UP: Duration = Duration::from_secs(3);
/// For both together; what is sure by then is told.
const LIMIT: Duration = Duration::from_secs(12);

fn run(context: Arc<Context>) -> BoxFuture<Vec<Reading>> {
    Box::pin(async move {
        let reflectors = context.policy.targets.reflectors.iter().take(MAX_REFLECTORS);
        let readings = reflectors.map(|reflector| {
            let context = &context;
            async move {
                let begun = context.begin(ProbeId::Mtu, Some(reflector.id.clone()));
                begun.finish(look(context, reflector).await)
            }
        });
        let readings = futures_util::future::join_all(readings).await;
        match readings.is_empty() {
            true => {
                let begun = context.begin(ProbeId::Mtu, None);
                vec![begun.finish(Outcome::NotChecked(NotChecked::NoTarget))]
            }
            false => readings,
        }
    })
}

async fn look(context: &Context, reflector: &Reflector) -> Outcome {
    let Some(host) = context.host(&reflector.host) else { return Outcome::NotChecked(NotChecked::NoTarget) };
    let found = match addresses(&reflector.host, &host, reflector.port, LOOK_UP).await {
        Ok(found) => found,
        Err(NoAddress::Forbidden) => return Outcome::NotChecked(NotChecked::TargetForbidden),
        Err(NoAddress::NotFound) => return Outcome::Failed(Failure::NameNotFound),
    };
    let Some(at) = found.into_iter().find(|a| way_to(*a).is_some()) else {
        return Outcome::Failed(Failure::NoRoute);
    };
    let deadline = Instant::now() + LIMIT;
    match on_thread("mtu", move |cancel| measure(at, deadline, cancel)).await {
        Ok(Ok(mtu)) => Outcome::Measured(Value::Mtu(mtu)),
        Ok(Err(MtuError::Unsupported(_))) => Outcome::Unsupported(Unsupported::ThisSystem),
        Ok(Err(MtuError::Socket(error))) if no_route(&error.source) => Outcome::Failed(Failure::NoRoute),
        Ok(Err(_)) | Err(_) => Outcome::Failed(Failure::System),
    }
}

fn no_route(error: &io::Error) -> bool {
    use io::ErrorKind::{AddrNotAvailable, HostUnreachable, NetworkDown, NetworkUnreachable};
    matches!(error.kind(), NetworkUnreachable | HostUnreachable | NetworkDown | AddrNotAvailable)
}

#[cfg(test)]
mod tests;
