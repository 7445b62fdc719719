//! What clients say about themselves, checked once and carried as a type from there on.

use std::fmt;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

use crate::error::ApiError;

const MAX_BYTES: usize = 256;

/// A user's id, as the query of a request says it or its token.
#[derive(Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct UserId(String);

#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct DeviceName(String);

impl UserId {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// In ASCII and in quotes: what a client calls itself never looks like something else in a log.
impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_default())
    }
}

impl DeviceName {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for UserId {
    type Error = String;

    fn try_from(id: String) -> Result<Self, String> {
        checked("id", id).map(Self)
    }
}

impl TryFrom<String> for DeviceName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        checked("name", name).map(Self)
    }
}

impl<S: Sync> FromRequestParts<S> for UserId {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parameter(parts, "id").map(Self)
    }
}

impl<S: Sync> FromRequestParts<S> for DeviceName {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parameter(parts, "name").map(Self)
    }
}

fn parameter(parts: &Parts, name: &str) -> Result<String, ApiError> {
    query_value(parts, name).and_then(|value| checked(name, value)).map_err(ApiError::bad_request)
}

/// The one value of that name in the query.
pub(crate) fn query_value(parts: &Parts, name: &str) -> Result<String, String> {
    let query = parts.uri.query().unwrap_or_default();
    let mut values = query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .filter_map(|(key, value)| (key == name).then_some(value));
    let value = values.next().ok_or(format!("{name} is missing"))?;
    if values.next().is_some() {
        return Err(format!("{name} is given more than once"));
    }
    percent_decode_str(&value.replace('+', " "))
        .decode_utf8()
        .map(Into::into)
        .map_err(|_| format!("{name} is not valid UTF-8"))
}

fn checked(what: &str, text: String) -> Result<String, String> {
    if text.is_empty() {
        Err(format!("{what} is empty"))
    } else if text.len() > MAX_BYTES {
        Err(format!("{what} is longer than {MAX_BYTES} bytes"))
    } else if text.contains(char::is_control) {
        Err(format!("{what} contains control characters"))
    } else {
        Ok(text)
    }
}
