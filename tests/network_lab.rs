//! The media stream against the real reflector, through the network lab, held to what each packet got.
#![cfg(target_os = "linux")]

mod netlab;

use datagram::Stamps;
use netlab::{Netlab, Place};
use preshift::{
    network::{
        statistics,
        stream::{Control, Plan, StreamError, run},
    },
    probe::{self, Context, Occasion},
};
use reflector::{Limits, Reflector};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use telemetry::{Codec, Failure, Media, Millis, Outcome, TimestampQuality, UnixMs, Value};

/// Of the round trip.
const RTT_WITHIN_MS: f64 = 0.3;
/// Of what varies: a tenth, or this.
const VARIATION_WITHIN_MS: f64 = 0.2;

fn reflector(lab: &Netlab) -> Reflector {
    let any: SocketAddr = "[::]:862".parse().unwrap();
    lab.inside(Place::Srv, || Reflector::bind(any, Limits::default())).unwrap().unwrap()
}

fn stream(lab: &Netlab, address: &str, seconds: u64) -> Result<Media, StreamError> {
    let target = SocketAddr::new(address.parse().unwrap(), 862);
    let length = Duration::from_secs(seconds);
    let plan = Plan {
        target,
        dscp: 46,
        ssid: 0x1ab5,
        length,
        longest: length,
        stamps: Stamps::Both,
        codec: Codec::default(),
    };
    let cancel = AtomicBool::new(false);
    let measure = || run(&plan, &Control { cancel: &cancel, needs_longer: &|_| false, progress: &|_| {} });
    lab.inside(Place::Ws, measure).unwrap()
}

/// Runs a stream over links of these shapes and holds its figures to the record, and then to `check`.
fn held(lab: &Netlab, seconds: u64, shapes: &[(&str, &str)], check: impl Fn(&Media, &netlab::Stream)) {
    let reflector = reflector(lab);
    lab.hold(
        shapes,
        || stream(lab, netlab::Lab::SERVER_V4, seconds).unwrap(),
        |media, truth| {
            let truth = truth.of_first(media.sent);
            as_recorded(&media, &truth);
            check(&media, &truth);
        },
    );
    drop(reflector);
}

fn as_recorded(media: &Media, truth: &netlab::Stream) {
    assert_eq!(media.timestamps, TimestampQuality::Kernel);
    let counts = |m: &Media| (m.sent as usize, m.reflected as usize, m.received as usize);
    assert_eq!(counts(media), (truth.sent(), truth.reached(), truth.back()), "sent, reflected, received");
    assert_eq!(media.duplicates as usize, truth.duplicates(), "duplicates");
    assert_eq!(media.reordered as usize, truth.reordered(), "reordered");
    let all = truth.round_trips();
    let came: Vec<f64> = all.iter().flatten().copied().collect();
    near("least round trip", media.rtt_min, statistics::least(&came), RTT_WITHIN_MS);
    near("mean round trip", media.rtt_mean, statistics::mean(&came), RTT_WITHIN_MS);
    varies("mean IPDV", media.ipdv_mean, statistics::ipdv_mean(&all));
    varies("PDV", media.pdv, statistics::pdv(&came));
    varies("jitter", media.jitter, statistics::rfc3550_jitter(&truth.round_trips_by_arrival()));
}

fn varies(what: &str, measured: Option<Millis>, recorded: Option<f64>) {
    near(what, measured, recorded, VARIATION_WITHIN_MS.max(recorded.unwrap_or(0.0) / 10.0));
}

fn near(what: &str, measured: Option<Millis>, recorded: Option<f64>, within: f64) {
    let (measured, recorded) = (measured.map(Millis::get), recorded);
    eprintln!("{what}: measured {measured:?}, recorded {recorded:?}");
    match (measured, recorded) {
        (Some(m), Some(r)) => assert!((m - r).abs() <= within, "{what}: measured {m} ms, recorded {r} ms"),
        (m, r) => assert!(m.is_none() && r.is_none(), "{what}: measured {m:?}, recorded {r:?}"),
    }
}

