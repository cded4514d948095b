//! Which link carries the desk's traffic, whether its gateway answers, and how good its Wi-Fi is.
//!
//! A desk without a network is a measurement like any other, not a failure.

use super::{BoxFuture, Context, Medium, Probe};
use crate::{
    network::{
        gateway::{self, Reached},
        link::{self, Links},
    },
    platform,
};
use std::{sync::Arc, time::Duration};
use telemetry::{BitRate, Failure, Link, LinkKind, Millis, Outcome, ProbeId, Reading, Value, WifiLink};

/// The probe.
pub const PROBE: Probe =
    Probe { id: ProbeId::Link, medium: Medium::Network, timeout: |_| Duration::from_secs(5), run };

fn run(context: Arc<Context>) -> BoxFuture<Vec<Reading>> {
    Box::pin(async move {
        let begun = context.begin(ProbeId::Link, None);
        let outcome = measure().await;
        vec![begun.finish(outcome)]
    })
}

async fn measure() -> Outcome {
    let Ok(Ok((links, wifi))) = tokio::task::spawn_blocking(read).await else {
        return Outcome::Failed(Failure::System);
    };
    let reached = match &links.gateway {
        Some(gateway) => gateway::ask(gateway).await,
        // A tunnel or a modem without a gateway that could be asked.
        None => Reached { reachable: None, method: None, rtt: None },
    };
    Outcome::Measured(Value::Link(reading(&links, reached, wifi)))
}

fn read() -> std::io::Result<(Links, Option<WifiLink>)> {
    let links = link::current()?;
    let wireless = links.physical.as_ref().filter(|i| i.kind == LinkKind::Wifi);
    let wifi = wireless.and_then(platform::wifi::wifi);
    Ok((links, wifi))
}

fn reading(links: &Links, reached: Reached, wifi: Option<WifiLink>) -> Link {
    Link {
        default_route: links.ipv4 || links.ipv6,
        kind: links.kind(),
        ipv4: links.ipv4,
        ipv6: links.ipv6,
        gateway_reachable: reached.reachable,
        gateway_method: reached.method,
        gateway_rtt: reached.rtt.map(|t| Millis::new(t.as_secs_f64() * 1e3)),
        link_rate: links
            .physical
            .as_ref()
            .and_then(|i| i.bits_per_second)
            .map(|b| BitRate::new(b as f64 / 1e6)),
        wifi,
        // What counts for a packet is the MTU of the link it leaves by, tunnel or not.
        mtu: links.carrier.as_ref().and_then(|i| i.mtu).filter(|m| (1..=65_535).contains(m)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::link::Interface;

    const UNASKED: Reached = Reached { reachable: None, method: None, rtt: None };

    fn interface(kind: LinkKind, mtu: u32) -> Interface {
        Interface { index: 1, name: "x".into(), kind, mtu: Some(mtu), bits_per_second: Some(1_000_000_000) }
    }

    #[test]
    fn no_network_is_a_measurement() {
        let link = reading(&Links::default(), UNASKED, None);
        assert!(!link.default_route);
        assert_eq!((link.kind, link.gateway_reachable, link.mtu), (None, None, None));
    }

    #[test]
    fn with_a_vpn_the_mtu_is_the_tunnels_and_the_rate_the_links_below() {
        let links = Links {
            ipv4: true,
            carrier: Some(interface(LinkKind::Tunnel, 1420)),
            physical: Some(interface(LinkKind::Ethernet, 1500)),
            ..Links::default()
        };
        let link = reading(&links, UNASKED, None);
        assert_eq!((link.kind, link.mtu), (Some(LinkKind::Tunnel), Some(1420)));
        assert_eq!(link.link_rate.unwrap().get(), 1000.0);
    }

    #[test]
    fn an_mtu_beyond_what_the_wire_takes_is_left_out() {
        let links =
            Links { ipv4: true, carrier: Some(interface(LinkKind::Other, 65_536)), ..Links::default() };
        assert_eq!(reading(&links, UNASKED, None).mtu, None);
    }

    #[tokio::test]
    async fn this_machine_can_be_measured() {
        assert!(matches!(measure().await, Outcome::Measured(Value::Link(_))));
    }
}
