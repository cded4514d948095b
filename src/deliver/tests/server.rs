//! A collector in memory, on a real socket: checks signatures, stores once, answers by the rules, and
//! misbehaves once for each trick it is told.

use readiness::Assignment;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
};
use telemetry::{
    Answer, Batch, BatchAnswer, ContentRefusal, Digest, EnrollAnswer, EnrollRequest, ErrorAnswer, ErrorCode,
    Lane, PublicKey, Report, ReportAnswer, UnixMs, Versions,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use url::Url;

/// One misbehaviour, for one request.
#[derive(Debug, Clone)]
pub enum Trick {
    /// Answers this instead of doing anything.
    Say { status: u16, headers: String, body: Vec<u8> },
    /// Does it, and closes the connection before the answer.
    LoseAnswer,
    /// Never answers.
    Hang,
    /// Answers without end.
    Endless,
    /// Refuses reports of these kinds.
    Refuse(&'static str, ContentRefusal),
}

impl Trick {
    pub fn status(status: u16, code: Option<ErrorCode>) -> Self {
        let body = match code {
            Some(error) => serde_json::to_vec(&ErrorAnswer { error, versions: Versions::OURS }).unwrap(),
            None => b"<html>sign in</html>".to_vec(),
        };
        Self::Say { status, headers: String::new(), body }
    }
}

#[derive(Default)]
pub struct State {
    pub keys: BTreeMap<String, PublicKey>,
    pub code: Option<String>,
    /// Reports by epoch, lane and sequence, as they came.
    pub stored: BTreeMap<(String, Lane, u64), String>,
    pub duplicates: u32,
    pub requests: Vec<(String, String)>,
    pub batches: Vec<Batch>,
    pub tricks: VecDeque<Trick>,
    pub assignment: Option<(Digest, Vec<u8>)>,
    pub most_reports: Option<usize>,
    pub poison: Option<&'static str>,
    pub unsigned: u32,
    pub ahead_ms: i64,
}

impl State {
    pub fn assign(&mut self, assignment: &Assignment) {
        self.assignment = Some((assignment.digest(), serde_json::to_vec(assignment).unwrap()));
    }

    pub fn reports(&self) -> Vec<Report> {
        self.stored.values().map(|json| serde_json::from_str(json).unwrap()).collect()
    }

    pub fn asked(&self, path: &str) -> usize {
        self.requests.iter().filter(|(_, p)| p == path).count()
    }
}

#[derive(Clone)]
pub struct Server {
    pub url: Url,
    state: Arc<Mutex<State>>,
}

impl Server {
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let server = Self { url, state: Arc::default() };
        let state = server.state.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, state.clone()));
            }
        });
        server
    }

    pub fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.state.lock().unwrap())
    }

    pub fn play(&self, trick: Trick) {
        self.with(|s| s.tricks.push_back(trick));
    }
}

struct Request {
    method: String,
    path: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break end;
        }
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk).await.ok()? {
            0 => return None,
            n => bytes.extend_from_slice(&chunk[..n]),
        }
    };
    let text = String::from_utf8(bytes[..head].to_vec()).unwrap();
    let mut lines = text.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: BTreeMap<String, String> = lines
        .filter_map(|l| l.split_once(':'))
        .map(|(n, v)| (n.to_ascii_lowercase(), v.trim().to_owned()))
        .collect();
    let length = headers.get("content-length").map_or(0, |n| n.parse().unwrap());
    let mut body = bytes.split_off(head + 4);
    while body.len() < length {
        let mut chunk = [0; 65536];
        match stream.read(&mut chunk).await.ok()? {
            0 => return None,
            n => body.extend_from_slice(&chunk[..n]),
        }
    }
    Some(Request { method, path, headers, body })
}

async fn serve(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    while let Some(request) = read(&mut stream).await {
        let (answer, trick) = {
            let mut state = state.lock().unwrap();
            state.requests.push((request.method.clone(), request.path.clone()));
            let trick = state.tricks.pop_front();
            let answer = match &trick {
                Some(Trick::Say { status, headers, body }) => (*status, headers.clone(), body.clone()),
                _ => handle(&mut state, &request, trick.as_ref()),
            };
            (answer, trick)
        };
        match trick {
            Some(Trick::LoseAnswer) => return,
            Some(Trick::Hang) => return std::future::pending().await,
            Some(Trick::Endless) => {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
                while stream.write_all(&[b' '; 65536]).await.is_ok() {}
                return;
            }
            _ => {}
        }
        let (status, headers, body) = answer;
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
        if stream.write_all(head.as_bytes()).await.is_err() || stream.write_all(&body).await.is_err() {
            return;
        }
    }
}