#[test]
fn a_long_way_reads_as_long_as_it_is() {
    let Some(lab) = netlab::up("a_long_way_reads_as_long_as_it_is") else { return };
    held(
        &lab,
        5,
        &[("wifi", "delay=5ms"), ("access", "delay=10ms"), ("transit", "delay=15ms")],
        |media, _| {
            assert_eq!((media.sent, media.received), (250, 250));
            // Against the nominal value too: the lab's record and its clock could be wrong together.
            let least = media.rtt_min.unwrap().get();
            assert!((60.0..61.5).contains(&least), "{least}");
            assert_eq!((media.dscp_seen, media.late.get()), (Some(46), 0.0));
            assert!(media.mos.unwrap().get() > 4.3, "{:?}", media.mos);
        },
    );
}

#[test]
fn ipv6_reads_the_same() {
    let Some(lab) = netlab::up("ipv6_reads_the_same") else { return };
    let reflector = reflector(&lab);
    let shapes = [("wifi", "delay=3ms"), ("transit.down", "delay=9ms loss=every:20")];
    lab.hold(
        &shapes,
        || stream(&lab, netlab::Lab::SERVER_V6, 3).unwrap(),
        |media, truth| {
            as_recorded(&media, &truth.of_first(media.sent));
            assert!((15.0..16.5).contains(&media.rtt_min.unwrap().get()), "{media:?}");
            assert_eq!(media.dscp_seen, Some(46));
            assert!(media.loss_reverse.get() > 4.0 && media.loss_forward.get() == 0.0);
        },
    );
    drop(reflector);
}

#[test]
fn jitter_reads_as_it_was_made() {
    let Some(lab) = netlab::up("jitter_reads_as_it_was_made") else { return };
    let shapes = [
        ("wifi.up", "delay=20ms jitter=4ms dist=normal seed=5"),
        ("access.down", "delay=10ms jitter=6ms dist=uniform seed=6"),
    ];
    held(&lab, 5, &shapes, |media, _| {
        let ipdv = media.ipdv_mean.unwrap().get();
        assert!(ipdv > 4.0, "two independent sources, 4.5 and 4 ms each: {ipdv}");
        assert_eq!(media.late.get(), 0.0);
    });
    held(&lab, 3, &[("transit.down", "delay=5ms jitter=10ms dist=alt")], |media, _| {
        let ipdv = media.ipdv_mean.unwrap().get();
        assert!((9.8..10.2).contains(&ipdv), "every other packet is 10 ms later: {ipdv}");
    });
}

#[test]
fn what_comes_behind_the_jitter_buffer_costs_quality() {
    let Some(lab) = netlab::up("what_comes_behind_the_jitter_buffer_costs_quality") else { return };
    held(&lab, 3, &[("access.down", "delay=5ms jitter=80ms dist=alt reorder")], |media, _| {
        assert_eq!((media.received, media.late.get()), (150, 50.0));
        assert!(media.mos.unwrap().get() < 3.0, "{:?}", media.mos);
    });
}

#[test]
fn loss_is_exact_in_each_direction() {
    let Some(lab) = netlab::up("loss_is_exact_in_each_direction") else { return };
    // Every 25th on the way there: 10 of 250, the last packet among them.
    held(&lab, 5, &[("wifi.up", "delay=5ms loss=every:25")], |media, _| {
        assert_eq!((media.loss_forward.get(), media.loss_reverse.get()), (4.0, 0.0));
        assert_eq!(media.burst_ratio.get(), 1.0);
    });
    let shapes =
        [("access.up", "delay=5ms loss=3% seed=11"), ("access.down", "delay=9ms loss=ge:3%:40% seed=4")];
    held(&lab, 5, &shapes, |media, truth| {
        assert!(media.loss_forward.get() > 0.0 && media.loss_reverse.get() > 0.0, "{media:?}");
        let expected = statistics::burst_ratio(&truth.came());
        assert!((media.burst_ratio.get() - expected).abs() < 0.001, "{} {expected}", media.burst_ratio);
        let (low, high) = statistics::wilson(truth.sent() - truth.back(), truth.sent());
        let interval = &media.loss_interval;
        assert!(
            (interval.low.get() - low * 100.0).abs() < 0.001
                && (interval.high.get() - high * 100.0).abs() < 0.001
        );
    });
}

