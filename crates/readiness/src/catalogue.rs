//! One declaration for each finding: how severe, whose fault, how it is damped, what makes it
//! moot, and the words for it. The rules in `rules` say when it is raised.
//!
//! A new finding is one declaration here and one line in the table at the end.

mod audio;
mod calls;
mod computer;
mod line;
mod meta;
mod network;
mod voice;

use crate::limits::Band;
use crate::words;
use telemetry::{FaultDomain, Finding, FindingCode, ProbeId, Severity};

/// What a band of this finding means for the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grades {
    /// In the doubtful band.
    pub doubtful: Severity,
    /// In the bad band; also of findings that have no bands.
    pub bad: Severity,
}

impl Grades {
    /// Doubtful puts the desk at risk, bad makes it not ready: for what a caller hears at once.
    pub const HEARD: Self = Self { doubtful: Severity::Warning, bad: Severity::Blocking };
    /// Doubtful is noted, bad puts the desk at risk: for causes, whose effect is measured elsewhere.
    pub const CAUSE: Self = Self { doubtful: Severity::Note, bad: Severity::Warning };

    /// One severity whatever the band.
    pub const fn always(severity: Severity) -> Self {
        Self { doubtful: severity, bad: severity }
    }

    /// The severity of a band. `Good` is never a finding; it reads as doubtful.
    pub fn of(self, band: Band) -> Severity {
        if band == Band::Bad { self.bad } else { self.doubtful }
    }
}

/// How many samples of how many raise a finding in the daemon, and how many good ones in a row
/// clear it. A self-check is not damped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Damping {
    /// So many bad samples …
    pub raise: u8,
    /// … of the last so many; at most 8.
    pub of: u8,
    /// So many good samples in a row.
    pub clear: u8,
}

impl Damping {
    /// For what is either so or not: no doubt, no delay.
    pub const AT_ONCE: Self = Self { raise: 1, of: 1, clear: 1 };
    /// For what a single lost packet may fake.
    pub const TWICE: Self = Self { raise: 2, of: 3, clear: 2 };
    /// For figures that come and go: Twilio's 3 of 5, cleared only by five good ones.
    pub const FIGURE: Self = Self { raise: 3, of: 5, clear: 5 };
}

/// The declaration of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// What is wrong, in a few words.
    pub title: &'static str,
    /// Why it matters for calls.
    pub why: &'static str,
    /// What to do now.
    pub advice: &'static str,
    /// Whose fault it is when the evidence says no more.
    pub domains: &'static [FaultDomain],
    /// How severe.
    pub grades: Grades,
    /// How it is damped.
    pub damping: Damping,
    /// Findings that explain this one: where one of them stands and is at least as severe, this one is dropped.
    pub moot_by: &'static [FindingCode],
}

/// The words for one finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// What is wrong: "The round trip takes long: 182 ms (limit 150 ms)".
    pub what: String,
    /// Why it matters for calls.
    pub why: &'static str,
    /// What to do now.
    pub advice: &'static str,
    /// Where the fault lies: "the home network or the internet provider".
    pub whose: String,
}

/// Puts a finding into words.
pub fn explain(finding: &Finding) -> Words {
    let e = entry(finding.code);
    let mut what = match finding.code {
        FindingCode::RequiredReadingMissing | FindingCode::OptionalReadingMissing => {
            format!("{}: {}", e.title, words::probe(finding.probe))
        }
        FindingCode::BrowserOutdated => match &finding.target {
            Some(browser) => format!("{}: {browser}", e.title),
            None => e.title.to_owned(),
        },
        _ => e.title.to_owned(),
    };
    if let Some(observed) = finding.observed {
        let separator = if finding.code == FindingCode::BrowserOutdated { ' ' } else { ':' };
        what = match separator {
            ':' => format!("{what}: {}", words::quantity(observed)),
            _ => format!("{what} {}", words::quantity(observed)),
        };
        if let Some(limit) = finding.limit {
            what = format!("{what} (limit {})", words::quantity(limit));
        }
    }
    Words { what, why: e.why, advice: e.advice, whose: words::domains(&finding.domains) }
}

