//! What desks ask for: enrolment, assignments, reports, and every way in which a request can be wrong.

mod common;

use collector::{
    limits::{Limits, Rate},
    store,
};
use common::{Collector, Desk, NOW, answers, connect, error, event, once, pack, random};
use http_body_util::Full;
use hyper::{Request, StatusCode};
use std::{sync::atomic::Ordering, time::Duration};
use telemetry::{
    Answer, ContentRefusal, EnrollAnswer, ErrorCode, Gap, GapReason, InstanceId, Lane, UnixMs, Versions,
    limits,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

#[tokio::test]
async fn a_code_enrols_one_desk_and_only_once() {
    let collector = Collector::start().await;
    let code = collector.code("support");
    let (first, second) = (Desk::new(collector.address).await, Desk::new(collector.address).await);

    let (status, body) = first.enroll(&code).await;
    assert_eq!(status, StatusCode::OK);
    let answer: EnrollAnswer = serde_json::from_slice(&body).unwrap();
    assert_eq!((answer.team.as_str(), answer.now), ("support", collector.now()));
    // The answer was lost: asking again is no second use.
    assert_eq!(first.enroll(&code).await.0, StatusCode::OK);
    assert_eq!(second.enroll(&code).await.0, StatusCode::FORBIDDEN);

    // Nothing that opens the door is kept readable.
    let files = std::fs::read_dir(collector.path()).unwrap();
    let kept: Vec<u8> = files.flat_map(|f| std::fs::read(f.unwrap().path()).unwrap()).collect();
    assert!(kept.windows(32).any(|w| w == first.id.as_str().as_bytes()), "this looks where nothing is");
    assert!(!kept.windows(code.as_str().len()).any(|w| w == code.as_str().as_bytes()));
    collector.stop().await;
}

#[tokio::test]
async fn enrolment_is_refused_with_its_reason() {
    let collector = Collector::start().await;
    let desk = Desk::new(collector.address).await;
    let enroll = async |body: Vec<u8>| error(&desk.request("POST", "/v1/enroll", body, None).await);

    assert_eq!(enroll(b"{}".into()).await, (400, ErrorCode::Malformed));
    assert_eq!(enroll(vec![b' '; limits::ENROLL + 1]).await, (413, ErrorCode::TooLarge));
    let ask = |desk: &Desk, versions: &str| {
        format!(
            r#"{{"versions":{versions},"code":"{}","desk":"{}","key":"{}","daemon":"0.1.0"}}"#,
            collector.code("support"),
            desk.id,
            desk.key.public()
        )
        .into_bytes()
    };
    let ours = r#"{"oldest":1,"newest":1}"#;
    assert_eq!(enroll(ask(&desk, r#"{"oldest":7,"newest":9}"#)).await, (426, ErrorCode::Version));
    // Somebody else's key, or somebody else's id, signed with one's own.
    let other = Desk::new(collector.address).await;
    assert_eq!(enroll(ask(&other, ours)).await, (401, ErrorCode::Signature));
    let mut stolen = Desk::new(collector.address).await;
    assert_eq!(other.enroll(&collector.code("support")).await.0, StatusCode::OK);
    stolen.id = other.id.clone();
    let (status, _) = stolen.enroll(&collector.code("support")).await;
    assert_eq!(status, StatusCode::CONFLICT);

    let old = collector.code("support");
    collector.clock.fetch_add(2 * 3_600_000, Ordering::Relaxed);
    assert_eq!(desk.enroll(&old).await.0, StatusCode::FORBIDDEN);
    collector.stop().await;
}

#[tokio::test]
async fn reports_are_stored_once_and_survive_a_restart() {
    let mut collector = Collector::start().await;
    let mut desk = collector.desk("support").await;
    let reports: Vec<_> = (0..3).map(|_| desk.report(collector.now(), event())).collect();
    assert_eq!(desk.deliver(reports.clone()).await, [Answer::Stored; 3]);
    assert_eq!(desk.deliver(reports.clone()).await, [Answer::Duplicate; 3]);

    collector.restart().await;
    desk.address = collector.address;
    let more = desk.report(collector.now(), event());
    let mut forged = reports[1].clone();
    forged.at = forged.at.plus_ms(1);
    let sent = vec![reports[0].clone(), forged, more];
    let became = desk.deliver(sent).await;
    assert_eq!(became, [Answer::Duplicate, Answer::Refused(ContentRefusal::Conflict), Answer::Stored]);
    let count = |sql: &str| collector.db().query_row(sql, [], |r| r.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM reports"), 4);
    assert_eq!(count("SELECT count FROM troubles WHERE kind = 'conflict'"), 1);
    collector.stop().await;
}

#[tokio::test]
async fn an_answer_means_that_it_is_committed() {
    let collector = Collector::start().await;
    let desks = [collector.desk("a").await, collector.desk("a").await, collector.desk("b").await];
    let send = desks.iter().map(|d| d.deliver(vec![d.report(collector.now(), event())]));
    let mut sent = Vec::new();
    for one in send {
        sent.push(one.await);
    }
    // Read by another connection, as after a crash: what was answered is in the log on disk.
    let stored: i64 = collector.db().query_row("SELECT count(*) FROM reports", [], |r| r.get(0)).unwrap();
    assert_eq!((sent.len() as i64, stored), (3, 3));
    collector.stop().await;
}

#[tokio::test]
async fn one_bad_report_is_refused_and_the_others_are_not() {
    let collector = Collector::start().await;
    let (desk, other) = (collector.desk("support").await, collector.desk("support").await);
    let good = || desk.report(collector.now(), event());
    let json = |r: &telemetry::Report| serde_json::to_string(r).unwrap();
    let with = |from: &str, to: &str| json(&good()).replacen(from, to, 1);

    let mut lane = good();
    lane.lane = Lane::Routine;
    let mut ahead = good();
    ahead.at = collector.now().plus_ms(25 * 3_600_000);
    let mut behind = good();
    behind.at = collector.now().plus_ms(-31 * 86_400_000);
    let mut offset = good();
    offset.at = collector.now().plus_ms(24 * 3_600_000 + 60_000);
    offset.clock_offset = Some(telemetry::Millis::new(120_000.0));
    let mut policy = good();
    policy.policy.id = "anna".parse().unwrap();
    let refused = |why| Answer::Refused(why);
    let cases = [
        (json(&good()), Answer::Stored),
        (with("{", r#"{"note":"x","#), refused(ContentRefusal::Schema)),
        (with(r#""schema":1"#, r#""schema":9"#), refused(ContentRefusal::Version)),
        (with(r#""event":"started""#, r#""event":"typed""#), refused(ContentRefusal::Schema)),
        (json(&other.report(collector.now(), event())), refused(ContentRefusal::WrongDesk)),
        (json(&lane), refused(ContentRefusal::WrongLane)),
        (json(&ahead), refused(ContentRefusal::Time)),
        (json(&behind), refused(ContentRefusal::Time)),
        (json(&offset), Answer::Stored),
        (json(&policy), refused(ContentRefusal::UnknownId)),
        (format!("{}{}", " ".repeat(10), json(&good())), Answer::Stored),
        ("7".into(), refused(ContentRefusal::Schema)),
        (with("{", &format!("{}{{", " ".repeat(limits::REPORT)))[..].into(), Answer::Stored),
        (
            with(r#""desk""#, &format!("{}\"desk\"", " ".repeat(limits::REPORT))),
            refused(ContentRefusal::Schema),
        ),
        (json(&good()), Answer::Stored),
    ];
    let reports: Vec<&str> = cases.iter().map(|(json, _)| json.as_str()).collect();
    let body = format!(
        r#"{{"versions":{{"oldest":1,"newest":1}},"instance":"{}","started":{NOW},"reports":[{}]}}"#,
        desk.instance,
        reports.join(",")
    );
    let response = desk.post_json(body.as_bytes()).await;
    assert_eq!(response.status(), StatusCode::OK);
    for (i, (got, (json, wanted))) in answers(response.body()).iter().zip(&cases).enumerate() {
        assert_eq!(got, wanted, "case {i}: {}", &json[..json.len().min(300)]);
    }
    collector.stop().await;
}

#[tokio::test]
async fn a_request_that_is_not_signed_as_it_should_be_is_refused() {
    let collector = Collector::start().await;
    let desk = collector.desk("support").await;
    let body = pack(&serde_json::to_vec(&desk.batch(vec![])).unwrap());
    let signed = || desk.signed("POST", "/v1/reports", body.clone(), Some("zstd"));

    for name in ["signature", "signature-input", "content-digest", "preshift-sequence"] {
        let mut request = signed();
        request.headers_mut().remove(name);
        assert_eq!(error(&desk.send(request).await), (401, ErrorCode::Signature), "without {name}");
        let mut request = signed();
        let twice = request.headers()[name].clone();
        request.headers_mut().append(name, twice);
        assert_eq!(error(&desk.send(request).await), (401, ErrorCode::Signature), "{name} twice");
    }
    let mut other_body = signed();
    *other_body.body_mut() = Full::new(pack(b"{}").into());
    assert_eq!(error(&desk.send(other_body).await), (401, ErrorCode::Signature));
    let mut elsewhere = signed();
    *elsewhere.uri_mut() = "/v1/unenroll".parse().unwrap();
    assert_eq!(error(&desk.send(elsewhere).await).0, 413, "nothing is read that is larger than it may be");
    let mut stranger = Desk::new(collector.address).await;
    assert_eq!(error(&stranger.post(&stranger.batch(vec![])).await), (403, ErrorCode::UnknownDesk));
    stranger.id = desk.id.clone();
    assert_eq!(error(&stranger.post(&stranger.batch(vec![])).await), (401, ErrorCode::Signature));

    // A replay is harmless: it says again what is stored. And a clock that is years off does not matter.
    let report = desk.report(collector.now(), event());
    let body = pack(&serde_json::to_vec(&desk.batch(vec![report])).unwrap());
    let request = desk.signed("POST", "/v1/reports", body, Some("zstd"));
    collector.clock.fetch_add(20 * 86_400_000, Ordering::Relaxed);
    assert_eq!(answers(desk.send(request.clone()).await.body()), [Answer::Stored]);
    assert_eq!(answers(desk.send(request).await.body()), [Answer::Duplicate]);
    collector.stop().await;
}

#[tokio::test]
async fn hostile_bodies_are_refused() {
    let collector = Collector::start().await;
    let desk = collector.desk("support").await;
    let post =
        async |body: Vec<u8>, encoding| error(&desk.request("POST", "/v1/reports", body, encoding).await);

    let huge = vec![0; limits::BATCH_COMPRESSED + 1];
    assert_eq!(post(huge, Some("zstd")).await, (413, ErrorCode::TooLarge));
    assert_eq!(post(b"{}".into(), None).await, (415, ErrorCode::Encoding));
    assert_eq!(post(b"{}".into(), Some("gzip")).await, (415, ErrorCode::Encoding));
    assert_eq!(post(b"not zstd".into(), Some("zstd")).await, (400, ErrorCode::Malformed));
    assert_eq!(post(pack(b"not json"), Some("zstd")).await, (400, ErrorCode::Malformed));
    assert_eq!(post(pack(&b"[".repeat(100_000)), Some("zstd")).await, (400, ErrorCode::Malformed));
    // 100 MB of spaces in a few kilobytes.
    let bomb = pack(&vec![b' '; 100 << 20]);
    assert!(bomb.len() < 64 * 1024, "{}", bomb.len());
    assert_eq!(post(bomb, Some("zstd")).await, (413, ErrorCode::TooLarge));
    // A window of 2 GB.
    let window = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3, 0x01, 0x00, 0x00];
    assert_eq!(post(window, Some("zstd")).await, (400, ErrorCode::Malformed));

    let batch = serde_json::to_string(&desk.batch(vec![])).unwrap();
    let later =
        batch.replace(r#""oldest":1,"newest":1"#, r#""oldest":2,"newest":3"#).replace('{', r#"{"new":1,"#);
    assert_eq!(post(pack(later.as_bytes()), Some("zstd")).await, (400, ErrorCode::Malformed));
    let later = batch.replace(r#""oldest":1,"newest":1"#, r#""oldest":2,"newest":3"#).replacen(
        '{',
        r#"{"new":1,"#,
        1,
    );
    assert_eq!(post(pack(later.as_bytes()), Some("zstd")).await, (426, ErrorCode::Version));
    let unknown = batch.replacen('{', r#"{"note":"x","#, 1);
    assert_eq!(post(pack(unknown.as_bytes()), Some("zstd")).await, (400, ErrorCode::Malformed));
    let many = batch.replace("[]", &format!("[{}]", vec!["1"; limits::BATCH_REPORTS + 1].join(",")));
    assert_eq!(post(pack(many.as_bytes()), Some("zstd")).await, (400, ErrorCode::Malformed));
    collector.stop().await;
}

#[tokio::test]
async fn a_revoked_desk_is_answered_no_longer_at_once() {
    let collector = Collector::start().await;
    let desk = collector.desk("support").await;
    assert_eq!(desk.deliver(vec![desk.report(collector.now(), event())]).await, [Answer::Stored]);
    let db = collector.db();
    let no = store::desks::by_id(&db, &desk.id).unwrap().unwrap().no;
    store::desks::revoke(&db, no, collector.now()).unwrap();
    let batch = desk.batch(vec![desk.report(collector.now(), event())]);
    assert_eq!(error(&desk.post(&batch).await), (403, ErrorCode::UnknownDesk));
    let assignment = desk.request("GET", "/v1/assignment", vec![], None).await;
    assert_eq!(error(&assignment), (403, ErrorCode::UnknownDesk));

    // It comes back only with a new code.
    assert_eq!(desk.enroll(&collector.code("sales")).await.0, StatusCode::OK);
    assert_eq!(desk.post(&batch).await.status(), StatusCode::OK);
    assert_eq!(desk.request("POST", "/v1/unenroll", vec![], None).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(error(&desk.post(&batch).await), (403, ErrorCode::UnknownDesk));
    collector.stop().await;
}

#[tokio::test]
async fn an_older_start_that_speaks_again_is_a_cloned_desk() {
    let collector = Collector::start().await;
    let desk = collector.desk("support").await;
    let from = |instance: &InstanceId| {
        let mut batch = desk.batch(vec![desk.report(collector.now(), event())]);
        batch.instance = instance.clone();
        batch
    };
    let [first, second] = [(); 2].map(|()| InstanceId::from_bytes(random()));
    assert_eq!(desk.post(&from(&first)).await.status(), StatusCode::OK);
    assert_eq!(desk.post(&from(&second)).await.status(), StatusCode::OK);
    assert_eq!(error(&desk.post(&from(&first)).await), (409, ErrorCode::ClonedDesk));
    // A computer whose clock battery is empty says that it started long ago: that is no clone.
    let mut reset = from(&InstanceId::from_bytes(random()));
    reset.started = UnixMs::new(0);
    assert_eq!(desk.post(&reset).await.status(), StatusCode::OK);
    let count: i64 = collector
        .db()
        .query_row("SELECT count FROM troubles WHERE kind = 'cloned'", [], |r| r.get(0))
        .unwrap();
    assert_eq!(count, 1);
    collector.stop().await;
}

#[tokio::test]
async fn gaps_are_kept() {
    let collector = Collector::start().await;
    let desk = collector.desk("support").await;
    let gap = Gap {
        lane: Lane::Routine,
        first: 10,
        last: 250,
        from: collector.now().plus_ms(-7_200_000),
        to: collector.now().plus_ms(-3_600_000),
        reason: GapReason::SpoolFull,
    };
    let report = desk.report(collector.now(), telemetry::Body::Gap(gap));
    assert_eq!(desk.deliver(vec![report]).await, [Answer::Stored]);
    let lost: i64 = collector.db().query_row("SELECT last - first + 1 FROM gaps", [], |r| r.get(0)).unwrap();
    assert_eq!(lost, 241);
    // One desk must neither hide losses with a gap that runs backwards nor break the sum for all.
    for (first, last) in [(250, 10), (0, (1 << 53) - 1)] {
        let gap = Gap {
            lane: Lane::Routine,
            first,
            last,
            from: collector.now(),
            to: collector.now(),
            reason: GapReason::SpoolFull,
        };
        let report = desk.report(collector.now(), telemetry::Body::Gap(gap));
        assert_eq!(desk.deliver(vec![report]).await, [Answer::Refused(ContentRefusal::Schema)]);
    }
    collector.stop().await;
}

#[tokio::test]
async fn a_verdict_holds_by_our_clock_and_not_for_ever() {
    let collector = Collector::start().await;
    let desk = collector.desk("support").await;
    let ahead = |hours: i64| collector.now().plus_ms(hours * 3_600_000);
    let readiness = |valid_until| {
        telemetry::Body::Readiness(telemetry::Readiness {
            trigger: telemetry::Trigger::Renewal,
            shift: None,
            verdict: telemetry::Verdict::Unknown,
            valid_until,
            took: telemetry::Millis::new(1.0),
            findings: Vec::new().into(),
            fault: Vec::new().into(),
            readings: Vec::new().into(),
            changes: Vec::new().into(),
        })
    };
    // Its clock is half an hour ahead, and it knows.
    let half = 1_800_000;
    let mut known = desk.report(collector.now().plus_ms(half), readiness(ahead(1).plus_ms(half)));
    known.clock_offset = Some(telemetry::Millis::new(half as f64));
    // Its clock has just jumped, and it does not know yet; and it claims a century.
    let unknown = desk.report(ahead(12), readiness(ahead(24 * 365 * 100)));
    assert_eq!(desk.deliver(vec![known, unknown]).await, [Answer::Stored, Answer::Stored]);
    let kept: Vec<(i64, i64)> = collector
        .db()
        .prepare("SELECT at, valid_until FROM verdicts ORDER BY row")
        .unwrap()
        .query_map([], |r| Ok((r.get(0)?, r.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let now = collector.now().get();
    assert_eq!(kept, [(now, ahead(1).get()), (now, ahead(12).get())]);
    collector.stop().await;
}

#[tokio::test]
async fn an_assignment_has_the_policy_and_the_desks_own_shifts() {
    let collector = Collector::start().await;
    let (desk, other) = (collector.desk("support").await, collector.desk("support").await);
    let shifts = format!(
        "desk,shift,begin,end,zone\n{0},e-1,2026-11-23T09:00,2026-11-23T17:00,Europe/Berlin\n\
         {0},far,2026-12-20T09:00,2026-12-20T17:00,Europe/Berlin\n{1},l-1,2026-11-23T13:00,2026-11-23T21:00,UTC\n",
        desk.id, other.id
    );
    let db = collector.db();
    let find = |t: &str| Ok(store::desks::meant(&db, t).unwrap()[0].no);
    store::plan::set_shifts(&db, &collector::shifts::parse(&shifts, find).unwrap(), UnixMs::new(NOW))
        .unwrap();

    let response = desk.request("GET", "/v1/assignment", vec![], None).await;
    assert_eq!(response.status(), StatusCode::OK);
    let assignment: readiness::Assignment = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(assignment.team.as_str(), "support");
    assert_eq!(assignment.shifts.iter().map(|s| s.id.as_str()).collect::<Vec<_>>(), ["e-1"]);
    let reflector = &assignment.policy.targets.reflectors[0];
    assert_eq!(Some(reflector.port), collector.server.as_ref().unwrap().reflector.map(|r| r.port()));

    let tag = response.headers()["etag"].to_str().unwrap();
    assert_eq!(tag, format!("\"{}\"", assignment.digest()));
    let mut again = desk.signed("GET", "/v1/assignment", vec![], None);
    again.headers_mut().insert("if-none-match", tag.parse().unwrap());
    let again = desk.send(again).await;
    assert_eq!((again.status(), again.body().len()), (StatusCode::NOT_MODIFIED, 0));

    // A batch is answered with the same digest, and with another as soon as IT sets a policy.
    let told = async || {
        let response = desk.post(&desk.batch(vec![])).await;
        let answer: telemetry::BatchAnswer = serde_json::from_slice(response.body()).unwrap();
        answer.assignment
    };
    assert_eq!(told().await, Some(assignment.digest()));
    let mut policy = assignment.policy.clone();
    policy.id = "winter".parse().unwrap();
    let mut report = desk.report(collector.now(), event());
    report.policy = policy.reference();
    assert_eq!(desk.deliver(vec![report]).await, [Answer::Refused(ContentRefusal::UnknownId)]);
    store::plan::set_policy(&db, store::settings::POLICY, &policy, collector.now()).unwrap();
    let new = told().await;
    assert_ne!(new, Some(assignment.digest()));
    let mut report = desk.report(collector.now(), event());
    report.policy = policy.reference();
    assert_eq!(desk.deliver(vec![report]).await, [Answer::Stored]);
    let response = desk.request("GET", "/v1/assignment", vec![], None).await;
    let fetched: readiness::Assignment = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(Some(fetched.digest()), new);
    collector.stop().await;
}

#[tokio::test]
async fn rates_are_limited_with_a_time_to_come_back() {
    let desk = Rate { burst: 3.0, per_second: 0.001 };
    let collector = Collector::with(Limits { desk, ..Limits::default() }).await;
    let (one, other) = (collector.desk("a").await, collector.desk("a").await);
    for _ in 0..3 {
        assert_eq!(one.post(&one.batch(vec![])).await.status(), StatusCode::OK);
    }
    let response = one.post(&one.batch(vec![])).await;
    assert_eq!(error(&response), (429, ErrorCode::RateLimit));
    let wait: u32 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait));
    assert_eq!(other.post(&other.batch(vec![])).await.status(), StatusCode::OK, "others are not held up");
    // Nobody can use up another desk's rate: only what it signed itself counts.
    let mut forger = Desk::new(collector.address).await;
    forger.id = other.id.clone();
    for _ in 0..10 {
        assert_eq!(forger.post(&forger.batch(vec![])).await.status(), StatusCode::UNAUTHORIZED);
    }
    assert_eq!(other.post(&other.batch(vec![])).await.status(), StatusCode::OK);
    collector.stop().await;
}

#[tokio::test]
async fn a_full_queue_is_told_to_come_back() {
    let collector = Collector::with(Limits { queue: 1, ..Limits::default() }).await;
    let desk = collector.desk("a").await;
    // An administrator's command holds the store: the writer waits, and its queue fills up.
    let mut db = collector.db();
    let hold = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).unwrap();
    let mut waiting = tokio::task::JoinSet::new();
    let mut busy = None;
    for _ in 0..20 {
        let request = desk.signed(
            "POST",
            "/v1/reports",
            pack(&serde_json::to_vec(&desk.batch(vec![])).unwrap()),
            Some("zstd"),
        );
        let address = collector.address;
        waiting.spawn(async move { once(address, request).await });
        tokio::time::sleep(Duration::from_millis(20)).await;
        if let Some(done) = waiting.try_join_next() {
            busy = Some(done.unwrap());
            break;
        }
    }
    let busy = busy.expect("a queue of one was never full");
    assert_eq!(error(&busy), (503, ErrorCode::Busy));
    assert!(busy.headers().contains_key("retry-after"));
    hold.rollback().unwrap();
    while let Some(done) = waiting.join_next().await {
        assert!([200, 503].contains(&done.unwrap().status().as_u16()));
    }
    collector.stop().await;
}

#[tokio::test]
async fn slow_clients_are_let_go() {
    let limits =
        Limits { head: Duration::from_millis(300), body: Duration::from_millis(300), ..Limits::default() };
    let collector = Collector::with(limits).await;
    let desk = collector.desk("a").await;
    let ends = async |bytes: Vec<u8>| {
        let mut stream = tokio::net::TcpStream::connect(collector.address).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
        let mut said = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut said));
        read.await.expect("the connection was held open").unwrap();
        String::from_utf8(said).unwrap()
    };
    ends(b"".into()).await;
    ends(b"POST /v1/reports HTTP/1.1\r\nhost: c\r\nx: ".into()).await;
    let request = desk.signed("POST", "/v1/reports", pack(b"{}"), Some("zstd"));
    let mut head = "POST /v1/reports HTTP/1.1\r\nhost: c\r\ncontent-length: 500\r\n".to_owned();
    for (name, value) in request.headers().iter().filter(|(n, _)| *n != "host") {
        head += &format!("{name}: {}\r\n", value.to_str().unwrap());
    }
    let said = ends(format!("{head}\r\nabc").into_bytes()).await;
    assert!(said.starts_with("HTTP/1.1 408"), "{said}");
    collector.stop().await;
}

#[tokio::test]
async fn connections_are_bounded_and_the_end_is_in_order() {
    let collector = Collector::with(Limits { connections: 2, ..Limits::default() }).await;
    let portal = || Request::builder().uri("/v1/portal").header("host", "c").body(Full::default()).unwrap();
    let (mut a, mut b) = (connect(collector.address).await, connect(collector.address).await);
    for sender in [&mut a, &mut b] {
        let response = sender.send_request(portal()).await.unwrap();
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
    }
    let address = collector.address;
    let mut third = tokio::spawn(async move { once(address, portal()).await });
    assert!(
        tokio::time::timeout(Duration::from_millis(200), &mut third).await.is_err(),
        "a third was served"
    );
    drop(a);
    assert_eq!(third.await.unwrap().status(), StatusCode::NO_CONTENT);
    // One connection is still open and idle: the end does not wait for it.
    tokio::time::timeout(Duration::from_secs(5), collector.stop()).await.expect("the end hangs");
    drop(b);
}

#[tokio::test]
async fn other_addresses_answer_plainly() {
    let collector = Collector::start().await;
    let get = async |path: &str| {
        once(
            collector.address,
            Request::builder().uri(path).header("host", "c").body(Full::default()).unwrap(),
        )
        .await
    };
    let portal = get("/v1/portal").await;
    assert_eq!((portal.status(), portal.body().len()), (StatusCode::NO_CONTENT, 0));
    assert_eq!(get("/healthz").await.body().as_ref(), b"ok");
    assert_eq!(error(&get("/v1/nothing").await), (404, ErrorCode::NotFound));
    assert_eq!(Versions::OURS.oldest, 1);
    collector.stop().await;
}
