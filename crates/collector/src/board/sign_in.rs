//! Signing in with the admin token, and out.

use super::page::{self, NoPage};
use crate::{http::App, secret, store::settings};
use askama::Template;
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Redirect, Response},
};
use std::sync::Arc;

/// Longest form that is read.
const LONGEST: usize = 1024;

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn {
    error: &'static str,
}

/// `GET /sign-in`
pub(super) async fn page() -> Result<Response, NoPage> {
    Ok(page::html(&SignIn { error: "" })?)
}

/// `POST /sign-in`
pub(super) async fn sign_in(State(app): State<Arc<App>>, request: Request) -> Result<Response, NoPage> {
    if !from_our_own_page(request.headers()) {
        return refused(StatusCode::FORBIDDEN, "This form was sent from another page. Please sign in here.");
    }
    let body = crate::http::body(&app, request.into_body(), LONGEST).await?;
    let token = url::form_urlencoded::parse(&body).find(|(name, _)| name == "token").map(|(_, token)| token);
    let given = settings::hex(&secret::hash(token.as_deref().unwrap_or_default().trim()));
    let known = app.read(|db| settings::get(db, settings::TOKEN)).await?;
    if known.as_deref() != Some(given.as_str()) {
        // Only wrong tokens are slowed down: nobody's guesses may keep IT from its board.
        if !app.sessions.may_try() {
            return refused(StatusCode::TOO_MANY_REQUESTS, "Too many wrong tokens. Please wait a minute.");
        }
        app.sessions.failed();
        return refused(StatusCode::FORBIDDEN, "That is not the token.");
    }
    let cookie = app.sessions.open(given, (app.clock)()).map_err(|_| NoPage::Failed)?;
    Ok(to("/", &cookie))
}

/// `POST /sign-out`
pub(super) async fn sign_out(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    if !from_our_own_page(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    to("/sign-in", &app.sessions.close(&page::cookies(&headers)))
}

fn refused(status: StatusCode, error: &'static str) -> Result<Response, NoPage> {
    Ok((status, page::html(&SignIn { error })?).into_response())
}

fn to(path: &str, cookie: &str) -> Response {
    let mut response = Redirect::to(path).into_response();
    response
        .headers_mut()
        .insert(header::SET_COOKIE, HeaderValue::from_str(cookie).expect("a cookie is ASCII"));
    response
}

/// Whether a form was sent from a page of ours: browsers say so themselves. Programs that send neither
/// header are no browser that somebody could misuse.
fn from_our_own_page(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    match (text("origin"), text("host")) {
        (Some(origin), Some(host)) => origin.split_once("://").is_some_and(|(_, from)| from == host),
        (Some(_), None) => false,
        (None, _) => true,
    }
}
