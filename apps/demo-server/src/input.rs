//! What clients say about themselves, checked once and carried as a type from there on.

use std::fmt;
use std::sync::Arc;

use axum::http::Uri;
use serde::{Deserialize, Serialize, Serializer};
use socket_registry::CloseReason;
use socket_registry_axum::input::{identifier, parameter, text};

use crate::error::ApiError;

/// No more than a key may have that travels between servers.
const MAX_BYTES: usize = 255;

/// A user's id, as the query of a request says it or its token. A clone shares its text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct UserId(Arc<str>);

/// What a device is called.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct DeviceName(String);

impl UserId {
    /// The text, which is not empty.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Serialize for UserId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// In ASCII and in quotes: what a client calls itself never looks like something else in a log.
impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_default())
    }
}

impl DeviceName {
    /// The text, which is not empty.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for UserId {
    type Error = String;

    fn try_from(id: String) -> Result<Self, String> {
        identifier(&id, MAX_BYTES).map(|id| Self(id.into())).map_err(|error| format!("id {error}"))
    }
}

impl TryFrom<String> for DeviceName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        text(&name, MAX_BYTES).map(Self).map_err(|error| format!("name {error}"))
    }
}

/// The one value of that name in the query, checked.
///
/// # Errors
/// A bad request, if it is missing or none.
pub fn required<T: TryFrom<String, Error = String>>(uri: &Uri, name: &str) -> Result<T, ApiError> {
    let value = optional(uri, name)?.ok_or_else(|| ApiError::bad_request(format!("{name} is missing")))?;
    T::try_from(value).map_err(ApiError::bad_request)
}

/// A value of the query that is 1 for yes, and 0 or missing for no.
///
/// # Errors
/// A bad request, if it is anything else.
pub fn flag(uri: &Uri, name: &str) -> Result<bool, ApiError> {
    match optional(uri, name)?.as_deref() {
        Some("1") => Ok(true),
        Some("0") | None => Ok(false),
        Some(_) => Err(ApiError::bad_request(format!("{name} is neither 1 nor 0"))),
    }
}

/// Why an id is disconnected, as a close code: `code=4003`, that of a log-out where it is not said.
///
/// # Errors
/// A bad request, if it is no such code.
pub fn close_reason(uri: &Uri) -> Result<CloseReason, ApiError> {
    let Some(code) = optional(uri, "code")? else { return Ok(CloseReason::LOGGED_OUT) };
    let reason = code.parse().ok().and_then(CloseReason::new);
    reason.ok_or_else(|| ApiError::bad_request("code is not a number from 4000 to 4999"))
}

pub(crate) fn optional(uri: &Uri, name: &str) -> Result<Option<String>, ApiError> {
    parameter(uri, name).map_err(|error| ApiError::bad_request(format!("{name} {error}")))
}
