//! What goes wrong, as a status and `{"error":".."}`.

use axum::Json;
use axum::extract::rejection::BytesRejection;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use socket_registry::RegisterError;

use crate::devices::StoreFull;

#[derive(Debug)]
pub(crate) struct ApiError(pub(crate) StatusCode, pub(crate) String);

impl ApiError {
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, message.into())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Self(status, message) = self;
        let mut response = (status, Json(json!({ "error": message }))).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            // Sockets come and go by the second; whoever waits this long has a fair chance.
            response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("5"));
        }
        response
    }
}

/// The registry's own messages speak to whoever builds it, not to clients.
impl From<RegisterError> for ApiError {
    fn from(error: RegisterError) -> Self {
        let message = match error {
            RegisterError::Full => "the server has as many sockets as it may have",
            RegisterError::KeyFull => "this id has as many sockets as it may have",
            _ => "the server takes no sockets now",
        };
        Self(StatusCode::SERVICE_UNAVAILABLE, message.to_owned())
    }
}

impl From<StoreFull> for ApiError {
    fn from(full: StoreFull) -> Self {
        Self(StatusCode::INSUFFICIENT_STORAGE, full.to_string())
    }
}

impl From<WebSocketUpgradeRejection> for ApiError {
    fn from(rejection: WebSocketUpgradeRejection) -> Self {
        Self(rejection.status(), rejection.body_text())
    }
}

impl From<BytesRejection> for ApiError {
    fn from(rejection: BytesRejection) -> Self {
        Self(rejection.status(), rejection.body_text())
    }
}
