//! Words for people: names of verdicts, severities, fault domains, probes and reasons, and how a
//! quantity is written. Both the command line and the board take them from here.
//!
//! The words of findings are in `catalogue`.

use telemetry::{
    Codec, Failure, FaultDomain, NotChecked, Outcome, ProbeId, Quantity, Severity, Unit, Unsupported, Verdict,
};

/// A verdict in two words.
pub fn verdict(v: Verdict) -> &'static str {
    match v {
        Verdict::Ready => "Ready",
        Verdict::AtRisk => "At risk",
        Verdict::NotReady => "Not ready",
        Verdict::Unknown => "Unknown",
    }
}

/// A verdict in a sentence.
pub fn verdict_sentence(v: Verdict) -> &'static str {
    match v {
        Verdict::Ready => "This desk is ready for calls.",
        Verdict::AtRisk => "Calls are possible, but something may go wrong.",
        Verdict::NotReady => "Calls would fail or be poor. Please see below what to do.",
        Verdict::Unknown => "Something that is needed could not be checked, so nobody can say yet.",
    }
}

/// A severity in one word.
pub fn severity(s: Severity) -> &'static str {
    match s {
        Severity::Note => "Note",
        Severity::Warning => "Warning",
        Severity::Blocking => "Blocking",
    }
}

/// A fault domain as the agent would say it.
pub fn domain(d: FaultDomain) -> &'static str {
    match d {
        FaultDomain::Computer => "the computer",
        FaultDomain::Audio => "the headset or sound device",
        FaultDomain::Room => "the room",
        FaultDomain::HomeNetwork => "the home network",
        FaultDomain::InternetProvider => "the internet provider",
        FaultDomain::CompanyNetwork => "the company network (VPN or proxy)",
        FaultDomain::Service => "the service itself",
        FaultDomain::Undetermined => "cannot be told yet",
    }
}

/// Several fault domains: "the home network or the internet provider".
pub fn domains(all: &[FaultDomain]) -> String {
    let words: Vec<&str> = all.iter().map(|d| domain(*d)).collect();
    match words.as_slice() {
        [] => domain(FaultDomain::Undetermined).to_owned(),
        [one] => (*one).to_owned(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}

/// What a probe looks at.
pub fn probe(p: ProbeId) -> &'static str {
    match p {
        ProbeId::Link => "network connection",
        ProbeId::Dns => "name resolution",
        ProbeId::Https => "services",
        ProbeId::Media => "voice quality",
        ProbeId::AudioDevices => "headset and sound devices",
        ProbeId::Noise => "microphone",
        ProbeId::Load => "computer",
        ProbeId::Environment => "software versions",
        ProbeId::Stun => "voice ports",
        ProbeId::Turn => "voice relays",
        ProbeId::Signalling => "call signalling",
        ProbeId::Mtu => "packet size",
        ProbeId::Path => "way of voice",
        ProbeId::Responsiveness => "line under load",
    }
}

/// What quality is estimated for: said beside each estimate.
pub fn estimated_for(codec: Codec) -> &'static str {
    match codec {
        Codec::G711Plc => "for G.711",
        Codec::G729a => "for G.729",
        Codec::OpusEstimate => "for Opus, our own estimate",
    }
}

/// Why something was not checked.
pub fn not_checked(n: NotChecked) -> &'static str {
    match n {
        NotChecked::NotAsked => "not asked for",
        NotChecked::Offline => "the check was run offline",
        NotChecked::NoTarget => "there is no server to measure against",
        NotChecked::TargetForbidden => "the server to measure against is inside a private network",
        NotChecked::NotAllowed => "your company's policy does not allow it",
        NotChecked::NoConsent => "you have not agreed to it",
        NotChecked::OutsideShift => "it is only measured around a shift",
        NotChecked::MicrophoneInUse => "another program is using the microphone",
        NotChecked::WouldSwitchHeadset => "it would interrupt what the headset is playing",
        NotChecked::Paused => "measuring is paused",
        NotChecked::NothingToMeasure => "what it needs is missing",
        NotChecked::Metered => "the connection is paid for by the megabyte",
        NotChecked::ServerBusy => "the server is measuring with others just now",
        NotChecked::BehindProxy => "it would go through a proxy, and the proxy would be measured",
        NotChecked::CallPossible => "it cannot be told whether a call is on",
    }
}

/// Why something cannot be measured here.
pub fn unsupported(u: Unsupported) -> &'static str {
    match u {
        Unsupported::ThisSystem => "this operating system does not offer it",
        Unsupported::NoSoundSystem => "no sound system is running",
        Unsupported::NoPermission => {
            "permission for it is missing; look in the privacy settings of the system"
        }
        Unsupported::ThisBuild => "this build of Preshift cannot do it",
    }
}

