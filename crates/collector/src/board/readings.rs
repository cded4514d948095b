//! A reading in one line of words.

use readiness::words;
use telemetry::{
    AudioDevices, Confidence, Direction, Dns, DnsAnswer, Https, Interference, Link, Load, Media, Mtu, Noise,
    PowerSource, Quantity, Reading, Responsiveness, Signalling, Stun, Turn, UnderLoad, Unit, Value,
};

/// One line: what was looked at, and what was found.
pub struct Line {
    /// What was looked at.
    pub probe: &'static str,
    /// Against which target.
    pub target: String,
    /// What was found, or why nothing was.
    pub said: String,
}

/// Puts a reading into words.
pub fn line(reading: &Reading) -> Line {
    Line {
        probe: words::probe(reading.probe),
        target: reading.target.as_ref().map(ToString::to_string).unwrap_or_default(),
        said: match reading.measured() {
            Some(value) => measured(value),
            None => words::missing(&reading.outcome).unwrap_or_default(),
        },
    }
}

fn measured(value: &Value) -> String {
    let parts = match value {
        Value::Link(l) => link(l),
        Value::Dns(d) => dns(d),
        Value::Https(h) => https(h),
        Value::Media(m) => media(m),
        Value::AudioDevices(a) => devices(a),
        Value::Noise(n) => noise(n),
        Value::Load(l) => load(l),
        Value::Path(p) => readiness::attribution::points(p),
        Value::Environment(facts) => facts
            .iter()
            .filter(|f| f.key != telemetry::FactKey::GatewayHash)
            .map(|f| format!("{} {}", super::words::fact(f.key), super::words::value(&f.value)))
            .collect(),
        Value::Stun(s) => stun(s),
        Value::Turn(t) => turn(t),
        Value::Signalling(s) => signalling(s),
        Value::Mtu(m) => mtu(m),
        Value::Responsiveness(r) => responsiveness(r),
    };
    parts.join("; ")
}

fn ms(v: telemetry::Millis) -> String {
    words::quantity(Quantity::new(v.get(), Unit::Ms))
}

fn percent(v: telemetry::Percent) -> String {
    words::quantity(Quantity::new(v.get(), Unit::Percent))
}

fn word(value: impl serde::Serialize) -> String {
    crate::store::export::word(value).replace('_', " ")
}

fn link(l: &Link) -> Vec<String> {
    let mut said = vec![match (l.default_route, l.kind) {
        (false, _) => "not connected".to_owned(),
        (true, Some(kind)) => super::words::capital(&word(kind)).replace("Wifi", "Wi-Fi"),
        (true, None) => "connected".to_owned(),
    }];
    match (l.gateway_reachable, l.gateway_rtt) {
        (Some(true), Some(rtt)) => said.push(format!("router answers in {}", ms(rtt))),
        (Some(true), None) => said.push("router answers".into()),
        (Some(false), _) => said.push("router does not answer".into()),
        (None, _) => {}
    }
    if let Some(wifi) = &l.wifi {
        if let Some(signal) = wifi.signal_dbm {
            said.push(format!("signal {}", words::quantity(Quantity::new(signal.get(), Unit::Dbm))));
        }
        if let Some(band) = wifi.band {
            said.push(word(band).replace("ghz", "GHz"));
        }
        if let Some(rate) = wifi.tx_rate {
            said.push(format!("sends at {}", words::quantity(Quantity::new(rate.get(), Unit::MbitS))));
        }
    }
    if l.ipv4 || l.ipv6 {
        let kinds = [(l.ipv4, "IPv4"), (l.ipv6, "IPv6")].into_iter().filter(|k| k.0).map(|k| k.1);
        said.push(kinds.collect::<Vec<_>>().join(" and "));
    }
    said
}

fn dns(d: &Dns) -> Vec<String> {
    let mut resolvers: Vec<u8> = d.queries.iter().map(|q| q.resolver).collect();
    resolvers.sort_unstable();
    resolvers.dedup();
    resolvers
        .into_iter()
        .map(|n| {
            let of = || d.queries.iter().filter(move |q| q.resolver == n);
            let class = of().next().map(|q| word(q.class)).unwrap_or_default();
            let good = |a| matches!(a, DnsAnswer::Answered | DnsAnswer::NoData | DnsAnswer::NoSuchName);
            let bad = of().find(|q| !good(q.answer));
            let slowest = of().filter_map(|q| q.time).max_by(|a, b| a.get().total_cmp(&b.get()));
            match (bad, slowest) {
                (Some(bad), _) => format!("resolver {} ({class}): {}", n + 1, word(bad.answer)),
                (None, Some(slowest)) => {
                    format!("resolver {} ({class}) answers within {}", n + 1, ms(slowest))
                }
                (None, None) => format!("resolver {} ({class}) answers", n + 1),
            }
        })
        .collect()
}

