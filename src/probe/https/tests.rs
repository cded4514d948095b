//! Whole runs against servers on loopback: what each endpoint's reading says, and that they end.

use super::*;
use crate::{
    network::testing::{Authority, hold, http, https, serve},
    probe::{Collector, Occasion},
};
use telemetry::{Hash, UnixMs};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const EMPTY: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";

fn context(policy: &str, collector: Option<String>, authority: Option<&Authority>) -> Context {
    Context {
        policy: Arc::new(readiness::Policy::parse(&format!("id = 'x'\nversion = 1\n{policy}")).unwrap()),
        collector: collector.map(|url| Collector { url: url.parse().unwrap(), sign: None }),
        occasion: Occasion::Routine,
        clock: Arc::new(|| UnixMs::new(0)),
        hasher: Arc::new(|_| Hash::from_bytes([0; 16])),
        clock_offset: None,
        progress: Arc::new(|_| {}),
        data_dir: Default::default(),
        extra_roots: authority.map(|a| a.root.clone()).into_iter().collect(),
    }
}

async fn measured(context: &Context) -> Vec<Reading> {
    measure(context, Proxies::default, Duration::from_secs(20)).await
}

fn https_of(reading: &Reading) -> &Https {
    match reading.measured() {
        Some(Value::Https(https)) => https,
        _ => panic!("{reading:?}"),
    }
}

#[tokio::test]
async fn without_endpoints_nothing_is_checked() {
    let readings = measured(&context("", None, None)).await;
    assert_eq!(readings[0].outcome, Outcome::NotChecked(NotChecked::NoTarget));
}

#[tokio::test]
async fn each_endpoint_has_its_own_reading_in_the_policys_order() {
    let authority = Authority::new("Test");
    let good = https(authority.server("localhost"), OK);
    let plain = http(OK);
    let policy = format!(
        "targets.endpoints = [{{ id = 'own', url = 'https://@collector/healthz' }},\n\
         {{ id = 'good', url = 'https://localhost:{}/' }},\n\
         {{ id = 'plain', url = 'http://127.0.0.1:{}/' }}]",
        good.port(),
        plain.port()
    );
    let collector = Some(format!("https://localhost:{}/ignored", good.port()));
    let readings = measured(&context(&policy, collector, Some(&authority))).await;
    let targets: Vec<_> = readings.iter().map(|r| r.target.as_ref().unwrap().as_str()).collect();
    assert_eq!(targets, ["own", "good", "plain"]);
    for reading in &readings {
        let https = https_of(reading);
        assert_eq!((https.status, https.failure, https.proxy), (Some(200), None, false), "{reading:?}");
        assert_eq!(https.interference, Interference::None);
        assert!(https.tcp.is_some() && https.first_byte.is_some());
    }
    assert!(https_of(&readings[1]).tls.is_some() && https_of(&readings[2]).tls.is_none());
    // Without a collector, the endpoint on it has nothing to go to.
    let readings = measured(&context(&policy, None, Some(&authority))).await;
    assert_eq!(readings[0].outcome, Outcome::NotChecked(NotChecked::NoTarget));
}

#[tokio::test]
async fn whatever_hangs_the_rest_is_told_in_time() {
    let authority = Authority::new("Test");
    let good = https(authority.server("localhost"), OK);
    let mute = serve(hold);
    let policy = format!(
        "targets.endpoints = [{{ id = 'mute', url = 'https://localhost:{}/' }},\n\
         {{ id = 'good', url = 'https://localhost:{}/' }}]",
        mute.port(),
        good.port()
    );
    let limit = Duration::from_secs(3);
    let began = Instant::now();
    let readings = measure(&context(&policy, None, Some(&authority)), Proxies::default, limit).await;
    assert!(began.elapsed() < limit + Duration::from_secs(1), "{:?}", began.elapsed());
    let mute = https_of(&readings[0]);
    // Whether the visit's own patience or the probe's ends first is a matter of milliseconds.
    assert!(matches!(mute.failure, Some(Failure::NoAnswer | Failure::Timeout)), "{mute:?}");
    assert!(mute.tcp.is_some() && mute.tls.is_none());
    assert_eq!(https_of(&readings[1]).status, Some(200));
    assert!(readings[1].took_ms < readings[0].took_ms);
}