/// Why a measurement failed.
pub fn failure(f: Failure) -> &'static str {
    match f {
        Failure::Timeout => "it took too long",
        Failure::Panic => "Preshift made a mistake",
        Failure::NoRoute => "there is no way into the network",
        Failure::Refused => "the other side refused",
        Failure::NameNotFound => "the name could not be found",
        Failure::NoAnswer => "nothing answered",
        Failure::BadAnswer => "the answer made no sense",
        Failure::BadCertificate => "the certificate is not valid",
        Failure::SoundServer => "the sound system hung or went away",
        Failure::DeviceLost => "the device went away",
        Failure::NoData => "the device sent nothing",
        Failure::System => "the operating system refused",
        Failure::ChildEnded => "the measuring process ended early",
    }
}

/// Why there is no measurement: "not checked: …"; `None` if there is one.
pub fn missing(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Measured(_) => None,
        Outcome::NotChecked(why) => Some(format!("not checked: {}", not_checked(*why))),
        Outcome::Unsupported(why) => Some(format!("not possible here: {}", unsupported(*why))),
        Outcome::Failed(why) => Some(format!("failed: {}", failure(*why))),
    }
}

/// A quantity with its unit, to as many digits as a person can use: `182 ms`, `1.2 %`, `3.87`.
pub fn quantity(q: Quantity) -> String {
    let v = q.value();
    match q.unit() {
        Unit::Ms if v.abs() >= 10_000.0 => format!("{} s", digits(v / 1000.0)),
        Unit::Ms => format!("{} ms", digits(v)),
        Unit::Percent => format!("{} %", digits(v)),
        // A limit of 4 and a value of 3.996 must not look the same.
        Unit::Mos => format!("{v:.2}"),
        Unit::Dbm => format!("{} dBm", digits(v)),
        Unit::Dbfs => format!("{} dBFS", digits(v)),
        Unit::Db => format!("{} dB", digits(v)),
        Unit::Hz if v.abs() >= 1000.0 => format!("{} kHz", digits(v / 1000.0)),
        Unit::Hz => format!("{} Hz", digits(v)),
        Unit::MbitS => format!("{} Mbit/s", digits(v)),
        Unit::Mb if v.abs() >= 1000.0 => format!("{} GB", digits(v / 1000.0)),
        Unit::Mb => format!("{} MB", digits(v)),
        Unit::S => format!("{} s", digits(v)),
        Unit::Days if v == 1.0 => "1 day".to_owned(),
        Unit::Days => format!("{} days", digits(v)),
        Unit::Count => format!("{v:.0}"),
        Unit::Bytes => format!("{v:.0} bytes"),
    }
}

/// Whole from 100 on, else one decimal, below 10 two; without a trailing ".0".
fn digits(v: f64) -> String {
    let decimals = if v.abs() >= 100.0 {
        0
    } else if v.abs() >= 10.0 {
        1
    } else {
        2
    };
    let s = format!("{v:.decimals$}");
    let s = if s.contains('.') { s.trim_end_matches('0').trim_end_matches('.') } else { &s };
    if s == "-0" { "0".to_owned() } else { s.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_read_as_people_write_them() {
        let said = |v, u| quantity(Quantity::new(v, u));
        assert_eq!(said(182.4, Unit::Ms), "182 ms");
        assert_eq!(said(0.23, Unit::Ms), "0.23 ms");
        assert_eq!(said(300_000.0, Unit::Ms), "300 s");
        assert_eq!(said(1.2, Unit::Percent), "1.2 %");
        assert_eq!(said(100.0, Unit::Percent), "100 %");
        assert_eq!(said(3.996, Unit::Mos), "4.00");
        assert_eq!(said(-67.0, Unit::Dbm), "-67 dBm");
        assert_eq!(said(16_000.0, Unit::Hz), "16 kHz");
        assert_eq!(said(44_100.0, Unit::Hz), "44.1 kHz");
        assert_eq!(said(512.0, Unit::Mb), "512 MB");
        assert_eq!(said(2_500.0, Unit::Mb), "2.5 GB");
        assert_eq!(said(1.0, Unit::Days), "1 day");
        assert_eq!(said(-0.001, Unit::Ms), "0 ms");
        assert_eq!(said(-12.34, Unit::Db), "-12.3 dB");
    }

    #[test]
    fn several_domains_are_joined() {
        use FaultDomain::{HomeNetwork, InternetProvider, Service};
        assert_eq!(domains(&[]), "cannot be told yet");
        assert_eq!(
            domains(&[HomeNetwork, InternetProvider, Service]),
            "the home network, the internet provider or the service itself"
        );
    }
}
