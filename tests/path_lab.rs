//! Looking along the way through the network lab: what is counted at each router, and whose fault is made of it.
#![cfg(target_os = "linux")]

mod netlab;

use netlab::{Netlab, Place};
use preshift::{
    network::link,
    probe::{self, Context, Occasion},
};
use readiness::{History, Input, Policy, judge};
use reflector::{Limits, Reflector};
use std::{net::SocketAddr, process::Command, sync::Arc};
use telemetry::{FaultDomain, HopMethod, Path, PathPoint, Reading, UnixMs, Value};

const NOW: i64 = 1_800_000_000_000;

/// A desk with a network card: what is not one counts as a tunnel, and is looked beneath.
fn up(test: &str) -> Option<Netlab> {
    netlab::up_as(test, netlab::Layout { card: true, ..Default::default() })
}

fn reflector(lab: &Netlab) -> Reflector {
    let any: SocketAddr = "[::]:862".parse().unwrap();
    lab.inside(Place::Srv, || Reflector::bind(any, Limits::default())).unwrap().unwrap()
}

fn policy(address: &str) -> Policy {
    let text = "id = 'lab'\nversion = 1\n[[targets.reflectors]]\nid = 'server'\nhost = 'ADDRESS'\n";
    Policy::parse(&text.replace("ADDRESS", address)).unwrap()
}

/// What `media` reads at the desk: the stream, and the way if that was looked at.
fn probed(lab: &Netlab, address: &str) -> Vec<Reading> {
    let context = Arc::new(Context {
        policy: Arc::new(policy(address)),
        collector: None,
        occasion: Occasion::SelfCheck,
        clock: Arc::new(|| UnixMs::new(NOW)),
        hasher: Arc::new(|_| telemetry::Hash::from_bytes([0; 16])),
        clock_offset: None,
        progress: Arc::new(|_| {}),
        data_dir: std::env::temp_dir(),
        extra_roots: Arc::default(),
    });
    let measure = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on((probe::media::PROBE.run)(context))
    };
    lab.inside(Place::Ws, measure).unwrap()
}

fn way(readings: &[Reading]) -> Option<&Path> {
    readings.iter().find_map(|r| match r.measured() {
        Some(Value::Path(path)) => Some(path),
        _ => None,
    })
}

fn fault(readings: &[Reading], address: &str) -> Vec<FaultDomain> {
    let input = Input { now: UnixMs::new(NOW), readings, history: &History::default() };
    judge(&policy(address), &input).fault
}

/// In a router's namespace.
fn within(lab: &Netlab, place: Place, command: &str) {
    let status = Command::new("ip")
        .args(["netns", "exec", &lab.namespace(place), "sh", "-c", command])
        .status()
        .unwrap();
    assert!(status.success(), "{command}");
}

fn counted(path: &Path, point: PathPoint, method: HopMethod) -> (u32, u32) {
    let hop = path.hops.iter().find(|h| h.point == point && h.method == method);
    let hop = hop.unwrap_or_else(|| panic!("no {point:?} by {method:?} in {path:?}"));
    (hop.sent, hop.answered)
}

/// A stream over links of these shapes: whose fault it is, and what is checked of the way.
fn blamed(
    lab: &Netlab,
    address: &str,
    shapes: &[(&str, &str)],
    domains: &[FaultDomain],
    check: impl Fn(&Path),
) {
    let reflector = reflector(lab);
    lab.hold(
        shapes,
        || probed(lab, address),
        |readings, _| {
            let path = way(&readings).unwrap_or_else(|| panic!("nobody looked: {readings:?}"));
            assert_eq!(fault(&readings, address), domains, "{path:?}");
            check(path);
        },
    );
    assert_eq!(reflector.counters().garbage, 0, "no packet that was to die came through");
    drop(reflector);
}

#[test]
fn loss_is_placed_where_it_is_made() {
    use FaultDomain::{HomeNetwork, InternetProvider, Service};
    let Some(lab) = up("loss_is_placed_where_it_is_made") else { return };
    let v4 = netlab::Lab::SERVER_V4;
    blamed(&lab, v4, &[("wifi.up", "loss=6% seed=3")], &[HomeNetwork], |path| {
        let (sent, answered) = counted(path, PathPoint::Gateway, HopMethod::FlowTtl);
        assert!(sent > 200 && answered < sent, "{path:?}");
    });
    blamed(&lab, v4, &[("access.down", "loss=6% seed=3")], &[InternetProvider], |path| {
        let (sent, answered) = counted(path, PathPoint::Gateway, HopMethod::FlowTtl);
        assert_eq!(sent, answered, "nothing is lost before the router");
        let (sent, answered) = counted(path, PathPoint::Gateway, HopMethod::Echo);
        assert!(sent > 50 && sent == answered, "{sent} echoes, {answered} answered");
    });
    blamed(&lab, v4, &[("transit.up", "loss=6% seed=3")], &[InternetProvider, Service], |path| {
        let (sent, answered) = counted(path, PathPoint::Provider, HopMethod::FlowTtl);
        assert!(sent > 200 && sent == answered, "{path:?}");
    });
}

