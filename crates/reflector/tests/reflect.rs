//! A reflector on loopback, asked over real sockets.

use datagram::{Socket, Stamps};
use reflector::{Limits, Reflector};
use stamp::{ErrorEstimate, Format, Reply, Request, Timestamp};
use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

fn sender(reflector: &Reflector, address: &str) -> Socket {
    let ip: IpAddr = address.parse().unwrap();
    let socket = Socket::bind(SocketAddr::new(ip, 0), Stamps::Receive).unwrap();
    socket.connect(SocketAddr::new(ip, reflector.local_addr().port())).unwrap();
    socket.set_timeout(Duration::from_secs(10)).unwrap();
    // Not every Windows lets a program mark its packets, and what is seen of the marking is held to on Linux.
    let marked = socket.set_traffic_class(46 << 2);
    assert!(marked.is_ok() || cfg!(windows), "{marked:?}");
    socket
}

fn packet(sequence: u32, ssid: u16) -> [u8; 172] {
    let mut packet = [0; 172];
    let sent = Timestamp::from_unix_nanos(1_800_000_000_000_000_000);
    Request { sequence, sent, error: ErrorEstimate::UNSYNCHRONIZED, ssid }.write(&mut packet, 34).unwrap();
    packet
}

#[test]
fn both_families_are_answered_on_one_socket() {
    let reflector = Reflector::bind("[::]:0".parse().unwrap(), Limits::default()).unwrap();
    for address in ["127.0.0.1", "::1"] {
        let socket = sender(&reflector, address);
        let mut buffer = [0; 400];
        // The sender skips 3: the reflector counts on, which is how loss forward shows.
        for (count, sequence) in [0, 1, 2, 4, 5].into_iter().enumerate() {
            socket.send(&packet(sequence, 9)).unwrap();
            let received = socket.receive(&mut buffer).unwrap();
            assert_eq!(received.length, 172, "as long as the request");
            let reply = Reply::read(&buffer[..received.length]).unwrap();
            assert_eq!((reply.sequence, reply.sender_sequence, reply.ssid), (count as u32, sequence, 9));
            let turnaround = reply.sent.nanos_since(reply.received, Format::Ntp);
            assert!((0..1_000_000_000).contains(&turnaround), "{turnaround}");
            if cfg!(target_os = "linux") {
                let cos = Reply::class_of_service(&buffer[..received.length]).unwrap();
                assert_eq!((cos.asked, cos.seen, cos.ecn, cos.refused), (34, 46, 0, false));
                assert_eq!(reply.sender_ttl, 64);
                assert_eq!(received.traffic_class, Some(34 << 2), "answered as it was asked to");
            }
        }
    }
    let counters = reflector.counters();
    assert_eq!((counters.received, counters.sessions, counters.garbage), (10, 2, 0));
}

#[test]
fn garbage_gets_no_answer_and_does_no_harm() {
    let reflector = Reflector::bind("127.0.0.1:0".parse().unwrap(), Limits::default()).unwrap();
    let socket = sender(&reflector, "127.0.0.1");
    for garbage in [&[][..], &[0; 43], &[0xff; 172], &vec![0; 20_000]] {
        socket.send(garbage).unwrap();
    }
    // One that is answered tells that those before it were looked at.
    socket.send(&packet(0, 1)).unwrap();
    let mut buffer = [0; 400];
    let length = socket.receive(&mut buffer).unwrap().length;
    assert_eq!(Reply::read(&buffer[..length]).unwrap().sequence, 0);
    let counters = reflector.counters();
    assert_eq!((counters.garbage, counters.sessions), (4, 1), "{counters:?}");
}

#[test]
fn it_ends_soon_and_frees_its_port() {
    let reflector = Reflector::bind("127.0.0.1:0".parse().unwrap(), Limits::default()).unwrap();
    let address = reflector.local_addr();
    let taken = Reflector::bind(address, Limits::default()).unwrap_err();
    assert!(taken.to_string().starts_with("cannot start the reflector: cannot bind a UDP socket"), "{taken}");
    let started = Instant::now();
    reflector.shutdown();
    assert!(started.elapsed() < Duration::from_secs(3));
    drop(Reflector::bind(address, Limits::default()).unwrap());
}
