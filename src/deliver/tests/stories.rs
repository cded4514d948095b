//! What a desk goes through with its collector.

use super::server::{Server, Trick};
use crate::{
    deliver::*,
    identity::Identity,
    random::Random,
    report::Reporter,
    store::{Limits, Store},
};
use readiness::{Assignment, Policy};
use std::{path::Path, sync::Arc, time::Duration};
use telemetry::{
    Body, ContentRefusal, EnrollCode, ErrorCode, Event, EventKind, Lane, Routine, UnixMs, Verdict,
};
use url::Url;

const CODE: &str = "abcde-fghjk-mnpqr-stuvw-xyz23";

struct Desk {
    dir: tempfile::TempDir,
    identity: Arc<Identity>,
    store: Store,
    reporter: Reporter,
    deliverer: Deliverer,
}

fn clock() -> crate::probe::Clock {
    Arc::new(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        UnixMs::new(now.as_millis() as i64)
    })
}

fn settings() -> Settings {
    Settings { connect: Duration::from_secs(2), whole: Duration::from_secs(2), ..Settings::default() }
}

fn open(dir: &Path, limits: Limits) -> (Arc<Identity>, Store, Reporter, Deliverer) {
    let store = Store::open_with(dir, limits, clock(), Random::system()).unwrap();
    let identity = Arc::new(Identity::open(dir, &Random::system()).unwrap());
    let reporter = Reporter::new(store.clone(), identity.clone(), Policy::builtin().reference());
    let deliverer = Deliverer::new(reporter.clone(), settings(), Random::seeded(1)).unwrap();
    (identity, store, reporter, deliverer)
}

impl Desk {
    fn new() -> Self {
        Self::with(Limits::default())
    }

    fn with(limits: Limits) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (identity, store, reporter, deliverer) = open(dir.path(), limits);
        Self { dir, identity, store, reporter, deliverer }
    }

    async fn enrol(&self, server: &Server) -> Result<telemetry::Id, EnrollError> {
        self.enrol_at(&server.url).await
    }

    async fn enrol_at(&self, url: &Url) -> Result<telemetry::Id, EnrollError> {
        let code: EnrollCode = CODE.parse().unwrap();
        enroll(&self.reporter, &settings(), &Random::system(), url, &code).await
    }

    fn routine(&self) {
        self.reporter.report(None, Body::Routine(Routine { readings: [].into_iter().collect() })).unwrap();
    }

    fn waiting(&self) -> u64 {
        let state = self.store.spool_state().unwrap();
        state.priority + state.routine
    }
}

fn assignment(version: u32) -> Assignment {
    Assignment {
        team: "north".parse().unwrap(),
        policy: Policy { id: "acme".parse().unwrap(), version, ..Policy::builtin() },
        shifts: Vec::new(),
    }
}

async fn enrolled() -> (Desk, Server) {
    enrolled_with(Limits::default()).await
}

async fn enrolled_with(limits: Limits) -> (Desk, Server) {
    let server = Server::start().await;
    server.with(|s| {
        s.code = Some(CODE.into());
        s.assign(&assignment(1));
    });
    let desk = Desk::with(limits);
    desk.enrol(&server).await.unwrap();
    (desk, server)
}

fn done(pass: Pass) -> u32 {
    match pass {
        Pass::Done { delivered } => delivered,
        other => panic!("{other:?}"),
    }
}

