//! What a routine report costs on the wire: an hour of a shift with readings that vary as real ones do.
//!
//! `cargo test -p preshift --lib wire -- --nocapture` prints the table.

use crate::{
    deliver::batch::{self, Head},
    random::Random,
    report::{Desk, encode, own_version},
    store::{Place, Spooled},
};
use readiness::Policy;
use telemetry::*;

/// The goal for a routine report in a batch of 60.
const MOST: usize = 200;

/// Draws figures like those of a home network on Wi-Fi, to the precision that the wire types keep.
struct Draw(Random);

impl Draw {
    fn around(&self, middle: f64, spread: f64) -> f64 {
        middle + spread * (self.0.unit() + self.0.unit() - 1.0)
    }

    fn ms(&self, middle: f64, spread: f64) -> Millis {
        Millis::new(self.around(middle, spread))
    }
}

fn reading(
    draw: &Draw,
    probe: ProbeId,
    target: Option<&str>,
    at: &mut i64,
    took: f64,
    value: Value,
) -> Reading {
    let took_ms = draw.around(took, took / 5.0) as u32;
    *at += i64::from(took_ms) + 3;
    Reading {
        probe,
        target: target.map(|t| t.parse().unwrap()),
        at: UnixMs::new(*at - i64::from(took_ms)),
        took_ms,
        outcome: Outcome::Measured(value),
    }
}

fn link(draw: &Draw) -> Value {
    Value::Link(Link {
        default_route: true,
        kind: Some(LinkKind::Wifi),
        ipv4: true,
        ipv6: true,
        gateway_reachable: Some(true),
        gateway_method: Some(GatewayMethod::TtlLimitedUdp),
        gateway_rtt: Some(draw.ms(2.4, 1.2)),
        link_rate: None,
        wifi: Some(WifiLink {
            signal_dbm: Some(Db::new(draw.around(-58.0, 4.0).round())),
            quality: None,
            tx_rate: Some(BitRate::new([433.3, 390.0, 866.7][draw.0.below(3) as usize])),
            rx_rate: Some(BitRate::new([433.3, 390.0, 866.7][draw.0.below(3) as usize])),
            band: Some(WifiBand::Ghz5),
        }),
        mtu: Some(1_500),
    })
}

fn dns(draw: &Draw) -> Value {
    let query = |resolver, record| DnsQuery {
        resolver,
        class: ResolverClass::Gateway,
        record,
        answer: DnsAnswer::Answered,
        time: Some(draw.ms(12.0, 8.0)),
    };
    let queries = [query(0, RecordType::A), query(0, RecordType::Aaaa)];
    Value::Dns(Dns { queries: queries.into_iter().collect() })
}

fn https(draw: &Draw) -> Value {
    Value::Https(Https {
        dns: Some(draw.ms(11.0, 6.0)),
        tcp: Some(draw.ms(24.0, 5.0)),
        tls: Some(draw.ms(31.0, 6.0)),
        first_byte: Some(draw.ms(27.0, 5.0)),
        status: Some(204),
        proxy: false,
        interference: Interference::None,
        failure: None,
    })
}

fn devices() -> Value {
    let device = |n: u8, direction, default| AudioDevice {
        id: Hash::from_bytes([n * 37; 16]),
        direction,
        default,
        vendor: Some("0b0e".parse().unwrap()),
        product: Some("24c7".parse().unwrap()),
        model: None,
        connection: Connection::Usb,
        form_factor: FormFactor::Headset,
        rate: Some(Hertz::new(48_000.0)),
        channels: Some(1),
        muted: Some(false),
        volume: Some(Percent::new(74.0)),
    };
    Value::AudioDevices(AudioDevices {
        devices: [
            device(1, Direction::Input, true),
            device(2, Direction::Output, true),
            device(3, Direction::Output, false),
        ]
        .into_iter()
        .collect(),
        microphone_use: MicrophoneUse::Free,
        microphone_permission: None,
    })
}

fn load(draw: &Draw, minute: u32) -> Value {
    Value::Load(Load {
        cpu: Percent::new(draw.around(22.0, 15.0)),
        cpu_window: draw.ms(1_000.0, 2.0),
        memory: Percent::new(draw.around(61.0, 1.5)),
        memory_total: Megabytes::new(16_541.0),
        disk_free: Megabytes::new(draw.around(181_400.0, 20.0)),
        disk_total: Megabytes::new(511_000.0),
        power: PowerSource::Mains,
        battery: Some(Percent::new(100.0)),
        uptime: Seconds::new(96_400.3 + 60.0 * f64::from(minute) + draw.around(0.0, 1.0)),
        clock_offset: Some(draw.ms(14.0, 6.0)),
    })
}

