//! The probes of the network on a desk of their own: without a network, behind a router that is shy,
//! behind a sign-in page, with resolvers that hang. In namespaces, as root.
#![cfg(target_os = "linux")]

mod desknet;

use desknet::{As, Desk, unknown_certificate};
use preshift::{
    network::roots,
    probe::{Context, Occasion, REGISTRY},
};
use std::{net::Ipv4Addr, sync::Arc, time::Duration};
use telemetry::{
    Dns, DnsAnswer, Failure, GatewayMethod, Hash, Https, Interference, Link, LinkKind, NotChecked, Outcome,
    ProbeId, Reading, ResolverClass, UnixMs, Value,
};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const EMPTY: &str = "HTTP/1.1 204 No Content\r\n\r\n";
const SERVICE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 9);
const POLICY: &str = "targets.names = ['service.example']\n\
    targets.portal = 'http://open.example/204'\n\
    targets.endpoints = [{ id = 'service', url = 'https://service.example/' }]";

/// What runs inside the desk's namespace: the probes themselves. No test of its own.
#[test]
fn on_the_desk() {
    let Ok(probes) = std::env::var("PRESHIFT_ON_THE_DESK") else { return };
    let policy = std::env::var("PRESHIFT_ON_THE_DESK_POLICY").unwrap();
    let roots = roots::read(std::env::var_os("PRESHIFT_ON_THE_DESK_ROOTS").unwrap().as_ref()).unwrap();
    let context = Arc::new(Context {
        policy: Arc::new(readiness::Policy::parse(&policy).unwrap()),
        collector: None,
        occasion: Occasion::SelfCheck,
        clock: Arc::new(|| UnixMs::new(1_795_000_000_000)),
        hasher: Arc::new(|_| Hash::from_bytes([7; 16])),
        clock_offset: None,
        progress: Arc::new(|_| {}),
        data_dir: std::env::temp_dir(),
        extra_roots: roots.into(),
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for name in probes.split(',') {
        let id: ProbeId = name.parse().unwrap();
        let probe = REGISTRY.iter().find(|p| p.id == id).unwrap();
        let limit = (probe.timeout)(&context);
        let run = async { tokio::time::timeout(limit, (probe.run)(context.clone())).await };
        let readings = runtime.block_on(run).expect("the probe ends within its own time");
        for reading in readings {
            println!("\nREADING {}", serde_json::to_string(&reading).unwrap());
        }
    }
    // What hangs (a name being resolved) must not hold the end of the daemon.
    runtime.shutdown_timeout(Duration::from_millis(100));
}

fn link(readings: &[Reading]) -> &Link {
    match readings.iter().find_map(Reading::measured) {
        Some(Value::Link(link)) => link,
        _ => panic!("{readings:?}"),
    }
}

fn dns(readings: &[Reading]) -> &Dns {
    let found = readings.iter().filter(|r| r.probe == ProbeId::Dns).find_map(Reading::measured);
    match found {
        Some(Value::Dns(dns)) => dns,
        _ => panic!("{readings:?}"),
    }
}

fn https(readings: &[Reading]) -> &Https {
    let found = readings.iter().filter(|r| r.probe == ProbeId::Https).find_map(Reading::measured);
    match found {
        Some(Value::Https(https)) => https,
        _ => panic!("{readings:?}"),
    }
}

const NET: &[ProbeId] = &[ProbeId::Dns, ProbeId::Https];
const ALL: &[ProbeId] = &[ProbeId::Link, ProbeId::Dns, ProbeId::Https];

#[test]
fn a_good_network() {
    let Some(desk) = Desk::connected("a_good_network") else { return };
    desk.dns(SERVICE);
    desk.serve("203.0.113.9:443", Some(desk.certificate("service.example")), OK);
    desk.serve("203.0.113.9:80", None, EMPTY);
    let (readings, _) = desk.probe(As::Root, ALL, POLICY);
    let found = link(&readings);
    assert_eq!((found.default_route, found.ipv4, found.ipv6), (true, true, true));
    assert_eq!((found.kind, found.mtu), (Some(LinkKind::Ethernet), Some(1500)));
    assert_eq!(found.gateway_reachable, Some(true));
    assert_eq!(found.gateway_method, Some(GatewayMethod::IcmpEcho));
    let queries = &dns(&readings).queries;
    let answers: Vec<_> = queries.iter().map(|q| q.answer).collect();
    assert_eq!(answers, [DnsAnswer::Answered, DnsAnswer::NoData]);
    assert!(queries.iter().all(|q| q.class == ResolverClass::Other && q.time.is_some()));
    let found = https(&readings);
    assert_eq!((found.status, found.failure), (Some(200), None));
    assert_eq!(found.interference, Interference::None);
    assert!(found.dns.is_some() && found.tcp.is_some() && found.tls.is_some() && found.first_byte.is_some());
}

#[test]
fn no_network_at_all() {
    let Some(desk) = Desk::up("no_network_at_all") else { return };
    let (readings, took) = desk.probe(As::Root, ALL, POLICY);
    let found = link(&readings);
    assert!(!found.default_route && !found.ipv4 && !found.ipv6);
    assert_eq!((found.kind, found.gateway_reachable), (None, None));
    assert!(dns(&readings).queries.iter().all(|q| q.answer == DnsAnswer::Unreachable), "{readings:?}");
    let found = https(&readings);
    assert_eq!(found.failure, Some(Failure::NameNotFound));
    assert_eq!(found.interference, Interference::None);
    assert!(took < Duration::from_secs(6), "{took:?}");
}

#[test]
fn a_router_that_does_not_echo_is_found_as_nobody() {
    let Some(desk) = Desk::connected("a_router_that_does_not_echo_is_found_as_nobody") else { return };
    // As Debian has it: nobody may send echoes, whatever the router would say.
    desk.set("desk", "net/ipv4/ping_group_range", "1 0");
    let (readings, _) = desk.probe(As::Nobody, &[ProbeId::Link], "");
    let found = link(&readings);
    assert_eq!(found.gateway_reachable, Some(true), "{found:?}");
    assert_eq!(found.gateway_method, Some(GatewayMethod::TtlLimitedUdp));
    assert!(found.gateway_rtt.is_some_and(|t| t.get() < 250.0));
    // Where the group may, the echo is what is told.
    desk.set("desk", "net/ipv4/ping_group_range", "'0 2147483647'");
    let (readings, _) = desk.probe(As::Nobody, &[ProbeId::Link], "");
    assert_eq!(link(&readings).gateway_method, Some(GatewayMethod::IcmpEcho));
}

#[test]
fn a_router_that_says_nothing_at_all_is_seen_by_its_neighbours() {
    let Some(desk) = Desk::connected("a_router_that_says_nothing_at_all_is_seen_by_its_neighbours") else {
        return;
    };
    desk.nft("table inet t { chain out { type filter hook output priority 0; meta l4proto icmp drop; }; }");
    let (readings, took) = desk.probe(As::Root, &[ProbeId::Link], "");
    let found = link(&readings);
    assert_eq!(found.gateway_reachable, Some(true), "{found:?}");
    assert_eq!(found.gateway_method, Some(GatewayMethod::Neighbour));
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn a_router_that_is_not_there_is_unreachable() {
    let Some(desk) = Desk::connected("a_router_that_is_not_there_is_unreachable") else { return };
    desk.ip("desk", "route del default via 192.168.77.1");
    desk.ip("desk", "route add default via 192.168.77.99");
    let (readings, took) = desk.probe(As::Root, &[ProbeId::Link], "");
    let found = link(&readings);
    assert_eq!(found.gateway_reachable, Some(false), "{found:?}");
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn a_network_with_ipv6_only() {
    let Some(desk) = Desk::up("a_network_with_ipv6_only") else { return };
    desk.cable();
    desk.ip("desk", "addr add fd77::2/64 dev eth0 nodad");
    desk.ip("net", "addr add fd77::1/64 dev eth0 nodad");
    desk.ip("net", "addr add fe80::77/64 dev eth0 nodad");
    // As router advertisements do it: by the router's link-local address.
    desk.ip("desk", "route add default via fe80::77 dev eth0");
    desk.set("desk", "net/ipv4/ping_group_range", "1 0");
    for by in [As::Root, As::Nobody] {
        let (readings, _) = desk.probe(by, &[ProbeId::Link], "");
        let found = link(&readings);
        assert_eq!((found.default_route, found.ipv4, found.ipv6), (true, false, true));
        let method = if by == As::Root { GatewayMethod::IcmpEcho } else { GatewayMethod::TtlLimitedUdp };
        assert_eq!((found.gateway_reachable, found.gateway_method), (Some(true), Some(method)));
    }
}

#[test]
fn a_vpn_carries_the_traffic_and_the_router_below_is_still_asked() {
    let Some(desk) = Desk::connected("a_vpn_carries_the_traffic_and_the_router_below_is_still_asked") else {
        return;
    };
    desk.ip("desk", "tuntap add dev tun0 mode tun");
    desk.ip("desk", "addr add 10.8.0.2/24 dev tun0");
    desk.ip("desk", "link set tun0 mtu 1400 up");
    // As OpenVPN does it; nobody is at the other end, so that whatever goes there is lost.
    desk.ip("desk", "route add 0.0.0.0/1 dev tun0");
    desk.ip("desk", "route add 128.0.0.0/1 dev tun0");
    for by in [As::Root, As::Nobody] {
        let (readings, _) = desk.probe(by, &[ProbeId::Link], "");
        let found = link(&readings);
        assert_eq!((found.kind, found.mtu), (Some(LinkKind::Tunnel), Some(1400)));
        assert_eq!(found.gateway_reachable, Some(true), "{found:?}");
    }
}

#[test]
fn a_sign_in_page_is_found() {
    let Some(desk) = Desk::connected("a_sign_in_page_is_found") else { return };
    desk.dns(SERVICE);
    desk.serve(
        "192.168.77.1:8080",
        None,
        "HTTP/1.1 302 Found\r\nLocation: http://login.hotel.example/\r\n\r\n",
    );
    desk.serve("192.168.77.1:8443", Some(unknown_certificate("login.hotel.example")), OK);
    desk.nft(
        "table ip nat { chain pre { type nat hook prerouting priority -100; \
         tcp dport 80 dnat to 192.168.77.1:8080; tcp dport 443 dnat to 192.168.77.1:8443; }; }",
    );
    let (readings, _) = desk.probe(As::Root, NET, POLICY);
    let found = https(&readings);
    assert_eq!(found.interference, Interference::CaptivePortal, "{found:?}");
    assert_eq!(found.failure, Some(Failure::BadCertificate));
    assert_eq!(dns(&readings).queries[0].answer, DnsAnswer::Answered);
}

#[test]
fn a_sign_in_page_that_lies_about_names_is_found() {
    let Some(desk) = Desk::connected("a_sign_in_page_that_lies_about_names_is_found") else { return };
    desk.dns(Ipv4Addr::new(192, 168, 77, 1));
    desk.serve("192.168.77.1:80", None, OK);
    let (readings, _) = desk.probe(As::Root, &[ProbeId::Https], POLICY);
    assert_eq!(https(&readings).interference, Interference::CaptivePortal, "{readings:?}");
    // Without a portal to ask, nothing is claimed, and nothing private is visited.
    let policy = "targets.endpoints = [{ id = 'service', url = 'https://service.example/' }]";
    let (readings, _) = desk.probe(As::Root, &[ProbeId::Https], policy);
    assert_eq!(readings[0].outcome, Outcome::NotChecked(NotChecked::TargetForbidden));
}

#[test]
fn a_resolver_that_never_answers_is_told_apart_from_one_that_is_not_there() {
    let Some(desk) =
        Desk::connected("a_resolver_that_never_answers_is_told_apart_from_one_that_is_not_there")
    else {
        return;
    };
    let mute = desk.in_net(|| std::net::UdpSocket::bind("203.0.113.53:53").unwrap());
    let (readings, took) = desk.probe(As::Root, NET, POLICY);
    assert!(dns(&readings).queries.iter().all(|q| q.answer == DnsAnswer::Timeout), "{readings:?}");
    let found = https(&readings);
    assert_eq!((found.failure, found.dns), (Some(Failure::Timeout), None));
    // 3 s and 8 s at most, one after the other here, with the resolver of the C library still waiting.
    assert!(took < Duration::from_secs(12), "{took:?}");
    drop(mute);
    let (readings, _) = desk.probe(As::Root, NET, POLICY);
    assert!(dns(&readings).queries.iter().all(|q| q.answer == DnsAnswer::Unreachable), "{readings:?}");
    assert_eq!(https(&readings).failure, Some(Failure::NameNotFound));
}

#[test]
fn a_service_that_swallows_packets_is_no_answer_in_time() {
    let Some(desk) = Desk::connected("a_service_that_swallows_packets_is_no_answer_in_time") else { return };
    desk.dns(SERVICE);
    desk.nft("table inet t { chain in { type filter hook input priority 0; tcp dport { 80, 443 } drop; }; }");
    let (readings, took) = desk.probe(As::Root, &[ProbeId::Https], POLICY);
    let found = https(&readings);
    assert_eq!((found.failure, found.tcp), (Some(Failure::NoAnswer), None));
    assert_eq!(found.interference, Interference::None);
    assert!(found.dns.is_some());
    assert!(took < Duration::from_secs(9), "{took:?}");
}