/// What makes this finding moot. A reading that is missing is moot by whatever makes measuring it pointless.
pub fn moot_by(finding: &Finding) -> &'static [FindingCode] {
    use FindingCode::{
        CaptivePortal, DnsDown, GatewayUnreachable, MediaUnreachable, MicrophoneDenied,
        MicrophoneDeniedToPreshift, MicrophoneMuted, NoMicrophone, NoNetwork, OptionalReadingMissing,
        RequiredReadingMissing, ServiceUnreachable, UdpBlocked,
    };
    match (finding.code, finding.probe) {
        (
            RequiredReadingMissing | OptionalReadingMissing,
            ProbeId::Dns
            | ProbeId::Https
            | ProbeId::Media
            | ProbeId::Stun
            | ProbeId::Turn
            | ProbeId::Signalling,
        ) => &[NoNetwork, GatewayUnreachable, CaptivePortal, DnsDown],
        (RequiredReadingMissing | OptionalReadingMissing, ProbeId::Mtu) => {
            &[NoNetwork, GatewayUnreachable, CaptivePortal, DnsDown, MediaUnreachable, UdpBlocked]
        }
        // It goes to a service that is judged by itself.
        (OptionalReadingMissing, ProbeId::Responsiveness) => {
            &[NoNetwork, GatewayUnreachable, CaptivePortal, DnsDown, ServiceUnreachable]
        }
        (RequiredReadingMissing | OptionalReadingMissing, ProbeId::Noise) => {
            &[NoMicrophone, MicrophoneMuted, MicrophoneDenied, MicrophoneDeniedToPreshift]
        }
        (code, _) => entry(code).moot_by,
    }
}

macro_rules! catalogue {
    ($($code:ident => $entry:path,)*) => {
        /// Every code, in the order of the wire types.
        pub const ALL: &[FindingCode] = &[$(FindingCode::$code,)*];

        /// The declaration of a finding. A code without one does not compile.
        pub fn entry(code: FindingCode) -> &'static Entry {
            match code {
                $(FindingCode::$code => &$entry,)*
            }
        }
    };
}

