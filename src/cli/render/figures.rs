//! Readings as a compact table: one row for each, in words and figures.

#[path = "figures_calls.rs"]
mod calls;

use super::{FAINT, STRONG, text};

/// `text::TIE` as a string.
const TIE: &str = "\u{a0}";

use readiness::words;
use std::io::{self, Write};
use telemetry::{
    AudioDevice, AudioDevices, Confidence, Connection, Direction, Dns, DnsAnswer, Fact, FactKey, FactValue,
    FormFactor, GatewayMethod, Https, Interference, Link, LinkKind, List, Load, Media, MicrophonePermission,
    MicrophoneUse, Millis, Noise, Outcome, PowerSource, Quantity, Reading, Responsiveness, TimestampQuality,
    UnderLoad, Unit, Value, WifiBand, Word,
};

/// Width of the column of names.
const NAMES: usize = 27;

/// Writes the table.
pub fn write(out: &mut dyn Write, readings: &[Reading], width: usize) -> io::Result<()> {
    writeln!(out, "{STRONG}Figures{STRONG:#}")?;
    for reading in readings.iter().filter(|r| !calls::not_asked_for(r)) {
        let mut name = words::probe(reading.probe).to_owned();
        if let Some(target) = &reading.target {
            name = format!("{name} ({target})");
        }
        match &reading.outcome {
            Outcome::Measured(value) => {
                text::entry(out, 2, (&name, anstyle::Style::new()), NAMES, &row(value), width)?;
            }
            other => {
                let why = words::missing(other).unwrap_or_default();
                text::entry(out, 2, (&name, FAINT), NAMES, &why, width)?;
            }
        }
    }
    Ok(())
}

/// One measurement in a line.
pub fn row(value: &Value) -> String {
    match value {
        Value::Link(v) => link(v),
        Value::Dns(v) => dns(v),
        Value::Https(v) => https(v),
        Value::Media(v) => media(v),
        Value::AudioDevices(v) => devices(v),
        Value::Noise(v) => noise(v),
        Value::Load(v) => load(v),
        Value::Environment(v) => environment(v),
        Value::Stun(v) => calls::stun(v),
        Value::Turn(v) => calls::turn(v),
        Value::Signalling(v) => calls::signalling(v),
        Value::Mtu(v) => calls::mtu(v),
        Value::Path(v) => readiness::attribution::points(v).join("; "),
        Value::Responsiveness(v) => responsiveness(v),
    }
}

fn link(v: &Link) -> String {
    if !v.default_route {
        return "no way into the network".into();
    }
    let mut parts = vec![
        match v.kind {
            Some(LinkKind::Ethernet) => "cable",
            Some(LinkKind::Wifi) => "Wi-Fi",
            Some(LinkKind::Cellular) => "mobile network",
            Some(LinkKind::Tunnel) => "VPN or tunnel",
            Some(LinkKind::Other) | None => "connected",
        }
        .to_owned(),
    ];
    if let Some(wifi) = &v.wifi {
        parts.extend(wifi.band.map(|b| {
            match b {
                WifiBand::Ghz2 => "2.4 GHz",
                WifiBand::Ghz5 => "5 GHz",
                WifiBand::Ghz6 => "6 GHz",
            }
            .to_owned()
        }));
        parts.extend(wifi.signal_dbm.map(|s| q(s.get(), Unit::Dbm)));
        parts.extend(wifi.tx_rate.map(|r| q(r.get(), Unit::MbitS)));
    } else {
        parts.extend(v.link_rate.map(|r| q(r.get(), Unit::MbitS)));
    }
    parts.push(match (v.gateway_reachable, v.gateway_rtt, v.gateway_method) {
        (Some(true), Some(rtt), _) => format!("router answers in {}", ms(rtt)),
        (Some(true), None, Some(GatewayMethod::Neighbour)) => "router is there".into(),
        (Some(true), None, _) => "router answers".into(),
        (Some(false), ..) => "router does not answer".into(),
        (None, ..) => "router could not be asked".into(),
    });
    if !v.ipv4 {
        parts.push("IPv6 only".into());
    }
    parts.join(", ")
}

