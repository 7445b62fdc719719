//! The handshake of a WebSocket, and the answer to one that is wrong.

use axum::extract::FromRequestParts;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

/// Extracts the upgrade as axum's [`WebSocketUpgrade`] does, and answers a client of another
/// version of the protocol as the protocol asks: with 426 and the version that there is, 13.
///
/// ```
/// use axum::response::Response;
/// use axum::extract::{State, ws::Message};
/// use socket_registry_axum::{Handshake, Sessions};
///
/// async fn ws(State(sessions): State<Sessions<u64>>, Handshake(ws): Handshake) -> Response {
///     sessions.upgrade(ws, 42, |_due| async { Message::text("update") }).await
/// }
/// ```
#[derive(Debug)]
pub struct Handshake(pub WebSocketUpgrade);

/// The request opens no WebSocket.
#[derive(Debug)]
pub struct NoHandshake(pub WebSocketUpgradeRejection);

impl<S: Send + Sync> FromRequestParts<S> for Handshake {
    type Rejection = NoHandshake;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, NoHandshake> {
        WebSocketUpgrade::from_request_parts(parts, state).await.map(Self).map_err(NoHandshake)
    }
}

impl NoHandshake {
    /// Returns 426 for another version, otherwise axum's status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self.0 {
            WebSocketUpgradeRejection::InvalidWebSocketVersionHeader(_) => StatusCode::UPGRADE_REQUIRED,
            _ => self.0.status(),
        }
    }
}

impl IntoResponse for NoHandshake {
    fn into_response(self) -> Response {
        let status = self.status();
        let mut response = (status, self.0.body_text()).into_response();
        if status == StatusCode::UPGRADE_REQUIRED {
            let headers = response.headers_mut();
            headers.insert(header::SEC_WEBSOCKET_VERSION, header::HeaderValue::from_static("13"));
            headers.insert(header::UPGRADE, header::HeaderValue::from_static("websocket"));
        }
        response
    }
}
