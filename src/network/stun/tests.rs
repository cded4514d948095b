//! Asking over loopback: our own reflector, a server of another's making, and servers that say nonsense.

use super::*;
use proptest::prelude::*;
use std::{sync::Arc, thread};

/// A server that answers with what `answer` makes of each request and its sender.
fn server(answer: impl Fn(&[u8], SocketAddr) -> Option<Vec<u8>> + Send + 'static) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            if let Some(bytes) = answer(&buffer[..length], from) {
                let _ = socket.send_to(&bytes, from);
            }
        }
    });
    address
}

/// A right answer, saying that the request came from there.
fn saying(request: &[u8], mapped: SocketAddr) -> Vec<u8> {
    let request = Message::from_bytes(request).unwrap();
    let mut answer = Message::builder_success(&request, MessageWriteVec::new());
    answer.add_attribute(&XorMappedAddress::new(mapped, request.transaction_id())).unwrap();
    answer.add_fingerprint().unwrap();
    answer.finish()
}

fn plan(servers: Vec<SocketAddr>, rounds: u32) -> Plan {
    Plan { servers, rounds, apart: Duration::from_millis(30), patience: Duration::from_millis(400) }
}

fn asked(plan: &Plan) -> Vec<Asked> {
    ask(plan, &AtomicBool::new(false)).unwrap()
}

#[test]
fn our_own_reflector_answers_over_both_families() {
    let limits = reflector::Limits::default();
    let reflector = reflector::Reflector::bind("[::]:0".parse().unwrap(), limits).unwrap();
    let port = reflector.local_addr().port();
    for host in ["127.0.0.1", "::1"] {
        let server = SocketAddr::new(host.parse().unwrap(), port);
        let asked = asked(&plan(vec![server], 3));
        assert_eq!((asked[0].sent, asked[0].answers.len(), asked[0].nonsense), (3, 3, false), "{host}");
        assert!(asked[0].answers.iter().all(|a| Some(a.mapped) == asked[0].local), "{asked:?}");
        assert!(asked[0].answers.iter().all(|a| a.rtt < Duration::from_millis(300)), "{asked:?}");
        assert_eq!(mapping(&asked[0], &asked), Some((telemetry::NatMapping::None, false)));
    }
}

#[test]
fn another_implementation_is_understood_and_what_it_sees_is_compared() {
    let elsewhere: SocketAddr = "203.0.113.5:40000".parse().unwrap();
    let same = server(move |request, _| Some(saying(request, elsewhere)));
    let silent = server(|_, _| None);
    let asked = asked(&plan(vec![same, silent], 2));
    assert_eq!((asked[0].answers.len(), asked[1].answers.len(), asked[1].sent), (2, 0, 2));
    assert_eq!(asked[0].answers[0].mapped, elsewhere);
    assert_eq!(mapping(&asked[0], &asked), Some((telemetry::NatMapping::Undetermined, false)));
    assert_eq!(mapping(&asked[1], &asked), None);
}

#[test]
fn answers_to_nobody_from_nobody_and_twice_do_not_count() {
    let other_id = server(|request, from| {
        let mut bytes = saying(request, from);
        // Another transaction; the check sum at the end would catch it, so it goes.
        bytes[19] ^= 1;
        bytes.truncate(bytes.len() - 8);
        bytes[3] -= 8;
        Some(bytes)
    });
    let error = server(|request, _| {
        let request = Message::from_bytes(request).unwrap();
        Some(Message::builder_error(&request, MessageWriteVec::new()).finish())
    });
    let garbage = server(|_, _| Some(b"HTTP/1.1 200 OK".to_vec()));
    let echo = server(|request, _| Some(request.to_vec()));
    let asked = asked(&plan(vec![other_id, error, garbage, echo], 1));
    assert!(asked.iter().all(|a| a.answers.is_empty()), "{asked:?}");
    assert_eq!(asked.iter().map(|a| a.nonsense).collect::<Vec<_>>(), [false, true, true, true]);
}

#[test]
fn a_run_that_is_called_off_ends_at_once() {
    let cancel = Arc::new(AtomicBool::new(true));
    let began = Instant::now();
    let long = Plan { patience: Duration::from_secs(60), ..plan(vec![server(|_, _| None)], 1) };
    ask(&long, &cancel).unwrap();
    assert!(began.elapsed() < Duration::from_secs(5));
}

proptest! {
    #[test]
    fn nothing_breaks_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..200), like in any::<bool>()) {
        let mut bytes = bytes;
        if like && bytes.len() >= 20 {
            let length = (bytes.len() - 20) as u16;
            bytes[..2].copy_from_slice(&[1, 1]);
            bytes[2..4].copy_from_slice(&length.to_be_bytes());
            bytes[4..8].copy_from_slice(&[0x21, 0x12, 0xa4, 0x42]);
        }
        read(&bytes);
    }
}
