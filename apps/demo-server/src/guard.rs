//! What every request passes: browsers say on whose behalf they call, and we say what they may do with the answer.
//! Whatever was refused is counted here.

use std::time::Duration;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;

use crate::error::{ApiError, Refusal};
use crate::metrics;

/// For a request's body to arrive and its answer to begin, which takes a sound client no time at all.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Refuses what another site's page does with us, other than linking here.
pub(crate) async fn guard(request: Request, next: Next) -> Response {
    let mut response = if is_foreign(request.headers()) {
        let message = "requests from another site's pages are not served";
        ApiError(StatusCode::FORBIDDEN, "foreign_origin", message.to_owned()).into_response()
    } else {
        timeout(ANSWER_WITHIN, next.run(request)).await.unwrap_or_else(|_| {
            let message = "the request did not arrive in time: send it again, on a better connection";
            ApiError(StatusCode::REQUEST_TIMEOUT, "too_slow", message.to_owned()).into_response()
        })
    };
    if let Some(&Refusal(reason)) = response.extensions().get() {
        metrics::refused(reason);
        tracing::debug!(status = response.status().as_u16(), reason, "refused");
    }
    let headers = response.headers_mut();
    for (name, value) in [(header::X_CONTENT_TYPE_OPTIONS, "nosniff"), (header::REFERRER_POLICY, "same-origin")] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    response
}

/// An `Origin` that is not our host; or, where there is none (an image, a frame), a browser that says it is not for
/// one of our own pages.
fn is_foreign(headers: &HeaderMap) -> bool {
    let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_ascii_lowercase();
    let get = |name| headers.get(name).map(text);

    let host = get("host");
    let mut origins = headers.get_all(header::ORIGIN).iter().map(text);
    if origins.any(|origin| origin.split_once("://").map(|(_, host)| host) != host.as_deref()) {
        return true;
    }
    let ours = matches!(get("sec-fetch-site").as_deref(), None | Some("same-origin" | "none"));
    !ours && get("sec-fetch-dest").as_deref() != Some("document")
}
