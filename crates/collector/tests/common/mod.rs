//! A server in this process and desks that speak to it as real ones do.
#![allow(dead_code, reason = "each test uses a part of it")]

use collector::{
    clock::Clock,
    limits::Limits,
    serve::{Server, Settings, Transport},
    store,
};
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response, StatusCode, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use signing::SigningKey;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};
use telemetry::{
    Answer, Batch, BatchAnswer, Body, Consent, DeskId, EnrollCode, EnrollRequest, Epoch, ErrorAnswer,
    ErrorCode, InstanceId, Lane, Millis, Nonce, Report, UnixMs, Version, Versions,
};

/// The moment at which tests play: 2026-11-23 07:30 UTC, a Monday.
pub const NOW: i64 = 1_795_419_000_000;

/// A server with a store of its own and a clock that tests move.
pub struct Collector {
    pub server: Option<Server>,
    pub address: SocketAddr,
    pub clock: Arc<AtomicI64>,
    data: tempfile::TempDir,
    pub limits: Limits,
}

impl Collector {
    pub async fn start() -> Self {
        Self::with(Limits::default()).await
    }

    pub async fn with(limits: Limits) -> Self {
        let data = tempfile::tempdir().unwrap();
        let clock = Arc::new(AtomicI64::new(NOW));
        let server = serve(data.path(), &clock, &limits).await;
        Self { address: server.address, server: Some(server), clock, data, limits }
    }

    /// Ends the server and starts another on the same store.
    pub async fn restart(&mut self) {
        self.server.take().unwrap().stop().await;
        let server = serve(self.data.path(), &self.clock, &self.limits).await;
        self.address = server.address;
        self.server = Some(server);
    }

    pub fn path(&self) -> PathBuf {
        self.data.path().into()
    }

    pub fn now(&self) -> UnixMs {
        UnixMs::new(self.clock.load(Ordering::Relaxed))
    }

    pub fn db(&self) -> rusqlite::Connection {
        store::open(self.data.path(), false).unwrap()
    }

    pub fn code(&self, team: &str) -> EnrollCode {
        let code = collector::secret::enroll_code().unwrap();
        let until = self.now().plus_ms(3_600_000);
        store::codes::add(&self.db(), &code, &team.parse().unwrap(), 1, self.now(), until).unwrap();
        code
    }

    /// A desk that has enrolled.
    pub async fn desk(&self, team: &str) -> Desk {
        let desk = Desk::new(self.address).await;
        let (status, body) = desk.enroll(&self.code(team)).await;
        assert_eq!(status, StatusCode::OK, "{body:?}");
        desk
    }

    pub async fn stop(mut self) {
        self.server.take().unwrap().stop().await;
    }
}

async fn serve(data: &Path, clock: &Arc<AtomicI64>, limits: &Limits) -> Server {
    let settings = Settings {
        data: data.into(),
        listen: "127.0.0.1:0".parse().unwrap(),
        transport: Transport::Plain,
        reflector: Some(0),
        retention_days: 30,
        zone: collector::board::Zone::named(Some("UTC")).unwrap(),
        limits: limits.clone(),
    };
    let clock = clock.clone();
    let clock: Clock = Arc::new(move || UnixMs::new(clock.load(Ordering::Relaxed)));
    Server::start(settings, clock).await.unwrap()
}

/// A desk with its key, its sequences and a connection.
pub struct Desk {
    pub id: DeskId,
    pub key: SigningKey,
    pub epoch: Epoch,
    pub instance: InstanceId,
    /// Preshift's version on it.
    pub daemon: Version,
    pub address: SocketAddr,
    seq: AtomicU64,
    requests: AtomicU64,
    connection: tokio::sync::Mutex<Option<http1::SendRequest<Full<Bytes>>>>,
}

pub fn random<const N: usize>() -> [u8; N] {
    collector::secret::random().unwrap()
}

impl Desk {
    pub async fn new(address: SocketAddr) -> Self {
        Self {
            id: DeskId::from_bytes(random()),
            key: SigningKey::generate().unwrap(),
            epoch: Epoch::from_bytes(random()),
            instance: InstanceId::from_bytes(random()),
            daemon: "0.1.0".parse().unwrap(),
            address,
            seq: AtomicU64::new(1),
            requests: AtomicU64::new(1),
            connection: tokio::sync::Mutex::default(),
        }
    }

