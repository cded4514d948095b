//! Answers that are not a success.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use telemetry::{ErrorAnswer, ErrorCode, Versions};

/// Why a request was turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApiError {
    status: StatusCode,
    code: ErrorCode,
}

impl ApiError {
    /// The request came too slowly: 408, so that the desk tries again.
    pub const SLOW: Self = Self { status: StatusCode::REQUEST_TIMEOUT, code: ErrorCode::Malformed };
}

impl From<ErrorCode> for ApiError {
    fn from(code: ErrorCode) -> Self {
        let status = match code {
            ErrorCode::Malformed => StatusCode::BAD_REQUEST,
            ErrorCode::Signature => StatusCode::UNAUTHORIZED,
            ErrorCode::UnknownDesk | ErrorCode::EnrollCode => StatusCode::FORBIDDEN,
            ErrorCode::NotFound => StatusCode::NOT_FOUND,
            ErrorCode::DeskTaken | ErrorCode::ClonedDesk => StatusCode::CONFLICT,
            ErrorCode::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            ErrorCode::Encoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ErrorCode::Version => StatusCode::UPGRADE_REQUIRED,
            ErrorCode::RateLimit => StatusCode::TOO_MANY_REQUESTS,
            ErrorCode::Busy => StatusCode::SERVICE_UNAVAILABLE,
            ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self { status, code }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = ErrorAnswer { error: self.code, versions: Versions::OURS };
        let mut response = (self.status, json(&body)).into_response();
        if matches!(self.code, ErrorCode::RateLimit | ErrorCode::Busy) {
            // A full queue is empty again after a second or two.
            let wait = crate::secret::jittered(2);
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait));
        }
        response
    }
}

/// A body of JSON.
pub(super) fn json(value: &impl serde::Serialize) -> Response {
    let body = serde_json::to_vec(value).expect("answers are plain data");
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}
