//! Readings as desks at home make them, from a few numbers.
#![allow(dead_code, reason = "each user takes a part of it")]

use telemetry::*;

/// A desk's circumstances.
#[derive(Clone)]
pub struct Home {
    /// Base round trip in ms.
    pub rtt: f64,
    /// Mean IPDV in ms.
    pub jitter: f64,
    /// Loss each way in percent.
    pub loss: f64,
    /// Wi-Fi signal in dBm; without it the desk is on a cable.
    pub wifi: Option<f64>,
    /// Processor in use, in percent.
    pub cpu: f64,
    /// Memory in use, in percent.
    pub memory: f64,
    /// Whether the microphone is muted.
    pub muted: bool,
    /// Whether the microphone sends only zeros.
    pub dead: bool,
    /// Whether there is no microphone at all.
    pub no_microphone: bool,
    /// Whether the machine runs on its battery, and its charge.
    pub battery: Option<f64>,
}

impl Default for Home {
    fn default() -> Self {
        Self {
            rtt: 28.0,
            jitter: 2.4,
            loss: 0.0,
            wifi: Some(-54.0),
            cpu: 23.0,
            memory: 58.0,
            muted: false,
            dead: false,
            no_microphone: false,
            battery: None,
        }
    }
}

/// Numbers that look as if they were measured: the same for the same seed.
pub struct Noise01(u64);

impl Noise01 {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Between 0 and 1.
    pub fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Around a value, by a share of it.
    pub fn around(&mut self, value: f64, share: f64) -> f64 {
        value * (1.0 + share * (2.0 * self.next() - 1.0))
    }
}

pub fn reading(probe: ProbeId, target: Option<&Id>, at: UnixMs, took_ms: u32, value: Value) -> Reading {
    Reading { probe, target: target.cloned(), at, took_ms, outcome: Outcome::Measured(value) }
}

pub fn link(home: &Home, n: &mut Noise01) -> Value {
    Value::Link(Link {
        default_route: true,
        kind: Some(if home.wifi.is_some() { LinkKind::Wifi } else { LinkKind::Ethernet }),
        ipv4: true,
        ipv6: false,
        gateway_reachable: Some(true),
        gateway_method: Some(GatewayMethod::IcmpEcho),
        gateway_rtt: Some(Millis::new(n.around(1.9, 0.5))),
        link_rate: home.wifi.is_none().then(|| BitRate::new(1000.0)),
        wifi: home.wifi.map(|signal| WifiLink {
            signal_dbm: Some(Db::new((signal + 4.0 * n.next()).round())),
            quality: None,
            tx_rate: Some(BitRate::new(if signal < -70.0 { 39.0 } else { 433.0 })),
            rx_rate: None,
            band: Some(if signal < -70.0 { WifiBand::Ghz2 } else { WifiBand::Ghz5 }),
        }),
        mtu: Some(1500),
    })
}

pub fn dns(n: &mut Noise01) -> Value {
    let query =
        |record, answer, time| DnsQuery { resolver: 0, class: ResolverClass::Gateway, record, answer, time };
    Value::Dns(Dns {
        queries: vec![
            query(RecordType::A, DnsAnswer::Answered, Some(Millis::new(n.around(14.0, 0.6)))),
            query(RecordType::Aaaa, DnsAnswer::NoData, Some(Millis::new(n.around(16.0, 0.6)))),
        ]
        .into(),
    })
}

pub fn https(home: &Home, n: &mut Noise01) -> Value {
    Value::Https(Https {
        dns: Some(Millis::new(n.around(14.0, 0.6))),
        tcp: Some(Millis::new(n.around(home.rtt, 0.1))),
        tls: Some(Millis::new(n.around(home.rtt * 2.1, 0.1))),
        first_byte: Some(Millis::new(n.around(home.rtt * 1.3, 0.2))),
        status: Some(200),
        proxy: false,
        interference: Interference::None,
        failure: None,
    })
}

pub fn media(home: &Home, n: &mut Noise01) -> Value {
    let sent = 250;
    let lost = (f64::from(sent) * home.loss / 100.0 * 2.0 * n.next()).round() as u32;
    let rtt = n.around(home.rtt, 0.08);
    let jitter = n.around(home.jitter, 0.3);
    let loss = f64::from(lost) * 100.0 / f64::from(sent);
    // Close to what the E-model gives: good enough to look at.
    let mos = (4.41 - 0.0012 * rtt - 0.05 * loss - 0.006 * jitter.powf(1.2)).clamp(1.0, 4.5);
    Value::Media(Media {
        sent,
        reflected: sent - lost / 2,
        received: sent - lost,
        rtt_min: Some(Millis::new(rtt * 0.92)),
        rtt_mean: Some(Millis::new(rtt)),
        rtt_p95: Some(Millis::new(rtt + 2.0 * jitter)),
        ipdv_mean: Some(Millis::new(jitter)),
        pdv: Some(Millis::new(2.2 * jitter)),
        jitter: Some(Millis::new(jitter * 0.8)),
        loss_forward: Percent::new(f64::from(lost / 2) * 100.0 / f64::from(sent)),
        loss_reverse: Percent::new(f64::from(lost - lost / 2) * 100.0 / f64::from(sent - lost / 2)),
        loss_interval: LossInterval { low: Percent::new(loss * 0.6), high: Percent::new(loss * 1.5 + 0.8) },
        late: Percent::new(0.0),
        burst_ratio: Ratio::new(1.0),
        reordered: 0,
        duplicates: 0,
        dscp_sent: 46,
        dscp_seen: Some(46),
        mos: Some(Mos::new(mos)),
        codec: Codec::G711Plc,
        jitter_buffer: Millis::new(60.0),
        send_error_p95: Millis::new(n.around(0.12, 0.5)),
        timestamps: TimestampQuality::Kernel,
        stall_p95: Some(Millis::new(n.around(0.2, 0.5))),
        duration: Millis::new(5000.0),
        rate: BitRate::new(0.1),
    })
}

