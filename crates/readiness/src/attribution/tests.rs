//! What holds whatever was measured. Cases with their outcomes are in `tests/cases/fault-*.toml`.

use super::*;
use proptest::prelude::*;
use telemetry::{Hop, HopMethod, LossInterval, Percent, Ratio};

fn policy() -> Policy {
    Policy::parse("id = 'x'\nversion = 1\n").unwrap()
}

fn media(loss: f64, rtt: f64, ipdv: f64) -> Media {
    let mut media: Media = serde_json::from_str(
        r#"{"sent":250,"reflected":250,"received":250,"loss_forward":0,"loss_reverse":0,
            "loss_interval":{"low":0,"high":1.5},"late":0,"burst_ratio":1,"reordered":0,"duplicates":0,"dscp_sent":0,
            "codec":"g711_plc","jitter_buffer":60,"send_error_p95":0.1,"timestamps":"kernel","duration":5000,"rate":0.1}"#,
    )
    .unwrap();
    media.loss_interval = LossInterval { low: Percent::new(loss * 0.6), high: Percent::new(loss * 1.6) };
    (media.rtt_mean, media.ipdv_mean) = (Some(Millis::new(rtt)), Some(Millis::new(ipdv)));
    media
}

fn hop(point: PathPoint, sent: u32, lost: u32, rtt: f64, varies: f64) -> Hop {
    let answered = sent - lost.min(sent);
    let share = 100.0 * f64::from(lost) / f64::from(sent);
    let silent = answered == 0;
    let time = |ms: f64| (!silent).then(|| Millis::new(ms));
    Hop {
        point,
        method: if point == PathPoint::Target { HopMethod::Stream } else { HopMethod::FlowTtl },
        sent,
        answered,
        loss: (!silent).then(|| Percent::new(share)),
        loss_interval: (!silent)
            .then(|| LossInterval { low: Percent::new(share * 0.6), high: Percent::new(share * 1.6 + 1.0) }),
        rtt_min: time(rtt),
        rtt_median: time(rtt + varies / 2.0),
        rtt_p95: time(rtt + varies),
    }
}

fn path(hops: Vec<Hop>) -> Path {
    Path {
        ipv6: false,
        tunnel: false,
        hops: hops.into(),
        burst_ratio: Ratio::new(1.0),
        refused_by: None,
        dead_end: None,
        own_up: None,
        own_down: None,
        duration: Millis::new(15_000.0),
    }
}

fn any_hop(point: PathPoint) -> impl Strategy<Value = Hop> {
    (1u32..500, 0u32..500, 0.1..400.0f64, 0.0..400.0f64)
        .prop_map(move |(sent, lost, rtt, varies)| hop(point, sent, lost, rtt, varies))
}

#[test]
fn what_is_well_needs_no_looking() {
    assert!(!needs_path(&policy(), &media(0.0, 20.0, 1.0)));
    assert!(needs_path(&policy(), &media(5.0, 20.0, 1.0)));
    assert!(needs_path(&policy(), &Media { received: 0, ..media(0.0, 0.0, 0.0) }));
}

#[test]
fn findings_of_the_computer_are_no_fault_of_the_way() {
    let finding = |code, severity, probe, domain| Finding {
        code,
        severity,
        domains: vec![domain].into(),
        target: None,
        observed: None,
        limit: None,
        probe,
        since: None,
    };
    let busy = finding(FindingCode::CpuBusy, Severity::Warning, ProbeId::Load, FaultDomain::Computer);
    let disk = finding(FindingCode::DiskFull, Severity::Blocking, ProbeId::Load, FaultDomain::Computer);
    let loss =
        finding(FindingCode::LossHigh, Severity::Blocking, ProbeId::Media, FaultDomain::InternetProvider);
    let slow = finding(FindingCode::ServiceSlow, Severity::Warning, ProbeId::Https, FaultDomain::Service);
    assert_eq!(of_findings(&[]), []);
    assert_eq!(of_findings(&[disk]), []);
    assert_eq!(of_findings(std::slice::from_ref(&busy)), [FaultDomain::Computer]);
    assert_eq!(of_findings(&[loss.clone(), busy, slow]), [FaultDomain::InternetProvider]);
    // A second fault of the voice stream in a place of its own counts, though it only warns.
    let late = finding(FindingCode::RttHigh, Severity::Warning, ProbeId::Media, FaultDomain::HomeNetwork);
    assert_eq!(
        of_findings(&[loss.clone(), late.clone()]),
        [FaultDomain::HomeNetwork, FaultDomain::InternetProvider]
    );
    // One whose place is not sure does not.
    let unsure =
        Finding { domains: vec![FaultDomain::HomeNetwork, FaultDomain::InternetProvider].into(), ..late };
    assert_eq!(of_findings(&[loss, unsure]), [FaultDomain::InternetProvider]);
}

#[test]
fn two_are_an_answer_and_three_are_none() {
    use FaultDomain::{CompanyNetwork, InternetProvider, Service, Undetermined};
    assert_eq!(tidy(vec![Service, CompanyNetwork, Service]), [CompanyNetwork, Service]);
    assert_eq!(tidy(vec![Undetermined, Service]), [Service]);
    assert_eq!(tidy(vec![InternetProvider, CompanyNetwork, Service]), [Undetermined]);
    assert_eq!(tidy(vec![]), [Undetermined]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// The target is well: no fault, whatever the routers show.
    #[test]
    fn a_healthy_target_has_no_fault(gateway in any_hop(PathPoint::Gateway), provider in any_hop(PathPoint::Provider)) {
        let path = path(vec![gateway, provider, hop(PathPoint::Target, 750, 0, 20.0, 2.0)]);
        let bad = media(20.0, 500.0, 90.0);
        prop_assert_eq!(voice(&policy(), &bad, &path, Around::default(), None), [FaultDomain::Undetermined]);
    }

    /// A gateway that is seen to be well is not what is wrong.
    #[test]
    fn a_clean_gateway_is_not_named(provider in any_hop(PathPoint::Provider), lost in 30u32..300, rtt in 100.0..400.0f64) {
        let path = path(vec![
            hop(PathPoint::Gateway, 300, 0, 0.3, 0.4), provider, hop(PathPoint::Target, 750, lost, rtt, 1.0),
        ]);
        let bad = media(20.0, 500.0, 90.0);
        let named = voice(&policy(), &bad, &path, Around::default(), None);
        prop_assert!(!named.contains(&FaultDomain::HomeNetwork), "{:?}", named);
    }

    /// Without a point on the way nothing can be told.
    #[test]
    fn the_target_alone_tells_nothing(target in any_hop(PathPoint::Target), sent in 1u32..300) {
        let silent = hop(PathPoint::Gateway, sent, sent, 0.0, 0.0);
        let named = voice(&policy(), &media(20.0, 500.0, 90.0), &path(vec![silent, target]), Around::default(), None);
        prop_assert_eq!(named, [FaultDomain::Undetermined]);
    }

    /// Silence and rate limits of routers are never counted as loss.
    #[test]
    fn a_router_that_answers_only_so_often_is_not_blamed(answers in 20u32..60) {
        let path = path(vec![
            hop(PathPoint::Gateway, 300, 300 - answers, 0.3, 0.4),
            hop(PathPoint::Provider, 300, 12, 8.0, 1.0),
            hop(PathPoint::Target, 750, 30, 20.0, 1.0),
        ]);
        let named = voice(&policy(), &media(4.0, 20.0, 1.0), &path, Around::default(), None);
        prop_assert!(named != [FaultDomain::HomeNetwork], "{:?}", named);
    }
}