fn https(h: &Https) -> Vec<String> {
    let phases =
        [("name", h.dns), ("connection", h.tcp), ("encryption", h.tls), ("first byte", h.first_byte)];
    let mut said: Vec<String> =
        phases.iter().filter_map(|(n, t)| Some(format!("{n} {}", ms((*t)?)))).collect();
    if let Some(status) = h.status {
        said.push(format!("status {status}"));
    }
    if h.proxy {
        said.push("through a proxy".into());
    }
    match h.interference {
        Interference::None => {}
        Interference::CaptivePortal => said.push("a sign-in page of the network answers".into()),
        Interference::TlsIntercepted => said.push("encrypted traffic is opened on the way".into()),
    }
    if let Some(failure) = h.failure {
        said.push(format!("failed: {}", words::failure(failure)));
    }
    said
}

fn media(m: &Media) -> Vec<String> {
    let mut said = Vec::new();
    if let Some(mos) = m.mos {
        let score = words::quantity(Quantity::new(mos.get(), Unit::Mos));
        said.push(format!("MOS {score} ({})", words::estimated_for(m.codec)));
    }
    if let Some(rtt) = m.rtt_mean {
        said.push(format!("round trip {}", ms(rtt)));
    }
    if let Some(jitter) = m.ipdv_mean {
        said.push(format!("jitter {}", ms(jitter)));
    }
    said.push(format!("lost {} there, {} back", percent(m.loss_forward), percent(m.loss_reverse)));
    said.push(format!("{} of {} packets came back", m.received, m.sent));
    if let Some(seen) = m.dscp_seen.filter(|seen| *seen != m.dscp_sent) {
        said.push(format!("priority mark {} arrived as {seen}", m.dscp_sent));
    }
    said
}

fn devices(a: &AudioDevices) -> Vec<String> {
    [(Direction::Input, "microphone"), (Direction::Output, "speaker")]
        .into_iter()
        .map(|(direction, name)| match a.default_of(direction) {
            None => format!("no {name}"),
            Some(d) => {
                let mut said = name.to_owned();
                match (&d.model, &d.vendor, &d.product) {
                    (Some(model), ..) => said += &format!(" {model}"),
                    (None, Some(v), Some(p)) => said += &format!(" {v}:{p}"),
                    _ => {}
                }
                said += &format!(" ({})", word(d.connection).replace("usb", "USB").replace("hdmi", "HDMI"));
                if d.muted == Some(true) {
                    said += ", muted";
                }
                if let Some(volume) = d.volume {
                    said += &format!(", volume {}", percent(volume));
                }
                said
            }
        })
        .collect()
}

fn noise(n: &Noise) -> Vec<String> {
    let level = |v: telemetry::Dbfs| words::quantity(Quantity::new(v.get(), Unit::Dbfs));
    let mut said = vec![format!("level {} (A), background {} (A)", level(n.laeq), level(n.l95))];
    if n.zeros.get() > 0.0 {
        said.push(format!("{} exact silence", percent(n.zeros)));
    }
    if n.clipped.get() > 0.0 {
        said.push(format!("{} overdriven", percent(n.clipped)));
    }
    if n.dropouts > 0 {
        said.push(format!("{} gaps", n.dropouts));
    }
    said
}

fn load(l: &Load) -> Vec<String> {
    let mut said = vec![
        format!("processor {}", percent(l.cpu)),
        format!(
            "memory {} of {}",
            percent(l.memory),
            words::quantity(Quantity::new(l.memory_total.get(), Unit::Mb))
        ),
        format!("disk {} free", words::quantity(Quantity::new(l.disk_free.get(), Unit::Mb))),
        format!("up for {}", super::when::length((l.uptime.get() * 1000.0) as i64)),
    ];
    match (l.power, l.battery) {
        (PowerSource::Battery, Some(charge)) => said.push(format!("on battery, {}", percent(charge))),
        (PowerSource::Battery, None) => said.push("on battery".into()),
        (PowerSource::Mains, _) => said.push("on mains".into()),
        (PowerSource::Unknown, _) => {}
    }
    if let Some(offset) = l.clock_offset.filter(|o| o.get().abs() >= 1000.0) {
        said.push(format!("clock off by {}", ms(offset)));
    }
    said
}

fn stun(s: &Stun) -> Vec<String> {
    let mut said = vec![format!("{} of {} requests answered", s.answered, s.sent)];
    if let Some(rtt) = s.rtt_min {
        said.push(format!("least round trip {}", ms(rtt)));
    }
    if let Some(mapping) = s.mapping {
        said.push(format!("address translation: {}", word(mapping)));
    }
    if s.moved {
        said.push("the address changes from moment to moment".into());
    }
    if let Some(failure) = s.failure {
        said.push(format!("failed: {}", words::failure(failure)));
    }
    said
}

fn turn(t: &Turn) -> Vec<String> {
    let way = |w: &telemetry::TurnWay| {
        let mut said = format!("{} {}", word(w.transport).to_uppercase(), word(w.result));
        for (name, time) in [("connected in", w.connect), ("answered in", w.answer), ("relayed in", w.relay)]
        {
            if let Some(time) = time {
                said += &format!(", {name} {}", ms(time));
            }
        }
        if w.proxy {
            said += ", through a proxy";
        }
        if w.intercepted {
            said += ", opened on the way";
        }
        if let Some(failure) = w.failure {
            said += &format!(": {}", words::failure(failure));
        }
        said
    };
    t.ways.iter().map(way).collect()
}

