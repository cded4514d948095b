//! Whether the gateway answers, by whatever it answers to.
//!
//! Owns the order of the evidence: an ICMP echo; where that is closed or stays unanswered, packets
//! that die at the first hop; and what the neighbour table learned meanwhile. Silence is not held
//! against a gateway unless the link itself says that nobody is there.

use super::link::{Gateway, Neighbour};
use crate::platform;
use std::time::{Duration, Instant};
use telemetry::GatewayMethod;

/// What asking came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Echo {
    /// It answered after this time.
    Answered(Duration),
    /// It did not.
    Silent,
    /// This user may not ask in this way, or the system has no such way.
    Closed,
}

/// Whether a gateway was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    /// Whether it was; none if it could not be told.
    pub reachable: Option<bool>,
    /// What told it.
    pub method: Option<GatewayMethod>,
    /// Least time of its answers.
    pub rtt: Option<Duration>,
}

/// Asks a gateway; takes at most some 2 s.
pub async fn ask(gateway: &Gateway) -> Reached {
    let started = Instant::now();
    let mut echo = platform::gateway::echo(gateway).await;
    let mut method = GatewayMethod::IcmpEcho;
    if !matches!(echo, Echo::Answered(_)) {
        echo = platform::gateway::first_hop(gateway).await;
        method = platform::gateway::FIRST_HOP;
    }
    if let Echo::Answered(rtt) = echo {
        return Reached { reachable: Some(true), method: Some(method), rtt: Some(rtt) };
    }
    let table = tokio::task::spawn_blocking(platform::link::neighbours).await;
    let neighbours = table.ok().and_then(Result::ok).unwrap_or_default();
    by_neighbour(gateway, &neighbours, started.elapsed())
}

/// What the neighbour table says, after packets were sent for so long. Only an entry that was
/// confirmed since then says that the gateway is there: older ones outlive it by half a minute.
fn by_neighbour(gateway: &Gateway, table: &[Neighbour], asking: Duration) -> Reached {
    let entry = table.iter().find(|n| n.interface == gateway.interface && n.address == gateway.address);
    let reachable = entry.and_then(|n| match n.reachable {
        Some(true) => n.confirmed_ago.is_some_and(|ago| ago <= asking).then_some(true),
        other => other,
    });
    Reached { reachable, method: reachable.map(|_| GatewayMethod::Neighbour), rtt: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_neighbour_table_is_believed_only_as_far_as_it_knows() {
        let gateway = Gateway {
            address: "192.168.1.1".parse().unwrap(),
            interface: 2,
            interface_name: "eth0".into(),
            hardware: None,
        };
        let asking = Duration::from_secs(2);
        let of = |reachable, confirmed_ago, interface| {
            let entry =
                Neighbour { interface, address: gateway.address, hardware: None, reachable, confirmed_ago };
            by_neighbour(&gateway, &[entry], asking).reachable
        };
        let (fresh, old) = (Some(Duration::from_millis(300)), Some(Duration::from_secs(20)));
        assert_eq!(of(Some(true), fresh, 2), Some(true));
        assert_eq!(of(Some(true), old, 2), None);
        assert_eq!(of(Some(true), None, 2), None);
        assert_eq!(of(Some(false), old, 2), Some(false));
        assert_eq!(of(None, fresh, 2), None);
        assert_eq!(of(Some(false), old, 3), None);
        assert_eq!(by_neighbour(&gateway, &[], asking).method, None);
    }
}
