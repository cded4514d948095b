//! What desks ask for.

use super::{ApiError, App, answer::json};
use crate::{ingest, store};
use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use signing::Signed;
use std::sync::Arc;
use telemetry::{EnrollAnswer, EnrollRequest, ErrorCode, Versions, limits};

/// Bodies up to this size are unpacked and read where they came in; larger ones take long enough to
/// hold up other connections.
const LARGE: usize = 48 * 1024;

/// `POST /v1/enroll`: a desk brings its key and a code, signed with that key.
pub(super) async fn enroll(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    let came = Came::read(&app, request, limits::ENROLL).await?;
    let spoken: VersionsOnly = serde_json::from_slice(&came.body).map_err(|_| ErrorCode::Malformed)?;
    if !ingest::in_common(spoken.versions) {
        return Err(ErrorCode::Version.into());
    }
    let ask: EnrollRequest = serde_json::from_slice(&came.body).map_err(|_| ErrorCode::Malformed)?;
    if ask.desk != *came.signed.desk() {
        return Err(ErrorCode::Signature.into());
    }
    came.verify(&ask.key)?;
    // After all that costs nobody else anything: junk must not use up what desks need to enrol.
    if !App::may(&app.enroll, app.limits.enroll) {
        return Err(ErrorCode::RateLimit.into());
    }
    let team = app.writer.enroll(ask).await?;
    Ok(json(&EnrollAnswer { versions: Versions::OURS, team, now: (app.clock)() }))
}

#[derive(serde::Deserialize)]
struct VersionsOnly {
    versions: Versions,
}

/// `POST /v1/unenroll`: a desk says goodbye.
pub(super) async fn unenroll(State(app): State<Arc<App>>, request: Request) -> Result<StatusCode, ApiError> {
    let (desk, _) = known(&app, request, 0).await?;
    app.writer.unenroll(desk).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /v1/assignment`: the policy and the desk's own shifts.
pub(super) async fn assignment(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    let (desk, came) = known(&app, request, 0).await?;
    let (now, id) = ((app.clock)(), came.signed.desk().clone());
    let assignment = app
        .read(move |db| {
            let known = store::desks::by_id(db, &id)?.filter(|d| d.revoked.is_none());
            match (known, store::plan::policy(db)?) {
                (None, _) => Ok(Err(ErrorCode::UnknownDesk)),
                (_, None) => Ok(Err(ErrorCode::NotFound)),
                (Some(d), Some(policy)) => store::plan::assignment(db, desk, &d.team, &policy, now).map(Ok),
            }
        })
        .await??;
    let tag = format!("\"{}\"", assignment.digest());
    let mut response = match came.headers.get(header::IF_NONE_MATCH).map(HeaderValue::as_bytes) {
        Some(has) if has == tag.as_bytes() => StatusCode::NOT_MODIFIED.into_response(),
        _ => json(&assignment),
    };
    response.headers_mut().insert(header::ETAG, tag.parse().expect("hex in quotes"));
    Ok(response)
}

/// `POST /v1/reports`: a batch, answered after its durable commit.
pub(super) async fn reports(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    let (desk, came) = known(&app, request, limits::BATCH_COMPRESSED).await?;
    if came.encoding() != Some("zstd") {
        return Err(ErrorCode::Encoding.into());
    }
    let (id, body, now, days) = (came.signed.desk().clone(), came.body, (app.clock)(), app.retention_days);
    let read =
        move || ingest::unpack(&body).and_then(|json| ingest::read(&id, &json, now, days).map(Box::new));
    let batch = if came.length > LARGE {
        let _one = app.large.acquire().await.map_err(|_| ErrorCode::Internal)?;
        tokio::task::spawn_blocking(read).await.map_err(|_| ErrorCode::Internal)??
    } else {
        read()?
    };
    let answer = app.writer.batch(desk, *batch).await?;
    Ok(json(&answer))
}

/// The number of the known desk that signed a request without a body.
pub(super) async fn known_number(app: &Arc<App>, request: Request) -> Result<i64, ApiError> {
    known(app, request, 0).await.map(|(no, _)| no)
}

/// A signed request of a known desk: its number, and what came.
async fn known(app: &Arc<App>, request: Request, most: usize) -> Result<(i64, Came), ApiError> {
    if !App::may(&app.all, app.limits.all) {
        return Err(ErrorCode::RateLimit.into());
    }
    let came = Came::read(app, request, most).await?;
    let (no, key) = app.key_of(came.signed.desk()).await?.ok_or(ErrorCode::UnknownDesk)?;
    came.verify(&key)?;
    // After the signature: nobody can use up another desk's rate.
    if app.desk_may(no) { Ok((no, came)) } else { Err(ErrorCode::RateLimit.into()) }
}

/// A request as it came, nothing of it believed yet.
struct Came {
    method: String,
    path: String,
    headers: HeaderMap,
    signed: Signed,
    body: Bytes,
    length: usize,
}

impl Came {
    async fn read(app: &App, request: Request<Body>, most: usize) -> Result<Self, ApiError> {
        let (head, body) = request.into_parts();
        // Before the body is read: who is not signed costs nothing more than the head.
        let signed = Signed::parse(|name| single(&head.headers, name)).map_err(|error| {
            tracing::debug!(%error, "unsigned request");
            ErrorCode::Signature
        })?;
        let claimed = single(&head.headers, "content-length").and_then(|l| l.parse::<u64>().ok());
        if claimed.is_some_and(|l| l > most as u64) {
            return Err(ErrorCode::TooLarge.into());
        }
        let body = super::body(app, body, most).await?;
        Ok(Self {
            method: head.method.as_str().into(),
            path: head.uri.path().into(),
            headers: head.headers,
            signed,
            length: body.len(),
            body,
        })
    }

    fn encoding(&self) -> Option<&str> {
        single(&self.headers, "content-encoding")
    }

    fn verify(&self, key: &telemetry::PublicKey) -> Result<(), ErrorCode> {
        self.signed.verify(key, &self.method, &self.path, self.encoding(), &self.body).map_err(|error| {
            tracing::debug!(%error, "signature refused");
            ErrorCode::Signature
        })
    }
}

/// A header's value; nothing when it is absent, sent twice or not text.
fn single<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut all = headers.get_all(name).iter();
    let first = all.next()?;
    if all.next().is_some() { None } else { first.to_str().ok() }
}