#[test]
fn duplicates_and_reordering_are_counted() {
    let Some(lab) = netlab::up("duplicates_and_reordering_are_counted") else { return };
    held(
        &lab,
        3,
        &[("access.up", "delay=5ms dup=5% seed=9"), ("wifi.down", "dup=5% seed=10")],
        |media, _| {
            assert!(media.duplicates > 5, "{}", media.duplicates);
            assert_eq!((media.loss_forward.get(), media.loss_reverse.get()), (0.0, 0.0));
        },
    );
    let reordering = "delay=50ms jitter=30ms dist=uniform reorder seed=2";
    held(&lab, 3, &[("transit.down", reordering)], |media, _| {
        assert!(media.reordered > 10, "{}", media.reordered);
        assert_eq!(media.received, media.sent);
    });
}

#[test]
fn a_marking_taken_off_on_the_way_is_seen() {
    let Some(lab) = netlab::up("a_marking_taken_off_on_the_way_is_seen") else { return };
    held(&lab, 1, &[("access.up", "dscp_clear")], |media, _| {
        assert_eq!((media.dscp_sent, media.dscp_seen), (46, Some(0)));
    });
    held(&lab, 1, &[("access.down", "dscp_clear")], |media, _| {
        assert_eq!(media.dscp_seen, Some(46), "only the way there counts");
    });
}

#[test]
fn an_outage_in_the_middle_is_loss_and_a_lasting_one_is_silence() {
    let Some(lab) = netlab::up("an_outage_in_the_middle_is_loss_and_a_lasting_one_is_silence") else {
        return;
    };
    let reflector = reflector(&lab);
    let outage = || {
        std::thread::scope(|scope| {
            let streaming = scope.spawn(|| stream(&lab, netlab::Lab::SERVER_V4, 4).unwrap());
            // By what has passed, not by the clock: a second of outage, from the 50th packet to the 100th.
            for (packets, settings) in [(50, "outage=1"), (100, "outage=0")] {
                let passed = || lab.links().matching("access.up")[0].records().len();
                while passed() < packets && !streaming.is_finished() {
                    std::thread::sleep(Duration::from_millis(1));
                }
                lab.set("access", settings);
            }
            streaming.join().unwrap()
        })
    };
    lab.hold(&[], outage, |media, truth| {
        as_recorded(&media, &truth.of_first(media.sent));
        assert!((48..=52).contains(&(media.sent - media.received)), "{media:?}");
        assert!(media.burst_ratio.get() > 10.0, "{}", media.burst_ratio);
    });
    lab.hold(
        &[("access", "outage=1")],
        || stream(&lab, netlab::Lab::SERVER_V4, 5).unwrap(),
        |media, truth| {
            assert_eq!((media.received, media.reflected, media.mos), (0, 0, None));
            assert_eq!(
                (media.sent as usize, media.sent),
                (truth.of_first(media.sent).sent(), 100),
                "it gives up early"
            );
        },
    );
    drop(reflector);
}

