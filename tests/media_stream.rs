//! The media stream against the real reflector, on loopback.

use datagram::Stamps;
use preshift::network::stream::{Control, Plan, StreamError, run};
use reflector::{Limits, Reflector};
use std::{
    cell::{Cell, RefCell},
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};
use telemetry::{Codec, Media, TimestampQuality};

const PACKETS: u32 = 25;

fn plan(target: SocketAddr, stamps: Stamps) -> Plan {
    let length = Duration::from_millis(20 * u64::from(PACKETS));
    Plan { target, dscp: 46, ssid: 0x5eed, length, longest: length * 2, stamps, codec: Codec::default() }
}

fn stream(plan: &Plan) -> Result<Media, StreamError> {
    let cancel = AtomicBool::new(false);
    run(plan, &Control { cancel: &cancel, needs_longer: &|_| false, progress: &|_| {} })
}

fn reflector(address: &str, limits: Limits) -> Reflector {
    Reflector::bind(address.parse().unwrap(), limits).unwrap()
}

#[test]
fn a_stream_on_loopback_is_whole_on_both_families() {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let reflector = reflector(address, Limits::default());
        let media = stream(&plan(reflector.local_addr(), Stamps::Both)).unwrap();
        assert_eq!((media.sent, media.reflected, media.received), (PACKETS, PACKETS, PACKETS));
        assert_eq!((media.duplicates, media.reordered), (0, 0));
        let (least, p95) = (media.rtt_min.unwrap().get(), media.rtt_p95.unwrap().get());
        assert!(0.0 <= least && least <= p95, "{least} {p95}");
        // By our own clock a busy computer reads as a bad network, and this one may be busy.
        if media.timestamps != TimestampQuality::UserSpace {
            assert_eq!(media.late.get(), 0.0);
            assert!(media.mos.unwrap().get() > 4.3, "{:?}", media.mos);
        }
        if cfg!(target_os = "linux") {
            assert_eq!(media.timestamps, TimestampQuality::Kernel);
            assert_eq!(media.dscp_seen, Some(46));
            assert!(least < 1.0, "nothing but two system calls lies between the stamps: {least}");
        }
    }
}

#[test]
fn it_makes_do_with_the_stamps_it_gets() {
    let reflector = reflector("127.0.0.1:0", Limits::default());
    let quality = |stamps| stream(&plan(reflector.local_addr(), stamps)).unwrap().timestamps;
    assert_eq!(quality(Stamps::None), TimestampQuality::UserSpace);
    if cfg!(target_os = "linux") {
        assert_eq!(quality(Stamps::Receive), TimestampQuality::KernelReceive);
    }
}

#[test]
fn it_goes_on_in_the_same_session_when_asked_to() {
    let reflector = reflector("127.0.0.1:0", Limits::default());
    let (asked, cancel) = (Cell::new(None), AtomicBool::new(false));
    let said = RefCell::new(Vec::new());
    let control = Control {
        cancel: &cancel,
        needs_longer: &|media| {
            asked.set(Some(media.sent));
            true
        },
        progress: &|done| said.borrow_mut().push(done),
    };
    let media = run(&plan(reflector.local_addr(), Stamps::Both), &control).unwrap();
    assert_eq!((asked.get(), media.sent, media.received), (Some(PACKETS), PACKETS * 2, PACKETS * 2));
    assert_eq!(media.loss_forward.get(), 0.0, "the reflector counted on");
    let said = said.into_inner();
    let planned: Vec<f32> = said.iter().copied().map_while(|done| done).collect();
    assert!(planned.is_sorted() && planned[0] == 0.0 && planned.last() == Some(&1.0), "{planned:?}");
    assert!(said[planned.len()..].iter().all(Option::is_none) && said.len() > planned.len());
}

#[test]
fn a_reflector_that_answers_a_part_counts_by_direction() {
    // Ten at once, then ten a second: of 25 in half a second some are over the rate, and are not counted.
    let limits = Limits { source_rate: 10, source_burst: 9, ..Limits::default() };
    let reflector = reflector("127.0.0.1:0", limits);
    let media = stream(&plan(reflector.local_addr(), Stamps::Both)).unwrap();
    assert!(media.received >= 10 && media.received < PACKETS, "{media:?}");
    assert_eq!(media.reflected, media.received, "what the reflector did not count was lost on the way there");
    assert!(media.loss_forward.get() > 0.0 && media.loss_reverse.get() == 0.0);
    assert!(media.burst_ratio.get() >= 1.0);
}

#[test]
fn silence_is_a_measurement_and_a_closed_port_is_not() {
    // A socket that never reads swallows everything.
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let media = stream(&plan(silent.local_addr().unwrap(), Stamps::Both)).unwrap();
    assert_eq!((media.sent, media.received, media.mos), (PACKETS, 0, None));
    assert_eq!(media.loss_forward.get(), 100.0);

    let closed = silent.local_addr().unwrap();
    drop(silent);
    if cfg!(target_os = "linux") {
        assert!(matches!(stream(&plan(closed, Stamps::Both)), Err(StreamError::Refused)));
    }
}

#[test]
fn it_ends_at_once_when_told_to() {
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let plan = Plan {
        length: Duration::from_secs(3600),
        longest: Duration::from_secs(3600),
        ..plan(silent.local_addr().unwrap(), Stamps::Both)
    };
    let cancel = AtomicBool::new(false);
    let started = Instant::now();
    std::thread::scope(|scope| {
        let stream = scope.spawn(|| {
            let control = Control { cancel: &cancel, needs_longer: &|_| false, progress: &|_| {} };
            run(&plan, &control)
        });
        silent.recv(&mut [0; 200]).unwrap();
        cancel.store(true, Ordering::Relaxed);
        assert!(matches!(stream.join().unwrap(), Err(StreamError::Cancelled)));
    });
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}
