//! What all pages share: the check for who is signed in, headers, and errors for people.

use super::when::Zone;
use crate::{
    http::{ApiError, App},
    store::settings,
};
use askama::Template;
use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use std::sync::Arc;
use telemetry::UnixMs;

/// Nothing but our own style sheet and icon; no script at all; nobody may frame a page.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";

/// What every page is given.
pub(super) struct Frame {
    /// Its title.
    pub title: String,
    /// When it was made.
    pub now: UnixMs,
    /// The zone in which it tells times.
    pub zone: Zone,
}

impl Frame {
    /// That time, for machines.
    pub fn iso(&self) -> String {
        super::when::iso(self.now)
    }

    /// The time at which the page was made.
    pub fn as_of(&self) -> String {
        self.zone.moment(self.now)
    }
}

/// Why there is no page.
pub(super) enum NoPage {
    /// Nobody is signed in.
    SignIn,
    /// There is no such thing.
    NotFound(&'static str),
    /// It went wrong.
    Failed,
}

impl From<ApiError> for NoPage {
    fn from(_: ApiError) -> Self {
        Self::Failed
    }
}

impl From<askama::Error> for NoPage {
    fn from(error: askama::Error) -> Self {
        tracing::error!(%error, "a page could not be rendered");
        Self::Failed
    }
}

impl IntoResponse for NoPage {
    fn into_response(self) -> Response {
        let (status, title, text) = match self {
            Self::SignIn => return Redirect::to("/sign-in").into_response(),
            Self::NotFound(what) => (StatusCode::NOT_FOUND, "Not found", what),
            Self::Failed => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "That did not work",
                "The store could not be read. The server's log says why.",
            ),
        };
        let page = Message { title, text };
        (status, html(&page).unwrap_or_else(|_| text.into_response())).into_response()
    }
}

#[derive(Template)]
#[template(path = "message.html")]
struct Message {
    title: &'static str,
    text: &'static str,
}

/// Renders a page with its headers.
pub(super) fn html(page: &impl Template) -> Result<Response, askama::Error> {
    Ok(guarded("text/html; charset=utf-8", page.render()?))
}

/// A download.
pub(super) fn csv(name: &str, body: Vec<u8>) -> Response {
    let mut response = guarded("text/csv; charset=utf-8", body);
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    response
}

fn guarded(kind: &'static str, body: impl IntoResponse) -> Response {
    let mut response = body.into_response();
    let set = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in set {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The cookies of a request, in one line.
pub(super) fn cookies(headers: &HeaderMap) -> String {
    let all: Vec<&str> = headers.get_all(header::COOKIE).iter().filter_map(|c| c.to_str().ok()).collect();
    all.join("; ")
}

/// Lets nobody through who is not signed in.
pub(super) async fn signed_in(app: &Arc<App>, headers: &HeaderMap) -> Result<(), NoPage> {
    let token = app.read(|db| settings::get(db, settings::TOKEN)).await?;
    let open = token.is_some_and(|t| app.sessions.is_open(&cookies(headers), &t, (app.clock)()));
    if open { Ok(()) } else { Err(NoPage::SignIn) }
}
