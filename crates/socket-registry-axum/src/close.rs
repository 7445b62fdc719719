//! Why a session ends, and the close code that says so to its client.

use axum::extract::ws::{CloseFrame, Utf8Bytes, close_code};
use socket_registry::{CloseReason, Closed};
use tokio_tungstenite::tungstenite::Error as WsError;
use tokio_tungstenite::tungstenite::error::ProtocolError;

/// Why a session ends, which decides what is left to say.
pub(crate) enum Ending {
    /// The client has vanished.
    Gone,
    /// The client closed; its close frame wants an answer.
    Left,
    /// The server closes.
    Dismissed(CloseFrame),
}

impl Ending {
    pub(crate) fn dismissed(code: u16, reason: &'static str) -> Self {
        Self::Dismissed(CloseFrame { code, reason: Utf8Bytes::from_static(reason) })
    }

    /// Ends a session whose socket the registry has closed.
    pub(crate) fn told(closed: Closed) -> Self {
        Self::Dismissed(farewell(closed))
    }

    /// Ends a session whose proof of identity is no longer valid.
    pub(crate) fn expired() -> Self {
        Self::Dismissed(expired())
    }

    /// Ends a session whose client sent what cannot be read, or whose connection broke.
    pub(crate) fn unreadable(error: axum::Error) -> Self {
        match error.into_inner().downcast_ref() {
            Some(WsError::Capacity(_)) => Self::dismissed(close_code::SIZE, "the message is too long"),
            Some(WsError::Utf8(_)) => Self::dismissed(close_code::INVALID, "a text is not UTF-8"),
            Some(WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => Self::Gone,
            Some(WsError::Protocol(_)) => Self::dismissed(close_code::PROTOCOL, "not the WebSocket protocol"),
            _ => Self::Gone,
        }
    }
}

/// Returns the close frame for the client of a closed socket. The client should reconnect by itself
/// only if the server stops.
pub(crate) fn farewell(closed: Closed) -> CloseFrame {
    let reason = match closed {
        Closed::Shutdown => Utf8Bytes::from_static("the server stops"),
        _ => closed.to_string().into(),
    };
    CloseFrame { code: closed.code(), reason }
}

/// Returns the close frame for a client whose proof of identity has expired.
pub(crate) fn expired() -> CloseFrame {
    CloseFrame { code: CloseReason::EXPIRED.code(), reason: Utf8Bytes::from_static("token expired") }
}
