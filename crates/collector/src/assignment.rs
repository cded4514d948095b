//! What a desk is told, and which ids its reports may name.

use crate::clock::DAY;
use readiness::Policy;
use telemetry::{Id, ProbeId, UnixMs};

/// The shifts that a desk is told: from the beginning of this UTC day, for 14 days after it.
pub fn window(now: UnixMs) -> (i64, i64) {
    let day = now.get() - now.get().rem_euclid(DAY);
    (day, day + 15 * DAY)
}

/// Browsers that a finding may name: the policy's own fields for them.
const BROWSERS: [&str; 5] = ["chrome", "chromium", "edge", "firefox", "brave"];

/// Every id that a policy defines.
pub fn ids(policy: &Policy) -> Vec<Id> {
    let targets = &policy.targets;
    let browsers = BROWSERS.map(|b| b.parse().expect("a valid id"));
    std::iter::once(&policy.id)
        .chain(targets.reflectors.iter().map(|r| &r.id))
        .chain(targets.endpoints.iter().map(|e| &e.id))
        .chain(targets.responsiveness.iter().map(|r| &r.id))
        .chain(&browsers)
        .cloned()
        .collect()
}

/// The policy that is served while IT has set none.
pub fn default_policy(reflector_port: Option<u16>) -> Policy {
    match reflector_port {
        Some(port) => Policy::for_collector(port),
        None => {
            let mut policy = Policy::for_collector(1);
            policy.targets.reflectors.clear();
            policy.required.retain(|p| *p != ProbeId::Media);
            policy
        }
    }
}
