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
