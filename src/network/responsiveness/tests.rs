//! Against servers on loopback: one that does as it should, and many that do not.

use super::*;
use crate::network::testing::{hold, serve};
use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
};

/// What a server does with each of its addresses.
#[derive(Clone, Copy, PartialEq)]
enum Does {
    Well,
    /// Sends for ever, whatever was asked for.
    Floods,
    /// Answers nothing.
    Nothing,
    /// Closes the connection.
    Closes,
    /// Sends a head without end.
    GiantHead,
    /// Says 200 and an empty body.
    Empty,
    /// Says something that is no HTTP.
    Garbage,
    /// Turns away with this status.
    Status(u16),
}

#[derive(Clone, Copy)]
struct Server {
    config: Does,
    small: Does,
    large: Does,
    upload: Does,
    /// What the loaded line adds to each small answer.
    chokes: Duration,
}

const GOOD: Server = Server {
    config: Does::Well,
    small: Does::Well,
    large: Does::Well,
    upload: Does::Well,
    chokes: Duration::ZERO,
};

#[derive(Default)]
struct Count {
    sent: AtomicU64,
    received: AtomicU64,
    loads: AtomicUsize,
    connections: AtomicUsize,
}

fn start(server: Server) -> (Url, Arc<Count>) {
    let count = Arc::new(Count::default());
    let counted = count.clone();
    let address = serve(move |stream| {
        counted.connections.fetch_add(1, Ordering::SeqCst);
        converse(server, stream, &counted);
    });
    (format!("http://{address}/nq").parse().unwrap(), count)
}

/// Answers one request after the other, until the other side has enough.
fn converse(server: Server, mut stream: TcpStream, count: &Count) {
    loop {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read(&mut byte) {
                Ok(1) => head.push(byte[0]),
                _ => return,
            }
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let (does, well): (Does, &dyn Fn(&mut TcpStream) -> bool) = match path.as_str() {
            "/nq" => (server.config, &|s| {
                answer(
                    s,
                    r#"{"version": 1, "urls": {"small_download_url": "/s", "large_download_url": "/l", "upload_url": "/u"}}"#,
                )
            }),
            "/s" => (server.small, &|s| {
                if count.loads.load(Ordering::SeqCst) > 0 {
                    std::thread::sleep(server.chokes);
                }
                answer(s, "0")
            }),
            "/l" => (server.large, &|s| {
                count.loads.fetch_add(1, Ordering::SeqCst);
                let done = flood(s, count, server.chokes);
                count.loads.fetch_sub(1, Ordering::SeqCst);
                done
            }),
            _ => (server.upload, &|s| {
                count.loads.fetch_add(1, Ordering::SeqCst);
                swallow(s, count);
                count.loads.fetch_sub(1, Ordering::SeqCst);
                false
            }),
        };
        let goes_on = match does {
            Does::Well => well(&mut stream),
            Does::Floods => flood(&mut stream, count, server.chokes),
            Does::Nothing => {
                hold(stream);
                return;
            }
            Does::Closes => false,
            Does::GiantHead => {
                let line = format!("x: {}\r\n", "y".repeat(1000));
                stream.write_all(b"HTTP/1.1 200 OK\r\n").is_ok()
                    && (0..100_000).all(|_| stream.write_all(line.as_bytes()).is_ok())
            }
            Does::Empty => stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").is_ok(),
            Does::Garbage => stream.write_all(b"SSH-2.0-OpenSSH_9\r\n\r\n").is_ok(),
            Does::Status(status) => stream
                .write_all(format!("HTTP/1.1 {status} x\r\nContent-Length: 0\r\n\r\n").as_bytes())
                .is_ok(),
        };
        if !goes_on {
            return;
        }
    }
}

fn answer(stream: &mut TcpStream, body: &str) -> bool {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(head.as_bytes()).is_ok()
}