fn dns(v: &Dns) -> String {
    let resolvers: std::collections::BTreeSet<u8> = v.queries.iter().map(|q| q.resolver).collect();
    let good = |r: &u8| {
        v.queries.iter().any(|q| {
            q.resolver == *r
                && matches!(q.answer, DnsAnswer::Answered | DnsAnswer::NoData | DnsAnswer::NoSuchName)
        })
    };
    let answering = resolvers.iter().filter(|r| good(r)).count();
    let slowest = v
        .queries
        .iter()
        .filter_map(|q| q.time)
        .map(Millis::get)
        .fold(None, |most: Option<f64>, t| Some(most.map_or(t, |m| m.max(t))));
    let mut text = match (answering, resolvers.len()) {
        (_, 0) => "nobody was asked".into(),
        (1, 1) => "the resolver answers".to_owned(),
        (0, 1) => "the resolver does not answer".to_owned(),
        (a, n) => format!("{a} of {n} resolvers answer"),
    };
    if let (Some(slowest), true) = (slowest, answering > 0) {
        text += &format!(", slowest {}", q(slowest, Unit::Ms));
    }
    text
}

fn https(v: &Https) -> String {
    let phases: Vec<String> =
        [("DNS", v.dns), ("connect", v.tcp), ("TLS", v.tls), ("first byte", v.first_byte)]
            .into_iter()
            .filter_map(|(name, time)| Some(format!("{name} {}", ms(time?))))
            .collect();
    let mut parts = Vec::new();
    match v.interference {
        Interference::None => {}
        Interference::CaptivePortal => parts.push("a sign-in page stands in the way".to_owned()),
        Interference::TlsIntercepted => parts.push("the encryption is opened on the way".to_owned()),
    }
    match v.failure {
        Some(why) => parts.push(format!("not reached: {}", words::failure(why))),
        None if parts.is_empty() => parts.push("answers".into()),
        None => {}
    }
    parts.extend((!phases.is_empty()).then(|| phases.join(", ")));
    if v.proxy {
        parts.push("through a proxy".into());
    }
    parts.join("; ")
}

fn media(v: &Media) -> String {
    if v.received == 0 {
        return format!("no answer to {} packets", v.sent);
    }
    let mut parts = Vec::new();
    let codec = words::estimated_for(v.codec);
    parts.extend(v.mos.map(|m| format!("quality {} of 4.5 ({codec})", q(m.get(), Unit::Mos))));
    if let (Some(mean), Some(p95)) = (v.rtt_mean, v.rtt_p95) {
        parts.push(format!("round trip {} (95 % below {})", ms(mean), ms(p95)));
    }
    parts.extend(v.ipdv_mean.map(|j| format!("jitter {}", ms(j))));
    let percent = |p: telemetry::Percent| q(p.get(), Unit::Percent);
    parts.push(format!("lost {} there, {} back", percent(v.loss_forward), percent(v.loss_reverse)));
    if v.late.get() > 0.0 {
        parts.push(format!("late {}", percent(v.late)));
    }
    if v.timestamps == TimestampQuality::UserSpace {
        parts.push("timed by a busy clock".into());
    }
    parts.join(", ")
}

fn devices(v: &AudioDevices) -> String {
    let mut parts = Vec::new();
    for (direction, name) in [(Direction::Input, "microphone"), (Direction::Output, "speaker")] {
        let all = v.devices.iter().filter(|d| d.direction == direction).count();
        parts.push(match v.default_of(direction) {
            Some(device) if all > 1 => format!("{name}: {} (one of {all})", described(device)),
            Some(device) => format!("{name}: {}", described(device)),
            None if all > 0 => format!("{name}: {all}, none chosen"),
            None => format!("no {name}"),
        });
    }
    if v.microphone_use == MicrophoneUse::InUse {
        parts.push("another program uses the microphone".into());
    }
    match v.microphone_permission {
        Some(MicrophonePermission::Denied) => parts.push("the system denies the microphone".into()),
        Some(MicrophonePermission::DeniedToPreshift) => {
            parts.push("Preshift may not use the microphone".into());
        }
        _ => {}
    }
    parts.join("; ")
}

