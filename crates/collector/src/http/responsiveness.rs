//! What a desk loads its line against: the four addresses of draft-ietf-ippm-responsiveness.
//!
//! The first is asked for with the desk's signature, and names the three others, which only that desk knows and for some
//! seconds only. So this is no sink for the internet. How much there may be is `load_tests`.

use super::{ApiError, App, answer::json, desk};
use crate::load_tests::{Body as Place, NoTest, Test};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Frame};
use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};
use telemetry::ErrorCode;

/// The address of the configuration.
const AT: &str = "/v1/responsiveness";
/// How many bytes the desk wants to download at most.
const MOST: &str = "preshift-max-bytes";
/// How many bytes of uploads came so far: a sender knows only what it gave to its own system.
const RECEIVED: HeaderName = HeaderName::from_static("preshift-received");
/// What one frame of the large object carries: little, for what is asked beside it waits until it is sent.
const PIECE: usize = 8 << 10;

/// The addresses, also for connections that can ask for nothing else.
pub(super) fn router() -> Router<Arc<App>> {
    Router::new()
        .route(AT, get(begin))
        .route("/v1/responsiveness/{test}/small", get(small))
        .route("/v1/responsiveness/{test}/large", get(large))
        .route("/v1/responsiveness/{test}/upload", post(upload))
}

#[derive(serde::Serialize)]
struct Configuration {
    version: u32,
    urls: Urls,
}

#[derive(serde::Serialize)]
struct Urls {
    small_download_url: String,
    large_download_url: String,
    upload_url: String,
}

/// `GET /v1/responsiveness`, signed: a place, or 503.
async fn begin(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    let asked = number(request.headers(), MOST);
    let desk = desk::known_number(&app, request).await?;
    let test = app.tests.begin(desk, asked, Instant::now()).map_err(|why| match why {
        NoTest::Never => ErrorCode::NotFound,
        NoTest::Later => ErrorCode::Busy,
    })?;
    // Relative: behind a proxy the collector does not know by which name it was reached.
    let url = |what: &str| format!("{AT}/{}/{what}", test.token);
    let urls = Urls {
        small_download_url: url("small"),
        large_download_url: url("large"),
        upload_url: url("upload"),
    };
    Ok(never_kept(json(&Configuration { version: 1, urls })))
}

async fn small(State(app): State<Arc<App>>, Path(token): Path<String>) -> Result<Response, ApiError> {
    let test = test(&app, &token)?;
    Ok(told(&test, never_kept(Body::from(Bytes::from_static(b"0")).into_response())))
}

async fn large(State(app): State<Arc<App>>, Path(token): Path<String>) -> Result<Response, ApiError> {
    let place = test(&app, &token)?.body().ok_or(ErrorCode::Busy)?;
    let body = Large { place, noise: app.tests.noise.clone(), at: 0 };
    if body.is_end_stream() {
        return Err(ErrorCode::RateLimit.into());
    }
    Ok(never_kept(Body::new(body).into_response()))
}

async fn upload(
    State(app): State<Arc<App>>,
    Path(token): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let test = test(&app, &token)?;
    let _place = test.body().ok_or(ErrorCode::Busy)?;
    let mut body = request.into_body();
    // A body may pause for as long as the test lasts, and no longer.
    let all = async {
        while let Some(frame) = body.frame().await {
            let bytes = frame.map_err(|_| ErrorCode::Malformed)?.into_data().map_or(0, |data| data.len());
            if !test.came(bytes, Instant::now()) {
                return Err(ErrorCode::TooLarge);
            }
        }
        Ok(())
    };
    match tokio::time::timeout_at(test.until.into(), all).await {
        Ok(Ok(())) => Ok(told(&test, never_kept(Body::empty().into_response()))),
        Ok(Err(why)) => Err(why.into()),
        Err(_) => Err(ApiError::SLOW),
    }
}

fn test(app: &App, token: &str) -> Result<Arc<Test>, ErrorCode> {
    app.tests.find(token, Instant::now()).ok_or(ErrorCode::NotFound)
}

fn told(test: &Test, mut response: Response) -> Response {
    response.headers_mut().insert(RECEIVED, HeaderValue::from(test.received()));
    response
}

fn never_kept(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.parse().ok()
}

/// Sends until the test's bytes or time are used up.
struct Large {
    place: Place,
    noise: Bytes,
    at: usize,
}

impl hyper::body::Body for Large {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let length = self.place.test().may_send(PIECE, Instant::now());
        if length == 0 {
            return Poll::Ready(None);
        }
        let begin = self.at;
        self.at = (self.at + PIECE) % self.noise.len();
        Poll::Ready(Some(Ok(Frame::data(self.noise.slice(begin..begin + length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.place.test().is_spent(Instant::now())
    }
}
