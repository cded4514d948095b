//! The probe against the real reflector on loopback, and against targets it must not measure.

use super::*;
use readiness::{Host, Policy};
use std::{sync::Mutex, time::Instant};
use telemetry::{TimestampQuality, UnixMs};

const ANYWHERE: &str = "127.0.0.1:0";

fn context(reflectors: Vec<Reflector>, said: Arc<Mutex<Vec<Progress>>>) -> Arc<Context> {
    let mut policy = Policy::builtin();
    policy.targets.reflectors = reflectors;
    Arc::new(Context {
        policy: Arc::new(policy),
        collector: None,
        occasion: super::super::Occasion::SelfCheck,
        clock: Arc::new(|| UnixMs::new(1_800_000_000_000)),
        hasher: Arc::new(|_| telemetry::Hash::from_bytes([0; 16])),
        clock_offset: None,
        progress: Arc::new(move |p| said.lock().unwrap().push(p)),
        data_dir: std::env::temp_dir(),
        extra_roots: Arc::default(),
    })
}

fn at(id: &str, host: &str, port: u16) -> Reflector {
    Reflector { id: id.parse().unwrap(), host: Host::try_from(host.to_owned()).unwrap(), port, dscp: 46 }
}

async fn outcomes(reflectors: Vec<Reflector>) -> Vec<Outcome> {
    let readings = (PROBE.run)(context(reflectors, Arc::default())).await;
    readings.into_iter().map(|r| r.outcome).collect()
}

#[tokio::test]
async fn what_no_policy_may_point_at_is_not_measured() {
    let reflectors = vec![
        at("home", "192.168.178.1", 862),
        at("cloud", "169.254.169.254", 80),
        at("c", "@collector", 862),
    ];
    assert_eq!(outcomes(reflectors).await, vec![Outcome::NotChecked(NotChecked::NoTarget); 3]);
    assert_eq!(outcomes(Vec::new()).await, [Outcome::NotChecked(NotChecked::NoTarget)]);
}

#[tokio::test]
async fn a_name_that_is_nobodys_is_not_found() {
    // RFC 6761: a resolver must never find this one; without any resolver it is not found either.
    assert_eq!(
        outcomes(vec![at("x", "reflector.invalid", 862)]).await,
        [Outcome::Failed(Failure::NameNotFound)]
    );
}

#[tokio::test]
async fn each_reflector_is_measured_in_turn_and_the_fourth_is_not() {
    let reflector =
        reflector::Reflector::bind(ANYWHERE.parse().unwrap(), reflector::Limits::default()).unwrap();
    let port = reflector.local_addr().port();
    let closed = std::net::UdpSocket::bind(ANYWHERE).unwrap().local_addr().unwrap().port();
    let said: Arc<Mutex<Vec<Progress>>> = Arc::default();
    let private = |id| at(id, "10.0.0.1", port);
    let reflectors =
        vec![at("a", "127.0.0.1", port), at("b", "127.0.0.1", closed), private("c"), private("d")];
    let mut readings = (PROBE.run)(context(reflectors, said.clone())).await;
    // Where a stream was not well, a reading of the way comes with it.
    readings.retain(|r| r.probe == ProbeId::Media);
    assert_eq!(readings.len(), MAX_REFLECTORS);
    let Some(Value::Media(media)) = readings[0].measured() else { panic!("{:?}", readings[0]) };
    assert_eq!((media.sent, media.received), (250, 250));
    // Windows takes a marking by the packet or not at all, and then none is claimed.
    assert!(media.dscp_sent == 46 || cfg!(windows) && media.dscp_sent == 0, "{}", media.dscp_sent);
    assert!(media.mos.is_some() && media.duration.get() >= 5000.0);
    // By our own clock a busy computer reads as a bad network, and this one may be busy.
    if media.timestamps != TimestampQuality::UserSpace {
        assert!(media.mos.unwrap().get() > 4.3, "{:?}", media.mos);
    }
    if cfg!(target_os = "linux") {
        assert_eq!(readings[1].outcome, Outcome::Failed(Failure::Refused));
    }
    assert_eq!(readings[2].outcome, Outcome::NotChecked(NotChecked::NoTarget));
    let said: Vec<f32> = said.lock().unwrap().iter().filter_map(|p| p.done).collect();
    assert!(said.is_sorted() && said[0] == 0.0, "{said:?}");
    assert!(said.iter().any(|done| (0.33..0.34).contains(done)), "the first of three ended: {said:?}");
}

#[tokio::test]
async fn giving_it_up_ends_its_thread() {
    let silent = std::net::UdpSocket::bind(ANYWHERE).unwrap();
    let context = context(vec![at("a", "127.0.0.1", silent.local_addr().unwrap().port())], Arc::default());
    let run = tokio::time::timeout(Duration::from_millis(100), (PROBE.run)(context.clone()));
    assert!(run.await.is_err(), "nobody answers, so it cannot have ended");
    // The thread holds the context as long as it runs.
    let deadline = Instant::now() + Duration::from_secs(5);
    while Arc::strong_count(&context) > 1 {
        assert!(Instant::now() < deadline, "the stream goes on though nobody waits for it");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