catalogue! {
    NoNetwork => network::NO_NETWORK,
    GatewayUnreachable => network::GATEWAY_UNREACHABLE,
    WifiSignalWeak => network::WIFI_SIGNAL_WEAK,
    WifiRateLow => network::WIFI_RATE_LOW,
    DnsDown => network::DNS_DOWN,
    DnsPartlyDown => network::DNS_PARTLY_DOWN,
    DnsSlow => network::DNS_SLOW,
    ServiceUnreachable => network::SERVICE_UNREACHABLE,
    ServiceSlow => network::SERVICE_SLOW,
    CaptivePortal => network::CAPTIVE_PORTAL,
    TlsIntercepted => network::TLS_INTERCEPTED,
    MediaUnreachable => voice::MEDIA_UNREACHABLE,
    RttHigh => voice::RTT_HIGH,
    JitterHigh => voice::JITTER_HIGH,
    LossHigh => voice::LOSS_HIGH,
    MosLow => voice::MOS_LOW,
    WorkstationStall => voice::WORKSTATION_STALL,
    DscpBleached => voice::DSCP_BLEACHED,
    NoMicrophone => audio::NO_MICROPHONE,
    NoSpeaker => audio::NO_SPEAKER,
    MicrophoneMuted => audio::MICROPHONE_MUTED,
    SpeakerMuted => audio::SPEAKER_MUTED,
    MicrophoneVolumeLow => audio::MICROPHONE_VOLUME_LOW,
    NarrowBandHeadset => audio::NARROW_BAND_HEADSET,
    MicrophoneDenied => audio::MICROPHONE_DENIED,
    MicrophoneDeniedToPreshift => audio::MICROPHONE_DENIED_TO_PRESHIFT,
    MicrophoneDead => audio::MICROPHONE_DEAD,
    MicrophoneNoData => audio::MICROPHONE_NO_DATA,
    MicrophoneClipping => audio::MICROPHONE_CLIPPING,
    MicrophoneDropouts => audio::MICROPHONE_DROPOUTS,
    MicrophoneLost => audio::MICROPHONE_LOST,
    CpuBusy => computer::CPU_BUSY,
    MemoryFull => computer::MEMORY_FULL,
    DiskFull => computer::DISK_FULL,
    BatteryLow => computer::BATTERY_LOW,
    UptimeLong => computer::UPTIME_LONG,
    ClockWrong => computer::CLOCK_WRONG,
    RestartPending => computer::RESTART_PENDING,
    BrowserOutdated => computer::BROWSER_OUTDATED,
    LineChokesUpload => line::CHOKES_UPLOAD,
    LineChokesDownload => line::CHOKES_DOWNLOAD,
    LineSlow => line::SLOW,
    RequiredReadingMissing => meta::REQUIRED_READING_MISSING,
    OptionalReadingMissing => meta::OPTIONAL_READING_MISSING,
    UdpBlocked => calls::UDP_BLOCKED,
    TurnUnreachable => calls::TURN_UNREACHABLE,
    TurnUdpBlocked => calls::TURN_UDP_BLOCKED,
    SignallingBlocked => calls::SIGNALLING_BLOCKED,
    NatUnstable => calls::NAT_UNSTABLE,
    MtuSmall => calls::MTU_SMALL,
    MtuBlackHole => calls::MTU_BLACK_HOLE,
    UplinkFull => voice::UPLINK_FULL,
    DownlinkFull => voice::DOWNLINK_FULL,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_finding_has_words_of_its_own_and_a_domain() {
        let mut titles = BTreeSet::new();
        for &code in ALL {
            let e = entry(code);
            assert!(titles.insert(e.title), "{code:?}: the title '{}' is another's", e.title);
            assert!(!e.domains.is_empty() && e.domains.len() <= 4, "{code:?}");
            for text in [e.why, e.advice] {
                assert!(text.ends_with('.'), "{code:?}: no sentence: {text}");
                assert!((20..=400).contains(&text.len()), "{code:?}: {} bytes: {text}", text.len());
            }
            assert!(!e.title.ends_with('.') && e.title.len() <= 70, "{code:?}: {}", e.title);
        }
    }

    /// The agent has no collector, gateway or jitter; they have a router, a headset and a helpdesk.
    #[test]
    fn advice_is_free_of_our_own_jargon() {
        for &code in ALL {
            let e = entry(code);
            for word in ["DHCP", "STAMP", "RTT", "IPDV", "collector", "packet loss", "stdout", "reflector"] {
                assert!(!e.advice.contains(word), "{code:?}: '{word}' in: {}", e.advice);
            }
        }
    }

    #[test]
    fn damping_can_be_met_and_is_remembered_in_a_byte() {
        for &code in ALL {
            let d = entry(code).damping;
            assert!(1 <= d.raise && d.raise <= d.of && d.of <= 8 && (1..=8).contains(&d.clear), "{code:?}");
        }
    }

    #[test]
    fn nothing_makes_itself_moot_in_a_circle() {
        fn reach(code: FindingCode, seen: &mut BTreeSet<FindingCode>) {
            for &by in entry(code).moot_by {
                if seen.insert(by) {
                    reach(by, seen);
                }
            }
        }
        for &code in ALL {
            let mut seen = BTreeSet::new();
            reach(code, &mut seen);
            assert!(!seen.contains(&code), "{code:?} makes itself moot");
        }
    }

    #[test]
    fn bad_is_never_milder_than_doubtful() {
        for &code in ALL {
            let g = entry(code).grades;
            assert!(g.doubtful <= g.bad, "{code:?}");
        }
    }
}