    pub async fn enroll(&self, code: &EnrollCode) -> (StatusCode, Bytes) {
        let ask = EnrollRequest {
            versions: Versions::OURS,
            code: code.clone(),
            desk: self.id.clone(),
            key: self.key.public(),
            daemon: self.daemon.clone(),
        };
        let response = self.request("POST", "/v1/enroll", serde_json::to_vec(&ask).unwrap(), None).await;
        (response.status(), response.into_body())
    }

    /// A signed request as a desk sends it.
    pub fn signed(
        &self,
        method: &str,
        path: &str,
        body: Vec<u8>,
        encoding: Option<&str>,
    ) -> Request<Full<Bytes>> {
        let nonce = Nonce::from_bytes(random());
        let sequence = self.requests.fetch_add(1, Ordering::Relaxed);
        let request = signing::Request { method, path, body: &body, content_encoding: encoding, sequence };
        let headers = signing::sign(&self.key, &self.id, NOW / 1000, &nonce, &request);
        let mut builder = Request::builder().method(method).uri(path).header("host", "collector");
        for (name, value) in headers {
            builder = builder.header(name, value);
        }
        if let Some(encoding) = encoding {
            builder = builder.header("content-encoding", encoding);
        }
        builder.body(Full::new(body.into())).unwrap()
    }

    pub async fn request(
        &self,
        method: &str,
        path: &str,
        body: Vec<u8>,
        encoding: Option<&str>,
    ) -> Response<Bytes> {
        self.send(self.signed(method, path, body, encoding)).await
    }

    /// Sends on the desk's own connection, which is opened again when it was closed.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Response<Bytes> {
        let mut connection = self.connection.lock().await;
        if connection.as_mut().is_none_or(|c| c.is_closed()) {
            *connection = Some(connect(self.address).await);
        }
        let sender = connection.as_mut().unwrap();
        sender.ready().await.unwrap();
        let (head, body) = sender.send_request(request).await.unwrap().into_parts();
        Response::from_parts(head, body.collect().await.unwrap().to_bytes())
    }

    /// The desk's next report of this kind.
    pub fn report(&self, at: UnixMs, body: Body) -> Report {
        let seq = self.seq.fetch_add(1, Ordering::Relaxed);
        Report {
            schema: telemetry::SCHEMA_VERSION,
            desk: self.id.clone(),
            epoch: self.epoch.clone(),
            lane: body.lane(),
            seq,
            at,
            clock_offset: Some(Millis::new(0.0)),
            daemon: self.daemon.clone(),
            policy: readiness::Policy::builtin().reference(),
            consent: Consent::default(),
            body,
        }
    }

    pub fn batch(&self, reports: Vec<Report>) -> Batch {
        Batch {
            versions: Versions::OURS,
            instance: self.instance.clone(),
            started: UnixMs::new(NOW),
            assignment: None,
            reports: reports.into(),
        }
    }

    pub async fn post(&self, batch: &Batch) -> Response<Bytes> {
        self.post_json(&serde_json::to_vec(batch).unwrap()).await
    }

    pub async fn post_json(&self, json: &[u8]) -> Response<Bytes> {
        self.request("POST", "/v1/reports", pack(json), Some("zstd")).await
    }

    /// Sends reports and returns what became of each.
    pub async fn deliver(&self, reports: Vec<Report>) -> Vec<Answer> {
        let response = self.post(&self.batch(reports)).await;
        assert_eq!(response.status(), StatusCode::OK, "{:?}", response.body());
        answers(response.body())
    }
}

pub async fn connect(address: SocketAddr) -> http1::SendRequest<Full<Bytes>> {
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(async { drop(connection.await) });
    sender
}

/// One request on a connection of its own.
pub async fn once(address: SocketAddr, request: Request<Full<Bytes>>) -> Response<Bytes> {
    let (head, body) = connect(address).await.send_request(request).await.unwrap().into_parts();
    Response::from_parts(head, body.collect().await.unwrap().to_bytes())
}

pub fn pack(json: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(json, 3).unwrap()
}

pub fn answers(body: &[u8]) -> Vec<Answer> {
    let answer: BatchAnswer = serde_json::from_slice(body).unwrap();
    answer.answers.iter().map(|a| a.answer).collect()
}

pub fn error(response: &Response<Bytes>) -> (u16, ErrorCode) {
    let answer: ErrorAnswer = serde_json::from_slice(response.body()).unwrap();
    (response.status().as_u16(), answer.error)
}

/// An event: the smallest report.
pub fn event() -> Body {
    Body::Event(telemetry::Event { event: telemetry::EventKind::Started, duration: None, count: None })
}

pub fn lane_of(body: &Body) -> Lane {
    body.lane()
}