fn trouble(pass: Pass) -> Trouble {
    match pass {
        Pass::Again { trouble, .. } => trouble,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_was_spooled_arrives_to_the_byte_and_the_agent_sees_it() {
    let (mut desk, server) = enrolled().await;
    for _ in 0..150 {
        desk.routine();
    }
    desk.reporter.event(EventKind::Started).unwrap();
    assert_eq!(done(desk.deliverer.pass().await), 151);
    assert_eq!(desk.waiting(), 0);
    let (stored, batches, unsigned) = server.with(|s| (s.stored.clone(), s.batches.clone(), s.unsigned));
    assert_eq!((stored.len(), unsigned), (151, 0));
    assert_eq!(batches[0].reports[0].lane, Lane::Priority);
    assert_eq!(batches[0].reports.len(), 100);
    assert!(
        stored.values().all(|r| r.contains("\"id\":\"acme\"")),
        "the first report names the right policy"
    );
    let sent = desk.store.sent(10).unwrap();
    let shown: Vec<_> = sent.iter().filter(|s| s.path == "/v1/reports").collect();
    assert_eq!(shown.len(), 2);
    assert!(shown.iter().all(|s| s.status == Some(200) && s.answered.is_some()));
    for (shown, arrived) in shown.iter().zip(&batches) {
        assert_eq!(serde_json::from_slice::<telemetry::Batch>(&shown.json).unwrap(), *arrived);
    }
    let enrolling = sent.iter().find(|s| s.path == "/v1/enroll").unwrap();
    assert!(!String::from_utf8_lossy(&enrolling.json).contains(CODE), "the code is not kept");
    assert_eq!(desk.deliverer.status().borrow().delivered, 151);
}

#[tokio::test]
async fn a_lost_answer_costs_nothing_and_stores_nothing_twice() {
    let (mut desk, server) = enrolled().await;
    for _ in 0..20 {
        desk.routine();
    }
    server.with(|s| s.assignment = None);
    server.play(Trick::LoseAnswer);
    desk.deliverer.assignment_is_fresh();
    assert_eq!(trouble(desk.deliverer.pass().await), Trouble::Interrupted);
    assert_eq!(desk.waiting(), 20);
    assert_eq!(done(desk.deliverer.pass().await), 20);
    let (stored, duplicates) = server.with(|s| (s.stored.len(), s.duplicates));
    assert_eq!((stored, duplicates, desk.waiting()), (20, 20, 0));
    let sent = desk.store.sent(1).unwrap();
    assert_eq!((sent[0].times, sent[0].status), (2, Some(200)));
}

#[tokio::test]
async fn what_stands_in_the_way_never_touches_the_spool() {
    let (mut desk, server) = enrolled().await;
    desk.deliverer.assignment_is_fresh();
    desk.routine();
    let tricks = [
        (Trick::status(200, None), Trouble::NotACollector),
        (Trick::status(302, None), Trouble::NotACollector),
        (Trick::status(403, None), Trouble::NotACollector),
        (Trick::status(404, None), Trouble::NotACollector),
        (Trick::status(407, None), Trouble::NotACollector),
        (Trick::status(413, None), Trouble::NotACollector),
        (Trick::status(500, Some(ErrorCode::Internal)), Trouble::Server),
        (Trick::status(503, Some(ErrorCode::Busy)), Trouble::Busy),
        (Trick::status(429, Some(ErrorCode::RateLimit)), Trouble::Busy),
        (Trick::Endless, Trouble::NotACollector),
        (Trick::Hang, Trouble::Timeout),
        (
            Trick::Say { status: 200, headers: String::new(), body: b"{\"versions\":".to_vec() },
            Trouble::NotACollector,
        ),
        (
            // A collector that answers for nothing that was sent must not be asked for ever.
            Trick::Say {
                status: 200,
                headers: String::new(),
                body: br#"{"versions":{"oldest":1,"newest":1},"now":1800000000000,"answers":[]}"#.to_vec(),
            },
            Trouble::NotACollector,
        ),
        (
            Trick::Say {
                status: 307,
                headers: "location: http://127.0.0.1:1/v1/reports\r\n".into(),
                body: vec![],
            },
            Trouble::NotACollector,
        ),
    ];
    for (trick, expected) in tricks {
        let shown = format!("{trick:?}");
        server.play(trick);
        assert_eq!(trouble(desk.deliverer.pass().await), expected, "{shown:.60}");
        assert_eq!(desk.waiting(), 1, "{shown:.60}");
        assert_eq!(desk.deliverer.status().borrow().trouble, Some(expected));
    }
    assert_eq!(done(desk.deliverer.pass().await), 1);
    let status = desk.deliverer.status().borrow().clone();
    assert_eq!((status.trouble, status.failures, status.next_try), (None, 0, None));
}

#[tokio::test]
async fn only_a_collectors_word_stops_a_desk_and_the_reports_stay() {
    let (mut desk, server) = enrolled().await;
    desk.deliverer.assignment_is_fresh();
    desk.routine();
    for (status, code, stop) in [
        (401, ErrorCode::Signature, Stop::Signature),
        (403, ErrorCode::UnknownDesk, Stop::UnknownDesk),
        (409, ErrorCode::ClonedDesk, Stop::Cloned),
        (426, ErrorCode::Version, Stop::Version),
        (415, ErrorCode::Encoding, Stop::NotUnderstood),
    ] {
        server.play(Trick::status(status, Some(code)));
        assert_eq!(desk.deliverer.pass().await, Pass::Stopped(stop));
        assert_eq!((desk.waiting(), desk.deliverer.status().borrow().stopped), (1, Some(stop)));
    }
    // It is still known at the next start.
    let status = desk.store.get(crate::store::keys::DELIVERY).unwrap().unwrap();
    assert_eq!(status.stopped, Some(Stop::NotUnderstood));
}

#[tokio::test]
async fn nobody_there_means_nothing_left() {
    let (mut desk, server) = enrolled().await;
    desk.deliverer.assignment_is_fresh();
    let before = desk.store.sent(100).unwrap().len();
    let nobody = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap();
    let elsewhere = desk.identity.enrolment().unwrap();
    let moved = crate::identity::Enrolment {
        desk: elsewhere.desk.clone(),
        key: elsewhere.key.clone(),
        collector: format!("http://{nobody}").parse().unwrap(),
        team: elsewhere.team.clone(),
        since: elsewhere.since,
    };
    desk.identity.enrol(moved).unwrap();
    desk.routine();
    for _ in 0..3 {
        assert_eq!(trouble(desk.deliverer.pass().await), Trouble::Unreachable);
    }
    assert_eq!(desk.store.sent(100).unwrap().len(), before);
    assert_eq!(desk.waiting(), 1);
    drop(server);
}

#[tokio::test]
async fn refusals_are_kept_counted_and_told_once() {
    let (mut desk, server) = enrolled().await;
    desk.deliverer.assignment_is_fresh();
    for _ in 0..3 {
        desk.routine();
    }
    server.play(Trick::Refuse("routine", ContentRefusal::UnknownId));
    assert_eq!(done(desk.deliverer.pass().await), 3);
    assert_eq!(desk.store.refusals().unwrap(), [("unknown_id".to_owned(), 3)]);
    assert_eq!(desk.store.refused(10).unwrap().len(), 3);
    assert_eq!(done(desk.deliverer.pass().await), 1);
    let told = server.with(|s| s.reports());
    let Body::Event(Event { event: EventKind::ReportsRefused, count: Some(3), .. }) = told[0].body else {
        panic!("{told:?}")
    };
    // A refused telling is not told again, and not more than once an hour anyway.
    desk.routine();
    server.play(Trick::Refuse("routine", ContentRefusal::Conflict));
    assert_eq!(done(desk.deliverer.pass().await), 1);
    assert_eq!(done(desk.deliverer.pass().await), 0);
    assert_eq!(desk.deliverer.status().borrow().conflicts, 1);
}

#[tokio::test]
async fn a_batch_that_is_too_large_is_halved_and_all_of_it_arrives() {
    let (mut desk, server) = enrolled().await;
    desk.deliverer.assignment_is_fresh();
    server.with(|s| s.most_reports = Some(7));
    for _ in 0..60 {
        desk.routine();
    }
    assert_eq!(done(desk.deliverer.pass().await), 60);
    assert_eq!(server.with(|s| s.stored.len()), 60);
    assert!(desk.store.refusals().unwrap().is_empty());
}

#[tokio::test]
async fn one_report_that_cannot_be_read_does_not_hold_up_the_others() {
    let (mut desk, server) = enrolled().await;
    desk.deliverer.assignment_is_fresh();
    for _ in 0..10 {
        desk.routine();
    }
    server.with(|s| s.poison = Some("\"seq\":4,"));
    let pass = desk.deliverer.pass().await;
    assert_eq!(done(pass), 9);
    assert_eq!(server.with(|s| s.stored.len()), 9);
    assert_eq!(desk.store.refusals().unwrap(), [("malformed".to_owned(), 1)]);
    assert_eq!(desk.waiting(), 0);
}

#[tokio::test]
async fn a_collector_that_understands_nothing_costs_no_report() {
    let (mut desk, server) = enrolled().await;
    desk.deliverer.assignment_is_fresh();
    for _ in 0..10 {
        desk.routine();
    }
    server.with(|s| s.poison = Some("versions"));
    assert_eq!(desk.deliverer.pass().await, Pass::Stopped(Stop::NotUnderstood));
    assert_eq!(desk.waiting(), 10);
}

#[tokio::test]
async fn the_collectors_wish_to_wait_is_kept() {
    let (mut desk, server) = enrolled().await;
    desk.deliverer.assignment_is_fresh();
    desk.routine();
    let body = serde_json::to_vec(&telemetry::ErrorAnswer {
        error: ErrorCode::Busy,
        versions: telemetry::Versions::OURS,
    });
    let headers = "retry-after: 120\r\n".into();
    server.play(Trick::Say { status: 503, headers, body: body.unwrap() });
    let Pass::Again { trouble: Trouble::Busy, wait } = desk.deliverer.pass().await else { panic!() };
    assert!((120..=150).contains(&wait.as_secs()), "{wait:?}");
}

#[tokio::test]
async fn the_clock_is_held_against_the_collectors() {
    let (mut desk, server) = enrolled().await;
    server.with(|s| s.ahead_ms = 60_000);
    desk.routine();
    done(desk.deliverer.pass().await);
    let offset = desk.store.get(crate::store::keys::CLOCK_OFFSET).unwrap().unwrap().get();
    assert!((-61_000.0..-59_000.0).contains(&offset), "{offset}");
    desk.routine();
    done(desk.deliverer.pass().await);
    let reports = server.with(|s| s.reports());
    assert!(reports[0].clock_offset.unwrap().get().abs() < 1_000.0, "as enrolling saw it");
    assert_eq!(reports[1].clock_offset.unwrap().get(), offset);
}

#[tokio::test]
async fn a_new_assignment_takes_effect_at_once_and_a_bad_one_does_not() {
    let (mut desk, server) = enrolled().await;
    let mut followed = desk.deliverer.in_force();
    desk.routine();
    done(desk.deliverer.pass().await);
    assert_eq!(followed.borrow_and_update().policy.version, 1);

    server.with(|s| s.assign(&assignment(2)));
    desk.routine();
    assert_eq!(done(desk.deliverer.pass().await), 2, "the report and the event of the change");
    assert!(followed.has_changed().unwrap());
    assert_eq!(followed.borrow_and_update().policy.version, 2);
    let reports = server.with(|s| s.reports());
    let event = reports.iter().find(|r| r.lane == Lane::Priority).unwrap();
    assert!(matches!(event.body, Body::Event(Event { event: EventKind::AssignmentChanged, .. })));
    assert_eq!(event.policy.version, 2);

    // Not valid: refused, said so, asked for once only, and the old one stays.
    let fetched = server.with(|s| s.asked("/v1/assignment"));
    let digest = telemetry::Digest::from_bytes([9; 32]);
    for bad in [&b"{\"team\":\"north\"}"[..], b"<html>"] {
        server.with(|s| s.assignment = Some((digest.clone(), bad.to_vec())));
        for _ in 0..3 {
            desk.routine();
            done(desk.deliverer.pass().await);
        }
    }
    assert_eq!(server.with(|s| s.asked("/v1/assignment")), fetched + 1);
    assert!(!followed.has_changed().unwrap());
    assert!(desk.deliverer.status().borrow().assignment_refused.is_some());

    // After a restart the good one is in force without asking anybody.
    let again = Deliverer::new(desk.reporter.clone(), settings(), Random::seeded(2)).unwrap();
    assert_eq!(again.in_force().borrow().policy.version, 2);
}

#[tokio::test]
async fn an_assignment_with_a_shift_that_makes_no_sense_is_refused() {
    let (mut desk, server) = enrolled().await;
    let shift = readiness::Shift {
        id: "early".parse().unwrap(),
        begin: "2026-11-22T08:00".parse().unwrap(),
        end: "2026-11-22T16:00".parse().unwrap(),
        zone: "Nowhere/Land".into(),
    };
    server.with(|s| s.assign(&Assignment { shifts: vec![shift], ..assignment(2) }));
    done(desk.deliverer.pass().await);
    assert_eq!(desk.deliverer.in_force().borrow().policy.version, 1);
    let why = desk.deliverer.status().borrow().assignment_refused.clone().unwrap();
    assert!(why.contains("Nowhere/Land"), "{why}");
}

#[tokio::test]
async fn enrolling_with_a_lost_answer_is_the_same_desk_again() {
    let server = Server::start().await;
    server.with(|s| s.code = Some(CODE.into()));
    let desk = Desk::new();
    server.play(Trick::LoseAnswer);
    let error = desk.enrol(&server).await.unwrap_err();
    assert!(matches!(error, EnrollError::NoAnswer(Trouble::Interrupted)), "{error}");
    assert!(desk.identity.enrolment().is_none());
    // Also over a restart of the daemon.
    let (_, _, reporter, _) = open(desk.dir.path(), Limits::default());
    let code: EnrollCode = CODE.parse().unwrap();
    let team = enroll(&reporter, &settings(), &Random::system(), &server.url, &code).await.unwrap();
    assert_eq!(team.as_str(), "north");
    assert_eq!(server.with(|s| s.keys.len()), 1);
    let again = enroll(&reporter, &settings(), &Random::system(), &server.url, &code).await;
    assert!(matches!(again.unwrap_err(), EnrollError::AlreadyEnrolled));
}

#[tokio::test]
async fn enrolling_says_what_is_wrong() {
    let server = Server::start().await;
    let desk = Desk::new();
    assert!(matches!(desk.enrol(&server).await.unwrap_err(), EnrollError::Code));
    for (trick, expected) in [
        (
            Trick::status(200, None),
            "something else than a collector answered, such as a proxy or a sign-in page",
        ),
        (
            Trick::status(403, None),
            "something else than a collector answered, such as a proxy or a sign-in page",
        ),
        (Trick::status(503, Some(ErrorCode::Busy)), "the collector is busy"),
        (
            Trick::status(426, Some(ErrorCode::Version)),
            "this version of Preshift and the collector's do not understand each other; one of them needs an update",
        ),
    ] {
        server.play(trick);
        assert_eq!(desk.enrol(&server).await.unwrap_err().to_string(), expected);
    }
    let plain = desk.enrol_at(&"http://192.0.2.1/".parse().unwrap()).await.unwrap_err();
    assert!(plain.to_string().contains("https"), "{plain}");
    assert!(desk.identity.enrolment().is_none());
    // The id of an earlier try belongs to somebody else now: a new one is made.
    let first = desk.identity.pending(&server.url).unwrap();
    server.with(|s| s.code = Some(CODE.into()));
    server.play(Trick::status(409, Some(ErrorCode::DeskTaken)));
    desk.enrol(&server).await.unwrap();
    assert_ne!(desk.identity.enrolment().unwrap().desk, first.desk);
}

#[tokio::test]
async fn unenrolling_forgets_even_if_nobody_answers() {
    let (mut desk, server) = enrolled().await;
    desk.routine();
    let epoch = desk.store.epoch().unwrap();
    let said = unenroll(&desk.reporter, &settings(), &Random::system()).await.unwrap();
    assert_eq!((said, server.with(|s| s.keys.len())), (Goodbye::Told, 0));
    assert_eq!(desk.waiting(), 0);
    assert_ne!(desk.store.epoch().unwrap(), epoch);
    assert_eq!(desk.deliverer.pass().await, Pass::NotEnrolled);
    assert_eq!(desk.deliverer.in_force().borrow().policy.id.as_str(), "builtin");
    // History goes on, and nothing is spooled for nobody.
    assert_eq!(
        desk.reporter
            .report(Some(Verdict::Ready), Body::Routine(Routine { readings: [].into_iter().collect() }))
            .unwrap(),
        None
    );
    assert_eq!((desk.waiting(), desk.store.history(&Default::default()).unwrap().len()), (0, 2));

    let (desk, server) = enrolled().await;
    server.play(Trick::status(500, None));
    let said = unenroll(&desk.reporter, &settings(), &Random::system()).await.unwrap();
    assert_eq!(said, Goodbye::NotTold(Trouble::Server));
    assert!(desk.identity.enrolment().is_none());
    let said = unenroll(&desk.reporter, &settings(), &Random::system()).await.unwrap();
    assert_eq!(said, Goodbye::NotEnrolled);
}

#[tokio::test]
async fn what_a_full_spool_lost_arrives_as_a_gap() {
    let (mut desk, server) = enrolled_with(Limits { spool_bytes: 20_000, ..Limits::default() }).await;
    for _ in 0..200 {
        desk.routine();
    }
    done(desk.deliverer.pass().await);
    let reports = server.with(|s| s.reports());
    let gaps: Vec<_> =
        reports.iter().filter_map(|r| if let Body::Gap(g) = &r.body { Some(g) } else { None }).collect();
    let came: Vec<u64> = reports.iter().filter(|r| r.lane == Lane::Routine).map(|r| r.seq).collect();
    assert_eq!(gaps.len(), 1);
    assert_eq!((gaps[0].first, gaps[0].last + 1), (1, came[0]));
    assert_eq!(came, (came[0]..=200).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_reset_store_is_told() {
    let (desk, server) = enrolled().await;
    desk.routine();
    let dir = desk.dir;
    drop((desk.store, desk.reporter, desk.deliverer));
    std::fs::write(dir.path().join("preshift.db"), "no database at all, but long enough to be read").unwrap();
    let (_, _, _, mut deliverer) = open(dir.path(), Limits::default());
    done(deliverer.pass().await);
    let reports = server.with(|s| s.reports());
    assert!(
        reports.iter().any(|r| matches!(r.body, Body::Event(Event { event: EventKind::StoreReset, .. }))),
        "{reports:?}"
    );
    done(deliverer.pass().await);
    assert_eq!(server.with(|s| s.stored.len()), reports.len(), "told once");
}

#[tokio::test]
async fn the_loop_sends_what_is_urgent_and_ends_at_once_whatever_hangs() {
    let (desk, server) = enrolled().await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let task = tokio::spawn(desk.deliverer.run(async { drop(stopped.await) }));
    let reporter = desk.reporter.clone();
    tokio::task::spawn_blocking(move || reporter.event(EventKind::Resumed)).await.unwrap().unwrap();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while server.with(|s| s.stored.is_empty()) {
        assert!(tokio::time::Instant::now() < deadline, "the event did not arrive");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    server.play(Trick::Hang);
    let before = server.with(|s| s.requests.len());
    let reporter = desk.reporter.clone();
    tokio::task::spawn_blocking(move || reporter.event(EventKind::Paused)).await.unwrap().unwrap();
    while server.with(|s| s.requests.len()) == before {
        assert!(tokio::time::Instant::now() < deadline, "the second event was not sent");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stop.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(1), task).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_desk_that_enrols_while_the_loop_waits_begins_at_once() {
    let server = Server::start().await;
    server.with(|s| {
        s.code = Some(CODE.into());
        s.assign(&assignment(3));
    });
    let desk = Desk::new();
    let mut followed = desk.deliverer.in_force();
    let reporter = desk.reporter.clone();
    let task = tokio::spawn(desk.deliverer.run(std::future::pending()));
    let code: EnrollCode = CODE.parse().unwrap();
    enroll(&reporter, &settings(), &Random::system(), &server.url, &code).await.unwrap();
    let waited = tokio::time::timeout(Duration::from_secs(20), followed.wait_for(|f| f.policy.version == 3));
    waited.await.unwrap().unwrap();
    task.abort();
}