fn signalling(s: &Signalling) -> Vec<String> {
    let phases = [("name", s.dns), ("connection", s.tcp), ("encryption", s.tls), ("answer", s.answer)];
    let mut said: Vec<String> =
        phases.iter().filter_map(|(n, t)| Some(format!("{n} {}", ms((*t)?)))).collect();
    if let Some(upgrade) = s.upgrade {
        said.push(format!("WebSocket {}", word(upgrade)));
    }
    if let Some(status) = s.status {
        said.push(format!("status {status}"));
    }
    if s.proxy {
        said.push("through a proxy".into());
    }
    match s.interference {
        Interference::None => {}
        Interference::CaptivePortal => said.push("a sign-in page of the network answers".into()),
        Interference::TlsIntercepted => said.push("encrypted traffic is opened on the way".into()),
    }
    if let Some(failure) = s.failure {
        said.push(format!("failed: {}", words::failure(failure)));
    }
    said
}

fn mtu(m: &Mtu) -> Vec<String> {
    let size = words::quantity(Quantity::new(f64::from(m.bytes), Unit::Bytes));
    let family = if m.ipv6 { "IPv6" } else { "IPv4" };
    vec![format!("up to {size} pass over {family}"), format!("limit: {}", word(m.limit))]
}

fn responsiveness(r: &Responsiveness) -> Vec<String> {
    let mut said = vec![format!("idle round trip {}", ms(r.idle_rtt))];
    for (way, name) in [(&r.download, "download"), (&r.upload, "upload")] {
        said.extend(way.as_ref().map(|way| format!("{name} {}", under_load(way))));
    }
    let megabytes = f64::from(r.received + r.sent) / 1e6;
    said.push(format!("{} moved", words::quantity(Quantity::new(megabytes, Unit::Mb))));
    said.extend(r.failure.map(|why| format!("broken off: {}", words::failure(why))));
    said
}

fn under_load(way: &UnderLoad) -> String {
    let rate = words::quantity(Quantity::new(way.throughput.get() / 1e3, Unit::MbitS));
    let mut said = vec![rate];
    said.extend(way.added_delay.map(|d| format!("delay rises by {}", ms(d))));
    said.extend(way.rpm.map(|rpm| format!("{rpm} round trips a minute")));
    said.extend(way.voice.as_ref().map(|v| format!("voice {} (95 % below {})", ms(v.median), ms(v.p95))));
    said.push(
        match way.confidence {
            Confidence::Low => "not sure",
            Confidence::Medium => "fairly sure",
            Confidence::High => "sure",
        }
        .into(),
    );
    said.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use telemetry::{Failure, Millis, MtuLimit, NatMapping, TurnResult, TurnTransport, TurnWay, Upgrade};

    #[test]
    fn the_way_that_calls_take_is_put_into_words() {
        let said = |value| measured(&value);
        let time = |ms| Some(Millis::new(ms));
        let stun = Stun {
            sent: 5,
            answered: 5,
            rtt_min: time(18.0),
            rtt_mean: time(20.0),
            mapping: Some(NatMapping::EachServer),
            moved: true,
            failure: None,
        };
        assert_eq!(
            said(Value::Stun(stun)),
            "5 of 5 requests answered; least round trip 18 ms; address translation: each server; \
             the address changes from moment to moment"
        );
        let way = TurnWay {
            transport: TurnTransport::Tls,
            result: TurnResult::Relayed,
            connect: time(42.0),
            answer: time(20.0),
            relay: time(41.0),
            proxy: true,
            intercepted: false,
            failure: None,
        };
        let closed = TurnWay {
            transport: TurnTransport::Udp,
            result: TurnResult::Failed,
            connect: None,
            answer: None,
            relay: None,
            proxy: false,
            failure: Some(Failure::NoAnswer),
            ..way.clone()
        };
        assert_eq!(
            said(Value::Turn(Turn { ways: vec![closed, way].into() })),
            "UDP failed: nothing answered; TLS relayed, connected in 42 ms, answered in 20 ms, relayed in 41 ms, \
             through a proxy"
        );
        let signalling = Signalling {
            dns: None,
            tcp: time(20.0),
            tls: time(25.0),
            answer: time(21.0),
            upgrade: Some(Upgrade::Stripped),
            status: Some(426),
            proxy: false,
            interference: Interference::TlsIntercepted,
            failure: None,
        };
        assert_eq!(
            said(Value::Signalling(signalling)),
            "connection 20 ms; encryption 25 ms; answer 21 ms; WebSocket stripped; status 426; \
             encrypted traffic is opened on the way"
        );
        let mtu = Mtu { bytes: 1400, limit: MtuLimit::BlackHole, ipv6: true, sent: 27 };
        assert_eq!(said(Value::Mtu(mtu)), "up to 1400 bytes pass over IPv6; limit: black hole");
    }
}
