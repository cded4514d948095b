//! How much a collector takes: signed requests, bodies that all differ, every answer after its commit.
//!
//! ```text
//! cargo build --release -p preshift-collector --bin preshift-collector --example load
//! target/release/examples/load [SECONDS] [FILE]
//! ```
//!
//! It starts `preshift-collector serve` on a new store beside itself, as a process of its own, and sends
//! single reports from 64 connections and then batches of 50 from 16. Requests are made and signed before
//! the clock runs, so that what is measured is the collector; the tool's sockets still share its processors.
//! An answer counts only when it says `stored` for every report in it. FILE holds recorded reports, one JSON a line,
//! whose size on the wire is told as well.

#[path = "../tests/common/mod.rs"]
mod common;
#[path = "../tests/common/readings.rs"]
mod readings;

use collector::{secret, store};
use common::{Desk, pack};
use readings::{Home, Noise01};
use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Child, Command, ExitCode, Stdio},
    sync::{Arc, Barrier},
    time::{Duration, Instant},
};
use telemetry::{EnrollRequest, Id, Report, UnixMs, Versions};

/// Desks that take turns: at one report a minute each they would make 50 requests a second.
const DESKS: usize = 3_000;
/// More requests than the goals ask for, by this factor, are prepared.
const SPARE: usize = 4;

#[tokio::main]
async fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let seconds: usize = args.next().map_or(10, |a| a.parse().expect("SECONDS"));
    let recorded = args.next();
    let data = tempfile::tempdir().expect("a temporary folder");
    let (mut server, address) = serve(data.path());
    let desks = enrol(data.path(), address).await;

    let mut good = true;
    println!(
        "{} processors, {DESKS} desks, {seconds} s each",
        std::thread::available_parallelism().map_or(1, |n| n.get())
    );
    for (what, connections, size, goal) in
        [("single reports", 64, 1, 4_000), ("batches of 50", 16, 50, 20_000)]
    {
        let requests = prepare(&desks, goal * SPARE * seconds / size / connections, connections, size);
        let (rate, mut times) = fire(address, requests, size, Duration::from_secs(seconds as u64));
        times.sort_unstable();
        let at = |share: f64| {
            times.get((times.len() as f64 * share) as usize).copied().unwrap_or_default().as_secs_f64() * 1e3
        };
        good &= rate >= goal as f64;
        println!(
            "{what} from {connections} connections: {rate:.0} reports/s (goal {goal}), p50 {:.1} ms, p99 {:.1} ms",
            at(0.5),
            at(0.99)
        );
    }
    let stored: i64 = store::open(data.path(), false)
        .map(|db| db.query_row("SELECT count(*) FROM reports", [], |r| r.get(0)).expect("a count"))
        .expect("the store");
    println!("{stored} reports are in the store");
    wire(&desks[0], recorded.as_deref());
    let _ = server.kill();
    let _ = server.wait();
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn serve(data: &Path) -> (Child, SocketAddr) {
    let me = std::env::current_exe().expect("this program");
    let program = me.parent().and_then(Path::parent).expect("a target folder").join("preshift-collector");
    let announce = data.join("address");
    let mut child = Command::new(program)
        .args(["serve", "--listen", "127.0.0.1:0", "--no-reflector", "--data"])
        .arg(data)
        .arg("--announce")
        .arg(&announce)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("preshift-collector beside this example: build it with the same profile");
    let end = Instant::now() + Duration::from_secs(20);
    let url = loop {
        match std::fs::read_to_string(&announce) {
            Ok(url) => break url,
            Err(_) if Instant::now() < end => std::thread::sleep(Duration::from_millis(20)),
            Err(e) => {
                let _ = child.kill();
                let _ = child.wait();
                panic!("the collector did not start: {e}");
            }
        }
    };
    (child, url.trim().trim_start_matches("http://").parse().expect("an address"))
}

/// Enrols them in one transaction: enrolment is limited in its rate and not what is measured.
async fn enrol(data: &Path, address: SocketAddr) -> Vec<Desk> {
    let mut db = store::open(data, false).expect("the store");
    let tx = db.transaction().expect("a transaction");
    let (code, now) = (secret::enroll_code().expect("a code"), now());
    let until = now.plus_ms(3_600_000);
    store::codes::add(&tx, &code, &"load".parse().expect("an id"), DESKS as u32, now, until).expect("a code");
    let mut desks = Vec::with_capacity(DESKS);
    for _ in 0..DESKS {
        let desk = Desk::new(address).await;
        let ask = EnrollRequest {
            versions: Versions::OURS,
            code: code.clone(),
            desk: desk.id.clone(),
            key: desk.key.public(),
            daemon: "0.1.0".parse().expect("a version"),
        };
        store::desks::enroll(&tx, &ask, now).expect("the store").expect("enrolled");
        desks.push(desk);
    }
    tx.commit().expect("a commit");
    desks
}

fn now() -> UnixMs {
    UnixMs::new(jiff::Timestamp::now().as_millisecond())
}

