//! Asks each resolver of the system for the names that calls depend on.
//!
//! Owns which resolvers and names are asked, and the time all of it may take. One question for each
//! resolver, name and record type, never repeated: a joined or repeated question would hide which
//! resolver is slow.

use super::{BoxFuture, Context, Medium, Probe};
use crate::network::{
    dns::{Question, ask},
    link, resolvers,
};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use telemetry::{Dns, DnsQuery, Failure, Millis, NotChecked, Outcome, ProbeId, Reading, RecordType, Value};

/// The probe.
pub const PROBE: Probe =
    Probe { id: ProbeId::Dns, medium: Medium::Network, timeout: |_| Duration::from_secs(4), run };

/// What a C library waits at least before it tries the next resolver is 5 s; an agent notices 2.
const LIMIT: Duration = Duration::from_secs(2);

/// Questions begin this far apart, so that they do not queue behind each other on the way out.
const SPREAD: Duration = Duration::from_millis(10);

/// A policy may name more; that many say whether the resolvers work.
const MAX_NAMES: usize = 2;

fn run(context: Arc<Context>) -> BoxFuture<Vec<Reading>> {
    Box::pin(async move {
        let begun = context.begin(ProbeId::Dns, None);
        let outcome = measure(&context).await;
        vec![begun.finish(outcome)]
    })
}

async fn measure(context: &Context) -> Outcome {
    let names = names(context);
    if names.is_empty() {
        return Outcome::NotChecked(NotChecked::NoTarget);
    }
    let read = tokio::task::spawn_blocking(|| resolvers::current(&link::current().unwrap_or_default())).await;
    let Ok(Ok(resolvers)) = read else { return Outcome::Failed(Failure::System) };
    if resolvers.is_empty() {
        return Outcome::NotChecked(NotChecked::NothingToMeasure);
    }
    match ask_all(&names, &resolvers).await {
        Some(dns) => Outcome::Measured(Value::Dns(dns)),
        None => Outcome::Failed(Failure::System),
    }
}

/// Asks every resolver for every name; `None` if no question could be put.
async fn ask_all(names: &[String], resolvers: &[resolvers::Resolver]) -> Option<Dns> {
    let mut asked = Vec::new();
    for (number, resolver) in resolvers.iter().enumerate() {
        for name in names {
            for record in [RecordType::A, RecordType::Aaaa] {
                let question = Question::new(getrandom::u32().ok()? as u16, name, record).ok()?;
                let (resolver, wait) = (*resolver, SPREAD * asked.len() as u32);
                asked.push(async move {
                    tokio::time::sleep(wait).await;
                    let answer = ask(resolver.address, &question, LIMIT).await;
                    DnsQuery {
                        resolver: number as u8,
                        class: resolver.class,
                        record,
                        answer: answer.answer,
                        time: answer.time.map(|t| Millis::new(t.as_secs_f64() * 1e3)),
                    }
                });
            }
        }
    }
    Some(Dns { queries: futures_util::future::join_all(asked).await.into_iter().collect() })
}

/// The names that the policy lists, or else the hosts it points at, as far as they are names.
fn names(context: &Context) -> Vec<String> {
    let targets = &context.policy.targets;
    let mut found = BTreeSet::new();
    let listed = targets.names.iter().cloned();
    let hosts = || {
        let own = context.collector.as_ref().map(|c| &c.url);
        let endpoints = targets.endpoints.iter().filter_map(|e| readiness::target_url(&e.url, own));
        let hosts = endpoints.chain(own.cloned()).filter_map(|u| u.host_str().map(str::to_owned));
        let reflectors = targets.reflectors.iter().filter_map(|r| context.host(&r.host));
        hosts.chain(reflectors).collect::<Vec<_>>()
    };
    let all: Vec<String> = if targets.names.is_empty() { hosts() } else { listed.collect() };
    all.into_iter()
        .filter_map(|name| match url::Host::parse(&name) {
            Ok(url::Host::Domain(domain)) => Some(domain.trim_end_matches('.').to_ascii_lowercase()),
            _ => None,
        })
        // A name without a dot and this computer's own are not the resolver's to know.
        .filter(|name| name.contains('.') && !name.ends_with(".localhost"))
        .filter(|name| found.insert(name.clone()))
        .take(MAX_NAMES)
        .collect()
}

#[cfg(test)]
mod tests;
