//! The rules that a policy must keep, one function for each.
//!
//! A message names the key, what it has, what it may have and the way out. The caps are compiled
//! in: a collector that fell into wrong hands cannot make its desks a load generator or point them
//! at the inside of somebody's network.

use super::host::{Host, at_collector, is_name, is_private};
use super::{Browsers, Policy, PolicyError};
use crate::limits::{Metric, Override, Row, TABLE, Worse};
use std::collections::BTreeSet;
use std::fmt::Display;
use telemetry::ProbeId;
use url::Url;

/// Most reflectors: each costs 5 to 15 s of a check.
const REFLECTORS: usize = 4;
/// Most endpoints, and most names to resolve.
const ENDPOINTS: usize = 16;
const NAMES: usize = 8;
/// Most servers of each kind on the way that calls take.
const STUN: usize = 8;
const TURN: usize = 4;
const SIGNALLING: usize = 8;
/// Least and most megabytes of a load on the line. With less it ends before it says anything; the most
/// is what a line of 100 Mbit/s carries in its time.
const MEGABYTES: (u32, u32) = (2, 50);
/// Longest URL.
const URL_LENGTH: usize = 500;

/// Every rule, in the order of the file.
pub(super) fn policy(p: &Policy) -> Result<(), PolicyError> {
    version(p)?;
    profile(p)?;
    reflectors(p)?;
    endpoints(p)?;
    names(p)?;
    portal(p)?;
    stun(p)?;
    turn(p)?;
    signalling(p)?;
    load_test(p)?;
    required(p)?;
    schedule(p)?;
    microphone(p)?;
    browsers(&p.browsers)?;
    p.limits.iter().try_for_each(|(name, set)| limit(name, set))
}

fn version(p: &Policy) -> Result<(), PolicyError> {
    range("version", p.version, 1, 1_000_000_000, "; count up from 1 with each change")
}

/// Who serves a policy has put the profile's targets in its place: desks need not know the profile.
fn profile(p: &Policy) -> Result<(), PolicyError> {
    match &p.profile {
        None => Ok(()),
        Some(name) => {
            Err(form("profile", name, "is for a policy file only; set the file again with 'policy set'"))
        }
    }
}

fn reflectors(p: &Policy) -> Result<(), PolicyError> {
    let all = &p.targets.reflectors;
    count("targets.reflectors", all.len(), REFLECTORS)?;
    unique("targets.reflectors.id", all.iter().map(|r| r.id.as_str()))?;
    for r in all {
        let key = |field| format!("targets.reflectors.{}.{field}", r.id);
        host(key("host"), &r.host)?;
        range(key("port"), r.port, 1, 65_535, "; 862 is STAMP's own")?;
        range(key("dscp"), r.dscp, 0, 63, "; 46 is what voice uses")?;
    }
    Ok(())
}

fn endpoints(p: &Policy) -> Result<(), PolicyError> {
    let all = &p.targets.endpoints;
    count("targets.endpoints", all.len(), ENDPOINTS)?;
    unique("targets.endpoints.id", all.iter().map(|e| e.id.as_str()))?;
    all.iter().try_for_each(|e| web_address(format!("targets.endpoints.{}.url", e.id), &e.url))
}

fn web_address(key: String, written: &str) -> Result<(), PolicyError> {
    let url = address(&key, written)?;
    let plain = url.as_ref().is_some_and(|u| u.scheme() != "https" && !is_loopback(u));
    if plain {
        Err(form(key, written, "must begin with https:// (http:// is for loopback only)"))
    } else {
        Ok(())
    }
}

fn names(p: &Policy) -> Result<(), PolicyError> {
    let all = &p.targets.names;
    count("targets.names", all.len(), NAMES)?;
    unique("targets.names", all.iter().map(String::as_str))?;
    all.iter().try_for_each(|name| {
        let good = is_name(name) && name.parse::<std::net::IpAddr>().is_err();
        if good {
            Ok(())
        } else {
            Err(form("targets.names", name, "must be a host name such as media.example.net"))
        }
    })
}

