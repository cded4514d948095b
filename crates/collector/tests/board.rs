//! The board: who may see it, what it shows, and what it must never let through.

mod common;
#[path = "common/readings.rs"]
mod readings;

use collector::store;
use common::{Collector, Desk, NOW, once};
use http_body_util::Full;
use hyper::{Request, Response, StatusCode, body::Bytes};
use readings::{Home, Noise01};
use telemetry::*;

const HOUR: i64 = 3_600_000;

struct Browser<'c> {
    collector: &'c Collector,
    cookie: Option<String>,
}

impl<'c> Browser<'c> {
    fn new(collector: &'c Collector) -> Self {
        Self { collector, cookie: None }
    }

    async fn signed_in(collector: &'c Collector) -> Self {
        let mut browser = Self::new(collector);
        let token = store::settings::new_token(&collector.db()).unwrap();
        assert_eq!(browser.sign_in(&token, &[]).await.status(), StatusCode::SEE_OTHER);
        browser
    }

    async fn sign_in(&mut self, token: &str, headers: &[(&str, &str)]) -> Response<Bytes> {
        let response = self.send("POST", "/sign-in", format!("token={token}"), headers).await;
        if let Some(cookie) = response.headers().get("set-cookie") {
            self.cookie = cookie.to_str().unwrap().split(';').next().map(Into::into);
        }
        response
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        body: String,
        headers: &[(&str, &str)],
    ) -> Response<Bytes> {
        let mut request = Request::builder().method(method).uri(path).header("host", "board");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", format!("other=1; {cookie}"));
        }
        once(self.collector.address, request.body(Full::new(body.into())).unwrap()).await
    }

    async fn get(&self, path: &str) -> Response<Bytes> {
        self.send("GET", path, String::new(), &[]).await
    }

    /// A page's text; it must be one.
    async fn page(&self, path: &str) -> String {
        let response = self.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        String::from_utf8(response.into_body().to_vec()).unwrap()
    }
}

/// A desk in its shift that has been checked.
async fn checked(collector: &Collector, team: &str, home: &Home) -> Desk {
    let desk = collector.desk(team).await;
    let policy = store::plan::policy(&collector.db()).unwrap().unwrap();
    let at = collector.now().plus_ms(-5 * 60_000);
    let all = readings::check(home, &"collector".parse().unwrap(), at, &mut Noise01::new(7));
    let input = readiness::Input { now: at, readings: &all, history: &readiness::History::default() };
    let judged = readiness::judge(&policy, &input);
    let version = |v: &str| Some(FactValue::Version(v.parse().unwrap()));
    let body = Readiness {
        trigger: Trigger::PreShift,
        shift: None,
        verdict: judged.verdict,
        valid_until: judged.valid_until,
        took: Millis::new(9_000.0),
        findings: judged.findings.into(),
        fault: judged.fault.into(),
        readings: all.into(),
        changes: vec![Change {
            key: FactKey::ChromeVersion,
            from: version("142.0"),
            to: version("143.0"),
            at,
        }]
        .into(),
    };
    let mut report = desk.report(at, Body::Readiness(body));
    report.policy = policy.reference();
    assert_eq!(desk.deliver(vec![report]).await, [Answer::Stored]);
    desk
}

fn plan(collector: &Collector, rows: &str) {
    let db = collector.db();
    let find = |t: &str| Ok(store::desks::meant(&db, t).unwrap()[0].no);
    let text = format!("desk,shift,begin,end,zone\n{rows}");
    store::plan::set_shifts(&db, &collector::shifts::parse(&text, find).unwrap(), UnixMs::new(NOW)).unwrap();
}

fn label(collector: &Collector, desk: &Desk, text: &str) {
    let db = collector.db();
    let no = store::desks::by_id(&db, &desk.id).unwrap().unwrap().no;
    store::desks::label(&db, no, Some(text)).unwrap();
}

#[tokio::test]
async fn nothing_is_shown_before_signing_in() {
    let collector = Collector::start().await;
    let desk = collector.desk("support").await;
    let stranger = Browser { cookie: Some("preshift=abc".into()), ..Browser::new(&collector) };
    let verdicts = format!("/desks/{}/verdicts.csv", desk.id);
    let desk_page = format!("/desks/{}", desk.id);
    for path in [
        "/",
        "/overview.csv",
        &desk_page,
        &verdicts,
        "/shifts",
        "/report?team=support&shift=x",
        "/versions",
        "/versions.csv",
    ] {
        let response = stranger.get(path).await;
        assert_eq!(response.status(), StatusCode::SEE_OTHER, "{path}");
        assert_eq!(response.headers()["location"], "/sign-in");
        assert!(response.body().is_empty());
    }
    collector.stop().await;
}

