//! Whether the line is loaded at all: everything that speaks against it, each by itself.

use super::*;
use crate::{
    network::testing::http,
    probe::{Collector, Sign},
};
use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};
use telemetry::{Hash, UnixMs};

const BUSY: &[u8] = b"HTTP/1.1 503 x\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n";

const FREE: Around =
    Around { call: || Box::pin(async { Call::Off }), metered: || false, proxies: Proxies::default };

fn context(policy: &str, collector: Option<&str>) -> Context {
    Context {
        policy: Arc::new(readiness::Policy::parse(&format!("id = 'x'\nversion = 1\n{policy}")).unwrap()),
        collector: collector.map(|url| Collector { url: url.parse().unwrap(), sign: None }),
        occasion: Occasion::SelfCheck,
        clock: Arc::new(|| UnixMs::new(0)),
        hasher: Arc::new(|_| Hash::from_bytes([0; 16])),
        clock_offset: None,
        progress: Arc::new(|_| {}),
        data_dir: Default::default(),
        extra_roots: Arc::new([]),
    }
}

/// A server that is busy: whoever reads that has come through to it.
fn reached() -> String {
    format!("[targets.responsiveness]\nid = 'a'\nurl = 'http://{}/nq'\n", http(BUSY))
}

async fn outcome(context: &Context, around: Around) -> Outcome {
    let reading = measure(context, around).await;
    assert_eq!(reading.probe, ProbeId::Responsiveness);
    reading.outcome
}

#[tokio::test]
async fn without_a_target_nothing_is_checked() {
    let not = Outcome::NotChecked(NotChecked::NoTarget);
    assert_eq!(outcome(&context("", None), FREE).await, not);
    let at_collector = "[targets.responsiveness]\nid = 'a'";
    assert_eq!(outcome(&context(at_collector, None), FREE).await, not);
}

#[tokio::test]
async fn a_busy_server_is_no_fault() {
    let reading = measure(&context(&reached(), None), FREE).await;
    assert_eq!(reading.outcome, Outcome::NotChecked(NotChecked::ServerBusy));
    assert_eq!(reading.target.unwrap().as_str(), "a");
}

#[tokio::test]
async fn what_speaks_against_it() {
    let context = context(&reached(), None);
    let not = Outcome::NotChecked;
    let on = Around { call: || Box::pin(async { Call::On }), ..FREE };
    assert_eq!(outcome(&context, on).await, not(NotChecked::MicrophoneInUse));
    let unknown = Around { call: || Box::pin(async { Call::Unknown }), ..FREE };
    assert_eq!(outcome(&context, unknown).await, not(NotChecked::CallPossible));
    let metered = Around { metered: || true, ..FREE };
    assert_eq!(outcome(&context, metered).await, not(NotChecked::Metered));
    let routine = Context { occasion: Occasion::Routine, ..context.clone() };
    assert_eq!(outcome(&routine, FREE).await, not(NotChecked::OutsideShift));
    let before = Context { occasion: Occasion::PreShift, ..context };
    assert_eq!(outcome(&before, FREE).await, not(NotChecked::ServerBusy));
    let allowed = self::context(&format!("{}metered = true", reached()), None);
    assert_eq!(outcome(&allowed, metered).await, not(NotChecked::ServerBusy));
}

#[tokio::test]
async fn a_proxy_is_not_measured_in_its_place() {
    let policy = "[targets.responsiveness]\nid = 'a'\nurl = 'https://nq.example/nq'";
    let proxied = Around {
        proxies: || {
            Proxies::from_environment(|name| (name == "https_proxy").then(|| "p.example:3128".into()))
        },
        ..FREE
    };
    let not = Outcome::NotChecked(NotChecked::BehindProxy);
    assert_eq!(outcome(&context(policy, None), proxied).await, not);
}

#[tokio::test]
async fn the_first_request_to_the_collector_is_signed_and_no_other_servers() {
    static SIGNED: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let sign: crate::network::responsiveness::Sign = Arc::new(|path| {
        SIGNED.lock().unwrap().push(path.to_owned());
        vec![("preshift-sequence", "1".into())]
    });
    let own = format!("http://{}/", http(BUSY));
    let mut context = context("[targets.responsiveness]\nid = 'a'", Some(&own));
    context.collector.as_mut().unwrap().sign = Some(Sign(sign));
    assert_eq!(outcome(&context, FREE).await, Outcome::NotChecked(NotChecked::ServerBusy));
    assert_eq!(*SIGNED.lock().unwrap(), ["/v1/responsiveness"]);
    let policy = format!("id = 'x'\nversion = 1\n{}", reached());
    context.policy = Arc::new(readiness::Policy::parse(&policy).unwrap());
    assert_eq!(outcome(&context, FREE).await, Outcome::NotChecked(NotChecked::ServerBusy));
    assert_eq!(SIGNED.lock().unwrap().len(), 1, "another server learns nothing of the desk");
}

#[tokio::test]
async fn a_call_that_begins_ends_it_at_once() {
    static LOOKS: AtomicUsize = AtomicUsize::new(0);
    let begins = Around {
        call: || {
            let on = LOOKS.fetch_add(1, Ordering::SeqCst) > 0;
            Box::pin(async move { if on { Call::On } else { Call::Off } })
        },
        ..FREE
    };
    let mute = crate::network::testing::serve(crate::network::testing::hold);
    let policy = format!("[targets.responsiveness]\nid = 'a'\nurl = 'http://{mute}/nq'");
    let began = Instant::now();
    let outcome = outcome(&context(&policy, None), begins).await;
    assert_eq!(outcome, Outcome::NotChecked(NotChecked::MicrophoneInUse));
    assert!(began.elapsed() < LOOK * 2, "{:?}", began.elapsed());
}
