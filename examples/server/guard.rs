//! What every request passes: browsers say on whose behalf they call, and we say what they may do with the answer.
//! Whatever was refused is counted here.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::error::{ApiError, Refusal};
use crate::metrics;

/// Refuses what another site's page does with us, other than linking here.
pub(crate) async fn guard(request: Request, next: Next) -> Response {
    let mut response = if is_foreign(request.headers()) {
        let message = "requests from another site's pages are not served";
        ApiError(StatusCode::FORBIDDEN, "foreign_origin", message.to_owned()).into_response()
    } else {
        next.run(request).await
    };
    if let Some(&Refusal(reason)) = response.extensions().get() {
        metrics::refused(reason);
        tracing::debug!(status = response.status().as_u16(), reason, "refused");
    }
    let headers = response.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
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
