//! Any bytes as what clients of the demo server say about themselves: refused as a bad request, or
//! taken as they were meant, in one form.
#![no_main]

use std::borrow::Cow;

use arbitrary::Arbitrary;
use axum::http::{StatusCode, Uri};
use demo_server::ApiError;
use demo_server::input::{DeviceName, UserId, close_reason, flag, required};
use libfuzzer_sys::fuzz_target;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use socket_registry::CloseReason;
use socket_registry_axum::input::{is_bidi_control, is_default_ignorable};
use unicode_normalization::UnicodeNormalization;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    /// What the client means, which need not be UTF-8.
    meant: &'a [u8],
    /// As it comes, whatever it means.
    raw: &'a str,
}

fuzz_target!(|input: Input<'_>| {
    let encoded = percent_encode(input.meant, NON_ALPHANUMERIC);
    let meant = str::from_utf8(input.meant).ok().and_then(normal);
    let (id, name) = ask(&format!("a=1&id={encoded}&name={encoded}")).expect("a possible query");
    assert_eq!(name, meant);
    assert_eq!(id, meant.filter(|meant| !meant.contains(is_default_ignorable)));
    let (id, name) = ask(&format!("id={encoded}&id={encoded}")).expect("a possible query");
    assert_eq!((id, name), (None, None));

    for said in ask(input.raw).into_iter().flat_map(<[_; 2]>::from).flatten() {
        assert_eq!(normal(&said).as_ref(), Some(&said));
    }
    json(input.raw.as_bytes());
    json(input.meant);
});

/// What is made of a query: the id and the name, where they were not refused. None if no client can
/// send it.
fn ask(query: &str) -> Option<(Option<String>, Option<String>)> {
    let uri: Uri = format!("/onboard?{query}").parse().ok()?;
    let id = taken(required::<UserId>(&uri, "id")).map(|id| id.as_str().to_owned());
    let name = taken(required::<DeviceName>(&uri, "name")).map(|name| name.as_str().to_owned());
    options(query, &uri);
    Some((id, name))
}

/// Where they are not said, they have their defaults.
fn options(query: &str, uri: &Uri) {
    let (single, reason) = (taken(flag(uri, "single")), taken(close_reason(uri)));
    if !query.contains("single") {
        assert_eq!(single, Some(false));
    }
    if !query.contains("code") {
        assert_eq!(reason, Some(CloseReason::LOGGED_OUT));
    }
}

fn taken<T>(result: Result<T, ApiError>) -> Option<T> {
    result.map_err(|error| assert_eq!(error.0, StatusCode::BAD_REQUEST)).ok()
}

fn json(bytes: &[u8]) {
    let meant = serde_json::from_slice::<Cow<'_, str>>(bytes).ok().and_then(|text| normal(&text));
    let name = serde_json::from_slice::<DeviceName>(bytes).ok();
    assert_eq!(name.as_ref().map(DeviceName::as_str), meant.as_deref());
    if let Some(name) = name {
        assert_eq!(serde_json::to_value(&name).unwrap(), *name.as_str());
    }
}

/// What is made of an id or a name, if it may be one; what was made so stays as it is.
fn normal(text: &str) -> Option<String> {
    let normal: String = text.nfc().collect();
    let is_good = !text.is_empty() && text.len() <= 255 && normal.len() <= 255;
    (is_good && !normal.contains(char::is_control) && !normal.contains(is_bidi_control)).then_some(normal)
}
