//! Rule of `link`.

use super::{Candidate, evidence::Evidence, held_to};
use crate::Policy;
use crate::limits::{Band, Metric};
use telemetry::{FindingCode, Link, Reading};

pub(super) fn rule(policy: &Policy, reading: &Reading, link: &Link, evidence: &Evidence) -> Vec<Candidate> {
    if !link.default_route {
        return vec![Candidate::new(FindingCode::NoNetwork, Band::Bad, reading)];
    }
    let mut found = Vec::new();
    // Some routers never answer: one through which something was reached is well, and one through which
    // nothing was tried is only doubtful.
    if link.gateway_reachable == Some(false) && !evidence.beyond_works {
        let band = if evidence.beyond_fails { Band::Bad } else { Band::Doubtful };
        found.push(Candidate::new(FindingCode::GatewayUnreachable, band, reading));
    }
    if let Some(wifi) = &link.wifi {
        let signal = wifi.signal_dbm.map(telemetry::Db::get);
        let rate = wifi.tx_rate.map(telemetry::BitRate::get);
        found.extend(
            signal.and_then(|v| held_to(policy, Metric::WifiSignal, v, FindingCode::WifiSignalWeak, reading)),
        );
        found.extend(
            rate.and_then(|v| held_to(policy, Metric::WifiRate, v, FindingCode::WifiRateLow, reading)),
        );
    }
    found
}