#[tokio::test]
async fn signing_in_takes_the_token_and_a_page_of_ours() {
    let collector = Collector::start().await;
    let token = store::settings::new_token(&collector.db()).unwrap();
    let mut browser = Browser::new(&collector);
    assert_eq!(browser.sign_in("wrong", &[]).await.status(), StatusCode::FORBIDDEN);
    for forged in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
    ] {
        assert_eq!(browser.sign_in(&token, &[forged]).await.status(), StatusCode::FORBIDDEN, "{forged:?}");
    }
    assert!(browser.cookie.is_none());
    let response = browser.sign_in(&token, &[("sec-fetch-site", "same-origin")]).await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    let cookie = response.headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    assert!(!cookie.contains("Secure"), "on loopback there is no HTTPS");
    browser.page("/").await;

    let out = browser.send("POST", "/sign-out", String::new(), &[("sec-fetch-site", "cross-site")]).await;
    assert_eq!(out.status(), StatusCode::FORBIDDEN);
    browser.page("/").await;
    // A new token ends every session at once.
    store::settings::new_token(&collector.db()).unwrap();
    assert_eq!(browser.get("/").await.status(), StatusCode::SEE_OTHER);
    let mut browser = Browser::signed_in(&collector).await;
    let session = browser.cookie.clone();
    assert_eq!(browser.send("POST", "/sign-out", String::new(), &[]).await.status(), StatusCode::SEE_OTHER);
    browser.cookie = session;
    assert_eq!(browser.get("/").await.status(), StatusCode::SEE_OTHER, "the session itself has ended");
    collector.stop().await;
}

