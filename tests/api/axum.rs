//! The registry as an axum extractor.

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use axum::routing::post;
use axum::{Extension, Router};
use socket_registry::Registry;
use tower::ServiceExt;

async fn mark(registry: Registry<u64>) -> String {
    registry.mark(&42).to_string()
}

async fn call(app: Router) -> (StatusCode, String) {
    let response = app.oneshot(Request::post("/mark").body(Body::empty()).unwrap()).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), 1024).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn finds_the_registry_of_the_layer() {
    let registry = Registry::<u64>::new();
    let socket = registry.register(42).unwrap();
    let app = Router::new().route("/mark", post(mark)).layer(Extension(registry));
    assert_eq!(call(app).await, (StatusCode::OK, "1".to_owned()));
    assert!(!socket.take_due().is_empty());
}

#[tokio::test]
async fn says_what_is_missing() {
    let app = Router::new().route("/mark", post(mark)).layer(Extension(Registry::<String>::new()));
    let message = "socket registry is not in the request's extensions".to_owned();
    assert_eq!(call(app).await, (StatusCode::INTERNAL_SERVER_ERROR, message));
}
