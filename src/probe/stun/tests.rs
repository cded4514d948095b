//! Whole runs against servers on loopback, and against targets that must not be asked.

use super::*;
use readiness::Policy;
use telemetry::{Hash, NatMapping, UnixMs};

fn context(targets: &str) -> Arc<Context> {
    let policy = format!("id = 'x'\nversion = 1\ntargets.stun = [{targets}]");
    Arc::new(Context {
        policy: Arc::new(Policy::parse(&policy).unwrap()),
        collector: None,
        occasion: super::super::Occasion::SelfCheck,
        clock: Arc::new(|| UnixMs::new(0)),
        hasher: Arc::new(|_| Hash::from_bytes([0; 16])),
        clock_offset: None,
        progress: Arc::new(|_| {}),
        data_dir: std::env::temp_dir(),
        extra_roots: Arc::default(),
    })
}

async fn outcomes(targets: &str) -> Vec<Outcome> {
    (PROBE.run)(context(targets)).await.into_iter().map(|r| r.outcome).collect()
}

fn stun_of(outcome: &Outcome) -> &Stun {
    match outcome {
        Outcome::Measured(Value::Stun(stun)) => stun,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn each_server_has_its_reading_in_the_policys_order() {
    let limits = reflector::Limits::default();
    let reflector = reflector::Reflector::bind("[::]:0".parse().unwrap(), limits).unwrap();
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let (port, closed) = (reflector.local_addr().port(), silent.local_addr().unwrap().port());
    let found = outcomes(&format!(
        "{{ id = 'v6', host = '::1', port = {port} }}, {{ id = 'silent', host = '127.0.0.1', port = {closed} }},\n\
         {{ id = 'v4', host = '127.0.0.1', port = {port} }}, {{ id = 'again', host = 'localhost', port = {port} }},\n\
         {{ id = 'none', host = 'stun.invalid' }}, {{ id = 'own', host = '@collector' }}"
    ))
    .await;
    for n in [0, 2, 3] {
        let stun = stun_of(&found[n]);
        assert_eq!((stun.sent, stun.answered, stun.failure), (5, 5, None), "{n}: {stun:?}");
        assert_eq!((stun.mapping, stun.moved), (Some(NatMapping::None), false));
        assert!(stun.rtt_min <= stun.rtt_mean && stun.rtt_mean.is_some_and(|t| t.get() < 500.0), "{stun:?}");
    }
    let silent = stun_of(&found[1]);
    assert_eq!((silent.sent, silent.answered, silent.failure), (5, 0, Some(Failure::NoAnswer)));
    assert_eq!((silent.mapping, silent.rtt_min), (None, None));
    let none = stun_of(&found[4]);
    assert_eq!((none.sent, none.failure), (0, Some(Failure::NameNotFound)));
    assert_eq!(found[5], Outcome::NotChecked(NotChecked::NoTarget), "a desk without a collector");
}

#[tokio::test]
async fn what_no_policy_may_point_at_is_not_asked() {
    assert_eq!(outcomes("").await, [Outcome::NotChecked(NotChecked::NoTarget)]);
    // A name, since the policy itself refuses the address.
    let mut policy = Policy::builtin();
    let host = readiness::Host::Named("192.168.178.1".into());
    policy.targets.stun = vec![StunServer { id: "home".parse().unwrap(), host, port: 3478 }];
    let context = Arc::new(Context { policy: Arc::new(policy), ..(*context("")).clone() });
    let outcome = (PROBE.run)(context).await.remove(0).outcome;
    assert_eq!(outcome, Outcome::NotChecked(NotChecked::TargetForbidden));
}
