//! Against real servers on loopback: good ones, broken ones, and ones that hang in each phase.

use super::*;
use crate::network::{
    testing::{Authority, hold, http, https, logged, request, serve, shaken},
    trust::Word,
};
use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::OnceLock,
};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
/// Long enough for a handshake on a busy machine.
const PATIENT: Duration = Duration::from_secs(20);
/// How long a test waits for a server that hangs.
const SHORT: Duration = Duration::from_millis(1500);

fn authority() -> &'static Authority {
    static ONE: OnceLock<Authority> = OnceLock::new();
    ONE.get_or_init(|| Authority::new("Preshift test authority"))
}

fn visit(url: &str) -> Visit {
    Visit {
        url: url.parse().unwrap(),
        host: Host::Named("x".into()),
        proxy: None,
        trust: Some(Arc::new(Trust::load(&[authority().root.clone()]).unwrap())),
    }
}

fn run(visit: &Visit, limit: Duration) -> Seen {
    let seen = Mutex::new(Seen::default());
    let began = Instant::now();
    visit.run(began + limit, &seen);
    let over = began.elapsed();
    assert!(over < limit + Duration::from_secs(3), "held for {over:?}");
    let seen = seen.into_inner().unwrap();
    assert!(seen.done);
    seen
}

fn at(address: SocketAddr) -> String {
    format!("https://localhost:{}/path?q=1", address.port())
}

fn stop(seen: &Seen) -> Failure {
    match seen.stopped {
        Some(Stop::Failed(failure)) => failure,
        other => panic!("{other:?} in {seen:?}"),
    }
}

fn word(seen: &Seen) -> Word {
    seen.certificate.as_ref().unwrap().word
}

#[test]
fn a_good_server_shows_every_phase() {
    let seen = run(&visit(&at(https(authority().server("localhost"), OK))), PATIENT);
    assert_eq!(seen.stopped, None);
    assert!(seen.dns.is_some() && seen.tcp.is_some() && seen.tls.is_some() && seen.first_byte.is_some());
    assert_eq!(seen.head.as_ref().unwrap().status, 200);
    assert_eq!(word(&seen), Word::OwnSettings);
}

