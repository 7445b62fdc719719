//! What clients say about themselves, checked once and carried as a type from there on.

use std::fmt;
use std::sync::Arc;

use axum::http::Uri;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize, Serializer};
use socket_registry::CloseReason;
use unicode_normalization::UnicodeNormalization;

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
    fn of(text: String) -> Self {
        Self(text.into())
    }

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
        checked("id", id).and_then(visible).map(Self::of)
    }
}

impl TryFrom<String> for DeviceName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        checked("name", name).map(Self)
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

/// Strict, where axum's `Query` turns what is not UTF-8 into U+FFFD.
pub(crate) fn optional(uri: &Uri, name: &str) -> Result<Option<String>, ApiError> {
    let pairs = uri.query().unwrap_or_default().split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let mut values = pairs.filter_map(|(key, value)| (key == name).then_some(value));
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(ApiError::bad_request(format!("{name} is given more than once")));
    }
    match percent_decode_str(&value.replace('+', " ")).decode_utf8() {
        Ok(text) => Ok(Some(text.into())),
        Err(_) => Err(ApiError::bad_request(format!("{name} is not valid UTF-8"))),
    }
}

/// In the one form (NFC) that two spellings of the same text share.
fn checked(what: &str, text: String) -> Result<String, String> {
    // No text gets longer than three times its length: do not normalize megabytes.
    if text.len() > MAX_BYTES {
        return Err(format!("{what} is longer than {MAX_BYTES} bytes"));
    }
    let text: String = text.nfc().collect();
    if text.is_empty() {
        Err(format!("{what} is empty"))
    } else if text.len() > MAX_BYTES {
        Err(format!("{what} is longer than {MAX_BYTES} bytes"))
    } else if text.contains(char::is_control) {
        Err(format!("{what} contains control characters"))
    } else if text.contains(turns_direction) {
        Err(format!("{what} contains characters that change the direction of writing"))
    } else {
        Ok(text)
    }
}

/// Two ids that look the same should be the same. A name may have such characters, which emoji are
/// made of.
fn visible(id: String) -> Result<String, String> {
    if id.contains(is_invisible) { Err("id contains invisible characters".to_owned()) } else { Ok(id) }
}

/// Unicode's property `Bidi_Control`.
pub fn turns_direction(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Unicode's property `Default_Ignorable_Code_Point`, which UTS #39 keeps out of identifiers.
pub fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
    )
}