fn portal(p: &Policy) -> Result<(), PolicyError> {
    let Some(portal) = &p.targets.portal else { return Ok(()) };
    if !portal.starts_with("http://") {
        let problem = "must begin with http://: a sign-in page can only answer in place of plain HTTP";
        return Err(form("targets.portal", portal, problem));
    }
    address("targets.portal", portal).map(drop)
}

fn stun(p: &Policy) -> Result<(), PolicyError> {
    let all = &p.targets.stun;
    count("targets.stun", all.len(), STUN)?;
    unique("targets.stun.id", all.iter().map(|s| s.id.as_str()))?;
    all.iter().try_for_each(|s| {
        host(format!("targets.stun.{}.host", s.id), &s.host)?;
        range(format!("targets.stun.{}.port", s.id), s.port, 1, 65_535, "; 3478 is STUN's own")
    })
}

fn turn(p: &Policy) -> Result<(), PolicyError> {
    let all = &p.targets.turn;
    count("targets.turn", all.len(), TURN)?;
    unique("targets.turn.id", all.iter().map(|t| t.id.as_str()))?;
    all.iter().try_for_each(|t| {
        let key = |field| format!("targets.turn.{}.{field}", t.id);
        host(key("host"), &t.host)?;
        let ports = [
            ("udp", t.udp, "; 3478 is TURN's own"),
            ("tcp", t.tcp, "; 3478 is TURN's own"),
            ("tls", t.tls, "; 443 passes most firewalls"),
        ];
        for (field, port, hint) in ports {
            if let Some(port) = port {
                range(key(field), port, 1, 65_535, hint)?;
            }
        }
        match t.udp.or(t.tcp).or(t.tls) {
            Some(_) => Ok(()),
            None => Err(PolicyError::NoPort { key: format!("targets.turn.{}", t.id) }),
        }
    })
}

fn signalling(p: &Policy) -> Result<(), PolicyError> {
    let all = &p.targets.signalling;
    count("targets.signalling", all.len(), SIGNALLING)?;
    unique("targets.signalling.id", all.iter().map(|s| s.id.as_str()))?;
    all.iter().try_for_each(|s| {
        let key = format!("targets.signalling.{}.url", s.id);
        // Nothing of it is looked up with the collector's scheme: it serves no WebSocket.
        let url = address_of(&key, &s.url, &["wss", "ws"], "wss://signalling.example.net/")?;
        if url.scheme() != "wss" && !is_loopback(&url) {
            return Err(form(key, &s.url, "must begin with wss:// (ws:// is for loopback only)"));
        }
        Ok(())
    })
}

fn host(key: String, host: &Host) -> Result<(), PolicyError> {
    match host {
        Host::Named(host) => public(key, host, host),
        Host::Collector => Ok(()),
    }
}

fn load_test(p: &Policy) -> Result<(), PolicyError> {
    let Some(test) = &p.targets.responsiveness else { return Ok(()) };
    web_address("targets.responsiveness.url".into(), &test.url)?;
    let (least, most) = MEGABYTES;
    let hint = "; both ways together, for each measurement";
    range("targets.responsiveness.max_megabytes", test.max_megabytes, least, most, hint)
}