fn reports(desk: &Desk, n: usize, noise: &mut Noise01) -> Vec<Report> {
    let (home, target): (_, Id) = (Home::default(), "collector".parse().expect("an id"));
    (0..n)
        .map(|i| {
            let at = now().plus_ms(-60_000 * i as i64);
            let mut report = desk.report(at, readings::routine(&home, &target, at, i % 5 == 0, noise));
            report.policy = readiness::Policy::for_collector(862).reference();
            report
        })
        .collect()
}

/// For each connection its requests, whole and signed.
fn prepare(desks: &[Desk], each: usize, connections: usize, size: usize) -> Vec<Vec<Vec<u8>>> {
    let threads: Vec<_> = std::thread::scope(|scope| {
        let make = |c: usize| {
            move || {
                let mut noise = Noise01::new(c as u64 + 1 + 1_000 * size as u64);
                // Each connection has desks of its own, as in the field.
                let own: Vec<&Desk> = desks.iter().skip(c).step_by(connections).collect();
                (0..each)
                    .map(|i| {
                        let desk = own[i % own.len()];
                        let batch = desk.batch(reports(desk, size, &mut noise));
                        let body = pack(&serde_json::to_vec(&batch).expect("plain data"));
                        bytes(desk, body)
                    })
                    .collect()
            }
        };
        let threads: Vec<_> = (0..connections).map(|c| scope.spawn(make(c))).collect();
        threads.into_iter().map(|t| t.join().expect("a thread")).collect()
    });
    threads
}

fn bytes(desk: &Desk, body: Vec<u8>) -> Vec<u8> {
    let request = desk.signed("POST", "/v1/reports", body.clone(), Some("zstd"));
    let mut head = format!("POST /v1/reports HTTP/1.1\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in request.headers() {
        head += &format!("{name}: {}\r\n", value.to_str().expect("text"));
    }
    [head.as_bytes(), b"\r\n", &body].concat()
}

/// Sends until the time is over, and returns the rate of reports and how long each answer took.
fn fire(
    address: SocketAddr,
    requests: Vec<Vec<Vec<u8>>>,
    size: usize,
    time: Duration,
) -> (f64, Vec<Duration>) {
    let start = Arc::new(Barrier::new(requests.len() + 1));
    let threads: Vec<_> = requests
        .into_iter()
        .map(|requests| {
            let start = start.clone();
            std::thread::spawn(move || {
                let mut stream = TcpStream::connect(address).expect("a connection");
                stream.set_nodelay(true).expect("a socket");
                let mut answers = BufReader::new(stream.try_clone().expect("a socket"));
                let mut times = Vec::with_capacity(requests.len());
                start.wait();
                let end = Instant::now() + time;
                for request in requests {
                    let began = Instant::now();
                    if began >= end {
                        return (times, began);
                    }
                    stream.write_all(&request).expect("a request is sent");
                    let answer = answer(&mut answers);
                    assert_eq!(answer.matches("\"stored\"").count(), size, "{answer}");
                    times.push(began.elapsed());
                }
                eprintln!("a connection had nothing left to send: the rate is at least what is told");
                (times, Instant::now())
            })
        })
        .collect();
    start.wait();
    let began = Instant::now();
    let done: Vec<_> = threads.into_iter().map(|t| t.join().expect("a connection")).collect();
    let last = done.iter().map(|d| d.1).max().unwrap_or(began);
    let times: Vec<Duration> = done.into_iter().flat_map(|d| d.0).collect();
    ((times.len() * size) as f64 / last.duration_since(began).as_secs_f64(), times)
}

/// One answer's body; anything but 200 is told as it came.
fn answer(from: &mut BufReader<TcpStream>) -> String {
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        from.read_line(&mut line).expect("an answer");
        if line.trim().is_empty() {
            break;
        }
        if let Some(n) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = n.trim().parse().expect("a length");
        }
        head += &line;
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).expect("an answer's body");
    let body = String::from_utf8_lossy(&body);
    if head.starts_with("HTTP/1.1 200") { body.into_owned() } else { format!("{head}{body}") }
}

/// The size of a routine report on the wire, in a batch of 60.
fn wire(desk: &Desk, recorded: Option<&str>) {
    let tell = |what: &str, reports: Vec<Report>| {
        let n = reports.len().max(1);
        let json = serde_json::to_vec(&desk.batch(reports)).expect("plain data");
        let packed = pack(&json).len();
        println!(
            "{what}: {} bytes of JSON and {} bytes on the wire for each of {n}",
            json.len() / n,
            packed / n
        );
    };
    tell(
        "a made routine report (link, dns, https, load; media in every fifth)",
        reports(desk, 60, &mut Noise01::new(9)),
    );
    if let Some(file) = recorded {
        let text = std::fs::read_to_string(file).expect("the recorded reports");
        let all = text.lines().map(|l| serde_json::from_str::<Report>(l).expect("a report"));
        let routine: Vec<Report> = all.filter(|r| r.body.kind() == "routine").take(60).collect();
        tell("a recorded routine report", routine);
    }
}
