//! Whole runs against the real reflector on loopback.

use super::*;
use readiness::{Host, Policy};
use telemetry::{Hash, MtuLimit, UnixMs};

async fn outcomes(reflectors: Vec<(&str, u16)>) -> Vec<Outcome> {
    let mut policy = Policy::builtin();
    let all = reflectors.into_iter().enumerate().map(|(n, (host, port))| Reflector {
        id: format!("r{n}").parse().unwrap(),
        host: Host::try_from(host.to_owned()).unwrap(),
        port,
        dscp: 0,
    });
    policy.targets.reflectors = all.collect();
    let context = Context {
        policy: Arc::new(policy),
        collector: None,
        occasion: super::super::Occasion::SelfCheck,
        clock: Arc::new(|| UnixMs::new(0)),
        hasher: Arc::new(|_| Hash::from_bytes([0; 16])),
        clock_offset: None,
        progress: Arc::new(|_| {}),
        data_dir: std::env::temp_dir(),
        extra_roots: Arc::default(),
    };
    (PROBE.run)(Arc::new(context)).await.into_iter().map(|r| r.outcome).collect()
}

#[tokio::test]
async fn two_reflectors_are_looked_at_and_no_more() {
    let limits = reflector::Limits::default();
    let reflector = reflector::Reflector::bind("127.0.0.1:0".parse().unwrap(), limits).unwrap();
    let port = reflector.local_addr().port();
    let found = outcomes(vec![("127.0.0.1", port), ("reflector.invalid", 862), ("127.0.0.1", port)]).await;
    let Outcome::Measured(Value::Mtu(mtu)) = &found[0] else { panic!("{found:?}") };
    assert_eq!((mtu.bytes, mtu.limit, mtu.ipv6), (1_500, MtuLimit::None, false));
    assert_eq!(found[1..], [Outcome::Failed(Failure::NameNotFound)]);
}

#[tokio::test]
async fn without_a_reflector_or_in_a_private_network_nothing_is_looked_at() {
    assert_eq!(outcomes(Vec::new()).await, [Outcome::NotChecked(NotChecked::NoTarget)]);
    assert_eq!(outcomes(vec![("@collector", 862)]).await, [Outcome::NotChecked(NotChecked::NoTarget)]);
    let private = outcomes(vec![("10.0.0.1", 862)]).await;
    assert_eq!(private, [Outcome::NotChecked(NotChecked::TargetForbidden)]);
}