fn described(d: &AudioDevice) -> String {
    let mut parts = vec![match (&d.model, &d.vendor, &d.product) {
        (Some(model), ..) => model.to_string(),
        (None, Some(vendor), Some(product)) => format!("{vendor}:{product}"),
        _ => match d.form_factor {
            FormFactor::Headset => "headset",
            FormFactor::Headphone => "headphones",
            FormFactor::Speaker => "speaker",
            FormFactor::HandsFree => "hands-free",
            FormFactor::Microphone => "microphone",
            FormFactor::Webcam => "webcam",
            FormFactor::Internal => "built in",
            FormFactor::Unknown => "unnamed",
        }
        .into(),
    }];
    parts.extend(
        match d.connection {
            Connection::Usb => Some("USB"),
            Connection::Bluetooth => Some("Bluetooth"),
            Connection::Jack => Some("jack"),
            Connection::Hdmi => Some("HDMI"),
            Connection::Virtual => Some("virtual"),
            Connection::Network => Some("network"),
            Connection::Internal | Connection::Unknown => None,
        }
        .map(str::to_owned),
    );
    parts.extend(d.rate.map(|r| q(r.get(), Unit::Hz)));
    match (d.muted, d.volume) {
        (Some(true), _) => parts.push("muted".into()),
        (_, Some(volume)) => parts.push(format!("volume {}", q(volume.get(), Unit::Percent))),
        _ => {}
    }
    parts.join(", ")
}

fn noise(v: &Noise) -> String {
    let level = |l: telemetry::Dbfs| q(l.get(), Unit::Dbfs);
    let mut parts = vec![format!("level {}, background {}", level(v.laeq), level(v.l95))];
    for (share, name) in [(v.zeros, "silent samples"), (v.clipped, "overdriven samples")] {
        if share.get() > 0.0 {
            parts.push(format!("{name} {}", q(share.get(), Unit::Percent)));
        }
    }
    if v.dropouts > 0 {
        parts.push(format!("{} gaps", v.dropouts));
    }
    parts.push(format!("measured for {}, nothing recorded", q(v.duration.get() / 1000.0, Unit::S)));
    parts.join(", ")
}

fn load(v: &Load) -> String {
    let percent = |p: telemetry::Percent| q(p.get().round(), Unit::Percent);
    let mut parts = vec![
        format!("processor {}", percent(v.cpu)),
        format!("memory {} of {}", percent(v.memory), q(v.memory_total.get(), Unit::Mb)),
        format!("disk {} free", q(v.disk_free.get(), Unit::Mb)),
    ];
    match (v.power, v.battery) {
        (PowerSource::Battery, Some(charge)) => parts.push(format!("on battery, {}", percent(charge))),
        (PowerSource::Battery, None) => parts.push("on battery".into()),
        (PowerSource::Mains, _) => parts.push("on mains".into()),
        (PowerSource::Unknown, _) => {}
    }
    parts.push(format!("up {}", super::time::span(v.uptime.get() as i64).replace(' ', TIE)));
    if let Some(offset) = v.clock_offset.filter(|o| o.get().abs() >= 1000.0) {
        parts.push(format!("clock off by {}", q(offset.get() / 1000.0, Unit::S)));
    }
    parts.join(", ")
}

