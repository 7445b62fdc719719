//! The routes and what they answer.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderName, Method, StatusCode, Uri, header};
use axum::response::IntoResponse;
use axum::routing::{delete, get};
use axum::{Json, Router, middleware};
use serde::Deserialize;
use serde_json::{Value, json};
use socket_registry_axum::events_head;
use uuid::Uuid;

use crate::app::App;
use crate::cluster::Servers;
use crate::devices::now_ms;
use crate::error::ApiError;
use crate::guard::guard;
use crate::identity::Caller;
use crate::input::{DeviceName, close_reason};
use crate::{cluster, metrics, onboard, sockets};

const MAX_BODY: usize = 4 << 10;
const SERVER_TIME: HeaderName = HeaderName::from_static("server-time");
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

pub(crate) fn router(app: Arc<App>) -> Router {
    let router = Router::new()
        .route("/", get(async || asset("text/html; charset=utf-8", include_str!("page/index.html"))))
        .route("/page.css", get(async || asset("text/css; charset=utf-8", include_str!("page/page.css"))))
        .route("/page.js", get(async || asset(JAVASCRIPT, include_str!("page/page.js"))))
        .route(
            "/socket-registry.js",
            get(async || asset(JAVASCRIPT, include_str!("../../../clients/js/socket-registry.js"))),
        )
        .route("/active-users", get(sockets::active_users))
        .route("/device-ws", get(sockets::device_ws))
        .route("/device-events", get(sockets::device_events).head(async |_: Caller| events_head().await))
        .route("/devices", get(devices).post(add_device))
        .route("/devices-sockets", delete(disconnect).post(mark))
        .route("/cluster", get(cluster::show))
        .route("/onboard", get(onboard::ask).post(onboard::add))
        .route("/qr.svg", get(onboard::qr_code))
        .route("/stats", get(stats))
        .route("/metrics", get(metrics_text))
        .route("/healthz", get(health));
    // A page that may connect may also fetch and post; the answer that refuses another one is not
    // for it to read.
    let cors = app.origins.cors().allow_methods([Method::GET, Method::POST, Method::DELETE]);
    let cors = cors.allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE]);
    router
        .fallback(async || ApiError(StatusCode::NOT_FOUND, "not_found", "no such route".to_owned()))
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), guard))
        .layer(cors.expose_headers([SERVER_TIME, header::RETRY_AFTER]))
        .with_state(app)
}

async fn method_not_allowed() -> ApiError {
    let message = "this route does not answer that method";
    ApiError(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message.to_owned())
}

/// A part of the page, in which nothing runs but what this server serves. Browsers do not keep a
/// page for the back button if it says `no-store`.
fn asset(kind: &'static str, text: &'static str) -> impl IntoResponse {
    let policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; \
                  form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
    let headers =
        [(header::CONTENT_TYPE, kind), (header::CONTENT_SECURITY_POLICY, policy), (header::CACHE_CONTROL, "no-cache")];
    (headers, text)
}

/// With the time of this clock: the page tells by it how old an update is.
async fn devices(State(app): State<Arc<App>>, caller: Caller) -> Result<impl IntoResponse, ApiError> {
    Ok(([(SERVER_TIME, now_ms().to_string())], Json(app.devices.of(&caller.id)?)))
}

#[derive(Deserialize)]
struct NewDevice {
    name: DeviceName,
}

async fn add_device(
    State(app): State<Arc<App>>,
    caller: Caller,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let device: NewDevice = serde_json::from_slice(&body?)
        .map_err(|error| ApiError::bad_request(format!(r#"body is not {{"name":".."}}: {error}"#)))?;
    app.devices.add(&caller.id, device.name, Uuid::new_v4())?;
    let marked = app.mark(&caller.id);
    Ok((StatusCode::CREATED, Json(app.told("sockets_marked", marked))))
}

/// For a program that changes something without this server: every page of the id fetches again.
async fn mark(State(app): State<Arc<App>>, caller: Caller) -> Json<Value> {
    let marked = app.mark(&caller.id);
    Json(app.told("sockets_marked", marked))
}

/// Ends every socket and event stream of the id, wherever its user left one open.
async fn disconnect(State(app): State<Arc<App>>, caller: Caller, uri: Uri) -> Result<Json<Value>, ApiError> {
    let reason = close_reason(&uri)?;
    let told = app.disconnect(&caller.id, reason);
    tracing::debug!(user = ?caller.id, %reason, told, "disconnected");
    Ok(Json(app.told("sockets_told", told)))
}

/// While the server stops, load balancers should send elsewhere.
async fn health(State(app): State<Arc<App>>) -> (StatusCode, &'static str) {
    if app.drain.is_stopping() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping");
    }
    (StatusCode::OK, app.servers.as_ref().map_or("ok", Servers::health))
}

async fn stats(State(app): State<Arc<App>>) -> Json<Value> {
    Json(json!({
        "active_users": app.active_users.registry().key_count(),
        "device_ids": app.device_sockets.registry().key_count(),
        "device_sockets": app.device_sockets.registry().socket_count(),
    }))
}

/// The text that Prometheus reads.
async fn metrics_text(State(app): State<Arc<App>>) -> impl IntoResponse {
    app.active_users.report();
    app.device_sockets.report();
    metrics::log_lines_dropped(app.log_lines_dropped.dropped_lines());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], app.metrics.render())
}
