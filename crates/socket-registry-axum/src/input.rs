//! What clients say about themselves, strictly and in one form.
//!
//! ```
//! use axum::http::Uri;
//! use socket_registry_axum::input::{BadInput, identifier, parameter};
//!
//! let uri: Uri = "/ws?id=Zoe%CC%88".parse().unwrap();
//! let id = parameter(&uri, "id")?.ok_or(BadInput::Empty)?;
//! assert_eq!(identifier(&id, 64)?, "Zo\u{eb}", "in one form, however it was typed");
//! assert_eq!(identifier("ann\u{200b}", 64), Err(BadInput::Invisible));
//! # Ok::<(), BadInput>(())
//! ```

use std::error::Error;
use std::fmt;

use axum::http::Uri;
use percent_encoding::percent_decode_str;
use unicode_normalization::UnicodeNormalization;

/// Why something that a client says is refused. As text it goes on after a name: "id is empty".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadInput {
    /// It has no character.
    Empty,
    /// It has more bytes than these.
    TooLong(usize),
    /// It has control characters.
    Control,
    /// It has characters that change the direction of writing.
    Direction,
    /// It has characters that nobody sees.
    Invisible,
    /// It is not UTF-8.
    NotUtf8,
    /// It is said more than once.
    Repeated,
}

impl fmt::Display for BadInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is empty"),
            Self::TooLong(most) => write!(f, "is longer than {most} bytes"),
            Self::Control => f.write_str("contains control characters"),
            Self::Direction => f.write_str("contains characters that change the direction of writing"),
            Self::Invisible => f.write_str("contains invisible characters"),
            Self::NotUtf8 => f.write_str("is not valid UTF-8"),
            Self::Repeated => f.write_str("is given more than once"),
        }
    }
}

impl Error for BadInput {}

/// The value of that name in the query, decoded. axum's `Query` turns what is not UTF-8 into U+FFFD
/// without a word, so that different ids may become one.
///
/// # Errors
/// [`BadInput::NotUtf8`], or [`BadInput::Repeated`].
pub fn parameter(uri: &Uri, name: &str) -> Result<Option<String>, BadInput> {
    let pairs = uri.query().unwrap_or_default().split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let mut values = pairs.filter_map(|(key, value)| (key == name).then_some(value));
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(BadInput::Repeated);
    }
    let text = percent_decode_str(&value.replace('+', " ")).decode_utf8().map(Into::into);
    text.map(Some).map_err(|_| BadInput::NotUtf8)
}

/// A name to be shown, in the one form (NFC) that all spellings of the same text share.
///
/// # Errors
/// If it is empty, has more than `max` bytes in either form, or has control characters or such as
/// change the direction of writing.
pub fn text(text: &str, max: usize) -> Result<String, BadInput> {
    // No text gets longer than three times its length: megabytes are not normalized.
    if text.len() > max {
        return Err(BadInput::TooLong(max));
    }
    let text: String = text.nfc().collect();
    if text.is_empty() {
        Err(BadInput::Empty)
    } else if text.len() > max {
        Err(BadInput::TooLong(max))
    } else if text.contains(char::is_control) {
        Err(BadInput::Control)
    } else if text.contains(is_bidi_control) {
        Err(BadInput::Direction)
    } else {
        Ok(text)
    }
}

/// A [`text`] that tells users apart: two that look the same should be the same. A name may have
/// invisible characters, which emoji are made of.
///
/// # Errors
/// As for [`text`], and if it has invisible characters.
pub fn identifier(id: &str, max: usize) -> Result<String, BadInput> {
    let id = text(id, max)?;
    if id.contains(is_default_ignorable) { Err(BadInput::Invisible) } else { Ok(id) }
}

/// Unicode's property `Bidi_Control`.
#[must_use]
pub fn is_bidi_control(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Unicode's property `Default_Ignorable_Code_Point`, which UTS #39 keeps out of identifiers.
#[must_use]
pub fn is_default_ignorable(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(query: &str) -> Result<Option<String>, BadInput> {
        parameter(&format!("/?{query}").parse().expect("a query"), "id")
    }

    #[test]
    fn a_parameter_is_said_once_and_in_utf8() {
        assert_eq!(said("a=1&id=%C3%A9+b&b"), Ok(Some("\u{e9} b".to_owned())));
        for (query, value) in
            [("", None), ("ID=ann", None), ("id", Some("")), ("id=", Some("")), ("id=a=b", Some("a=b"))]
        {
            assert_eq!(said(query), Ok(value.map(str::to_owned)), "{query}");
        }
        assert_eq!(said("id=ann&id=ann"), Err(BadInput::Repeated));
        assert_eq!(said("id=%FF"), Err(BadInput::NotUtf8));
    }

    #[test]
    fn text_has_one_form_and_an_end() {
        assert_eq!(text("e\u{301}", 3), Ok("\u{e9}".to_owned()));
        assert_eq!(text("", 3), Err(BadInput::Empty));
        assert_eq!(text("abcd", 3), Err(BadInput::TooLong(3)));
        // Two bytes that become four.
        assert_eq!(text("\u{344}", 3), Err(BadInput::TooLong(3)));
        assert_eq!(text("a\n", 3), Err(BadInput::Control));
        assert_eq!(text("a\u{202e}", 9), Err(BadInput::Direction));
    }

    #[test]
    fn an_identifier_has_nothing_that_is_not_seen_and_a_name_may() {
        let family = "\u{1f468}\u{200d}\u{1f469}";
        assert_eq!(text(family, 64), Ok(family.to_owned()));
        assert_eq!(identifier(family, 64), Err(BadInput::Invisible));
        assert_eq!(identifier("\u{feff}ann", 64), Err(BadInput::Invisible));
        assert_eq!(identifier("ann", 64), Ok("ann".to_owned()));
    }
}
