//! ICMP echoes from an unprivileged socket, where the system opens them: macOS, and Linux with a
//! `ping_group_range`. For reachability and a coarse time only: the clock behind it starts late.

use super::{gateway::Echo, link::Gateway};
use std::{net::IpAddr, num::NonZeroU32, time::Duration};
use surge_ping::{Client, Config, ICMP, PingIdentifier, PingSequence, SurgeError};

/// How many are sent at most; one answer is enough to say "reachable", and a few give the least time.
const TRIES: u16 = 3;
/// A gateway is one hop away: even over a bad Wi-Fi it answers sooner.
const EACH: Duration = Duration::from_millis(350);

/// Sends echoes to a gateway.
pub async fn echo(gateway: &Gateway) -> Echo {
    let kind = if gateway.address.is_ipv4() { ICMP::V4 } else { ICMP::V6 };
    let mut config = Config::builder().kind(kind);
    if let Some(index) = NonZeroU32::new(gateway.interface) {
        // Otherwise a VPN would be asked for the way to the home router.
        config = config.interface_index(index);
    }
    let Ok(client) = Client::new(&config.build()) else { return Echo::Closed };
    let Ok(identifier) = getrandom::u32() else { return Echo::Closed };
    let mut pinger = client.pinger(gateway.address, PingIdentifier(identifier as u16)).await;
    pinger.timeout(EACH);
    if matches!(gateway.address, IpAddr::V6(v6) if v6.is_unicast_link_local()) {
        pinger.scope_id(gateway.interface);
    }
    let mut least: Option<Duration> = None;
    for sequence in 0..TRIES {
        match pinger.ping(PingSequence(sequence), &[0; 8]).await {
            Ok((_, time)) => least = Some(least.map_or(time, |l| l.min(time))),
            Err(SurgeError::Timeout { .. }) => {}
            Err(_) => break,
        }
    }
    least.map_or(Echo::Silent, Echo::Answered)
}
