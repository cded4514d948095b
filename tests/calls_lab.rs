//! The way that calls take, through the network lab: the largest packet that passes and what holds larger ones up,
//! and what STUN servers see of a desk behind a router.
#![cfg(target_os = "linux")]

mod netlab;

use netlab::{Netlab, Place};
use preshift::{
    network::path_mtu,
    probe::{self, Context, Occasion},
};
use reflector::{Limits, Reflector};
use std::{
    net::SocketAddr,
    process::Command,
    sync::{Arc, atomic::AtomicBool},
    time::{Duration, Instant},
};
use telemetry::{Mtu, MtuLimit, NatMapping, Outcome, Stun, UnixMs, Value};

/// A second address of the server, so that a desk has two to compare.
const SECOND: &str = "203.0.113.10";

fn reflector(lab: &Netlab) -> Reflector {
    let any: SocketAddr = "[::]:862".parse().unwrap();
    lab.inside(Place::Srv, || Reflector::bind(any, Limits::default())).unwrap().unwrap()
}

fn run(lab: &Netlab, place: Place, program: &str, arguments: &str) {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", &lab.namespace(place), program]);
    let output = command.args(arguments.split(' ')).output().unwrap();
    assert!(output.status.success(), "{program} {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

fn mtu_of(lab: &Netlab, place: Place, interface: &str, bytes: u32) {
    run(lab, place, "ip", &format!("link set {interface} mtu {bytes}"));
}

/// Forgets what the desk's system has learnt of paths.
fn forget(lab: &Netlab) {
    run(lab, Place::Ws, "ip", "route flush cache");
    run(lab, Place::Ws, "ip", "-6 route flush cache");
    run(lab, Place::Srv, "ip", "route flush cache");
    run(lab, Place::Srv, "ip", "-6 route flush cache");
}

fn largest(lab: &Netlab, address: &str) -> Mtu {
    let target = SocketAddr::new(address.parse().unwrap(), 862);
    let look = || {
        let deadline = Instant::now() + Duration::from_secs(60);
        path_mtu::measure(target, deadline, &AtomicBool::new(false)).unwrap()
    };
    lab.inside(Place::Ws, look).unwrap()
}

#[test]
fn what_holds_large_packets_up_is_told_apart() {
    let Some(lab) = netlab::up("what_holds_large_packets_up_is_told_apart") else { return };
    let reflector = reflector(&lab);
    lab.set("access", "delay=5ms");
    let addresses = [netlab::Lab::SERVER_V4, netlab::Lab::SERVER_V6];
    let expect = |what: &str, bytes: u32, limit: MtuLimit| {
        for address in addresses {
            forget(&lab);
            let began = Instant::now();
            let mtu = largest(&lab, address);
            eprintln!("{what}: {mtu:?} in {:?}", began.elapsed());
            assert_eq!((mtu.bytes, mtu.limit, mtu.ipv6), (bytes, limit, address.contains(':')), "{what}");
        }
    };
    expect("nothing", 1_500, MtuLimit::None);

    mtu_of(&lab, Place::Isp, "core0", 1_400);
    expect("a router that says so", 1_400, MtuLimit::Told);

    run(&lab, Place::Isp, "nft", "add table inet mute");
    run(&lab, Place::Isp, "nft", "add chain inet mute out { type filter hook output priority 0 ; }");
    run(&lab, Place::Isp, "nft", "add rule inet mute out icmp type destination-unreachable drop");
    run(&lab, Place::Isp, "nft", "add rule inet mute out icmpv6 type packet-too-big drop");
    expect("a router that does not", 1_400, MtuLimit::BlackHole);

    mtu_of(&lab, Place::Isp, "core0", 1_500);
    mtu_of(&lab, Place::Isp, "cust0", 1_400);
    expect("the way back", 1_400, MtuLimit::WayBack);

    mtu_of(&lab, Place::Isp, "cust0", 1_500);
    mtu_of(&lab, Place::Ws, "wl0", 1_380);
    expect("the desk's own connection", 1_380, MtuLimit::Computer);
    drop(reflector);
}

#[test]
fn the_search_is_right_although_packets_are_lost() {
    let Some(lab) = netlab::up("the_search_is_right_although_packets_are_lost") else { return };
    let reflector = reflector(&lab);
    mtu_of(&lab, Place::Isp, "core0", 1_420);
    lab.set("access", "delay=10ms loss=2% seed=7");
    let mtu = largest(&lab, netlab::Lab::SERVER_V4);
    assert_eq!((mtu.bytes, mtu.limit), (1_420, MtuLimit::Told), "{mtu:?}");
    drop(reflector);
}

/// What the probe reads at the desk of both of the server's addresses.
fn stun(lab: &Netlab) -> Vec<Stun> {
    let policy = format!(
        "id = 'lab'\nversion = 1\ntargets.stun = [{{ id = 'a', host = '{}', port = 862 }}, {{ id = 'b', host = '{SECOND}', port = 862 }}]\n",
        netlab::Lab::SERVER_V4
    );
    let context = Arc::new(Context {
        policy: Arc::new(readiness::Policy::parse(&policy).unwrap()),
        collector: None,
        occasion: Occasion::SelfCheck,
        clock: Arc::new(|| UnixMs::new(1_800_000_000_000)),
        hasher: Arc::new(|_| telemetry::Hash::from_bytes([0; 16])),
        clock_offset: None,
        progress: Arc::new(|_| {}),
        data_dir: std::env::temp_dir(),
        extra_roots: Arc::default(),
    });
    let measure = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on((probe::stun::PROBE.run)(context))
    };
    let readings = lab.inside(Place::Ws, measure).unwrap();
    let stun = |outcome| match outcome {
        Outcome::Measured(Value::Stun(stun)) => stun,
        other => panic!("{other:?}"),
    };
    readings.into_iter().map(|r| stun(r.outcome)).collect()
}

#[test]
fn a_router_is_seen_as_it_translates_and_a_closed_one_as_closed() {
    let Some(lab) = netlab::up("a_router_is_seen_as_it_translates_and_a_closed_one_as_closed") else {
        return;
    };
    run(&lab, Place::Srv, "ip", &format!("addr add {SECOND}/24 dev eth0"));
    let reflector = reflector(&lab);
    lab.set("access", "delay=15ms");
    for stun in stun(&lab) {
        assert_eq!((stun.sent, stun.answered, stun.moved), (5, 5, false), "{stun:?}");
        assert_eq!(stun.mapping, Some(NatMapping::Same), "{stun:?}");
        assert!(stun.rtt_min.is_some_and(|t| t.get() >= 30.0), "{stun:?}");
    }
    run(&lab, Place::Gw, "nft", "flush chain ip nat post");
    run(&lab, Place::Gw, "nft", "add rule ip nat post oifname wan0 masquerade fully-random");
    for stun in stun(&lab) {
        assert_eq!((stun.answered, stun.mapping), (5, Some(NatMapping::EachServer)), "{stun:?}");
    }
    run(&lab, Place::Gw, "nft", "flush chain ip nat post");
    // Routed, and known to the server: nothing translates.
    run(&lab, Place::Isp, "ip", "route add 192.168.77.0/24 via 100.64.7.2");
    for stun in stun(&lab) {
        assert_eq!((stun.answered, stun.mapping), (5, Some(NatMapping::None)), "{stun:?}");
    }
    run(&lab, Place::Gw, "nft", "add table inet shut");
    run(&lab, Place::Gw, "nft", "add chain inet shut through { type filter hook forward priority 0 ; }");
    run(&lab, Place::Gw, "nft", "add rule inet shut through ip protocol udp drop");
    for stun in stun(&lab) {
        assert_eq!((stun.sent, stun.answered, stun.failure), (5, 0, Some(telemetry::Failure::NoAnswer)));
    }
    drop(reflector);
}