#[tokio::test]
async fn a_thread_that_hangs_is_told_as_far_as_it_came() {
    let seen = Arc::new(Mutex::new(Seen { dns: Some(Duration::from_millis(3)), ..Seen::default() }));
    let (_never, done) = oneshot::channel();
    let so_far = OnThread { seen, done }.seen(Instant::now()).await;
    let visit =
        visit("https://a.example/", "https://a.example/".parse().unwrap(), &Proxies::default(), &None);
    let Outcome::Measured(Value::Https(https)) = outcome(&visit, &so_far, Interference::None) else {
        panic!()
    };
    assert_eq!((https.failure, https.dns), (Some(Failure::Timeout), Some(Millis::new(3.0))));
}

#[tokio::test]
async fn a_portal_is_found_by_its_answer() {
    // The endpoint fails without a packet leaving this computer.
    let refuses = http(b"HTTP/1.1 502 Bad Gateway\r\n\r\n");
    let proxies = move || {
        Proxies::from_environment(|name| (name == "https_proxy").then(|| format!("http://{refuses}")))
    };
    for (answer, expected) in [
        (EMPTY, Interference::None),
        (
            &b"HTTP/1.1 302 Found\r\nLocation: http://login.hotel.example/\r\n\r\n"[..],
            Interference::CaptivePortal,
        ),
        (OK, Interference::CaptivePortal),
    ] {
        let portal = http(answer);
        let policy = format!(
            "targets.portal = 'http://127.0.0.1:{}/204'\n\
             targets.endpoints = [{{ id = 'e', url = 'https://service.example/' }}]",
            portal.port()
        );
        let context = context(&policy, None, None);
        let readings = measure(&context, proxies, Duration::from_secs(20)).await;
        let found = https_of(&readings[0]);
        assert_eq!((found.interference, found.failure), (expected, Some(Failure::NoAnswer)));
    }
}

#[tokio::test]
async fn an_endpoint_that_sends_away_in_the_plain_is_behind_a_portal() {
    let portal = http(b"HTTP/1.1 302 Found\r\nLocation: http://login.hotel.example/\r\n\r\n");
    let policy = format!("targets.endpoints = [{{ id = 'e', url = 'http://127.0.0.1:{}/' }}]", portal.port());
    let readings = measured(&context(&policy, None, None)).await;
    assert_eq!(https_of(&readings[0]).interference, Interference::CaptivePortal);
}

#[tokio::test]
async fn a_proxy_is_used_and_said() {
    let refuses = http(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
    let policy = "targets.endpoints = [{ id = 'e', url = 'https://service.example/' }]";
    let proxies = move || {
        Proxies::from_environment(|name| (name == "https_proxy").then(|| format!("http://{refuses}")))
    };
    let readings = measure(&context(policy, None, None), proxies, Duration::from_secs(20)).await;
    let https = https_of(&readings[0]);
    assert_eq!((https.proxy, https.failure, https.status), (true, Some(Failure::Refused), None));
}

#[tokio::test]
async fn what_no_policy_may_ask_for_is_not_asked() {
    // Refused by the policy's own validation as well; a desk does not rely on that.
    let mut context = context("targets.endpoints = [{ id = 'e', url = 'https://a.example/' }]", None, None);
    for url in ["https://10.0.0.1/", "http://a.example/", "ftp://127.0.0.1/", "https://[fd00::1]/"] {
        let mut policy = (*context.policy).clone();
        policy.targets.endpoints[0].url = url.into();
        context.policy = Arc::new(policy);
        let readings = measured(&context).await;
        assert_eq!(readings[0].outcome, Outcome::NotChecked(NotChecked::TargetForbidden), "{url}");
    }
}