type Reply = (u16, String, Vec<u8>);

fn no(status: u16, error: ErrorCode) -> Reply {
    let body = serde_json::to_vec(&ErrorAnswer { error, versions: Versions::OURS }).unwrap();
    (status, String::new(), body)
}

fn yes<T: serde::Serialize>(body: &T) -> Reply {
    (200, String::new(), serde_json::to_vec(body).unwrap())
}

fn now(state: &State) -> UnixMs {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    UnixMs::new(now.as_millis() as i64 + state.ahead_ms)
}

fn handle(state: &mut State, request: &Request, trick: Option<&Trick>) -> Reply {
    let encoding = request.headers.get("content-encoding").map(String::as_str);
    let Ok(signed) = signing::Signed::parse(|name| request.headers.get(name).map(String::as_str)) else {
        state.unsigned += 1;
        return no(401, ErrorCode::Signature);
    };
    let verified =
        |key: &PublicKey| signed.verify(key, &request.method, &request.path, encoding, &request.body).is_ok();
    if request.path == "/v1/enroll" {
        let asked: EnrollRequest = serde_json::from_slice(&request.body).unwrap();
        if !verified(&asked.key) {
            return no(401, ErrorCode::Signature);
        }
        let known = state.keys.get(asked.desk.as_str()).is_some_and(|k| *k == asked.key);
        if !known && state.code.as_deref() != Some(asked.code.as_str()) {
            return no(403, ErrorCode::EnrollCode);
        }
        state.code = None;
        state.keys.insert(asked.desk.to_string(), asked.key);
        let now = now(state);
        return yes(&EnrollAnswer { versions: Versions::OURS, team: "north".parse().unwrap(), now });
    }
    let Some(key) = state.keys.get(signed.desk().as_str()) else { return no(403, ErrorCode::UnknownDesk) };
    if !verified(key) {
        return no(401, ErrorCode::Signature);
    }
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/v1/assignment") => match &state.assignment {
            Some((digest, _)) if request.headers.get("if-none-match") == Some(&format!("\"{digest}\"")) => {
                (304, String::new(), Vec::new())
            }
            Some((digest, body)) => (200, format!("etag: \"{digest}\"\r\n"), body.clone()),
            None => no(503, ErrorCode::Busy),
        },
        ("POST", "/v1/unenroll") => {
            state.keys.remove(signed.desk().as_str());
            (204, String::new(), Vec::new())
        }
        ("POST", "/v1/reports") => reports(state, &request.body, trick),
        _ => no(404, ErrorCode::NotFound),
    }
}

fn reports(state: &mut State, packed: &[u8], trick: Option<&Trick>) -> Reply {
    let json = zstd::bulk::decompress(packed, telemetry::limits::BATCH_UNPACKED).unwrap();
    let text = String::from_utf8(json).unwrap();
    if state.poison.is_some_and(|p| text.contains(p)) {
        return no(400, ErrorCode::Malformed);
    }
    let batch: Batch = serde_json::from_str(&text).unwrap();
    if state.most_reports.is_some_and(|most| batch.reports.len() > most) {
        return no(413, ErrorCode::TooLarge);
    }
    #[derive(serde::Deserialize)]
    struct Raw<'a> {
        #[serde(borrow)]
        reports: Vec<&'a serde_json::value::RawValue>,
    }
    let raw: Raw<'_> = serde_json::from_str(&text).unwrap();
    let answers = batch
        .reports
        .iter()
        .zip(raw.reports)
        .map(|(report, raw)| {
            let place = (report.epoch.to_string(), report.lane, report.seq);
            let answer = match (trick, state.stored.get(&place)) {
                (Some(Trick::Refuse(kind, why)), _) if report.body.kind() == *kind => Answer::Refused(*why),
                (_, Some(before)) if before == raw.get() => {
                    state.duplicates += 1;
                    Answer::Duplicate
                }
                (_, Some(_)) => Answer::Refused(ContentRefusal::Conflict),
                (_, None) => {
                    state.stored.insert(place, raw.get().to_owned());
                    Answer::Stored
                }
            };
            ReportAnswer { epoch: report.epoch.clone(), lane: report.lane, seq: report.seq, answer }
        })
        .collect();
    state.batches.push(batch);
    let assignment = state.assignment.as_ref().map(|a| a.0.clone());
    yes(&BatchAnswer { versions: Versions::OURS, now: now(state), assignment, answers })
}