fn media(draw: &Draw) -> Value {
    let rtt = draw.around(28.0, 3.0);
    Value::Media(Media {
        sent: 250,
        reflected: 250,
        received: 250,
        rtt_min: Some(Millis::new(rtt - 3.0)),
        rtt_mean: Some(Millis::new(rtt)),
        rtt_p95: Some(Millis::new(rtt + draw.around(8.0, 4.0))),
        ipdv_mean: Some(draw.ms(2.5, 1.0)),
        pdv: Some(draw.ms(11.0, 4.0)),
        jitter: Some(draw.ms(2.2, 1.0)),
        loss_forward: Percent::new(0.0),
        loss_reverse: Percent::new(0.0),
        loss_interval: LossInterval { low: Percent::new(0.0), high: Percent::new(1.513) },
        late: Percent::new(0.0),
        burst_ratio: Ratio::new(1.0),
        reordered: 0,
        duplicates: 0,
        dscp_sent: 46,
        dscp_seen: Some(0),
        mos: Some(Mos::new(4.39)),
        codec: Codec::G711Plc,
        jitter_buffer: Millis::new(60.0),
        send_error_p95: draw.ms(0.09, 0.04),
        timestamps: TimestampQuality::Kernel,
        stall_p95: Some(draw.ms(0.2, 0.1)),
        duration: Millis::new(5_000.0),
        rate: BitRate::new(0.1),
    })
}

/// The reports of an hour: one a minute, the stream with every fifth.
fn hour(seed: u64) -> Vec<Spooled> {
    let draw = Draw(Random::seeded(seed));
    let desk = Desk {
        id: DeskId::from_bytes(draw.0.bytes()),
        daemon: own_version(),
        policy: Policy::builtin().reference(),
        consent: Consent::default(),
        clock_offset: Some(draw.ms(14.0, 6.0)),
    };
    let epoch = Epoch::from_bytes(draw.0.bytes());
    (0..60)
        .map(|minute: u32| {
            let mut at = 1_790_000_000_000 + 60_000 * i64::from(minute) + draw.0.below(900) as i64;
            let mut readings = vec![
                reading(&draw, ProbeId::Link, None, &mut at, 140.0, link(&draw)),
                reading(&draw, ProbeId::Dns, None, &mut at, 40.0, dns(&draw)),
                reading(&draw, ProbeId::Https, Some("collector"), &mut at, 95.0, https(&draw)),
                reading(&draw, ProbeId::AudioDevices, None, &mut at, 21.0, devices()),
                reading(&draw, ProbeId::Load, None, &mut at, 1_005.0, load(&draw, minute)),
            ];
            if minute.is_multiple_of(5) {
                readings.push(reading(
                    &draw,
                    ProbeId::Media,
                    Some("collector"),
                    &mut at,
                    5_240.0,
                    media(&draw),
                ));
            }
            let place = Place { epoch: epoch.clone(), lane: Lane::Routine, seq: 4_000 + u64::from(minute) };
            let body = Body::Routine(Routine { readings: readings.into() });
            let at = UnixMs::new(at);
            Spooled { bytes: encode(&desk.report(&place, at, body)).unwrap(), place, at }
        })
        .collect()
}

fn head() -> Head {
    Head {
        instance: InstanceId::from_bytes([0x3c; 16]),
        started: UnixMs::new(1_790_000_000_000),
        assignment: Some(Digest::from_bytes([0xd1; 32])),
    }
}

#[test]
fn a_routine_report_in_a_batch_of_sixty_is_small() {
    let reports = hour(1);
    let unpacked: usize = reports.iter().map(|r| r.bytes.len()).sum();
    println!("60 routine reports of {} bytes of JSON each; bytes each on the wire:", unpacked / 60);
    let json = batch::unpacked(&head(), &reports).unwrap();
    for level in [1, 3, 6, 9, 12, 15, 19] {
        let began = std::time::Instant::now();
        let packed = zstd::bulk::compress(&json, level).unwrap();
        println!("  zstd {level:2}: {:4}  in {:?}", packed.len() / 60, began.elapsed());
    }
    let each = (1..=5).map(|seed| batch::pack(&head(), &hour(seed)).unwrap().bytes.len() / 60);
    let each: Vec<usize> = each.collect();
    println!("as sent, five hours: {each:?}; the goal is {MOST}");
    assert!(each.iter().all(|bytes| *bytes <= MOST), "{each:?}");
}

#[test]
fn a_batch_holds_the_reports_to_the_byte_and_reads_as_one() {
    let reports = hour(2);
    let packed = batch::pack(&head(), &reports).unwrap();
    let json = zstd::bulk::decompress(&packed.bytes, limits::BATCH_UNPACKED).unwrap();
    let batch: Batch = serde_json::from_slice(&json).unwrap();
    assert_eq!((packed.reports, batch.reports.len()), (60, 60));
    for (read, spooled) in batch.reports.iter().zip(&reports) {
        assert_eq!(serde_json::to_vec(read).unwrap(), spooled.bytes);
    }
    assert_eq!(batch.instance, head().instance);
    let empty: Batch = serde_json::from_slice(&batch::unpacked(&head(), &[]).unwrap()).unwrap();
    assert!(empty.reports.is_empty());
}

#[test]
fn what_does_not_shrink_is_sent_in_parts() {
    let random = Random::seeded(3);
    // No real report: 64 KiB that zstd can do nothing about.
    let report = |seq| Spooled {
        place: Place { epoch: Epoch::from_bytes([1; 16]), lane: Lane::Routine, seq },
        at: UnixMs::new(0),
        bytes: (0..8_192).flat_map(|_| random.bytes::<8>()).collect(),
    };
    let reports: Vec<Spooled> = (1..=8).map(report).collect();
    let packed = batch::pack(&head(), &reports).unwrap();
    assert!(packed.reports < 8 && packed.reports > 0);
    assert!(packed.bytes.len() <= limits::BATCH_COMPRESSED);
}
