//! What a socket tells about datagrams on loopback.

use datagram::{Socket, Stamps, nothing_came, refused};
use std::{
    net::SocketAddr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

const DEADLINE: Duration = Duration::from_secs(10);

fn pair(address: &str, server: &str, stamps: Stamps) -> (Socket, Socket) {
    let far = Socket::bind(server.parse().unwrap(), Stamps::Receive).unwrap();
    let near = Socket::bind(address.parse().unwrap(), stamps).unwrap();
    let port = far.local_addr().unwrap().port();
    let to: SocketAddr = address.parse().unwrap();
    near.connect(SocketAddr::new(to.ip(), port)).unwrap();
    for socket in [&far, &near] {
        socket.set_timeout(DEADLINE).unwrap();
    }
    (near, far)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64
}

fn round_trip(near: &Socket, far: &Socket) {
    // Most versions of Windows let no program mark its packets, and say so; the others have to.
    match near.set_traffic_class(46 << 2) {
        Err(error) if cfg!(windows) => assert_eq!(error.kind(), std::io::ErrorKind::Unsupported),
        marked => marked.unwrap(),
    }
    let before = now();
    near.send(b"there").unwrap();
    let mut buffer = [0; 64];
    let request = far.receive(&mut buffer).unwrap();
    assert_eq!((&buffer[..request.length], request.truncated), (&b"there"[..], false));
    far.answer(b"and back", &request, 46 << 2 | 1).unwrap();
    let reply = near.receive(&mut buffer).unwrap();
    assert_eq!(&buffer[..reply.length], b"and back");
    if cfg!(target_os = "linux") {
        assert_eq!(request.traffic_class, Some(184));
        assert_eq!(reply.traffic_class, Some(185));
        assert_eq!(request.ttl, Some(64));
        for at in [request.at.unwrap(), reply.at.unwrap()] {
            // The wall clock may be slewed between two readings; a millisecond is plenty.
            assert!(at + 1_000_000 > before && at < now() + 1_000_000, "{before} {at}");
        }
    }
}

#[test]
fn class_ttl_and_time_are_told_for_both_families() {
    for (near, far) in [
        ("127.0.0.1:0", "127.0.0.1:0"),
        ("127.0.0.1:0", "[::]:0"),
        ("[::1]:0", "[::1]:0"),
        ("[::1]:0", "[::]:0"),
    ] {
        let (near, far) = pair(near, far, Stamps::Both);
        round_trip(&near, &far);
    }
}

// Wine sends from the address that it likes, and macOS has but one on loopback.
#[cfg(target_os = "linux")]
#[test]
fn an_answer_leaves_from_the_address_that_was_asked() {
    let far = Socket::bind("0.0.0.0:0".parse().unwrap(), Stamps::Receive).unwrap();
    let near = Socket::bind("127.0.0.1:0".parse().unwrap(), Stamps::None).unwrap();
    near.set_timeout(DEADLINE).unwrap();
    far.set_timeout(DEADLINE).unwrap();
    // A connected socket takes nothing from 127.0.0.1 when it asked 127.0.0.5.
    near.connect(SocketAddr::from(([127, 0, 0, 5], far.local_addr().unwrap().port()))).unwrap();
    near.send(b"?").unwrap();
    let mut buffer = [0; 8];
    let request = far.receive(&mut buffer).unwrap();
    far.answer(b"!", &request, 0).unwrap();
    assert_eq!(near.receive(&mut buffer).unwrap().length, 1);
}

#[cfg(target_os = "linux")]
#[test]
fn the_kernel_says_when_each_datagram_left() {
    let (near, far) = pair("127.0.0.1:0", "127.0.0.1:0", Stamps::Both);
    assert_eq!(near.stamps(), Stamps::Both);
    let before = now();
    for _ in 0..5 {
        near.send(&[0; 172]).unwrap();
    }
    let mut left = std::collections::BTreeMap::new();
    let deadline = std::time::Instant::now() + DEADLINE;
    while left.len() < 5 && std::time::Instant::now() < deadline {
        near.departures(|d| {
            if d.at_driver {
                left.insert(d.id, d.at);
            }
        });
    }
    assert_eq!(left.keys().copied().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    let times: Vec<u64> = left.into_values().collect();
    assert!(times.is_sorted() && times[0] + 1_000_000 > before && times[4] < now() + 1_000_000);
    drop(far);
}

#[test]
fn silence_and_refusal_are_told_apart() {
    let (near, far) = pair("127.0.0.1:0", "127.0.0.1:0", Stamps::Both);
    near.set_timeout(Duration::from_millis(10)).unwrap();
    assert!(nothing_came(&near.receive(&mut [0; 8]).unwrap_err()));
    drop(far);
    near.set_timeout(DEADLINE).unwrap();
    near.send(b"anyone?").unwrap();
    if cfg!(target_os = "linux") {
        assert!(refused(&near.receive(&mut [0; 8]).unwrap_err()));
    }
}

/// By default Windows makes the next datagram of anybody an error after that.
#[test]
fn a_peer_that_went_away_does_not_silence_a_socket_for_the_others() {
    let (gone, far) = pair("127.0.0.1:0", "127.0.0.1:0", Stamps::None);
    let mut buffer = [0; 8];
    gone.send(b"?").unwrap();
    let request = far.receive(&mut buffer).unwrap();
    drop(gone);
    for _ in 0..3 {
        far.answer(b"!", &request, 0).unwrap();
    }
    let other = Socket::bind("127.0.0.1:0".parse().unwrap(), Stamps::None).unwrap();
    other.connect(far.local_addr().unwrap()).unwrap();
    other.send(b"here").unwrap();
    assert_eq!(far.receive(&mut buffer).unwrap().from, other.local_addr().unwrap());
}

/// A reading that waits can be ended by nothing but its timeout, and another finds what came meanwhile.
#[test]
fn a_wait_that_ended_takes_nothing_with_it() {
    let (near, far) = pair("127.0.0.1:0", "127.0.0.1:0", Stamps::Both);
    let mut buffer = [0; 8];
    for n in 0..20u8 {
        far.set_timeout(Duration::from_millis(5)).unwrap();
        assert!(nothing_came(&far.receive(&mut buffer).unwrap_err()));
        near.send(&[n]).unwrap();
        far.set_timeout(DEADLINE).unwrap();
        let received = far.receive(&mut buffer).unwrap();
        assert_eq!(buffer[..received.length], [n]);
    }
}

#[test]
fn a_datagram_longer_than_the_buffer_is_said_to_be_cut() {
    let (near, far) = pair("127.0.0.1:0", "127.0.0.1:0", Stamps::None);
    near.send(&[1; 100]).unwrap();
    let received = far.receive(&mut [0; 60]).unwrap();
    assert_eq!((received.truncated, received.length), (true, 60));
}