#[test]
fn ipv6_is_looked_along_too() {
    // Public addresses up to the home router, as IPv6 has them: by these the provider is known.
    let layout = netlab::Layout { card: true, public: true, ..Default::default() };
    let Some(lab) = netlab::up_as("ipv6_is_looked_along_too", layout) else { return };
    let shapes = [("access.up", "delay=200ms")];
    blamed(&lab, netlab::Lab::SERVER_V6, &shapes, &[FaultDomain::InternetProvider], |path| {
        assert!(path.ipv6);
        let provider = path.hops.iter().find(|h| h.point == PathPoint::Provider).unwrap();
        assert!(provider.rtt_median.unwrap().get() > 200.0, "{path:?}");
    });
}

#[test]
fn silent_and_limited_routers_are_not_blamed() {
    use FaultDomain::{HomeNetwork, InternetProvider, Service};
    let Some(lab) = up("silent_and_limited_routers_are_not_blamed") else { return };
    let v4 = netlab::Lab::SERVER_V4;
    // As Linux routers do out of the box: one "time exceeded" a second.
    within(&lab, Place::Gw, "echo 1000 > /proc/sys/net/ipv4/icmp_ratelimit");
    blamed(&lab, v4, &[("access.up", "loss=6% seed=5")], &[InternetProvider], |path| {
        let (sent, answered) = counted(path, PathPoint::Gateway, HopMethod::FlowTtl);
        assert!(answered > 0 && answered < sent / 3, "{sent} sent, {answered} answered");
    });
    within(&lab, Place::Gw, "echo 0 > /proc/sys/net/ipv4/icmp_ratelimit");
    let silence = "nft add table ip quiet && nft 'add chain ip quiet out { type filter hook output priority 0; }' && \
                   nft add rule ip quiet out meta l4proto icmp drop";
    within(&lab, Place::Isp, silence);
    blamed(&lab, v4, &[("wifi.down", "loss=6% seed=5")], &[HomeNetwork], |path| {
        assert!(!path.answers(PathPoint::Provider), "{path:?}");
    });
    blamed(&lab, v4, &[("access.up", "loss=6% seed=5")], &[InternetProvider, Service], |_| {});
}

#[test]
fn a_healthy_line_is_not_looked_along() {
    let Some(lab) = up("a_healthy_line_is_not_looked_along") else { return };
    let reflector = reflector(&lab);
    let readings = probed(&lab, netlab::Lab::SERVER_V4);
    assert!(way(&readings).is_none(), "{readings:?}");
    assert_eq!(fault(&readings, netlab::Lab::SERVER_V4), []);
    drop(reflector);
}

#[test]
fn a_dead_line_shows_how_far_anything_gets() {
    let Some(lab) = up("a_dead_line_shows_how_far_anything_gets") else { return };
    let reflector = reflector(&lab);
    lab.hold(
        &[("access", "outage=1")],
        || probed(&lab, netlab::Lab::SERVER_V4),
        |readings, _| {
            let path = way(&readings).unwrap_or_else(|| panic!("nobody looked: {readings:?}"));
            assert!(path.answers(PathPoint::Gateway) && !path.answers(PathPoint::Provider), "{path:?}");
            assert!(path.target().unwrap().silent());
            let named = fault(&readings, netlab::Lab::SERVER_V4);
            assert!(named.contains(&FaultDomain::InternetProvider), "{named:?}");
            assert!(!named.contains(&FaultDomain::HomeNetwork), "{named:?}");
        },
    );
    drop(reflector);
}

#[test]
fn this_computers_own_traffic_is_counted() {
    let Some(lab) = up("this_computers_own_traffic_is_counted") else { return };
    let (before, after) = lab
        .inside(Place::Ws, || {
            let index = link::current().unwrap().physical.expect("a link").index;
            let meter = preshift::network::path::Meter::new(index);
            let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
            let before = meter.read().expect("counters");
            (0..100).for_each(|_| drop(socket.send_to(&[0; 1_000], (netlab::Lab::SERVER_V4, 9))));
            (before, meter.read().expect("counters"))
        })
        .unwrap();
    assert!((100_000..120_000).contains(&(after.sent - before.sent)), "{before:?} {after:?}");
}