fn required(p: &Policy) -> Result<(), PolicyError> {
    unique("required", p.required.iter().map(|r| r.name()))?;
    if p.requires(ProbeId::Responsiveness) {
        let problem = "cannot be required: it is measured once before a shift and in self-checks, so that every verdict in between would be unknown; remove it";
        return Err(form("required", ProbeId::Responsiveness.name(), problem));
    }
    let without = |probe, targets, none: bool| {
        if none && p.requires(probe) { Err(PolicyError::NothingToMeasure { probe, targets }) } else { Ok(()) }
    };
    if p.requires(ProbeId::Path) {
        let problem = "it is measured by itself when voice is not well, and not otherwise; remove it";
        return Err(form("required", ProbeId::Path.name(), problem));
    }
    without(ProbeId::Media, "reflectors", p.targets.reflectors.is_empty())?;
    without(ProbeId::Https, "endpoints", p.targets.endpoints.is_empty())?;
    without(ProbeId::Stun, "stun", p.targets.stun.is_empty())?;
    without(ProbeId::Turn, "turn", p.targets.turn.is_empty())?;
    without(ProbeId::Signalling, "signalling", p.targets.signalling.is_empty())?;
    without(ProbeId::Mtu, "reflectors", p.targets.reflectors.is_empty())
}

fn schedule(p: &Policy) -> Result<(), PolicyError> {
    let s = &p.schedule;
    range("schedule.pre_shift_minutes", s.pre_shift_minutes, 5, 180, "")?;
    range("schedule.valid_minutes", s.valid_minutes, 5, 720, "")?;
    range("schedule.routine_seconds", s.routine_seconds, 10, 3600, "")?;
    if s.idle_seconds != 0 {
        range("schedule.idle_seconds", s.idle_seconds, 60, 86_400, ", or 0 for never")?;
    }
    range(
        "schedule.media_seconds",
        s.media_seconds,
        60,
        86_400,
        "; a stream takes 5 to 15 s of 80 kbit/s each way",
    )?;
    outlives(s.valid_minutes, "schedule.routine_seconds", s.routine_seconds)?;
    outlives(s.valid_minutes, "schedule.media_seconds", s.media_seconds)?;
    range(
        "schedule.microphone_seconds",
        s.microphone_seconds,
        60,
        86_400,
        "; to never listen, set microphone.background = false",
    )
}

/// A verdict that runs out before the next measurement would make a desk `unknown` in between.
fn outlives(valid_minutes: u32, interval: &'static str, seconds: u32) -> Result<(), PolicyError> {
    if valid_minutes * 60 >= seconds {
        return Ok(());
    }
    Err(PolicyError::RunsOut { valid_minutes, interval, seconds })
}

fn microphone(p: &Policy) -> Result<(), PolicyError> {
    range(
        "microphone.seconds",
        p.microphone.seconds,
        3,
        10,
        "; less than 3 s cannot tell a dead microphone from a quiet one",
    )
}

fn browsers(b: &Browsers) -> Result<(), PolicyError> {
    let all = [
        ("chrome", &b.chrome),
        ("chromium", &b.chromium),
        ("edge", &b.edge),
        ("firefox", &b.firefox),
        ("brave", &b.brave),
    ];
    all.into_iter().try_for_each(|(name, version)| {
        let Some(version) = version else { return Ok(()) };
        let major = version.numbers().next().unwrap_or_default();
        range(
            format!("browsers.{name}"),
            major,
            1,
            9999,
            "; give the oldest version accepted, such as \"120\"",
        )
    })
}

fn limit(name: &str, set: &Override) -> Result<(), PolicyError> {
    let Some(metric) = Metric::named(name) else {
        let known = TABLE.iter().map(|r| r.name).collect::<Vec<_>>().join(", ");
        return Err(PolicyError::NoSuchLimit { name: name.to_owned(), known });
    };
    let row = metric.row();
    if set.good.is_none() && set.bad.is_none() {
        return Err(PolicyError::Empty { name: name.to_owned() });
    }
    for (field, value) in [("good", set.good), ("bad", set.bad)] {
        if let Some(value) = value {
            limit_range(row, field, value)?;
        }
    }
    limit_order(row, set.good.unwrap_or(row.good), set.bad.unwrap_or(row.bad))
}

