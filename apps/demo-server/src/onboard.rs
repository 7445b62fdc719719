//! What the QR code leads to: a page that asks, and its button that adds the device. To look at the
//! link changes nothing, for chats and browsers do so unasked.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse};
use hmac::{Hmac, KeyInit, Mac};
use parking_lot::Mutex;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use qrcode::QrCode;
use qrcode::render::svg;
use sha2::Sha256;
use socket_registry_axum::address;
use uuid::Uuid;

use crate::app::App;
use crate::error::ApiError;
use crate::identity::Caller;
use crate::input::{DeviceName, UserId};

/// How long the button of a page works.
const VALID_SECONDS: u64 = 15 * 60;
/// As many as there are devices: each button adds one.
const MAX_USED: usize = 100_000;

/// Signs the buttons, so that nothing is kept of one before it is used; each works once.
pub(crate) struct Invitations {
    key: Hmac<Sha256>,
    started_at: Instant,
    /// Those that were used, until they would be too old anyway, in seconds since the start.
    used: Mutex<HashMap<Uuid, u64>>,
}

impl Invitations {
    pub(crate) fn new() -> Self {
        let secret = [Uuid::new_v4(), Uuid::new_v4()].map(Uuid::into_bytes).concat();
        let key = Hmac::new_from_slice(&secret).expect("a key of any length will do");
        Self { key, started_at: Instant::now(), used: Mutex::default() }
    }

    fn now(&self) -> u64 {
        self.started_at.elapsed().as_secs()
    }

    /// For this user and this device only.
    fn mac(&self, nonce: Uuid, until: u64, id: &UserId, name: &DeviceName) -> Hmac<Sha256> {
        // The id's length first: where the one text ends and the other begins is signed as well.
        let numbers = [until, id.as_str().len() as u64].map(u64::to_be_bytes).concat();
        let mac = self.key.clone().chain_update(nonce.as_bytes()).chain_update(numbers);
        mac.chain_update(id.as_str()).chain_update(name.as_str())
    }

    fn issue(&self, id: &UserId, name: &DeviceName) -> String {
        let (nonce, until) = (Uuid::new_v4(), self.now() + VALID_SECONDS);
        let signature = self.mac(nonce, until, id, name).finalize().into_bytes();
        let signature: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{}.{until}.{signature}", nonce.simple())
    }

    /// Whether the button may add the device, which it may once.
    fn redeem(&self, invitation: &str, id: &UserId, name: &DeviceName) -> Result<(), ApiError> {
        let refused = |status, message: &str| Err(ApiError(status, "invitation", message.to_owned()));
        let parts = || {
            let mut parts = invitation.split('.');
            let nonce: Uuid = parts.next()?.parse().ok()?;
            let until: u64 = parts.next()?.parse().ok()?;
            let signature = hex(parts.next()?)?;
            self.mac(nonce, until, id, name).verify_slice(&signature).ok()?;
            Some((nonce, until))
        };
        let Some((nonce, until)) = parts() else {
            return refused(StatusCode::FORBIDDEN, "this button was not made here: open the link again");
        };
        let now = self.now();
        if until < now {
            return refused(StatusCode::GONE, "this button is too old: open the link again");
        }
        let mut used = self.used.lock();
        if used.len() >= MAX_USED {
            used.retain(|_, &mut until| until >= now);
            if used.len() >= MAX_USED {
                return refused(StatusCode::SERVICE_UNAVAILABLE, "too many devices are being added: try it later");
            }
        }
        match used.insert(nonce, until) {
            None => Ok(()),
            Some(_) => refused(StatusCode::CONFLICT, "this button was used already: open the link again"),
        }
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Some((digit(pair[0])? * 16 + digit(*pair.get(1)?)?) as u8)).collect()
}

/// The page that asks.
pub(crate) async fn ask(State(app): State<Arc<App>>, caller: Caller, name: DeviceName) -> impl IntoResponse {
    let invitation = app.invitations.issue(&caller.id, &name);
    let question = format!(
        "Add <strong>{}</strong> to the devices of <strong>{}</strong>?",
        html(name.as_str()),
        html(caller.id.as_str())
    );
    let action = format!("/onboard?{}&amp;name={}", caller.credential, encoded(name.as_str()));
    let button = format!(
        r#"<form method="post" action="{action}"><button name="invitation" value="{invitation}">Add this device</button></form>"#
    );
    page("Add this device?", &question, &button)
}

/// The button.
pub(crate) async fn add(
    State(app): State<Arc<App>>,
    caller: Caller,
    name: DeviceName,
    body: Result<Bytes, BytesRejection>,
) -> Result<impl IntoResponse, ApiError> {
    // Nothing in an invitation needs to be encoded in a form.
    let body = body?;
    let invitation = body.strip_prefix(b"invitation=").and_then(|text| str::from_utf8(text).ok()).unwrap_or_default();
    app.invitations.redeem(invitation, &caller.id, &name)?;
    app.devices.add(&caller.id, name.clone())?;
    app.device_sockets.mark(&caller.id);
    let answer = format!(
        "<strong>{}</strong> now belongs to <strong>{}</strong>. Every open page of that user shows it already.",
        html(name.as_str()),
        html(caller.id.as_str()),
    );
    let link = format!(r#"<p><a href="/?{}">Open the page here</a></p>"#, caller.credential);
    Ok(page("Device added", &answer, &link))
}

fn page(title: &str, text: &str, action: &str) -> impl IntoResponse + use<> {
    let nonce = Uuid::new_v4().simple().to_string();
    let policy = format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    let page = format!(include_str!("onboard.html"), nonce = nonce, title = title, text = text, action = action);
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(page))
}

/// The link to `/onboard` as a picture. It leads back to where the page was asked for, or to
/// `--public-url`.
pub(crate) async fn qr_code(
    State(app): State<Arc<App>>,
    caller: Caller,
    name: DeviceName,
    headers: HeaderMap,
) -> Result<impl IntoResponse, ApiError> {
    let asked_for = || {
        let address = address(&headers, app.trusts_proxy)?;
        let host: Authority = address.host.parse().ok()?;
        let scheme = if address.scheme.as_deref() == Some("https") { "https" } else { "http" };
        Some(format!("{scheme}://{host}"))
    };
    let base = app.public_url.clone().or_else(asked_for);
    let base = base.ok_or_else(|| ApiError::bad_request("the Host header is missing or not a host"))?;
    let link = format!("{}/onboard?{}&name={}", base.trim_end_matches('/'), caller.credential, encoded(name.as_str()));
    let code =
        QrCode::new(link).map_err(|error| ApiError::bad_request(format!("the link makes no QR code: {error}")))?;
    let picture = code.render::<svg::Color<'_>>().min_dimensions(240, 240).build();
    Ok(([(header::CONTENT_TYPE, "image/svg+xml")], picture))
}

fn encoded(text: &str) -> impl std::fmt::Display {
    utf8_percent_encode(text, NON_ALPHANUMERIC)
}

fn html(text: &str) -> String {
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
