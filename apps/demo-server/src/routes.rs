//! The routes and what they answer.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse};
use axum::routing::{delete, get};
use axum::{Json, Router, middleware};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use qrcode::QrCode;
use qrcode::render::svg;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::App;
use crate::devices::Device;
use crate::error::ApiError;
use crate::events;
use crate::guard::guard;
use crate::identity::Caller;
use crate::input::{DeviceName, Reason};
use crate::sockets;

const MAX_BODY: usize = 4 << 10;

pub(crate) fn router(app: Arc<App>, echo: bool) -> Router {
    let router = Router::new()
        .route("/", get(page))
        .route("/active-users", get(sockets::active_users))
        .route("/device-ws", get(sockets::device_ws))
        .route("/device-events", get(events::device_events))
        .route("/devices", get(devices).post(add_device))
        .route("/devices-sockets", delete(disconnect))
        // `get` answers HEAD too, and whoever previews a link must not add a device.
        .route("/onboard", get(onboard).head(method_not_allowed))
        .route("/qr.svg", get(qr_code))
        .route("/stats", get(stats))
        .route("/metrics", get(metrics))
        .route("/healthz", get(async || "ok"));
    let router = if echo { router.route("/echo", get(sockets::echo)) } else { router };
    router
        .fallback(async || ApiError(StatusCode::NOT_FOUND, "not_found", "no such route".to_owned()))
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn(guard))
        .with_state(app)
}

async fn method_not_allowed() -> ApiError {
    let message = "this route does not answer that method";
    ApiError(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message.to_owned())
}

/// The page brings its own style and script, and the nonce lets no others run in it.
async fn page() -> impl IntoResponse {
    let nonce = Uuid::new_v4().simple().to_string();
    let policy = format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; img-src 'self' data:; \
         connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    let page = include_str!("page.html").replace("{nonce}", &nonce);
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(page))
}

async fn devices(State(app): State<Arc<App>>, caller: Caller) -> Json<Vec<Device>> {
    Json(app.devices.of(&caller.id))
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
    app.devices.add(&caller.id, device.name)?;
    let marked = app.device_sockets.mark(&caller.id);
    Ok((StatusCode::CREATED, Json(json!({ "sockets_marked": marked }))))
}

/// Ends every socket and event stream of the id, wherever its user left one open.
async fn disconnect(State(app): State<Arc<App>>, caller: Caller, Reason(reason): Reason) -> Json<Value> {
    let told = app.device_sockets.disconnect(&caller.id, reason);
    tracing::debug!(user = ?caller.id, %reason, told, "disconnected");
    Json(json!({ "sockets_told": told }))
}

/// What the QR code opens, on the device that is to be added.
async fn onboard(State(app): State<Arc<App>>, caller: Caller, name: DeviceName) -> Result<impl IntoResponse, ApiError> {
    app.devices.add(&caller.id, name.clone())?;
    app.device_sockets.mark(&caller.id);
    let nonce = Uuid::new_v4().simple().to_string();
    let policy = format!("default-src 'none'; style-src 'nonce-{nonce}'; img-src data:; frame-ancestors 'none'");
    let page = format!(
        include_str!("onboard.html"),
        nonce = nonce,
        name = escaped(name.as_str()),
        id = escaped(caller.id.as_str()),
        link = caller.credential,
    );
    Ok(([(header::CONTENT_SECURITY_POLICY, policy)], Html(page)))
}

/// The link to `/onboard` as a picture. It leads back to the host that the page was asked for.
async fn qr_code(caller: Caller, name: DeviceName, headers: HeaderMap) -> Result<impl IntoResponse, ApiError> {
    let host: Authority = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok()?.parse().ok())
        .ok_or_else(|| ApiError::bad_request("the Host header is missing or not a host"))?;
    let name = utf8_percent_encode(name.as_str(), NON_ALPHANUMERIC);
    let code = QrCode::new(format!("http://{host}/onboard?{}&name={name}", caller.credential))
        .map_err(|error| ApiError::bad_request(format!("the link makes no QR code: {error}")))?;
    let picture = code.render::<svg::Color<'_>>().min_dimensions(240, 240).build();
    Ok(([(header::CONTENT_TYPE, "image/svg+xml")], picture))
}

async fn stats(State(app): State<Arc<App>>) -> Json<Value> {
    Json(json!({
        "active_users": app.active_users.key_count(),
        "device_ids": app.device_sockets.key_count(),
        "device_sockets": app.device_sockets.socket_count(),
    }))
}

/// The text that Prometheus reads.
async fn metrics(State(app): State<Arc<App>>) -> impl IntoResponse {
    app.active_users.gauge();
    app.device_sockets.gauge();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], app.metrics.render())
}

fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut html, character| {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            _ => html.push(character),
        }
        html
    })
}
