//! Whole runs against a WebSocket server of another's making, hosts that say no, and proxies that get in the way.

use super::*;
use crate::{
    network::{
        proxy::Proxy,
        testing::{Authority, hold, http, https, request, serve, shaken},
    },
    probe::Occasion,
};
use readiness::Policy;
use rustls::ServerConfig;
use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};
use telemetry::{Hash, UnixMs};

const PATIENT: Duration = Duration::from_secs(20);

fn context(signalling: &str, authority: Option<&Authority>) -> Context {
    let policy = format!("id = 'x'\nversion = 1\ntargets.signalling = [{signalling}]");
    Context {
        policy: Arc::new(Policy::parse(&policy).unwrap()),
        collector: None,
        occasion: Occasion::SelfCheck,
        clock: Arc::new(|| UnixMs::new(0)),
        hasher: Arc::new(|_| Hash::from_bytes([0; 16])),
        clock_offset: None,
        progress: Arc::new(|_| {}),
        data_dir: Default::default(),
        extra_roots: authority.map(|a| a.root.clone()).into_iter().collect(),
    }
}

async fn one(url: &str, authority: Option<&Authority>) -> Signalling {
    let context = context(&format!("{{ id = 'a', url = '{url}' }}"), authority);
    of(&measure(&context, Proxies::default, PATIENT).await[0])
}

fn of(reading: &Reading) -> Signalling {
    match reading.measured() {
        Some(Value::Signalling(signalling)) => signalling.clone(),
        _ => panic!("{reading:?}"),
    }
}

/// A WebSocket server by tungstenite.
fn websocket(config: Arc<ServerConfig>) -> SocketAddr {
    serve(move |stream| {
        if let Ok(mut socket) = tungstenite::accept(shaken(&config, stream)) {
            let _ = socket.read();
        }
    })
}

#[tokio::test]
async fn a_websocket_of_anothers_making_opens_encrypted_and_in_the_plain() {
    let authority = Authority::new("Test");
    let port = websocket(authority.server("localhost")).port();
    let found = one(&format!("wss://localhost:{port}/calls?x=1"), Some(&authority)).await;
    assert_eq!((found.upgrade, found.status, found.failure), (Some(Upgrade::Done), Some(101), None));
    assert!(found.tcp.is_some() && found.tls.is_some() && found.answer.is_some(), "{found:?}");
    assert_eq!((found.proxy, found.interference), (false, Interference::None));
    let plain = serve(|stream| drop(tungstenite::accept(stream)));
    let found = one(&format!("ws://{plain}/"), None).await;
    assert_eq!((found.upgrade, found.tls), (Some(Upgrade::Done), None));
}

#[tokio::test]
async fn what_a_host_answers_instead_is_told_from_an_answer_that_is_not_its_own() {
    let answer = |bytes: &'static [u8]| http(bytes);
    let wrong = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                  Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    for (bytes, upgrade) in [
        (&b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"[..], Upgrade::Declined),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", Upgrade::Declined),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", Upgrade::Declined),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", Upgrade::Declined),
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", Upgrade::Declined),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", Upgrade::Stripped),
        (b"HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\n\r\n", Upgrade::Stripped),
        (wrong, Upgrade::Broken),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", Upgrade::Broken),
    ] {
        let found = one(&format!("ws://{}/", answer(bytes)), None).await;
        assert_eq!(
            (found.upgrade, found.failure),
            (Some(upgrade), None),
            "{}",
            String::from_utf8_lossy(bytes)
        );
        assert!(found.status.is_some());
    }
    let garbage = one(&format!("ws://{}/", answer(b"SSH-2.0-OpenSSH_9\r\n")), None).await;
    assert_eq!((garbage.upgrade, garbage.failure), (None, Some(Failure::BadAnswer)));
}

#[test]
fn what_a_server_says_without_the_headers_counts_where_somebody_could_have_taken_them() {
    use Interference::{None, TlsIntercepted};
    assert_eq!(upgrade(400, true, TlsIntercepted), Upgrade::Stripped);
    assert_eq!(upgrade(400, true, None), Upgrade::Declined);
    assert_eq!(upgrade(403, true, TlsIntercepted), Upgrade::Declined);
    assert_eq!(upgrade(302, true, None), Upgrade::Declined);
}

