//! Our STAMP against stamp-suite, in both roles.
#![cfg(target_os = "linux")]

use clap::Parser as _;
use datagram::{Socket, Stamps};
use stamp::{ErrorEstimate, Reply, Request, Timestamp};
use stamp_suite::{configuration::Configuration, receiver, sender};
use std::{
    net::{SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

const PACKETS: u32 = 50;
const DEADLINE: Duration = Duration::from_secs(10);

fn configuration(arguments: &[&str]) -> Configuration {
    Configuration::parse_from([&["stamp-suite"], arguments].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn their_sender_is_answered_by_our_reflector() {
    let address = "127.0.0.1:0".parse().unwrap();
    let reflector = reflector::Reflector::bind(address, reflector::Limits::default()).unwrap();
    let port = reflector.local_addr().port().to_string();
    let (packets, base) = (PACKETS.to_string(), ["--remote-addr", "127.0.0.1", "--remote-port", &port]);
    let asked = ["--count", &packets, "--send-delay", "5", "--timeout", "2", "--ssid", "77", "--cos", "--dscp", "46"];
    let theirs = sender::run_sender(&configuration(&[&base[..], &asked].concat())).await.unwrap();
    let packets = u64::from(PACKETS);
    assert_eq!((theirs.packets_sent, theirs.packets_received, theirs.packets_lost), (packets, packets, 0));
    let counters = reflector.counters();
    assert_eq!((counters.reflected, counters.garbage, counters.sessions), (packets, 0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn our_packets_are_answered_by_their_reflector() {
    // It cannot be asked which port it got, so it is given one that was free.
    let free = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let port = free.port().to_string();
    let own = ["-i", "--local-addr", "127.0.0.1", "--local-port", &port, "--stateful-reflector"];
    let configuration = configuration(&own);
    let shared = receiver::create_shared_state(&configuration).unwrap();
    let shutdown = shared.shutdown.clone();
    let theirs = tokio::spawn(async move { receiver::run_receiver(&configuration, &shared).await });
    let ours = tokio::task::spawn_blocking(move || ask(free));
    let result = ours.await;
    shutdown.cancel();
    theirs.await.unwrap().unwrap();
    result.unwrap();
}

/// Asks one after the other and holds every answer to what was asked.
fn ask(reflector: SocketAddr) {
    let socket = Socket::bind("127.0.0.1:0".parse().unwrap(), Stamps::Both).unwrap();
    socket.connect(reflector).unwrap();
    socket.set_timeout(Duration::from_millis(200)).unwrap();
    socket.set_traffic_class(46 << 2).unwrap();
    let mut buffer = [0; 2048];
    let mut counted = 0;
    for sequence in 0..PACKETS {
        let sent = Timestamp::from_unix_nanos(1_800_000_000_000_000_000 + u64::from(sequence));
        let request = Request { sequence, sent, error: ErrorEstimate::UNSYNCHRONIZED, ssid: 0x0dd };
        let mut packet = [0; 172];
        request.write(&mut packet, 46).unwrap();
        let deadline = Instant::now() + DEADLINE;
        // It may not be up yet when the first is sent.
        let length = loop {
            assert!(Instant::now() < deadline, "no answer to packet {sequence}");
            let answered = socket.send(&packet).and_then(|()| socket.receive(&mut buffer));
            match answered {
                Ok(received) => break received.length,
                Err(_) => std::thread::yield_now(),
            }
        };
        let reply = Reply::read(&buffer[..length]).unwrap();
        assert_eq!((length, reply.sender_sequence, reply.sender_sent), (172, sequence, sent));
        assert_eq!((reply.ssid, reply.sequence, reply.sender_ttl), (0x0dd, counted, 64));
        assert!((0..1_000_000_000).contains(&reply.sent.nanos_since(reply.received, reply.error.format)));
        assert_eq!(Reply::class_of_service(&buffer[..length]).map(|c| (c.asked, c.seen)), Some((46, 46)));
        counted += 1;
    }
}
