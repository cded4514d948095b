//! What is wrong with a desk, and how bad it is.
//!
//! Only codes and numbers travel. The words for people are in the catalogue of `readiness`,
//! looked up by code on whichever side shows them.

use crate::{Id, List, UnixMs};
use serde::{Deserialize, Serialize};

/// The answer to "can this desk take calls?".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything required was measured and is good.
    Ready,
    /// Calls are possible, but something may go wrong.
    AtRisk,
    /// Calls would fail or be poor.
    NotReady,
    /// Something that is required could not be measured.
    Unknown,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing; changes no verdict.
    Note,
    /// Doubtful: makes a desk `at_risk`.
    Warning,
    /// Makes a desk `not_ready`.
    Blocking,
}

/// Where the fault lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FaultDomain {
    /// The computer itself.
    Computer,
    /// Headset, microphone, speaker.
    Audio,
    /// The room around the agent.
    Room,
    /// Wi-Fi, cabling, router at home.
    HomeNetwork,
    /// The internet provider.
    InternetProvider,
    /// VPN, proxy, corporate DNS.
    CompanyNetwork,
    /// The contact-centre platform or the collector.
    Service,
    /// It cannot be told with what was measured.
    Undetermined,
}

/// What a finding says. The catalogue of `readiness` has a row for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FindingCode {
    // link
    /// No default route: the computer is not connected.
    NoNetwork,
    /// The router does not answer.
    GatewayUnreachable,
    /// The Wi-Fi signal is weak.
    WifiSignalWeak,
    /// The Wi-Fi link's rate is low.
    WifiRateLow,
    // dns
    /// No resolver answers.
    DnsDown,
    /// Some resolvers do not answer.
    DnsPartlyDown,
    /// Names are resolved slowly.
    DnsSlow,
    // https
    /// A service that is needed cannot be reached.
    ServiceUnreachable,
    /// A service answers slowly.
    ServiceSlow,
    /// A sign-in page of the network stands in the way.
    CaptivePortal,
    /// Encrypted traffic is opened on the way.
    TlsIntercepted,
    // media
    /// The voice stream gets no answer at all.
    MediaUnreachable,
    /// The round trip takes long.
    RttHigh,
    /// Packets arrive unevenly.
    JitterHigh,
    /// Packets are lost.
    LossHigh,
    /// The estimated call quality is low.
    MosLow,
    /// The computer itself delays packets.
    WorkstationStall,
    /// The priority mark of voice packets is removed on the way.
    DscpBleached,
    // audio_devices
    /// No microphone.
    NoMicrophone,
    /// No speaker or headphones.
    NoSpeaker,
    /// The microphone is muted in the system.
    MicrophoneMuted,
    /// The speaker is muted in the system.
    SpeakerMuted,
    /// The microphone's volume is very low.
    MicrophoneVolumeLow,
    /// The headset runs in telephone quality.
    NarrowBandHeadset,
    /// The system keeps the microphone from all programs.
    MicrophoneDenied,
    /// The system keeps the microphone from Preshift only.
    MicrophoneDeniedToPreshift,
    // noise
    /// The microphone delivers nothing but zeros.
    MicrophoneDead,
    /// The microphone delivers no data at all.
    MicrophoneNoData,
    /// The microphone is overdriven.
    MicrophoneClipping,
    /// The microphone's sound has gaps.
    MicrophoneDropouts,
    /// The microphone went away while it was measured.
    MicrophoneLost,
    // load
    /// The processor is busy.
    CpuBusy,
    /// Memory is nearly full.
    MemoryFull,
    /// The disk is nearly full.
    DiskFull,
    /// The computer runs on its battery and it is low.
    BatteryLow,
    /// The computer has not been restarted for long.
    UptimeLong,
    /// The clock is wrong.
    ClockWrong,
    // environment
    /// An update waits for a restart.
    RestartPending,
    /// A browser is older than the policy allows.
    BrowserOutdated,
    // responsiveness
    /// Delay rises when somebody uploads.
    LineChokesUpload,
    /// Delay rises when somebody downloads.
    LineChokesDownload,
    /// The line carries too little for a call.
    LineSlow,
    // the daemon itself
    /// A required reading is missing.
    RequiredReadingMissing,
    /// An optional reading is missing.
    OptionalReadingMissing,
    // the way that calls take: stun, turn, signalling, mtu
    /// UDP does not get out, while the web works.
    UdpBlocked,
    /// A relay for voice cannot be reached by any way.
    TurnUnreachable,
    /// A relay cannot be reached over UDP, but by another way.
    TurnUdpBlocked,
    /// A softphone's WebSocket cannot be opened.
    SignallingBlocked,
    /// The desk's address as others see it changes from moment to moment.
    NatUnstable,
    /// Only packets smaller than usual pass.
    MtuSmall,
    /// Large packets vanish without a word.
    MtuBlackHole,
    // path
    /// This computer's own uploads fill the line.
    UplinkFull,
    /// This computer's own downloads fill the line.
    DownlinkFull,
}

/// What a quantity is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Milliseconds.
    Ms,
    /// Percent.
    Percent,
    /// MOS, 1 to 4.5.
    Mos,
    /// dBm.
    Dbm,
    /// dBFS.
    Dbfs,
    /// dB.
    Db,
    /// Hertz.
    Hz,
    /// Megabits a second.
    MbitS,
    /// Megabytes.
    Mb,
    /// Seconds.
    S,
    /// Days.
    Days,
    /// A number of things.
    Count,
    /// Bytes.
    Bytes,
}

/// A number with its unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Quantity {
    /// The number, to three decimals.
    #[cfg_attr(feature = "schema", schemars(range(min = -1e12, max = 1e12)))]
    #[serde(deserialize_with = "finite", serialize_with = "crate::bounded::compact")]
    value: f64,
    /// Its unit.
    unit: Unit,
}

fn finite<'de, D: serde::Deserializer<'de>>(d: D) -> Result<f64, D::Error> {
    let value = f64::deserialize(d)?;
    if value.abs() <= 1e12 { Ok(value) } else { Err(serde::de::Error::custom("a quantity beyond 10^12")) }
}

impl Quantity {
    /// Makes one, rounded to three decimals and clamped to ±10^12.
    pub fn new(value: f64, unit: Unit) -> Self {
        let value = if value.is_nan() { 0.0 } else { value.clamp(-1e12, 1e12) };
        Self { value: (value * 1e3).round() / 1e3, unit }
    }

    /// The number.
    pub fn value(&self) -> f64 {
        self.value
    }

    /// Its unit.
    pub fn unit(&self) -> Unit {
        self.unit
    }
}

/// One thing wrong or doubtful.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// What it is.
    pub code: FindingCode,
    /// How bad it is.
    pub severity: Severity,
    /// Whose fault it is: one domain, several that cannot be told apart, or `undetermined`.
    pub domains: List<FaultDomain, 4>,
    /// Which target it is about, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Id>,
    /// What was observed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<Quantity>,
    /// The limit it was held to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Quantity>,
    /// Which probe's reading it comes from.
    pub probe: crate::ProbeId,
    /// Since when it stands, if a daemon has watched it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<UnixMs>,
}