#[test]
fn the_request_is_what_a_server_expects() {
    let (tell, told) = std::sync::mpsc::channel();
    let address = serve(move |mut stream| {
        tell.send(request(&mut stream)).unwrap();
        let _ = stream.write_all(OK);
    });
    run(&visit(&format!("http://127.0.0.1:{}/a/b?q=1", address.port())), PATIENT);
    let asked = told.recv().unwrap();
    assert!(asked.starts_with("GET /a/b?q=1 HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains(&format!("\r\nHost: 127.0.0.1:{}\r\n", address.port())), "{asked}");
}

#[test]
fn phases_are_timed_apart() {
    let pause = Duration::from_millis(250);
    let config = authority().server("localhost");
    let address = serve(move |stream| {
        std::thread::sleep(pause);
        let mut tls = shaken(&config, stream);
        request(&mut tls);
        std::thread::sleep(pause * 2);
        let _ = tls.write_all(OK);
        let _ = tls.flush();
        let _ = tls.read(&mut [0]);
    });
    let seen = run(&visit(&at(address)), PATIENT);
    assert!(seen.tcp.unwrap() < pause, "{seen:?}");
    assert!(seen.tls.unwrap() >= pause, "{seen:?}");
    assert!(seen.first_byte.unwrap() >= pause * 2, "{seen:?}");
}

#[test]
fn certificates_nobody_vouches_for_are_bad_and_say_who_issued_them() {
    let stranger = Authority::new("Somebody else");
    let seen = run(&visit(&at(https(stranger.server("localhost"), OK))), PATIENT);
    assert_eq!((stop(&seen), word(&seen)), (Failure::BadCertificate, Word::Nobody));
    let issuer = seen.certificate.unwrap().issuer;
    assert!(issuer.windows(13).any(|w| w == b"Somebody else"));
    assert_eq!((seen.tls, seen.head), (None, None));
}

#[test]
fn certificates_for_another_name_or_time_are_bad() {
    let other_name = authority().server("other.example");
    let expired = authority().server_with("localhost", |params| {
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    });
    let not_yet = authority().server_with("localhost", |params| {
        params.not_before = rcgen::date_time_ymd(2090, 1, 1);
    });
    for config in [other_name, expired, not_yet] {
        let seen = run(&visit(&at(https(config, OK))), PATIENT);
        assert_eq!((stop(&seen), word(&seen)), (Failure::BadCertificate, Word::Refused));
    }
}

#[test]
fn the_systems_store_alone_is_told_from_the_public() {
    let of_store = || Some(Arc::new(Trust::of_store(&[authority().root.clone()])));
    let intercepted = Visit { trust: of_store(), ..visit(&at(https(authority().server("localhost"), OK))) };
    assert_eq!(word(&run(&intercepted, PATIENT)), Word::LocalStore);
    let logged = authority().server_with("localhost", logged);
    let public = Visit { trust: of_store(), ..visit(&at(https(logged, OK))) };
    assert_eq!(word(&run(&public, PATIENT)), Word::Public);
}

#[test]
fn a_closed_port_is_refused() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let seen = run(&visit(&at(free)), PATIENT);
    assert_eq!(stop(&seen), Failure::Refused);
    assert_eq!((seen.tcp, seen.tls), (None, None));
}

#[test]
fn a_name_that_does_not_exist_is_not_found() {
    // A label of 64 letters: the system says so by itself, without asking anybody.
    let seen = run(&visit(&format!("https://{}.invalid/", "a".repeat(64))), PATIENT);
    assert_eq!(stop(&seen), Failure::NameNotFound);
    assert_eq!(seen.dns, None);
}

#[test]
fn silence_in_each_phase_is_no_answer_within_the_limit() {
    let mute = serve(hold);
    let seen = run(&visit(&at(mute)), SHORT);
    assert_eq!(stop(&seen), Failure::NoAnswer);
    assert!(seen.tcp.is_some() && seen.tls.is_none());

    let config = authority().server("localhost");
    let after_tls = serve(move |stream| {
        let mut tls = shaken(&config, stream);
        request(&mut tls);
        let _ = tls.read(&mut [0]);
    });
    let seen = run(&visit(&at(after_tls)), SHORT);
    assert_eq!(stop(&seen), Failure::NoAnswer);
    assert!(seen.tls.is_some() && seen.first_byte.is_none());

    let half_a_head = https(authority().server("localhost"), b"HTTP/1.1 200 OK\r\nX: ");
    let seen = run(&visit(&at(half_a_head)), SHORT);
    assert_eq!(stop(&seen), Failure::NoAnswer);
    assert!(seen.first_byte.is_some() && seen.head.is_none());
}

#[test]
fn a_server_that_drips_cannot_hold_it() {
    fn drip(mut stream: TcpStream, what: &[u8]) {
        for byte in what.iter().cycle() {
            if stream.write_all(&[*byte]).is_err() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    // A TLS record that announces 16 kB, and a head without an end.
    let record = serve(|stream| drip(stream, &[22, 3, 3, 0x40, 0, 1, 1]));
    assert!(matches!(stop(&run(&visit(&at(record)), SHORT)), Failure::NoAnswer | Failure::BadAnswer));
    let head = serve(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
        drip(stream, b"x: y\r\n");
    });
    let plain = format!("http://127.0.0.1:{}/", head.port());
    assert_eq!(stop(&run(&visit(&plain), SHORT)), Failure::NoAnswer);
}

#[test]
fn garbage_is_a_bad_answer_at_once() {
    let not_tls = serve(|mut stream| {
        let _ = stream.write_all(b"220 mail.example ESMTP\r\n");
        hold(stream);
    });
    let not_http = https(authority().server("localhost"), b"\x00\x01\x02garbage without an end");
    static GIANT: OnceLock<Vec<u8>> = OnceLock::new();
    let giant = GIANT.get_or_init(|| [b"HTTP/1.1 200 OK\r\nX: ".to_vec(), vec![b'a'; 1 << 20]].concat());
    let giant = https(authority().server("localhost"), giant);
    for address in [not_tls, not_http, giant] {
        let began = Instant::now();
        assert_eq!(stop(&run(&visit(&at(address)), PATIENT)), Failure::BadAnswer);
        assert!(began.elapsed() < PATIENT / 2);
    }
}

#[test]
fn a_connection_that_is_closed_is_no_answer() {
    let closes = serve(drop);
    let seen = run(&visit(&at(closes)), PATIENT);
    // Depending on who is faster it is an end or a reset.
    assert!(matches!(stop(&seen), Failure::NoAnswer | Failure::Refused), "{seen:?}");
}

#[test]
fn no_policy_reaches_private_addresses_and_the_collector_may_be_there() {
    for url in [
        "https://192.168.1.1/",
        "https://[fe80::1]/",
        "http://169.254.169.254/latest",
        "https://[::ffff:10.0.0.1]/",
    ] {
        let seen = run(&visit(url), PATIENT);
        assert_eq!(seen.stopped, Some(Stop::Forbidden), "{url}");
        assert_eq!(seen.tcp, None);
        let through = Visit { proxy: Some(proxy(serve(hold))), ..visit(url) };
        assert_eq!(run(&through, PATIENT).stopped, Some(Stop::Forbidden), "{url}");
    }
    // The machine's own address, as far as it has a private one: nothing listens there, and that
    // is found out.
    let probe = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    let own = probe.connect("203.0.113.1:9").and_then(|()| probe.local_addr());
    if let Ok(own) = own.map(|a| a.ip()).map(|ip| ip.to_string()) {
        let free = std::net::TcpListener::bind((own.as_str(), 0)).unwrap().local_addr().unwrap();
        let of_collector = Visit { host: Host::Collector, ..visit(&format!("https://{free}/")) };
        assert_eq!(stop(&run(&of_collector, PATIENT)), Failure::Refused);
    }
}

fn proxy(address: SocketAddr) -> Proxy {
    let authorization = Some("Basic YTpi".to_owned());
    Proxy { host: "127.0.0.1".into(), port: address.port(), authorization, supported: true }
}

/// A proxy that connects every `CONNECT` to one server.
fn relay(to: SocketAddr, asked: std::sync::mpsc::Sender<String>) -> SocketAddr {
    let asked = Mutex::new(asked);
    serve(move |mut stream| {
        asked.lock().unwrap().send(request(&mut stream)).unwrap();
        let _ = stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n");
        let server = TcpStream::connect(to).unwrap();
        let (mut up, mut down) = (server.try_clone().unwrap(), stream.try_clone().unwrap());
        std::thread::spawn(move || std::io::copy(&mut down, &mut up));
        let _ = std::io::copy(&mut { server }, &mut stream);
    })
}

#[test]
fn through_a_proxy_the_name_is_the_proxys_to_resolve() {
    let server = https(authority().server("service.example"), OK);
    let (tell, told) = std::sync::mpsc::channel();
    let way = Visit { proxy: Some(proxy(relay(server, tell))), ..visit("https://service.example/x") };
    let seen = run(&way, PATIENT);
    assert_eq!(seen.stopped, None);
    assert_eq!(seen.head.as_ref().unwrap().status, 200);
    assert!(seen.dns.is_none() && seen.tcp.is_some() && seen.tls.is_some());
    assert_eq!(
        told.recv().unwrap(),
        "CONNECT service.example:443 HTTP/1.1\r\nHost: service.example:443\r\nProxy-Authorization: Basic YTpi\r\n\r\n"
    );
}

#[test]
fn proxies_that_refuse_fail_or_cheat() {
    for (answer, expected) in [
        (&b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"[..], Failure::Refused),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", Failure::Refused),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", Failure::NoAnswer),
        (b"HTTP/1.1 200 OK\r\n\r\n<html>", Failure::BadAnswer),
        (b"SOCKS", Failure::BadAnswer),
    ] {
        let way = Visit { proxy: Some(proxy(http(answer))), ..visit("https://service.example/") };
        let seen = run(&way, PATIENT);
        assert_eq!(stop(&seen), expected);
        assert_eq!(seen.head, None, "a proxy's status is not the service's");
    }
    let mute = Visit { proxy: Some(proxy(serve(hold))), ..visit("https://service.example/") };
    assert_eq!(stop(&run(&mute, SHORT)), Failure::NoAnswer);
    let socks = Visit {
        proxy: Some(Proxy { supported: false, ..proxy(serve(hold)) }),
        ..visit("https://service.example/")
    };
    assert_eq!(run(&socks, PATIENT).stopped, Some(Stop::Unsupported));
}