#[tokio::test]
async fn guessing_the_token_is_slowed_down() {
    let collector = Collector::start().await;
    let token = store::settings::new_token(&collector.db()).unwrap();
    let mut browser = Browser::new(&collector);
    let mut last = StatusCode::OK;
    for _ in 0..15 {
        last = browser.sign_in("wrong", &[]).await.status();
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    // Somebody's guesses must not keep IT out.
    assert_eq!(browser.sign_in(&token, &[]).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(browser.sign_in("wrong", &[]).await.status(), StatusCode::TOO_MANY_REQUESTS);
    let long = format!("token={}", "a".repeat(5_000));
    let huge = Browser::new(&collector).send("POST", "/sign-in", long, &[]).await;
    assert_ne!(huge.status(), StatusCode::SEE_OTHER);
    collector.stop().await;
}

#[tokio::test]
async fn empty_states_say_what_to_do_next() {
    let collector = Collector::start().await;
    let browser = Browser::signed_in(&collector).await;
    assert!(browser.page("/").await.contains("preshift-collector enroll-code"));
    assert!(browser.page("/shifts").await.contains("preshift-collector shifts set"));
    assert!(browser.page("/versions").await.contains("No desk has enrolled yet"));
    let desk = collector.desk("support").await;
    let page = browser.page("/").await;
    assert!(page.contains(&desk.id.as_str()[..8]) && page.contains("preshift-collector shifts set"));
    let page = browser.page(&format!("/desks/{}", desk.id)).await;
    assert!(page.contains("No check has been run"), "{page}");
    collector.stop().await;
}

#[tokio::test]
async fn a_new_plan_keeps_the_report_of_a_shift_that_began() {
    let collector = Collector::start().await;
    let desk = checked(&collector, "support", &Home::default()).await;
    let browser = Browser::signed_in(&collector).await;
    plan(
        &collector,
        &format!(
            "{0},began,2026-11-23T07:00,2026-11-23T15:00,UTC\n{0},later,2026-11-24T07:00,2026-11-24T15:00,UTC",
            desk.id
        ),
    );
    plan(&collector, &format!("{},other,2026-11-25T07:00,2026-11-25T15:00,UTC", desk.id));
    assert!(browser.page("/report?team=support&shift=began").await.contains("How each desk began"));
    assert_eq!(browser.get("/report?team=support&shift=later").await.status(), StatusCode::NOT_FOUND);
    collector.stop().await;
}

#[tokio::test]
async fn who_is_not_ready_comes_first_with_reason_and_advice() {
    let collector = Collector::start().await;
    let fine = checked(&collector, "support", &Home::default()).await;
    let muted = checked(&collector, "support", &Home { muted: true, ..Home::default() }).await;
    let silent = collector.desk("support").await;
    let other = checked(&collector, "sales", &Home::default()).await;
    for (desk, name) in [(&fine, "A fine"), (&muted, "B muted"), (&silent, "C silent"), (&other, "D other")] {
        label(&collector, desk, name);
    }
    let shift = "early,2026-11-23T07:00,2026-11-23T15:00,UTC";
    plan(&collector, &[&fine, &muted, &silent].map(|d| format!("{},{shift}\n", d.id)).concat());

    let browser = Browser::signed_in(&collector).await;
    let page = browser.page("/").await;
    let place = |text: &str| page.find(text).unwrap_or_else(|| panic!("'{text}' is not on the page"));
    assert!(place(">B muted<") < place(">C silent<") && place(">C silent<") < place(">A fine<"));
    assert!(
        page.contains("microphone is muted")
            && page.contains("Not seen")
            && page.contains("Chrome: 142.0 → 143.0")
    );
    let filtered = browser.page("/?team=support&verdict=not_ready").await;
    assert!(
        filtered.contains(">B muted<") && !filtered.contains(">A fine<") && !filtered.contains(">D other<")
    );
    let none = browser.page("/?team=nobody").await;
    assert!(none.contains("No desk is like that now"));

    let page = browser.page(&format!("/desks/{}", muted.id)).await;
    let explained = readiness::catalogue::entry(FindingCode::MicrophoneMuted);
    assert!(page.contains(&explained.advice[..20]) && page.contains("What to do"));
    assert!(page.contains("<svg") && page.contains("<title>Estimated call quality (MOS), collector: latest"));
    assert!(page.contains("muted, volume 74 %"), "the latest readings are told in words");

    let report = browser.page("/report?team=support&shift=early").await;
    assert!(report.contains("1 Not ready") && report.contains("1 Ready") && report.contains("1 Not seen"));
    assert!(!report.contains("D other"));
    assert!(browser.page("/shifts").await.contains("/report?team=support&#38;shift=early"));
    assert_eq!(browser.get("/report?team=sales&shift=early").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(browser.get("/desks/zzz").await.status(), StatusCode::NOT_FOUND);
    collector.stop().await;
}

#[tokio::test]
async fn an_old_verdict_never_reads_as_ready_and_loss_is_shown() {
    let collector = Collector::start().await;
    let desk = checked(&collector, "support", &Home::default()).await;
    plan(&collector, &format!("{},early,2026-11-23T07:00,2026-11-23T15:00,UTC\n", desk.id));
    let gap = Gap {
        lane: Lane::Routine,
        first: 10,
        last: 250,
        from: collector.now().plus_ms(-3 * HOUR),
        to: collector.now().plus_ms(-2 * HOUR),
        reason: GapReason::SpoolFull,
    };
    desk.deliver(vec![desk.report(collector.now(), Body::Gap(gap))]).await;
    let browser = Browser::signed_in(&collector).await;
    let page = browser.page("/").await;
    assert!(page.contains("badge s-ready") && page.contains("241 reports lost"));
    let page = browser.page(&format!("/desks/{}", desk.id)).await;
    assert!(page.contains("241 reports are lost") && page.contains("the desk&#39;s queue was full"));

    // Two hours on it speaks, but nothing was checked anew.
    collector.clock.store(NOW + 2 * HOUR, std::sync::atomic::Ordering::Relaxed);
    desk.deliver(vec![desk.report(collector.now(), common::event())]).await;
    let page = browser.page("/").await;
    assert!(page.contains("badge s-unknown") && !page.contains("badge s-ready"));
    collector.stop().await;
}

#[tokio::test]
async fn what_it_typed_is_shown_as_text_and_never_as_formula_or_markup() {
    let collector = Collector::start().await;
    let (desk, other) = (collector.desk("support").await, collector.desk("support").await);
    label(&collector, &desk, "<script>alert(1)</script>");
    label(&collector, &other, "=HYPERLINK(\"x\")");
    let browser = Browser::signed_in(&collector).await;
    for path in ["/".into(), format!("/desks/{}", desk.id)] {
        let page = browser.page(&path).await;
        assert!(!page.contains("<script") && page.contains("&#60;script&#62;"), "{path}");
    }
    let csv = browser.page("/overview.csv").await;
    assert!(
        csv.contains("'=HYPERLINK") && !csv.contains(",=HYPERLINK") && !csv.contains(",\"=HYPERLINK"),
        "{csv}"
    );
    let response = browser.get("/?team=%3Cscript%3E&verdict=%22%3E&version=%3Cscript%3E").await;
    assert!(!String::from_utf8_lossy(response.body()).contains("<script"));
    collector.stop().await;
}

#[tokio::test]
async fn pages_forbid_scripts_frames_and_strangers() {
    let collector = Collector::start().await;
    let browser = Browser::signed_in(&collector).await;
    for path in ["/", "/sign-in", "/shifts", "/versions", "/desks/none"] {
        let response = browser.get(path).await;
        let policy = response.headers()["content-security-policy"].to_str().unwrap();
        assert!(
            policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{path}"
        );
        assert!(!policy.contains("script") && !policy.contains("unsafe"));
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        let page = String::from_utf8_lossy(response.body());
        assert!(
            !page.contains("<script")
                && !page.contains(" style=")
                && !page.contains("=\"http")
                && !page.contains("=\"//"),
            "{path}: {page}"
        );
        assert!(page.contains("<html lang=\"en\">") && page.contains("<main"));
    }
    for asset in ["/board.css", "/icon.svg"] {
        let response = browser.get(asset).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert!(
            !String::from_utf8_lossy(response.body())
                .replace("http://www.w3.org/2000/svg", "")
                .contains("//")
        );
    }
    collector.stop().await;
}

#[tokio::test]
async fn the_spread_of_versions_follows_what_desks_report() {
    let collector = Collector::start().await;
    let browser = Browser::signed_in(&collector).await;
    let mut desks = Vec::new();
    for name in ["A", "B", "C"] {
        let desk = collector.desk("support").await;
        label(&collector, &desk, name);
        desk.deliver(vec![desk.report(collector.now(), common::event())]).await;
        desks.push(desk);
    }
    let page = browser.page("/versions").await;
    assert!(page.contains("All 3 desks run version 0.1.0.") && !page.contains("newest</span>"), "{page}");
    assert!(!browser.page("/").await.contains("name=\"version\""), "nothing to choose from");

    // Two are upgraded, one of them to a candidate; one of the older reports that waited comes after the new one.
    let later = NOW + 2 * HOUR;
    collector.clock.store(later, std::sync::atomic::Ordering::Relaxed);
    desks[0].daemon = "0.10.0".parse().unwrap();
    desks[1].daemon = "0.10.0-rc1".parse().unwrap();
    let old =
        Report { daemon: "0.1.0".parse().unwrap(), ..desks[0].report(UnixMs::new(NOW), common::event()) };
    let new = desks[0].report(collector.now(), common::event());
    desks[0].deliver(vec![new, old]).await;
    desks[1].deliver(vec![desks[1].report(collector.now(), common::event())]).await;
    let page = browser.page("/versions").await;
    assert!(page.contains("1 of 3 desks runs the newest version, 0.10.0."), "{page}");
    let place = |text: &str| page.find(text).unwrap_or_else(|| panic!("'{text}' is not on the page: {page}"));
    assert!(
        place(">0.10.0</a>") < place(">0.10.0-rc1</a>") && place(">0.10.0-rc1</a>") < place(">0.1.0</a>")
    );
    assert_eq!(page.matches("newest</span>").count(), 1);
    assert!(page.contains("33 %") && page.contains("2 h ago") && page.contains("just now"));
    assert!(page.contains("/?version=0.10.0-rc1"));

    let page = browser.page("/?version=0.10.0-rc1").await;
    assert!(page.contains(">B<") && !page.contains(">A<") && !page.contains(">C<"));
    assert!(page.contains("<option selected>0.10.0-rc1</option>"), "{page}");
    assert!(page.contains("/overview.csv?version=0.10.0-rc1"), "the download is of what is shown");
    assert!(browser.page("/?version=7").await.contains("No desk is like that now"));
    assert!(browser.page(&format!("/desks/{}", desks[1].id)).await.contains("<dd>0.10.0-rc1</dd>"));

    let csv = browser.page("/versions.csv").await;
    assert_eq!(
        csv,
        "version,desks,last_heard,longest_silent\n\
         0.10.0,1,2026-11-23T09:30:00Z,2026-11-23T09:30:00Z\n\
         0.10.0-rc1,1,2026-11-23T09:30:00Z,2026-11-23T09:30:00Z\n\
         0.1.0,1,2026-11-23T07:30:00Z,2026-11-23T07:30:00Z\n"
    );
    let csv = browser.page("/overview.csv?version=0.10.0").await;
    assert_eq!(csv.lines().count(), 2);
    assert!(
        csv.lines().next().unwrap().ends_with(",version") && csv.trim_end().ends_with(",0.10.0"),
        "{csv}"
    );
    // A desk that was let go runs none.
    let no = store::desks::by_id(&collector.db(), &desks[0].id).unwrap().unwrap().no;
    store::desks::revoke(&collector.db(), no, collector.now()).unwrap();
    assert!(browser.page("/versions").await.contains("1 of 2 desks runs the newest version, 0.10.0-rc1."));
    collector.stop().await;
}
