//! Whole runs against a real relay (coturn, where it is installed) by every way, and against what is none.

use super::*;
use crate::{
    network::{
        proxy::Proxy,
        testing::{
            Authority,
            coturn::{Coturn, PASSWORD, USER},
            hold, http, serve,
        },
    },
    probe::Occasion,
};
use rcgen::KeyPair;
use readiness::Policy;
use std::net::UdpSocket;
use telemetry::{Hash, UnixMs};

fn context(turn: &str, folder: &std::path::Path, authority: Option<&Authority>) -> Context {
    Context {
        policy: Arc::new(Policy::parse(&format!("id = 'x'\nversion = 1\ntargets.turn = [{turn}]")).unwrap()),
        collector: None,
        occasion: Occasion::SelfCheck,
        clock: Arc::new(|| UnixMs::new(0)),
        hasher: Arc::new(|_| Hash::from_bytes([0; 16])),
        clock_offset: None,
        progress: Arc::new(|_| {}),
        data_dir: folder.to_owned(),
        extra_roots: authority.map(|a| a.root.clone()).into_iter().collect(),
    }
}

async fn ways(context: &Context, limit: Duration) -> Vec<TurnWay> {
    let readings = measure(context, Proxies::default, limit).await;
    match &readings[0].outcome {
        Outcome::Measured(Value::Turn(turn)) => turn.ways.to_vec(),
        other => panic!("{other:?}"),
    }
}

fn pem(kind: &str, der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN {kind}-----\n{text}\n-----END {kind}-----\n")
}

const PATIENT: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_real_relay_is_used_by_udp_tcp_and_tls() {
    let authority = Authority::new("Test");
    let key = KeyPair::generate().unwrap();
    let certificate = authority.certificate("localhost", &key, |_| {});
    let (certificate, key) = (pem("CERTIFICATE", &certificate), pem("PRIVATE KEY", &key.serialize_der()));
    let Some(coturn) = Coturn::start_with(&["--user-quota=8"], Some((&certificate, &key))) else { return };
    let folder = tempfile::tempdir().unwrap();
    let (port, tls) = (coturn.port(), coturn.tls_port());
    let target = format!("{{ id = 'a', host = 'localhost', udp = {port}, tcp = {port}, tls = {tls} }}");
    let context = context(&target, folder.path(), Some(&authority));
    let open = ways(&context, PATIENT).await;
    let transports: Vec<_> = open.iter().map(|w| w.transport).collect();
    assert_eq!(transports, [TurnTransport::Udp, TurnTransport::Tcp, TurnTransport::Tls]);
    for way in &open {
        assert_eq!((way.result, way.failure), (TurnResult::SignInAsked, None), "{way:?}");
        assert!(way.answer.is_some() && !way.intercepted && !way.proxy, "{way:?}");
        assert_eq!(way.connect.is_some(), way.transport != TurnTransport::Udp, "{way:?}");
    }
    let said = |host: &str, password: &str| {
        let text = format!("[[server]]\nhost = '{host}'\nusername = '{USER}'\npassword = '{password}'\n");
        std::fs::write(folder.path().join(turn::FILE), text).unwrap();
    };
    said("localhost", PASSWORD);
    for way in ways(&context, PATIENT).await {
        assert_eq!((way.result, way.failure), (TurnResult::Relayed, None), "{way:?}");
        assert!(way.relay.is_some(), "{way:?}");
    }
    said("localhost", "wrong");
    for way in ways(&context, PATIENT).await {
        assert_eq!(way.result, TurnResult::SignInRefused, "{way:?}");
    }
    // Credentials for another host are shown to nobody.
    said("turn.example.net", PASSWORD);
    for way in ways(&context, PATIENT).await {
        assert_eq!(way.result, TurnResult::SignInAsked, "{way:?}");
    }
    // A certificate that this desk does not trust.
    let strict = Context { extra_roots: Arc::default(), ..context.clone() };
    let tls = &ways(&strict, PATIENT).await[2];
    assert_eq!((tls.result, tls.failure), (TurnResult::Failed, Some(Failure::BadCertificate)));
    // Through a proxy, TCP and TLS both go by CONNECT; here it refuses.
    let refusing = http(b"HTTP/1.1 403 Forbidden\r\n\r\n").port();
    let proxies = move || {
        let proxy = Proxy { host: "127.0.0.1".into(), port: refusing, authorization: None, supported: true };
        Proxies { https: Some(proxy), ..Proxies::default() }
    };
    let named = Context {
        // Loopback itself is never asked through a proxy, so the relay is named as a stranger here.
        policy: Arc::new(
            Policy::parse("id = 'x'\nversion = 1\ntargets.turn = [{ id = 'a', host = 'turn.invalid', tcp = 3478, tls = 443 }]")
                .unwrap(),
        ),
        ..context
    };
    let readings = measure(&named, proxies, PATIENT).await;
    let Outcome::Measured(Value::Turn(turn)) = &readings[0].outcome else { panic!("{readings:?}") };
    for way in &turn.ways {
        assert_eq!((way.proxy, way.result, way.failure), (true, TurnResult::Failed, Some(Failure::Refused)));
    }
}

#[tokio::test]
async fn silence_garbage_and_nobody_fail_each_in_its_way() {
    let folder = tempfile::tempdir().unwrap();
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let babble = http(b"HTTP/1.1 400 Bad Request\r\n\r\n").port();
    let mute = serve(hold).port();
    let target = |udp: u16, tcp: u16, tls: u16| {
        format!("{{ id = 'a', host = '127.0.0.1', udp = {udp}, tcp = {tcp}, tls = {tls} }}")
    };
    let began = Instant::now();
    let udp = silent.local_addr().unwrap().port();
    let found = ways(&context(&target(udp, babble, mute), folder.path(), None), Duration::from_secs(2)).await;
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    assert!(found.iter().all(|w| w.result == TurnResult::Failed), "{found:?}");
    assert_eq!(found[0].failure, Some(Failure::NoAnswer));
    assert!(matches!(found[2].failure, Some(Failure::NoAnswer | Failure::Timeout)), "{found:?}");
    assert!(found[1].connect.is_some() && found[2].connect.is_none(), "{found:?}");
}

#[tokio::test]
async fn what_no_policy_may_point_at_is_not_tried() {
    let folder = tempfile::tempdir().unwrap();
    let none = measure(&context("", folder.path(), None), Proxies::default, PATIENT).await;
    assert_eq!(none[0].outcome, Outcome::NotChecked(NotChecked::NoTarget));
    let mut policy = Policy::builtin();
    let host = readiness::Host::Named("192.168.178.1".into());
    let id = "home".parse().unwrap();
    policy.targets.turn = vec![TurnServer { id, host, udp: Some(3478), tcp: Some(3478), tls: None }];
    let private = Context { policy: Arc::new(policy), ..context("", folder.path(), None) };
    let found = measure(&private, Proxies::default, PATIENT).await;
    assert_eq!(found[0].outcome, Outcome::NotChecked(NotChecked::TargetForbidden));
    let own = context("{ id = 'a', host = '@collector', udp = 3478 }", folder.path(), None);
    let found = measure(&own, Proxies::default, PATIENT).await;
    assert_eq!(found[0].outcome, Outcome::NotChecked(NotChecked::NoTarget));
}
