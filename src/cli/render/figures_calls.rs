//! The figures of the way that calls take, in words.

use super::{ms, q};
use readiness::words;
use telemetry::{
    Interference, Mtu, MtuLimit, NatMapping, NotChecked, Outcome, ProbeId, Reading, Signalling, Stun, Turn,
    TurnResult, TurnTransport, TurnWay, Unit, Upgrade,
};

/// Servers that the policy names none of are no news: not every platform has them.
pub fn not_asked_for(reading: &Reading) -> bool {
    matches!(reading.probe, ProbeId::Stun | ProbeId::Turn | ProbeId::Signalling | ProbeId::Mtu)
        && reading.outcome == Outcome::NotChecked(NotChecked::NoTarget)
}

pub fn stun(v: &Stun) -> String {
    if v.answered == 0 {
        return match v.failure {
            Some(why) if v.sent == 0 => format!("not asked: {}", words::failure(why)),
            _ => format!("no answer to {} packets", v.sent),
        };
    }
    let mut parts = vec!["UDP passes".to_owned()];
    parts.extend(v.rtt_min.map(|t| format!("answers in {}", ms(t))));
    if v.answered < v.sent {
        parts.push(format!("{} of {} answered", v.answered, v.sent));
    }
    match v.mapping {
        Some(NatMapping::None) => parts.push("no address translation".into()),
        Some(NatMapping::Same) => parts.push("one address for all servers".into()),
        Some(NatMapping::EachServer) => parts.push("another address for each server".into()),
        Some(NatMapping::Undetermined) | None => {}
    }
    if v.moved {
        parts.push("the address changes".into());
    }
    parts.join(", ")
}

pub fn turn(v: &Turn) -> String {
    v.ways.iter().map(way).collect::<Vec<_>>().join("; ")
}

fn way(way: &TurnWay) -> String {
    let name = match way.transport {
        TurnTransport::Udp => "UDP",
        TurnTransport::Tcp => "TCP",
        TurnTransport::Tls => "TLS",
    };
    let mut said = match (way.result, way.relay) {
        (TurnResult::Relayed, Some(time)) => format!("{name} relays in {}", ms(time)),
        (TurnResult::Relayed, None) => format!("{name} relays"),
        (TurnResult::Allocated, _) => format!("{name} gives an address"),
        (TurnResult::SignInAsked, _) => format!("{name} open"),
        (TurnResult::SignInRefused, _) => format!("{name} open, sign-in refused"),
        (TurnResult::Refused, _) => format!("{name} open, relay refuses"),
        (TurnResult::Failed, _) => {
            let why = way.failure.map(words::failure).unwrap_or("not reached");
            return format!("{name} closed ({why})");
        }
    };
    if let (None, Some(answer)) = (way.relay, way.answer) {
        said += &format!(", answers in {}", ms(answer));
    }
    if way.proxy {
        said += " through a proxy";
    }
    if way.intercepted {
        said += ", opened on the way";
    }
    said
}

pub fn signalling(v: &Signalling) -> String {
    let mut parts = Vec::new();
    match v.interference {
        Interference::None => {}
        Interference::CaptivePortal => parts.push("a sign-in page stands in the way".to_owned()),
        Interference::TlsIntercepted => parts.push("the encryption is opened on the way".to_owned()),
    }
    parts.push(match (v.upgrade, v.status, v.failure) {
        (Some(Upgrade::Done), ..) => "WebSocket opens".into(),
        (Some(Upgrade::Declined), Some(status), _) => format!("the host answers {status} without a sign-in"),
        (Some(Upgrade::Declined), None, _) => "the host declines".into(),
        (Some(Upgrade::Stripped), ..) => "the request for a WebSocket is lost on the way".into(),
        (Some(Upgrade::Broken), ..) => "something else answers than the host".into(),
        (None, _, Some(why)) => format!("not reached: {}", words::failure(why)),
        (None, ..) => "not reached".into(),
    });
    let phases: Vec<String> = [("DNS", v.dns), ("connect", v.tcp), ("TLS", v.tls), ("answer", v.answer)]
        .into_iter()
        .filter_map(|(name, time)| Some(format!("{name} {}", ms(time?))))
        .collect();
    parts.extend((!phases.is_empty()).then(|| phases.join(", ")));
    if v.proxy {
        parts.push("through a proxy".into());
    }
    parts.join("; ")
}

pub fn mtu(v: &Mtu) -> String {
    if v.bytes == 0 {
        return format!("no answer to {} packets", v.sent);
    }
    let passes = format!("up to {} pass", q(f64::from(v.bytes), Unit::Bytes));
    match v.limit {
        MtuLimit::None => passes,
        MtuLimit::Computer => format!("{passes}; this computer's connection takes no more"),
        MtuLimit::Told => format!("{passes}; larger ones are turned down"),
        MtuLimit::BlackHole => format!("{passes}; larger ones vanish"),
        MtuLimit::WayBack => format!("{passes}; larger ones do not come back"),
        MtuLimit::Undetermined => format!("{passes}; larger ones are not answered"),
    }
}
