//! What an agent reads about each reading. Must not measure or judge.

use super::*;

fn row(value: &Value) -> String {
    super::row(value).replace(text::TIE, " ")
}

use telemetry::{Db, Megabytes, Percent, Seconds, WifiLink};

#[test]
fn a_link_is_one_line() {
    let mut link = Link {
        default_route: true,
        kind: Some(LinkKind::Wifi),
        ipv4: true,
        ipv6: false,
        gateway_reachable: Some(true),
        gateway_method: Some(GatewayMethod::IcmpEcho),
        gateway_rtt: Some(Millis::new(2.14)),
        link_rate: None,
        wifi: Some(WifiLink {
            signal_dbm: Some(Db::new(-61.0)),
            band: Some(WifiBand::Ghz5),
            ..WifiLink::default()
        }),
        mtu: Some(1500),
    };
    assert_eq!(row(&Value::Link(link.clone())), "Wi-Fi, 5 GHz, -61 dBm, router answers in 2.14 ms");
    link.gateway_reachable = Some(false);
    link.wifi = None;
    link.kind = Some(LinkKind::Ethernet);
    assert_eq!(row(&Value::Link(link.clone())), "cable, router does not answer");
    link.default_route = false;
    assert_eq!(row(&Value::Link(link)), "no way into the network");
}

#[test]
fn a_computer_is_one_line() {
    let load = Load {
        cpu: Percent::new(12.34),
        cpu_window: Millis::new(1000.0),
        memory: Percent::new(54.0),
        memory_total: Megabytes::new(16_000.0),
        disk_free: Megabytes::new(120_000.0),
        disk_total: Megabytes::new(500_000.0),
        power: PowerSource::Battery,
        battery: Some(Percent::new(80.0)),
        uptime: Seconds::new(300_000.0),
        clock_offset: Some(Millis::new(400.0)),
    };
    assert_eq!(
        row(&Value::Load(load)),
        "processor 12 %, memory 54 % of 16 GB, disk 120 GB free, on battery, 80 %, up 3 days"
    );
}

#[test]
fn every_key_and_word_has_a_name() {
    assert_eq!(fact_key(FactKey::ChromeVersion), "chrome version");
    assert_eq!(fact_value(&FactValue::Word(Word::Pipewire)), "PipeWire");
    assert_eq!(fact_value(&FactValue::Word(Word::Ethernet)), "ethernet");
    assert_eq!(fact_value(&FactValue::Flag(true)), "yes");
}

#[test]
fn the_way_that_calls_take_is_one_line_for_each_server() {
    use telemetry::{
        Failure, Interference, Mtu, MtuLimit, NatMapping, Signalling, Stun, Turn, TurnResult, TurnTransport,
        TurnWay, Upgrade,
    };
    let time = |ms| Some(Millis::new(ms));
    let stun = Stun {
        sent: 5,
        answered: 4,
        rtt_min: time(18.25),
        rtt_mean: time(20.0),
        mapping: Some(NatMapping::EachServer),
        moved: false,
        failure: None,
    };
    assert_eq!(
        row(&Value::Stun(stun.clone())),
        "UDP passes, answers in 18.2 ms, 4 of 5 answered, another address for each server"
    );
    let silent = Stun { answered: 0, failure: Some(Failure::NoAnswer), ..stun.clone() };
    assert_eq!(row(&Value::Stun(silent)), "no answer to 5 packets");
    let nowhere = Stun { sent: 0, answered: 0, failure: Some(Failure::NameNotFound), ..stun };
    assert_eq!(row(&Value::Stun(nowhere)), "not asked: the name could not be found");
    let way = |transport, result, failure| TurnWay {
        transport,
        result,
        connect: None,
        answer: time(20.0),
        relay: None,
        proxy: transport == TurnTransport::Tls,
        intercepted: false,
        failure,
    };
    let ways = vec![
        way(TurnTransport::Udp, TurnResult::Failed, Some(Failure::NoAnswer)),
        TurnWay { relay: time(41.0), ..way(TurnTransport::Tcp, TurnResult::Relayed, None) },
        way(TurnTransport::Tls, TurnResult::SignInAsked, None),
    ];
    assert_eq!(
        row(&Value::Turn(Turn { ways: ways.into() })),
        "UDP closed (nothing answered); TCP relays in 41 ms; TLS open, answers in 20 ms through a proxy"
    );
    let signalling = Signalling {
        dns: time(3.0),
        tcp: time(20.0),
        tls: None,
        answer: time(21.0),
        upgrade: Some(Upgrade::Declined),
        status: Some(403),
        proxy: false,
        interference: Interference::None,
        failure: None,
    };
    assert_eq!(
        row(&Value::Signalling(signalling)),
        "the host answers 403 without a sign-in; DNS 3 ms, connect 20 ms, answer 21 ms"
    );
    let mtu = Mtu { bytes: 1400, limit: MtuLimit::BlackHole, ipv6: false, sent: 20 };
    assert_eq!(row(&Value::Mtu(mtu)), "up to 1400 bytes pass; larger ones vanish");
}

#[test]
fn a_line_under_load_is_one_line() {
    let way = |kbit: f64, rpm, added: f64, confidence| UnderLoad {
        throughput: telemetry::Kilobits::new(kbit),
        rpm: Some(rpm),
        rtt: Some(Millis::new(added + 20.0)),
        added_delay: Some(Millis::new(added)),
        voice: None,
        confidence,
        connections: 4,
        duration: Millis::new(2900.0),
    };
    let mut line = Responsiveness {
        protocol: telemetry::LoadProtocol::Http2,
        idle_rtt: Millis::new(20.0),
        download: Some(way(48_000.0, 1_700, 12.0, Confidence::High)),
        upload: Some(way(950.0, 110, 480.0, Confidence::Medium)),
        received: 12_000_000,
        sent: 3_000_000,
        failure: None,
    };
    assert_eq!(
        row(&Value::Responsiveness(line.clone())),
        "idle 20 ms; download 48 Mbit/s, delay +12 ms, 1700 round trips a minute; \
         upload 0.95 Mbit/s, delay +480 ms, 110 round trips a minute; moved 15 MB"
    );
    line.download = None;
    line.upload = Some(way(9.0, 6_000, -2.0, Confidence::Low));
    line.failure = Some(telemetry::Failure::NoAnswer);
    assert_eq!(
        row(&Value::Responsiveness(line)),
        "idle 20 ms; upload 0.01 Mbit/s, delay -2 ms, 6000 round trips a minute, too short to be sure; \
         moved 15 MB; broken off: nothing answered"
    );
}
