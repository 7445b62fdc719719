//! What a page of another origin may do with `fetch`.
#![cfg(feature = "cors")]

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use axum::response::Response;
use axum::routing::post;
use socket_registry_axum::OriginPolicy;
use tower::ServiceExt;

const APP: &str = "https://app.example";

async fn answer(method: Method, origin: &str) -> Response {
    let policy = OriginPolicy::same_origin().allow(APP).expect("an origin");
    let cors = policy.cors().allow_methods([Method::POST]).allow_headers([header::CONTENT_TYPE]);
    let router = Router::new().route("/notify", post(async || "done")).layer(cors);
    let request = Request::builder()
        .method(method)
        .uri("/notify")
        .header(header::HOST, "live.example")
        .header(header::ORIGIN, origin)
        .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST")
        .header(header::ACCESS_CONTROL_REQUEST_HEADERS, "content-type");
    router.oneshot(request.body(Body::empty()).expect("a request")).await.expect("an answer")
}

/// What the answer allows, to that origin.
fn allowed(answer: &Response) -> Option<&str> {
    answer.headers().get(header::ACCESS_CONTROL_ALLOW_ORIGIN)?.to_str().ok()
}

#[tokio::test]
async fn a_page_that_may_connect_may_fetch() {
    for origin in [APP, "https://APP.example:443", "https://live.example"] {
        let preflight = answer(Method::OPTIONS, origin).await;
        assert_eq!(preflight.status(), StatusCode::OK);
        assert_eq!(allowed(&preflight), Some(origin));
        assert_eq!(preflight.headers()[header::ACCESS_CONTROL_ALLOW_METHODS], "POST");
        assert_eq!(preflight.headers()[header::ACCESS_CONTROL_ALLOW_HEADERS], "content-type");
        let vary = preflight.headers()[header::VARY].to_str().expect("text").to_ascii_lowercase();
        assert!(vary.contains("origin"), "a cache would give it to other pages: {vary}");
        assert_eq!(allowed(&answer(Method::POST, origin).await), Some(origin));
    }
}

#[tokio::test]
async fn no_other_page_may() {
    for origin in ["https://evil.example", "http://app.example", "https://app.example.evil", "null", ""] {
        for method in [Method::OPTIONS, Method::POST] {
            assert_eq!(allowed(&answer(method, origin).await), None, "{origin}");
        }
    }
}
