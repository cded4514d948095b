//! What IT looks at: pages rendered here, that only read.
//!
//! No page needs a script or anything from elsewhere, and the headers forbid both. Meaning is never
//! carried by colour alone. Words for findings come from `readiness`; this module owns those for
//! times, facts and figures.

mod chart;
mod desk;
mod figures;
mod fleet;
mod overview;
mod page;
mod readings;
mod report;
pub mod session;
mod sign_in;
mod timeline;
mod versions;
mod when;
mod words;

pub use when::Zone;

use crate::http::App;
use axum::{
    Router,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use std::sync::Arc;

/// The board's addresses.
pub fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(overview::page))
        .route("/overview.csv", get(overview::csv))
        .route("/desks/{desk}", get(desk::page))
        .route("/desks/{desk}/verdicts.csv", get(desk::csv))
        .route("/shifts", get(report::list))
        .route("/versions", get(versions::page))
        .route("/versions.csv", get(versions::csv))
        .route("/report", get(report::page))
        .route("/sign-in", get(sign_in::page).post(sign_in::sign_in))
        .route("/sign-out", post(sign_in::sign_out))
        .route(
            "/board.css",
            get(async || asset("text/css; charset=utf-8", include_str!("../assets/board.css"))),
        )
        .route("/icon.svg", get(async || asset("image/svg+xml", include_str!("../assets/icon.svg"))))
}

fn asset(kind: &'static str, body: &'static str) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=300"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
