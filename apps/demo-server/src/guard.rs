//! What every request passes: refuses the pages of other sites, limits the time of an answer, sets
//! the security headers, and counts what was refused.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;

use crate::app::App;
use crate::error::{ApiError, Refusal};
use crate::metrics;

/// The time for a request's body to arrive and for its answer to begin.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Refuses what another site's page does with us, other than linking here.
pub(crate) async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let mut response = if !app.origins.permits(request.headers()) {
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
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