/// In small pieces, so that what the other side does not want is soon noticed.
fn flood(stream: &mut TcpStream, count: &Count, chokes: Duration) -> bool {
    // What waits in the systems of both sides is no longer counted than a tenth of the least budget.
    let _ = socket2::SockRef::from(&*stream).set_send_buffer_size(64 << 10);
    if stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 8000000000\r\n\r\n").is_err() {
        return false;
    }
    let piece = [7; 4096];
    while stream.write_all(&piece).is_ok() {
        count.sent.fetch_add(piece.len() as u64, Ordering::SeqCst);
        // A line that chokes is no memory bus.
        std::thread::sleep(chokes / 100);
    }
    false
}

fn swallow(stream: &mut TcpStream, count: &Count) {
    let mut buffer = [0; 16 << 10];
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        count.received.fetch_add(length as u64, Ordering::SeqCst);
    }
}

fn plan(url: &Url, most: u64, longest: Duration) -> Plan {
    Plan {
        url: url.clone(),
        host: Host::Named("127.0.0.1".into()),
        sign: None,
        verifier: None,
        most,
        voice: None,
        deadline: Instant::now() + longest,
    }
}

const MOST: u64 = 4_000_000;

#[tokio::test]
async fn a_line_without_limits_ends_at_its_bytes() {
    let (url, count) = start(GOOD);
    let seen = run(plan(&url, MOST, LONGEST)).await.unwrap();
    assert_eq!((seen.protocol, seen.failure), (telemetry::LoadProtocol::Http1, None), "{seen:?}");
    assert!(seen.idle_rtt.get() > 0.0 && seen.idle_rtt.get() < 500.0, "{seen:?}");
    let (down, up) = (seen.download.clone().unwrap(), seen.upload.clone().unwrap());
    assert!(down.throughput.get() > 1000.0 && up.throughput.get() > 1000.0, "{down:?} {up:?}");
    // A memory bus is full before anything could settle, and that is said.
    assert_eq!(down.confidence, telemetry::Confidence::Low);
    let moved = u64::from(seen.received) + u64::from(seen.sent);
    assert!(moved <= MOST + 100_000, "{moved}");
    assert!(u64::from(seen.received) > MOST / 2 && u64::from(seen.sent) > MOST / 4, "{seen:?}");
    // As the server counts it: what was under way when it was enough is more, by what the systems hold.
    let (sent, received) = (count.sent.load(Ordering::SeqCst), count.received.load(Ordering::SeqCst));
    assert!(sent <= MOST * 6 / 10 + 3_000_000, "{sent}");
    assert!(received <= MOST * 4 / 10 && received > MOST / 4, "{received}");
}

#[tokio::test]
async fn a_line_that_chokes_is_seen_to_choke() {
    // The server plays a queue of 150 ms.
    let (url, _) = start(Server { chokes: Duration::from_millis(150), ..GOOD });
    let seen = run(plan(&url, 400_000_000, Duration::from_secs(4))).await.unwrap();
    let down = seen.download.unwrap();
    // 60000/mean(1, 150) without TLS.
    let rpm = down.rpm.unwrap();
    assert!((300..=900).contains(&rpm), "{down:?}");
}

#[tokio::test]
async fn whatever_the_configuration_is_it_ends_in_time_and_says_why() {
    let expected = [
        (Does::Nothing, Stop::Failed(Failure::NoAnswer)),
        (Does::Closes, Stop::Failed(Failure::NoAnswer)),
        (Does::GiantHead, Stop::Failed(Failure::BadAnswer)),
        (Does::Empty, Stop::Failed(Failure::BadAnswer)),
        (Does::Garbage, Stop::Failed(Failure::BadAnswer)),
        (Does::Floods, Stop::Failed(Failure::BadAnswer)),
        (Does::Status(503), Stop::Busy),
        (Does::Status(429), Stop::Busy),
        (Does::Status(404), Stop::NotOffered),
        (Does::Status(401), Stop::Failed(Failure::Refused)),
        (Does::Status(500), Stop::Failed(Failure::BadAnswer)),
        (Does::Status(302), Stop::Failed(Failure::BadAnswer)),
    ];
    for (config, why) in expected {
        let (url, _) = start(Server { config, ..GOOD });
        let began = Instant::now();
        let seen = run(plan(&url, MOST, Duration::from_secs(3))).await;
        assert_eq!(seen, Err(why));
        assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    }
}

