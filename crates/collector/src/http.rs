//! The HTTP API that desks speak, and the state that it shares with the board.
//!
//! The order of checks is part of the design: rate of all, size, known desk, signature over the
//! bytes as they came, rate of this desk; and only then is anything unpacked or parsed.

mod answer;
mod desk;
mod responsiveness;

pub use answer::ApiError;

use crate::{
    board,
    clock::Clock,
    limits::{Bucket, Limits, Rate},
    load_tests::Tests,
    secret::NoRandom,
    store::{Readers, StoreError, writer::Writer},
};
use axum::{
    Router,
    body::{Body, Bytes},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, RwLock},
    time::Instant,
};
use telemetry::{DeskId, ErrorCode, PublicKey};

/// What every request may use.
pub struct App {
    /// For reading.
    pub readers: Readers,
    /// For writing.
    pub writer: Writer,
    /// The clock.
    pub clock: Clock,
    /// The limits.
    pub limits: Limits,
    /// How long reports are kept.
    pub retention_days: u32,
    /// Signed-in browsers.
    pub sessions: board::session::Sessions,
    /// The zone in which the board tells times.
    pub zone: board::Zone,
    /// Desks that load their line against this collector.
    pub tests: Tests,
    /// Number and key of each desk that spoke. A desk's key never changes, so this is never stale.
    keys: RwLock<HashMap<DeskId, (i64, PublicKey)>>,
    desks: Mutex<HashMap<i64, Bucket>>,
    all: Mutex<Bucket>,
    enroll: Mutex<Bucket>,
    /// Large batches are unpacked off the async threads, only so many at once.
    large: tokio::sync::Semaphore,
}

impl App {
    /// The state of a server.
    pub fn new(
        readers: Readers,
        writer: Writer,
        clock: Clock,
        limits: Limits,
        retention_days: u32,
        sessions: board::session::Sessions,
        zone: board::Zone,
    ) -> Result<Arc<Self>, NoRandom> {
        let now = Instant::now();
        let full = |rate| Mutex::new(Bucket::full(rate, now));
        Ok(Arc::new(Self {
            tests: Tests::new(limits.tests.clone())?,
            readers,
            writer,
            clock,
            retention_days,
            sessions,
            zone,
            keys: RwLock::default(),
            desks: Mutex::default(),
            all: full(limits.all),
            enroll: full(limits.enroll),
            large: tokio::sync::Semaphore::new(4),
            limits,
        }))
    }

    /// Reads the store on a blocking thread.
    pub async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&rusqlite::Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let readers = self.readers.clone();
        match tokio::task::spawn_blocking(move || readers.with(work)).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                tracing::error!(%error, "the store could not be read");
                Err(ErrorCode::Internal.into())
            }
            Err(_) => Err(ErrorCode::Internal.into()),
        }
    }

    /// Number and key of a desk, if it is known.
    async fn key_of(self: &Arc<Self>, id: &DeskId) -> Result<Option<(i64, PublicKey)>, ApiError> {
        if let Some(known) = self.keys.read().expect("nothing panics with it held").get(id) {
            return Ok(Some(known.clone()));
        }
        let asked = id.clone();
        let desk = self.read(move |db| crate::store::desks::by_id(db, &asked)).await?;
        Ok(desk.map(|desk| {
            let known = (desk.no, desk.key);
            self.keys.write().expect("nothing panics with it held").insert(desk.id, known.clone());
            known
        }))
    }

    fn desk_may(&self, no: i64) -> bool {
        let now = Instant::now();
        let mut desks = self.desks.lock().expect("nothing panics with it held");
        desks.entry(no).or_insert_with(|| Bucket::full(self.limits.desk, now)).take(self.limits.desk, now)
    }

    fn may(bucket: &Mutex<Bucket>, rate: Rate) -> bool {
        bucket.lock().expect("nothing panics with it held").take(rate, Instant::now())
    }

    /// What is done every few seconds: pruning, and forgetting rates and sessions that have run out.
    pub fn tick(&self) {
        self.writer.prune();
        self.tests.forget_old(Instant::now());
        self.sessions.forget_old((self.clock)());
        let now = Instant::now();
        // A full bucket is the same as none.
        self.desks
            .lock()
            .expect("nothing panics with it held")
            .retain(|_, b| !b.is_full(self.limits.desk, now));
    }
}

/// Every address that the server knows.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/v1/enroll", post(desk::enroll))
        .route("/v1/unenroll", post(desk::unenroll))
        .route("/v1/assignment", get(desk::assignment))
        .route("/v1/reports", post(desk::reports))
        .route("/v1/portal", get(portal))
        .route("/healthz", get(async || "ok"))
        .merge(responsiveness::router())
        .merge(board::router())
        .fallback(async || ApiError::from(ErrorCode::NotFound).into_response())
        .with_state(app)
}

/// What a connection in HTTP/2 may ask for: to load the line, and nothing else. Everything else of the collector speaks
/// HTTP/1.1, where a connection carries one request at a time.
pub fn load_router(app: Arc<App>) -> Router {
    responsiveness::router()
        .fallback(async || ApiError::from(ErrorCode::NotFound).into_response())
        .with_state(app)
}

/// A whole body of at most so many bytes, within the time for it.
pub(crate) async fn body(app: &App, body: Body, most: usize) -> Result<Bytes, ApiError> {
    let whole = tokio::time::timeout(app.limits.body, Limited::new(body, most).collect());
    let whole = whole.await.map_err(|_| ApiError::SLOW)?.map_err(|e| match e.is::<LengthLimitError>() {
        true => ErrorCode::TooLarge,
        false => ErrorCode::Malformed,
    })?;
    Ok(whole.to_bytes())
}

/// Anything else than this is a captive portal's answer.
async fn portal() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    response
}