/// Takes the request in place of the server, leaves out what is asked for beside the page, and asks the server.
fn stripping(to: SocketAddr) -> SocketAddr {
    serve(move |mut stream| {
        let asked = request(&mut stream);
        let hop = |line: &&str| {
            let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
            !matches!(name.as_str(), "upgrade" | "connection") && !name.starts_with("sec-websocket")
        };
        let mut passed: Vec<&str> = asked.trim_end().lines().filter(hop).collect();
        passed.extend(["Connection: close", "", ""]);
        let mut server = TcpStream::connect(to).unwrap();
        let _ = server.write_all(passed.join("\r\n").as_bytes());
        let mut answer = Vec::new();
        let _ = server.read_to_end(&mut answer);
        let _ = stream.write_all(&answer);
    })
}

#[tokio::test]
async fn somebody_who_drops_the_request_for_a_websocket_comes_out() {
    // A host that says what is missing, as RFC 9110 has it: it sees a plain request.
    let host = serve(|mut stream| {
        let asked = request(&mut stream).to_ascii_lowercase();
        let answer: &[u8] = match asked.contains("upgrade: websocket") {
            true => b"HTTP/1.1 500 it came through\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            false => b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        };
        let _ = stream.write_all(answer);
    });
    let direct = one(&format!("ws://{host}/"), None).await;
    assert_eq!((direct.upgrade, direct.status), (Some(Upgrade::Declined), Some(500)));
    let stripped = one(&format!("ws://{}/", stripping(host)), None).await;
    assert_eq!((stripped.upgrade, stripped.status), (Some(Upgrade::Stripped), Some(426)));
}

#[tokio::test]
async fn phases_tell_how_far_it_came() {
    let authority = Authority::new("Test");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let refused = one(&format!("wss://{closed}/"), None).await;
    assert_eq!((refused.tcp, refused.failure), (None, Some(Failure::Refused)));
    let stranger = https(authority.server("localhost"), b"").port();
    let untrusted = one(&format!("wss://localhost:{stranger}/"), None).await;
    assert!(untrusted.tcp.is_some() && untrusted.tls.is_none());
    assert_eq!(untrusted.failure, Some(Failure::BadCertificate));
    let mute = serve(hold);
    let context = context(&format!("{{ id = 'a', url = 'wss://{mute}/' }}"), None);
    let found = of(&measure(&context, Proxies::default, Duration::from_millis(800)).await[0]);
    assert!(found.tcp.is_some() && found.upgrade.is_none(), "{found:?}");
    assert!(matches!(found.failure, Some(Failure::NoAnswer | Failure::Timeout)), "{found:?}");
}

#[tokio::test]
async fn a_proxy_is_used_for_hosts_that_are_not_exempt() {
    let refusing = http(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").port();
    let proxies = move |supported| {
        move || {
            let proxy = Proxy { host: "127.0.0.1".into(), port: refusing, authorization: None, supported };
            Proxies { https: Some(proxy), ..Proxies::default() }
        }
    };
    let context = context("{ id = 'a', url = 'wss://signalling.invalid/' }", None);
    let found = of(&measure(&context, proxies(true), PATIENT).await[0]);
    assert_eq!((found.proxy, found.failure, found.upgrade), (true, Some(Failure::Refused), None));
    let socks = measure(&context, proxies(false), PATIENT).await;
    assert_eq!(socks[0].outcome, Outcome::Unsupported(Unsupported::ThisBuild));
}

#[tokio::test]
async fn what_no_policy_may_point_at_is_not_asked() {
    let none = measure(&context("", None), Proxies::default, PATIENT).await;
    assert_eq!(none[0].outcome, Outcome::NotChecked(NotChecked::NoTarget));
    let host = |url: &str| SignallingHost { id: "a".parse().unwrap(), url: url.into() };
    for url in ["wss://192.168.1.1/", "ws://198.51.100.1/", "https://", "x"] {
        let mut policy = Policy::builtin();
        policy.targets.signalling = vec![host(url)];
        let context = Context { policy: Arc::new(policy), ..context("", None) };
        let found = measure(&context, Proxies::default, PATIENT).await;
        assert_eq!(found[0].outcome, Outcome::NotChecked(NotChecked::TargetForbidden), "{url}");
    }
}