#[tokio::test]
async fn a_small_object_that_is_none_is_a_bad_answer() {
    for small in [Does::Empty, Does::Floods, Does::Garbage, Does::Status(500), Does::GiantHead] {
        let (url, _) = start(Server { small, ..GOOD });
        let seen = run(plan(&url, MOST, Duration::from_secs(3))).await;
        assert_eq!(seen, Err(Stop::Failed(Failure::BadAnswer)));
    }
    for (small, why) in [(Does::Nothing, Failure::NoAnswer), (Does::Closes, Failure::NoAnswer)] {
        let (url, _) = start(Server { small, ..GOOD });
        assert_eq!(run(plan(&url, MOST, Duration::from_secs(3))).await, Err(Stop::Failed(why)));
    }
}

#[tokio::test]
async fn a_load_that_is_none_is_told_and_never_taken_for_a_good_line() {
    for large in [Does::Empty, Does::Closes, Does::Garbage, Does::Status(500)] {
        let (url, count) = start(Server { large, ..GOOD });
        let seen = run(plan(&url, MOST, Duration::from_secs(3))).await;
        match seen {
            Err(Stop::Failed(_)) => {}
            Ok(seen) => {
                assert!(seen.failure.is_some(), "{seen:?}");
                let sure = |w: &telemetry::UnderLoad| w.confidence != telemetry::Confidence::Low;
                assert!(!seen.download.as_ref().is_some_and(sure), "{seen:?}");
            }
            other => panic!("{other:?}"),
        }
        let connections = count.connections.load(Ordering::SeqCst);
        assert!(connections < 100, "it is not asked as fast as it says no: {connections}");
    }
}

#[tokio::test]
async fn a_load_that_hangs_ends_in_time() {
    for (large, upload) in
        [(Does::Nothing, Does::Well), (Does::Well, Does::Nothing), (Does::Nothing, Does::Nothing)]
    {
        let (url, count) = start(Server { large, upload, ..GOOD });
        let began = Instant::now();
        let longest = Duration::from_secs(3);
        let _ = run(plan(&url, MOST, longest)).await;
        assert!(began.elapsed() < longest + Duration::from_secs(1), "{:?}", began.elapsed());
        assert!(count.connections.load(Ordering::SeqCst) < 200);
    }
}

#[tokio::test]
async fn nobody_listens_and_no_name() {
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url: Url = format!("http://{unused}/nq").parse().unwrap();
    let seen = run(plan(&url, MOST, LONGEST)).await;
    assert_eq!(seen, Err(Stop::Failed(Failure::Refused)));
    let private: Url = "http://192.168.1.1/nq".parse().unwrap();
    let seen = run(Plan { host: Host::Named("x".into()), ..plan(&private, MOST, LONGEST) }).await;
    assert_eq!(seen, Err(Stop::Forbidden));
}

#[tokio::test]
async fn given_up_it_is_gone_at_once() {
    let (url, count) = start(GOOD);
    let seen =
        tokio::time::timeout(Duration::from_millis(900), run(plan(&url, 4_000_000_000, LONGEST))).await;
    assert!(seen.is_err(), "it was not over: {seen:?}");
    // Its thread has ended when its connections are: nothing more is sent.
    let ended = Instant::now();
    while count.loads.load(Ordering::SeqCst) > 0 {
        assert!(ended.elapsed() < Duration::from_secs(2), "the load goes on");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
