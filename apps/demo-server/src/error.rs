//! What goes wrong, as a status and `{"error":".."}`.

use axum::Json;
use axum::extract::rejection::BytesRejection;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use socket_registry::RegisterError;

use crate::devices::StoreFull;

/// The status, the reason as metrics and logs name it, and what the client is told.
#[derive(Debug)]
pub struct ApiError(pub StatusCode, pub &'static str, pub String);

/// Travels with the response to where refusals are counted.
#[derive(Clone, Copy)]
pub(crate) struct Refusal(pub(crate) &'static str);

impl ApiError {
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, "bad_request", message.into())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Self(status, reason, message) = self;
        let mut response = (status, Json(json!({ "error": message }))).into_response();
        response.extensions_mut().insert(Refusal(reason));
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
        }
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
        let (reason, message) = match error {
            RegisterError::Full => ("server_full", "the server has as many sockets as it may have"),
            RegisterError::KeyFull => ("id_full", "this id has as many sockets as it may have"),
            _ => ("closed", "the server takes no sockets now"),
        };
        Self(StatusCode::SERVICE_UNAVAILABLE, reason, message.to_owned())
    }
}

impl From<StoreFull> for ApiError {
    fn from(full: StoreFull) -> Self {
        Self(StatusCode::INSUFFICIENT_STORAGE, "devices_full", full.to_string())
    }
}

impl From<WebSocketUpgradeRejection> for ApiError {
    fn from(rejection: WebSocketUpgradeRejection) -> Self {
        Self(rejection.status(), "no_websocket", rejection.body_text())
    }
}

impl From<BytesRejection> for ApiError {
    fn from(rejection: BytesRejection) -> Self {
        Self(rejection.status(), "bad_body", rejection.body_text())
    }
}