fn environment(facts: &List<Fact, 48>) -> String {
    let get = |key| facts.iter().find(|f| f.key == key).map(|f| &f.value);
    let mut parts = Vec::new();
    if let Some(FactValue::Word(name)) = get(FactKey::OsName) {
        let version = get(FactKey::OsVersion).map(fact_value).unwrap_or_default();
        parts.push(format!("{} {version}", word(*name)).trim_end().to_owned());
    }
    for (key, name) in [
        (FactKey::ChromeVersion, "Chrome"),
        (FactKey::ChromiumVersion, "Chromium"),
        (FactKey::EdgeVersion, "Edge"),
        (FactKey::FirefoxVersion, "Firefox"),
        (FactKey::BraveVersion, "Brave"),
    ] {
        if let Some(FactValue::Version(v)) = get(key) {
            parts.push(format!("{name} {v}"));
        }
    }
    match get(FactKey::AudioServer) {
        Some(FactValue::Word(Word::None | Word::Unknown)) | None => {}
        Some(server) => parts.push(fact_value(server)),
    }
    if get(FactKey::PendingRestart) == Some(&FactValue::Flag(true)) {
        parts.push("an update waits for a restart".into());
    }
    if get(FactKey::Vpn) == Some(&FactValue::Flag(true)) {
        parts.push("VPN".into());
    }
    parts.push(format!("{} facts", facts.len()));
    parts.join(", ")
}

fn responsiveness(v: &Responsiveness) -> String {
    let mut parts = vec![format!("idle {}", ms(v.idle_rtt))];
    for (way, name) in [(&v.download, "download"), (&v.upload, "upload")] {
        parts.extend(way.as_ref().map(|way| format!("{name} {}", under_load(way))));
    }
    parts.push(format!("moved {}", q(f64::from(v.received + v.sent) / 1e6, Unit::Mb)));
    parts.extend(v.failure.map(|why| format!("broken off: {}", words::failure(why))));
    parts.join("; ")
}

fn under_load(v: &UnderLoad) -> String {
    let mut parts = vec![q(v.throughput.get() / 1e3, Unit::MbitS)];
    parts.extend(v.added_delay.map(|d| format!("delay {}{}", if d.get() < 0.0 { "" } else { "+" }, ms(d))));
    parts.extend(v.rpm.map(|rpm| format!("{rpm}{TIE}round trips a minute")));
    if v.confidence == Confidence::Low {
        parts.push("too short to be sure".into());
    }
    parts.join(", ")
}

/// A fact's value in words.
pub fn fact_value(value: &FactValue) -> String {
    match value {
        FactValue::Version(v) => v.to_string(),
        FactValue::Word(w) => word(*w),
        FactValue::Flag(true) => "yes".into(),
        FactValue::Flag(false) => "no".into(),
        FactValue::Number(n) => n.to_string(),
        FactValue::Minutes(m) => format!("{m:+} min"),
        FactValue::Usb(id) => id.to_string(),
        // A keyed hash says only "the same" or "another".
        FactValue::Hash(hash) => hash.as_str()[..8].to_owned(),
    }
}

/// A fact's word as people write it.
fn word(word: Word) -> String {
    match word {
        Word::Macos => "macOS".into(),
        Word::Rhel => "Red Hat".into(),
        Word::Opensuse => "openSUSE".into(),
        Word::Pulseaudio => "PulseAudio".into(),
        Word::Pipewire => "PipeWire".into(),
        Word::Alsa => "ALSA".into(),
        Word::Wasapi => "WASAPI".into(),
        Word::Coreaudio => "Core Audio".into(),
        Word::Wifi => "Wi-Fi".into(),
        Word::Usb => "USB".into(),
        Word::Hdmi => "HDMI".into(),
        Word::Esr => "ESR".into(),
        Word::Windows
        | Word::Debian
        | Word::Ubuntu
        | Word::Fedora
        | Word::Arch
        | Word::Mint
        | Word::Linux
        | Word::Bluetooth => format!("{word:?}"),
        other => serde_json::to_value(other)
            .ok()
            .and_then(|v| Some(v.as_str()?.replace('_', " ")))
            .unwrap_or_default(),
    }
}

/// A fact's key in words: "chrome version".
pub fn fact_key(key: FactKey) -> String {
    serde_json::to_value(key).ok().and_then(|v| Some(v.as_str()?.replace('_', " "))).unwrap_or_default()
}

fn q(value: f64, unit: Unit) -> String {
    words::quantity(Quantity::new(value, unit)).replace(' ', TIE)
}

fn ms(time: Millis) -> String {
    q(time.get(), Unit::Ms)
}

#[cfg(test)]
#[path = "figures_tests.rs"]
mod tests;
