//! The answer to a client for which there is no room.

use std::error::Error;
use std::fmt;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use socket_registry::RegisterError;

/// Sockets come and go by the second: after this many a client has a fair chance.
const RETRY_AFTER: &str = "5";

/// A registration was refused. As a response it says so before any upgrade, with `Retry-After`:
/// 503, 429 if it is the key that has too many sockets, or 403 if the key is revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused(pub RegisterError);

impl Refused {
    /// Returns the status of the response.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self.0 {
            RegisterError::KeyFull => StatusCode::TOO_MANY_REQUESTS,
            RegisterError::Revoked => StatusCode::FORBIDDEN,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Returns the message for the client. (The registry's own messages are for its operator.)
    #[must_use]
    pub fn message(&self) -> &'static str {
        match self.0 {
            RegisterError::Full => "the server has as many sockets as it may have",
            RegisterError::KeyFull => "this id has as many sockets as it may have",
            RegisterError::Revoked => "this id takes no sockets now",
            _ => "the server takes no sockets now",
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl Error for Refused {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.status(), [(header::RETRY_AFTER, RETRY_AFTER)], self.message()).into_response()
    }
}
