//! The fault in one sentence for people, with the figures that it rests on.

use super::{point_word, way};
use crate::words;
use telemetry::{FaultDomain, Hop, HopMethod, Millis, Path, Quantity, Reading, Unit, Value};

/// What a fault says in plain words; none if there is no fault. `readings` are those of the same check.
pub fn sentence(fault: &[FaultDomain], readings: &[Reading]) -> Option<String> {
    let whose = match fault {
        [] => return None,
        [one] => alone(*one).to_owned(),
        several => format!("It is {}: they cannot be told apart from here", words::domains(several)),
    };
    Some(match evidence(fault, readings) {
        Some(evidence) => format!("{whose}. {evidence}"),
        None => format!("{whose}."),
    })
}

fn alone(domain: FaultDomain) -> &'static str {
    match domain {
        FaultDomain::Computer => "It is this computer, not the network",
        FaultDomain::Audio => "It is the headset or sound device, not the network",
        FaultDomain::Room => "It is the room, not the network",
        FaultDomain::HomeNetwork => "It is your home network, not your internet provider",
        FaultDomain::InternetProvider => "It is your internet provider, not your home network",
        FaultDomain::CompanyNetwork => "It is the company network (VPN or proxy), not your home network",
        FaultDomain::Service => "It is the service at the far end, not your network",
        FaultDomain::Undetermined => {
            "Something is wrong on the way of your calls; whose fault it is cannot be told from here"
        }
    }
}

/// Each point of the way with what became of its packets, for tables: "your router: 0 % lost, 2.1 ms".
pub fn points(path: &Path) -> Vec<String> {
    let mut said = Vec::new();
    let mut hops: Vec<&Hop> = path.hops.iter().collect();
    hops.sort_by_key(|h| h.point);
    for hop in hops {
        let asked = if hop.method == HopMethod::Echo { " (asked directly)" } else { "" };
        let point = point_word(hop.point);
        if hop.silent() {
            said.push(format!("{point}{asked}: silent"));
            continue;
        }
        let limited = path.target().is_some_and(|t| way::is_limited(hop, t));
        let lost = match hop.loss {
            _ if limited => "answers only so often".to_owned(),
            Some(loss) => format!("{} lost", words::quantity(Quantity::new(loss.get(), Unit::Percent))),
            None => "answers".to_owned(),
        };
        let time = hop.rtt_median.map(|t| format!(", {}", ms(t.get()))).unwrap_or_default();
        said.push(format!("{point}{asked}: {lost}{time}"));
    }
    let own = [(path.own_up, "sent"), (path.own_down, "received")];
    for (rate, what) in
        own.into_iter().filter_map(|(rate, what)| Some((rate?, what))).filter(|o| o.0.get() >= 0.1)
    {
        let rate = words::quantity(Quantity::new(rate.get(), Unit::MbitS));
        said.push(format!("this computer itself {what} {rate}"));
    }
    said
}

/// What the way that suffers most shows, point by point.
fn evidence(fault: &[FaultDomain], readings: &[Reading]) -> Option<String> {
    if fault == [FaultDomain::Computer] {
        return None;
    }
    let paths = readings.iter().filter_map(|r| match r.measured() {
        Some(Value::Path(path)) => Some(path),
        _ => None,
    });
    let path = paths.max_by(|a, b| lost(a).total_cmp(&lost(b)))?;
    let target = path.target()?;
    if target.silent() {
        let far = path.hops.iter().filter(|h| !h.silent()).map(|h| h.point).max();
        return Some(match far {
            Some(point) => format!("{} answers, and nothing behind it does.", capital(point_word(point))),
            None => "Nothing on the way answers.".to_owned(),
        });
    }
    let mut said = if lost(path) > 0.5 {
        each(path, "Lost: ", |h| {
            let loss = h.loss.filter(|_| !way::is_limited(h, target))?;
            Some(words::quantity(Quantity::new(loss.get(), Unit::Percent)))
        })
    } else if way::variation(target) > target.rtt_median.map(Millis::get) {
        each(path, "The round trip varies by ", |h| Some(ms(way::variation(h)?)))
    } else {
        each(path, "The round trip takes ", |h| Some(ms(h.rtt_median?.get())))
    };
    if let Some(up) = path.own_up.filter(|up| up.get() >= 0.5) {
        let rate = words::quantity(Quantity::new(up.get(), Unit::MbitS));
        said += &format!(" Meanwhile this computer itself sent {rate}.");
    }
    Some(said)
}

/// "Lost: 0 % to your router, 5.1 % to your provider's first router, 4.9 % to the far end."
fn each(path: &Path, begins: &str, figure: impl Fn(&Hop) -> Option<String>) -> String {
    let mut said: Vec<(telemetry::PathPoint, String)> = Vec::new();
    for hop in path.hops.iter().filter(|h| !h.silent()) {
        let Some(figure) = figure(hop) else { continue };
        // Of two ways to ask one point the first that answers stands.
        if said.iter().all(|s| s.0 != hop.point) {
            said.push((hop.point, format!("{figure} to {}", point_word(hop.point))));
        }
    }
    said.sort_by_key(|s| s.0);
    let parts: Vec<String> = said.into_iter().map(|s| s.1).collect();
    format!("{begins}{}.", parts.join(", "))
}

fn lost(path: &Path) -> f64 {
    path.target().and_then(|t| t.loss).map_or(100.0, telemetry::Percent::get)
}

fn ms(value: f64) -> String {
    words::quantity(Quantity::new(value, Unit::Ms))
}

fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
