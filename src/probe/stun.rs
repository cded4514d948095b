//! Asks each STUN server of the policy: does UDP get out, how fast, and as what does the desk appear?
//!
//! Owns how often and how long is asked. One socket asks all servers of a family, since only what several of them
//! saw of one socket can be compared. The addresses themselves end here.

use super::{BoxFuture, Context, Medium, Probe, on_thread::on_thread};
use crate::network::{
    names::{NoAddress, addresses},
    stun::{Asked, Plan, ask, mapping},
};
use datagram::SocketError;
use readiness::StunServer;
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use telemetry::{Failure, Millis, NotChecked, Outcome, ProbeId, Reading, Stun, Value};

/// The probe.
pub const PROBE: Probe =
    Probe { id: ProbeId::Stun, medium: Medium::Network, timeout: |_| Duration::from_secs(10), run };

/// More are not asked, whatever the policy says.
const MAX_SERVERS: usize = 8;
/// For looking up the names.
const LOOK_UP: Duration = Duration::from_secs(3);
/// Five requests over 2.4 s: a mapping that changes from one second to the next shows, and a lost packet or two do
/// not look like a closed door.
const ROUNDS: u32 = 5;
const APART: Duration = Duration::from_millis(600);
/// An answer that takes longer is no use to voice.
const PATIENCE: Duration = Duration::from_millis(1_200);

fn run(context: Arc<Context>) -> BoxFuture<Vec<Reading>> {
    Box::pin(async move {
        let servers: Vec<StunServer> =
            context.policy.targets.stun.iter().take(MAX_SERVERS).cloned().collect();
        if servers.is_empty() {
            let begun = context.begin(ProbeId::Stun, None);
            return vec![begun.finish(Outcome::NotChecked(NotChecked::NoTarget))];
        }
        let begun: Vec<_> =
            servers.iter().map(|s| context.begin(ProbeId::Stun, Some(s.id.clone()))).collect();
        let found = futures_util::future::join_all(servers.iter().map(|s| find(&context, s))).await;
        let (v4, v6) = tokio::join!(ask_all(&found, false), ask_all(&found, true));
        let outcome = |found: &Result<SocketAddr, Outcome>| match found {
            Err(outcome) => outcome.clone(),
            Ok(server) => match if server.is_ipv6() { &v6 } else { &v4 } {
                Ok(asked) => value(*server, asked),
                Err(_) => Outcome::Failed(Failure::System),
            },
        };
        begun.into_iter().zip(&found).map(|(begun, found)| begun.finish(outcome(found))).collect()
    })
}

/// Where a server is asked: at the first of its addresses to which there is a way.
async fn find(context: &Context, server: &StunServer) -> Result<SocketAddr, Outcome> {
    let host = context.host(&server.host).ok_or(Outcome::NotChecked(NotChecked::NoTarget))?;
    let found = match addresses(&server.host, &host, server.port, LOOK_UP).await {
        Ok(found) => found,
        Err(NoAddress::Forbidden) => return Err(Outcome::NotChecked(NotChecked::TargetForbidden)),
        Err(NoAddress::NotFound) => return Err(nothing(Failure::NameNotFound)),
    };
    let reachable = found.iter().copied().find(|a| crate::network::stun::way_to(*a).is_some());
    reachable.ok_or_else(|| nothing(Failure::NoRoute))
}

async fn ask_all(found: &[Result<SocketAddr, Outcome>], v6: bool) -> Result<Vec<Asked>, SocketError> {
    let mut servers: Vec<SocketAddr> =
        found.iter().flatten().copied().filter(|s| s.is_ipv6() == v6).collect();
    // Two names of one server are asked once.
    servers.sort();
    servers.dedup();
    if servers.is_empty() {
        return Ok(Vec::new());
    }
    let plan = Plan { servers, rounds: ROUNDS, apart: APART, patience: PATIENCE };
    let asked = on_thread("stun", move |cancel| ask(&plan, cancel)).await;
    asked.unwrap_or_else(|source| Err(SocketError { operation: "start a thread", source }))
}

fn value(server: SocketAddr, all: &[Asked]) -> Outcome {
    let Some(own) = all.iter().find(|a| a.server == Some(server)) else {
        return Outcome::Failed(Failure::System);
    };
    let ms = |time: Duration| Millis::new(time.as_secs_f64() * 1e3);
    let times = || own.answers.iter().map(|a| a.rtt);
    let answered = own.answers.len() as u32;
    let seen = mapping(own, all);
    Outcome::Measured(Value::Stun(Stun {
        sent: own.sent,
        answered,
        rtt_min: times().min().map(ms),
        rtt_mean: times().sum::<Duration>().checked_div(answered).map(ms),
        mapping: seen.map(|(mapping, _)| mapping),
        moved: seen.is_some_and(|(_, moved)| moved),
        failure: (answered == 0).then(|| failure(own)),
    }))
}

fn failure(asked: &Asked) -> Failure {
    use io::ErrorKind::{AddrNotAvailable, HostUnreachable, NetworkDown, NetworkUnreachable};
    match asked.error {
        _ if asked.nonsense => Failure::BadAnswer,
        _ if asked.sent > 0 => Failure::NoAnswer,
        Some(NetworkUnreachable | HostUnreachable | NetworkDown | AddrNotAvailable) => Failure::NoRoute,
        _ => Failure::System,
    }
}

/// A server that could not be asked.
fn nothing(why: Failure) -> Outcome {
    Outcome::Measured(Value::Stun(Stun {
        sent: 0,
        answered: 0,
        rtt_min: None,
        rtt_mean: None,
        mapping: None,
        moved: false,
        failure: Some(why),
    }))
}

#[cfg(test)]
mod tests;
