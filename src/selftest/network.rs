//! By which ways the network is asked here: router, echoes, Wi-Fi, proxy.

use super::{Bench, Check, Found, Said, Why, at_once, waiting};
use crate::{
    network::{gateway::Echo, link::Gateway, proxy::Proxies},
    platform,
};
use std::{net::Ipv4Addr, sync::Arc};
use telemetry::{Link, LinkKind, Value};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "network.router",
        should: "the router can be asked, by whatever way",
        run: at_once!(router),
    },
    Check {
        name: "network.echo",
        should: "an ICMP echo to this computer itself is answered",
        run: waiting!(echo),
    },
    Check {
        name: "network.wifi",
        should: "on Wi-Fi the system tells signal and rate, without any further permission",
        run: at_once!(wifi),
    },
    Check {
        name: "network.proxy",
        should: "there is no proxy, or one that this program can use",
        run: at_once!(proxy),
    },
];

fn link(bench: &Bench) -> Option<&Link> {
    bench.find(|value| match value {
        Value::Link(link) => Some(link),
        _ => None,
    })
}

fn router(bench: &Bench) -> Found {
    let Some(link) = link(bench) else {
        return Found::skipped(Why::NeedsAnother, "the probe of the link told nothing");
    };
    if !link.default_route {
        return Found::skipped(Why::NothingThere, "this computer is not connected");
    }
    let Some(kind) = link.kind else {
        return Found::fail(Said::of("connected, but the kind of the link is unknown"));
    };
    let was = Said::of("link").word(&kind);
    match (link.gateway_method, link.gateway_reachable) {
        (Some(method), Some(true)) => Found::pass(was.and("the router answers by").word(&method)),
        (Some(method), _) => Found::fail(was.and("the router does not answer by").word(&method)),
        (None, _) if kind == LinkKind::Tunnel || kind == LinkKind::Cellular => {
            Found::skipped(Why::NothingThere, "a tunnel or a modem, without a router that could be asked")
        }
        (None, _) => Found::fail(was.and("the router could not be asked")),
    }
}

async fn echo(_: Arc<Bench>) -> Found {
    let this = Gateway {
        address: Ipv4Addr::LOCALHOST.into(),
        interface: 0,
        interface_name: String::new(),
        hardware: None,
    };
    match platform::gateway::echo(&this).await {
        Echo::Answered(time) => {
            Found::pass(Said::of("answered").figure("in", time.as_secs_f64() * 1e3, "ms"))
        }
        Echo::Silent => Found::fail(Said::of("not answered")),
        // Linux opens them by `net.ipv4.ping_group_range`, and Preshift does without.
        Echo::Closed if cfg!(target_os = "linux") => Found::skipped(
            Why::ClosedToUsers,
            "ICMP is closed to users here; packets that end at the router do instead",
        ),
        Echo::Closed => Found::fail(Said::of("this user may not send echoes")),
    }
}

fn wifi(bench: &Bench) -> Found {
    let Some(link) = link(bench) else {
        return Found::skipped(Why::NeedsAnother, "the probe of the link told nothing");
    };
    if link.kind != Some(LinkKind::Wifi) {
        return Found::skipped(Why::NothingThere, "the traffic does not go over Wi-Fi");
    }
    let Some(wifi) = &link.wifi else { return Found::fail(Said::of("the system tells nothing")) };
    let told = |named: bool, yes: &'static str, no: &'static str| if named { yes } else { no };
    let was = Said::of(told(wifi.signal_dbm.is_some(), "signal", "no signal"))
        .and(told(wifi.quality.is_some(), "quality", "no quality"))
        .and(told(wifi.tx_rate.is_some(), "sending rate", "no sending rate"))
        .and(told(wifi.rx_rate.is_some(), "receiving rate", "no receiving rate"))
        .and(told(wifi.band.is_some(), "band", "no band"));
    Found::by(wifi.signal_dbm.is_some() && wifi.tx_rate.is_some(), was)
}

fn proxy(_: &Bench) -> Found {
    of_proxies(&Proxies::current())
}

fn of_proxies(proxies: &Proxies) -> Found {
    let usable = |p: &Option<crate::network::proxy::Proxy>| p.as_ref().is_none_or(|p| p.supported);
    let set = |p: &Option<crate::network::proxy::Proxy>, yes, no| if p.is_some() { yes } else { no };
    if !proxies.is_set() {
        return Found::pass(Said::of("none"));
    }
    let was = Said::of(set(&proxies.https, "set for https", "none for https")).and(set(
        &proxies.http,
        "set for http",
        "none for http",
    ));
    if !usable(&proxies.https) || !usable(&proxies.http) {
        return Found::fail(was.and("of a kind that this program cannot speak to"));
    }
    if proxies.script {
        let was = was.and("a script chooses (PAC or WPAD), which is not evaluated");
        // Beside a script a fixed proxy may be named as well, and is used.
        return Found::by(proxies.https.is_some(), was);
    }
    Found::pass(was)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::selftest::Outcome;

    #[test]
    fn a_proxy_is_told_by_its_class_alone() {
        let of = |https: &str, script| {
            let variable = |name: &str| match name {
                "https_proxy" => Some(https.to_owned()),
                "no_proxy" => Some("intranet.secret.example".to_owned()),
                _ => None,
            };
            let found = of_proxies(&Proxies { script, ..Proxies::from_environment(variable) });
            (found.was.to_string(), found.result)
        };
        let (was, result) = of("http://anna:pw@proxy.secret.example:3128", false);
        assert_eq!((was.as_str(), result), ("set for https, none for http", Outcome::Pass));
        let (was, result) = of("socks5://proxy.secret.example:1080", false);
        assert!(was.contains("cannot speak to") && !was.contains("secret"), "{was}");
        assert_eq!(result, Outcome::Fail);
        assert_eq!(of("", true).1, Outcome::Fail, "nobody evaluates the script");
        assert_eq!(of("10.1.2.3:8080", true).1, Outcome::Pass);
        assert_eq!(of_proxies(&Proxies::default()).was.as_str(), "none");
    }
}