fn limit_range(row: &Row, field: &str, value: f64) -> Result<(), PolicyError> {
    // Not a number is in no range.
    if (row.min..=row.max).contains(&value) {
        return Ok(());
    }
    Err(PolicyError::Range {
        key: format!("limits.{}.{field}", row.name),
        value: value.to_string(),
        min: crate::words::quantity(telemetry::Quantity::new(row.min, row.unit)),
        max: crate::words::quantity(telemetry::Quantity::new(row.max, row.unit)),
        hint: "",
    })
}

fn limit_order(row: &Row, good: f64, bad: f64) -> Result<(), PolicyError> {
    let (fine, worse, relation) = match row.worse {
        Worse::Higher => (good <= bad, "higher", "at most"),
        Worse::Lower => (good >= bad, "lower", "at least"),
    };
    if fine { Ok(()) } else { Err(PolicyError::Order { name: row.name, good, bad, worse, relation }) }
}

fn range<T: PartialOrd + Display>(
    key: impl Into<String>,
    value: T,
    min: T,
    max: T,
    hint: &'static str,
) -> Result<(), PolicyError> {
    if min <= value && value <= max {
        return Ok(());
    }
    let (value, min, max) = (value.to_string(), min.to_string(), max.to_string());
    Err(PolicyError::Range { key: key.into(), value, min, max, hint })
}

fn count(key: &'static str, count: usize, max: usize) -> Result<(), PolicyError> {
    if count <= max { Ok(()) } else { Err(PolicyError::TooMany { key, count, max }) }
}

fn unique<'a>(key: &'static str, values: impl Iterator<Item = &'a str>) -> Result<(), PolicyError> {
    let mut seen = BTreeSet::new();
    for value in values {
        if !seen.insert(value) {
            return Err(PolicyError::Twice { key, value: value.to_owned() });
        }
    }
    Ok(())
}

/// A URL with a host that a policy may name; `None` if it is the collector's.
fn address(key: &str, url: &str) -> Result<Option<Url>, PolicyError> {
    if url.len() <= URL_LENGTH && at_collector(url).is_some() {
        return Ok(None);
    }
    address_of(key, url, &["https", "http"], "https://softphone.example.net/health").map(Some)
}

/// A URL of one of these schemes, the first of which is the one to use, with a host that a policy may name.
fn address_of(key: &str, url: &str, schemes: &[&str], example: &str) -> Result<Url, PolicyError> {
    if url.len() > URL_LENGTH {
        let shown: String = url.chars().take(40).collect();
        return Err(form(
            key,
            &format!("{shown}…"),
            &format!("is longer than {URL_LENGTH} characters; shorten it"),
        ));
    }
    // First, since every other message repeats the URL: messages end up in logs and tickets.
    if url.contains('@') {
        let problem = "must not hold '@': a policy is no place for a user name or a password";
        return Err(form(key, "…", problem));
    }
    let no_url = format!("is not a URL such as {example}");
    let parsed = Url::parse(url).map_err(|_| form(key, url, &no_url))?;
    if !schemes.contains(&parsed.scheme()) {
        return Err(form(key, url, &format!("must begin with {}://", schemes[0])));
    }
    let host = parsed.host_str().ok_or_else(|| form(key, url, &no_url))?;
    public(key, url, host)?;
    Ok(parsed)
}

/// Refuses addresses where no policy may send a desk.
fn public(key: impl Into<String>, value: &str, host: &str) -> Result<(), PolicyError> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if bare.parse().is_ok_and(is_private) {
        let problem = "is a private address, where a policy may not send desks; name a public host, @collector, or loopback to try it out";
        return Err(form(key, value, problem));
    }
    Ok(())
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(a)) => a.is_loopback(),
        Some(url::Host::Ipv6(a)) => a.is_loopback(),
        None => false,
    }
}

fn form(key: impl Into<String>, value: &str, problem: &str) -> PolicyError {
    PolicyError::Form { key: key.into(), value: value.to_owned(), problem: problem.to_owned() }
}