pub fn devices(home: &Home) -> Value {
    let device = |direction, byte: u8, default| AudioDevice {
        id: Hash::from_bytes([byte; 16]),
        direction,
        default,
        vendor: Some(UsbId::from_number(0x0b0e)),
        product: Some(UsbId::from_number(0x2481)),
        model: None,
        connection: Connection::Usb,
        form_factor: FormFactor::Headset,
        rate: Some(Hertz::new(48_000.0)),
        channels: Some(if direction == Direction::Input { 1 } else { 2 }),
        muted: Some(home.muted && direction == Direction::Input),
        volume: Some(Percent::new(74.0)),
    };
    let mut devices = vec![device(Direction::Output, 2, true)];
    if !home.no_microphone {
        devices.push(device(Direction::Input, 1, true));
    }
    Value::AudioDevices(AudioDevices {
        devices: devices.into(),
        microphone_use: MicrophoneUse::Free,
        microphone_permission: None,
    })
}

pub fn noise(home: &Home, n: &mut Noise01) -> Value {
    let floor = if home.dead { -200.0 } else { -62.0 + 6.0 * n.next() };
    Value::Noise(Noise {
        device: Some(Hash::from_bytes([1; 16])),
        duration: Millis::new(3000.0),
        rate: Hertz::new(48_000.0),
        laeq: Dbfs::new(if home.dead { -200.0 } else { floor + 9.0 }),
        l10: Dbfs::new(if home.dead { -200.0 } else { floor + 14.0 }),
        l90: Dbfs::new(if home.dead { -200.0 } else { floor + 2.0 }),
        l95: Dbfs::new(floor),
        zeros: Percent::new(if home.dead { 100.0 } else { 0.02 }),
        clipped: Percent::new(0.0),
        dc: Percent::new(0.01),
        dropouts: 0,
    })
}

pub fn load(home: &Home, n: &mut Noise01) -> Value {
    Value::Load(Load {
        cpu: Percent::new(n.around(home.cpu, 0.4)),
        cpu_window: Millis::new(1000.0),
        memory: Percent::new(n.around(home.memory, 0.05)),
        memory_total: Megabytes::new(16_384.0),
        disk_free: Megabytes::new(n.around(128_400.0, 0.01)),
        disk_total: Megabytes::new(512_000.0),
        power: if home.battery.is_some() { PowerSource::Battery } else { PowerSource::Mains },
        battery: home.battery.map(Percent::new),
        uptime: Seconds::new(212_400.0),
        clock_offset: Some(Millis::new(n.around(140.0, 0.3))),
    })
}

pub fn environment() -> Value {
    let fact = |key, value| Fact { key, value, origin: Origin::Desk };
    let version = |v: &str| FactValue::Version(v.parse().expect("a version"));
    Value::Environment(
        vec![
            fact(FactKey::OsName, FactValue::Word(Word::Windows)),
            fact(FactKey::OsVersion, version("11")),
            fact(FactKey::OsBuild, version("26100.2454")),
            fact(FactKey::PendingRestart, FactValue::Flag(false)),
            fact(FactKey::ChromeVersion, version("143.0.7499.41")),
            fact(FactKey::EdgeVersion, version("142.0.3595.94")),
            fact(FactKey::AudioServer, FactValue::Word(Word::Wasapi)),
            fact(FactKey::LinkKind, FactValue::Word(Word::Wifi)),
            fact(FactKey::Vpn, FactValue::Flag(false)),
            fact(FactKey::UtcOffset, FactValue::Minutes(60)),
            fact(FactKey::PreshiftVersion, version("0.1.0")),
        ]
        .into(),
    )
}

/// What a check measures.
pub fn check(home: &Home, target: &Id, at: UnixMs, n: &mut Noise01) -> Vec<Reading> {
    let mut all = vec![
        reading(ProbeId::Link, None, at, 210, link(home, n)),
        reading(ProbeId::Dns, None, at, 40, dns(n)),
        reading(ProbeId::Https, Some(target), at, 190, https(home, n)),
        reading(ProbeId::Media, Some(target), at, 5_400, media(home, n)),
        reading(ProbeId::AudioDevices, None, at, 60, devices(home)),
        reading(ProbeId::Load, None, at, 1_020, load(home, n)),
        reading(ProbeId::Environment, None, at, 320, environment()),
    ];
    if !home.no_microphone {
        all.push(reading(ProbeId::Noise, None, at, 3_400, noise(home, n)));
    }
    all
}

/// A regular measurement; the media stream is in every fifth.
pub fn routine(home: &Home, target: &Id, at: UnixMs, with_media: bool, n: &mut Noise01) -> Body {
    let mut all = vec![
        reading(ProbeId::Link, None, at, 180, link(home, n)),
        reading(ProbeId::Dns, None, at, 35, dns(n)),
        reading(ProbeId::Https, Some(target), at, 170, https(home, n)),
        reading(ProbeId::Load, None, at, 1_010, load(home, n)),
    ];
    if with_media {
        all.push(reading(ProbeId::Media, Some(target), at, 5_300, media(home, n)));
    }
    Body::Routine(Routine { readings: all.into() })
}
