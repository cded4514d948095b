//! What desks load their lines against: for who has signed, for a short time, and so many bytes.

mod common;

use collector::{limits::Limits, load_tests::TestLimits};
use common::{Collector, Desk, connect, error};
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response, StatusCode, body::Bytes};
use std::time::{Duration, Instant};
use telemetry::ErrorCode;

const AT: &str = "/v1/responsiveness";

fn limits(change: impl FnOnce(&mut TestLimits)) -> Limits {
    let mut limits = Limits::default();
    limits.tests.bytes = 200_000;
    change(&mut limits.tests);
    limits
}

/// Asks for a test; gives the three addresses.
async fn begin(desk: &Desk, most: Option<&str>) -> Result<[String; 3], (u16, ErrorCode)> {
    let mut request = desk.signed("GET", AT, Vec::new(), None);
    if let Some(most) = most {
        request.headers_mut().insert("preshift-max-bytes", most.parse().unwrap());
    }
    let response = desk.send(request).await;
    if response.status() != StatusCode::OK {
        return Err(error(&response));
    }
    assert_eq!(response.headers()["cache-control"], "no-store");
    let read: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(read["version"], 1);
    Ok(["small", "large"].map(|w| read["urls"][format!("{w}_download_url")].as_str().unwrap().to_owned()))
        .map(|[small, large]| [small, large, read["urls"]["upload_url"].as_str().unwrap().to_owned()])
}

async fn ask(desk: &Desk, method: &str, path: &str, body: Vec<u8>) -> Response<Bytes> {
    let request = Request::builder().method(method).uri(path).header("host", "collector");
    common::once(desk.address, request.body(Full::new(body.into())).unwrap()).await
}

#[tokio::test]
async fn a_desk_that_signs_gets_its_addresses_and_nobody_else_does() {
    let collector = Collector::start().await;
    let desk = collector.desk("support").await;
    let [small, large, upload] = begin(&desk, None).await.unwrap();
    assert!(small.starts_with(AT) && large.starts_with(AT) && upload.starts_with(AT));
    let response = ask(&desk, "GET", &small, Vec::new()).await;
    assert_eq!((response.status(), &response.body()[..]), (StatusCode::OK, &b"0"[..]));
    assert_eq!(response.headers()["preshift-received"], "0");

    // Not signed, by a stranger, and without knowing the token.
    assert_eq!(error(&ask(&desk, "GET", AT, Vec::new()).await), (401, ErrorCode::Signature));
    let stranger = Desk::new(collector.address).await;
    assert_eq!(begin(&stranger, None).await, Err((403, ErrorCode::UnknownDesk)));
    for guess in ["small", "large"] {
        let guess = format!("{AT}/{}/{guess}", "0".repeat(32));
        assert_eq!(error(&ask(&desk, "GET", &guess, Vec::new()).await), (404, ErrorCode::NotFound));
    }
    let guess = format!("{AT}/{}/upload", "0".repeat(32));
    assert_eq!(error(&ask(&desk, "POST", &guess, vec![0; 1000]).await), (404, ErrorCode::NotFound));
    collector.stop().await;
}

#[tokio::test]
async fn no_more_is_sent_or_taken_than_was_agreed() {
    let collector = Collector::with(limits(|_| ())).await;
    let desk = collector.desk("support").await;
    let [small, large, upload] = begin(&desk, Some("50000")).await.unwrap();
    let got = ask(&desk, "GET", &large, Vec::new()).await;
    assert_eq!((got.status(), got.body().len()), (StatusCode::OK, 50_000));
    // What comes cannot be made smaller on the way.
    assert!(zstd::bulk::compress(got.body(), 3).unwrap().len() > 49_000);
    let got = ask(&desk, "GET", &large, Vec::new()).await;
    assert_eq!(got.status(), StatusCode::TOO_MANY_REQUESTS, "it is used up");

    let taken = ask(&desk, "POST", &upload, vec![7; 150_000]).await;
    assert_eq!(
        (taken.status(), &taken.headers()["preshift-received"]),
        (StatusCode::OK, &"150000".parse().unwrap())
    );
    assert_eq!(ask(&desk, "GET", &small, Vec::new()).await.headers()["preshift-received"], "150000");
    assert_eq!(error(&ask(&desk, "POST", &upload, vec![7; 60_000]).await), (413, ErrorCode::TooLarge));

    // A desk cannot ask for more than the collector gives to anybody.
    let [_, large, _] = begin(&desk, Some("99999999999")).await.unwrap();
    assert_eq!(ask(&desk, "GET", &large, Vec::new()).await.body().len(), 200_000);
    collector.stop().await;
}

#[tokio::test]
async fn a_stampede_is_told_to_come_later_and_reports_go_on() {
    let collector = Collector::with(limits(|l| l.at_once = 2)).await;
    let (mut served, mut later) = (0, 0);
    let mut desks = Vec::new();
    for _ in 0..6 {
        desks.push(collector.desk("support").await);
    }
    for desk in &desks {
        match begin(desk, None).await {
            Ok(_) => served += 1,
            Err(why) => {
                assert_eq!(why, (503, ErrorCode::Busy));
                later += 1;
            }
        }
    }
    assert_eq!((served, later), (2, 4));
    let response = desks[5].request("GET", AT, Vec::new(), None).await;
    let wait: u32 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!(wait >= 1);
    let report = desks[5].report(collector.now(), common::event());
    assert_eq!(desks[5].deliver(vec![report]).await, [telemetry::Answer::Stored]);
    collector.stop().await;
}

#[tokio::test]
async fn a_collector_that_wants_none_says_that_there_is_no_such_thing() {
    let collector = Collector::with(limits(|l| l.at_once = 0)).await;
    let desk = collector.desk("support").await;
    assert_eq!(begin(&desk, None).await, Err((404, ErrorCode::NotFound)));
    collector.stop().await;
}

#[tokio::test]
async fn a_test_ends_with_its_time_whatever_the_desk_does() {
    let collector = Collector::with(limits(|l| {
        l.length = Duration::from_millis(700);
        l.bytes = u64::MAX / 2;
    }))
    .await;
    let desk = collector.desk("support").await;
    let [small, large, upload] = begin(&desk, None).await.unwrap();
    let began = Instant::now();
    // One who takes all there is, and one who begins to send and never goes on.
    let request = Request::builder().uri(&large).header("host", "collector").body(Full::default()).unwrap();
    let mut body = connect(collector.address).await.send_request(request).await.unwrap().into_body();
    let hangs = tokio::spawn(begin_and_hang(collector.address, upload));
    let mut taken = 0;
    while let Some(Ok(frame)) = body.frame().await {
        taken += frame.data_ref().map_or(0, Bytes::len);
    }
    let answer = hangs.await.unwrap();
    assert!(taken > 1_000_000, "{taken}");
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!((600..3_000).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
    assert_eq!(ask(&desk, "GET", &small, Vec::new()).await.status(), StatusCode::NOT_FOUND);
    collector.stop().await;
}

async fn begin_and_hang(address: std::net::SocketAddr, path: String) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nsome");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 200];
    let length = stream.read(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer[..length]).into_owned()
}
