//! What goes wrong, as a status and `{"error":".."}`.

use axum::Json;
use axum::extract::rejection::BytesRejection;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use socket_registry::RegisterError;
use socket_registry_axum::{NoHandshake, Refused};

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
        let explained = match status {
            StatusCode::UNAUTHORIZED => Some((header::WWW_AUTHENTICATE, "Bearer")),
            // Sockets come and go by the second; after this long a client has a fair chance.
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => Some((header::RETRY_AFTER, "5")),
            StatusCode::UPGRADE_REQUIRED => Some((header::SEC_WEBSOCKET_VERSION, "13")),
            _ => None,
        };
        if let Some((name, value)) = explained {
            response.headers_mut().insert(name, header::HeaderValue::from_static(value));
        }
        response
    }
}

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        let reason = match refused.0 {
            RegisterError::Full => "server_full",
            RegisterError::KeyFull => "id_full",
            _ => "closed",
        };
        Self(refused.status(), reason, refused.message().to_owned())
    }
}

impl From<NoHandshake> for ApiError {
    fn from(rejection: NoHandshake) -> Self {
        Self(rejection.status(), "no_websocket", rejection.0.body_text())
    }
}

impl From<BytesRejection> for ApiError {
    fn from(rejection: BytesRejection) -> Self {
        Self(rejection.status(), "bad_body", rejection.body_text())
    }
}