#[test]
fn no_way_and_nobody_there_are_told_from_loss() {
    let Some(lab) = netlab::up("no_way_and_nobody_there_are_told_from_loss") else { return };
    let alone = stream(&lab, netlab::Lab::SERVER_V4, 5);
    assert!(matches!(alone, Err(StreamError::Refused)), "no reflector is up: {alone:?}");
    let ws = lab.namespace(Place::Ws);
    let down = std::process::Command::new("ip").args(["-n", &ws, "link", "set", "wl0", "down"]).status();
    assert!(down.unwrap().success());
    let cut = stream(&lab, netlab::Lab::SERVER_V4, 5);
    assert!(matches!(cut, Err(StreamError::NoRoute(_))), "{cut:?}");
}

#[test]
fn a_busy_computer_does_not_read_as_a_bad_network() {
    let Some(lab) = netlab::up("a_busy_computer_does_not_read_as_a_bad_network") else { return };
    let reflector = reflector(&lab);
    let busy = || {
        let end = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..4 * std::thread::available_parallelism().unwrap().get() {
                scope.spawn(|| {
                    while !end.load(Ordering::Relaxed) {
                        std::hint::spin_loop();
                    }
                });
            }
            let media = stream(&lab, netlab::Lab::SERVER_V4, 3);
            end.store(true, Ordering::Relaxed);
            media.unwrap()
        })
    };
    lab.hold(&[("transit", "delay=30ms")], busy, |media, truth| {
        let stall = media.stall_p95.unwrap().get();
        eprintln!("the computer itself: {stall} ms, sending {} ms late", media.send_error_p95);
        // Which of the two a busy processor shows up in is the scheduler's choice.
        let late = media.send_error_p95.get();
        assert!(stall.max(late) > 0.3, "it was busy, and that is told apart: {stall}, {late}");
        as_recorded(&media, &truth.of_first(media.sent));
        assert_eq!((media.received, media.late.get()), (150, 0.0));
    });
    drop(reflector);
}

/// What the probe reads at the desk, with a policy that names the server as its reflector.
fn probed(lab: &Netlab) -> Outcome {
    let policy = format!(
        "id = 'lab'\nversion = 1\n[[targets.reflectors]]\nid = 'server'\nhost = '{}'\n",
        netlab::Lab::SERVER_V4
    );
    let context = Arc::new(Context {
        policy: Arc::new(readiness::Policy::parse(&policy).unwrap()),
        collector: None,
        occasion: Occasion::SelfCheck,
        clock: Arc::new(|| UnixMs::new(1_800_000_000_000)),
        hasher: Arc::new(|_| telemetry::Hash::from_bytes([0; 16])),
        clock_offset: None,
        progress: Arc::new(|_| {}),
        data_dir: std::env::temp_dir(),
        extra_roots: Arc::default(),
    });
    let measure = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on((probe::media::PROBE.run)(context))
    };
    let mut readings = lab.inside(Place::Ws, measure).unwrap();
    // Where the stream is not well, a reading of the way comes with it.
    readings.retain(|r| r.probe == telemetry::ProbeId::Media);
    assert_eq!(readings.len(), 1);
    readings.remove(0).outcome
}

#[test]
fn the_probe_measures_longer_when_the_verdict_hangs_on_it() {
    let Some(lab) = netlab::up("the_probe_measures_longer_when_the_verdict_hangs_on_it") else { return };
    assert_eq!(probed(&lab), Outcome::Failed(Failure::Refused), "no reflector is up");
    let reflector = reflector(&lab);
    // 5 of 250 is 2 %, and more than the limit of 1 %; but it could be chance. 15 of 750 could not.
    lab.hold(
        &[("access.up", "delay=5ms loss=every:50")],
        || probed(&lab),
        |outcome, truth| {
            let Outcome::Measured(Value::Media(media)) = outcome else { panic!("{outcome:?}") };
            // And since it is more than chance, it goes on to look where it happens: 500 packets more.
            assert_eq!((media.sent, media.reflected, media.received), (1250, 1225, 1225));
            assert!(media.loss_interval.low.get() > 1.0, "{:?}", media.loss_interval);
            as_recorded(&media, &truth.of_first(media.sent));
        },
    );
    drop(reflector);
}
