//! What the QR code leads to: a page that asks, and its button that adds the device. To look at the
//! link changes nothing, for chats and browsers do so unasked.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse};
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use qrcode::QrCode;
use qrcode::render::svg;
use sha2::Sha256;
use socket_registry_axum::address;
use uuid::Uuid;

use crate::app::App;
use crate::error::ApiError;
use crate::identity::Caller;
use crate::input::{DeviceName, UserId, required};

/// How long a button works: long enough to read its page, and too short for one that somebody finds
/// in the history of a browser.
const VALID_FOR: Duration = Duration::from_secs(15 * 60);

/// Signs the buttons, so that nothing is kept of one before it has added its device. What has,
/// works no second time: see [`Devices::add`](crate::devices::Devices::add).
pub(crate) struct Invitations {
    key: Hmac<Sha256>,
    started: Instant,
}

impl Invitations {
    pub(crate) fn new() -> Self {
        let secret = [Uuid::new_v4(), Uuid::new_v4()].map(Uuid::into_bytes).concat();
        Self { key: Hmac::new_from_slice(&secret).expect("a key of any length will do"), started: Instant::now() }
    }

    fn issue(&self, id: &UserId, name: &DeviceName, now: Instant) -> String {
        let (nonce, until) = (Uuid::new_v4(), (now + VALID_FOR - self.started).as_secs());
        let signature = self.mac(nonce, until, id, name).finalize().into_bytes();
        // Its first half is as long as the nonce, and as hard to guess.
        let (signature, _) = signature.split_at(16);
        format!("{nonce}.{until}.{}", Uuid::from_slice(signature).expect("16 bytes"))
    }

    /// The nonce of a button that was made here, for this user and this device, not long ago.
    fn redeem(&self, invitation: &str, id: &UserId, name: &DeviceName, now: Instant) -> Result<Uuid, ApiError> {
        let refused = |status, why| ApiError(status, "invitation", format!("this button {why}: open the link again"));
        let (nonce, until) =
            self.verified(invitation, id, name).ok_or_else(|| refused(StatusCode::FORBIDDEN, "was not made here"))?;
        if (now - self.started).as_secs() >= until {
            return Err(refused(StatusCode::GONE, "has expired"));
        }
        Ok(nonce)
    }

    /// What was signed here.
    fn verified(&self, invitation: &str, id: &UserId, name: &DeviceName) -> Option<(Uuid, u64)> {
        let (nonce, rest) = invitation.split_once('.')?;
        let (until, signature) = rest.split_once('.')?;
        let (nonce, until, signature): (Uuid, u64, Uuid) =
            (nonce.parse().ok()?, until.parse().ok()?, signature.parse().ok()?);
        self.mac(nonce, until, id, name).verify_truncated_left(signature.as_bytes()).ok()?;
        Some((nonce, until))
    }

    fn mac(&self, nonce: Uuid, until: u64, id: &UserId, name: &DeviceName) -> Hmac<Sha256> {
        // The id's length first: where the one text ends and the other begins is signed as well.
        let numbers = [until, id.as_str().len() as u64].map(u64::to_be_bytes).concat();
        self.key.clone().chain_update(nonce).chain_update(numbers).chain_update(id.as_str()).chain_update(name.as_str())
    }
}

/// The page that asks.
pub(crate) async fn ask(State(app): State<Arc<App>>, caller: Caller, uri: Uri) -> Result<impl IntoResponse, ApiError> {
    let name: DeviceName = required(&uri, "name")?;
    let invitation = app.invitations.issue(&caller.id, &name, Instant::now());
    let question = format!(
        "Add <strong>{}</strong> to the devices of <strong>{}</strong>?",
        html(name.as_str()),
        html(caller.id.as_str())
    );
    let action = format!("/onboard?{}&amp;name={}", caller.credential, encoded(name.as_str()));
    let button = format!(
        r#"<form method="post" action="{action}"><button name="invitation" value="{invitation}">Add this device</button></form>"#
    );
    Ok(page("Add this device?", &question, &button))
}

/// The button.
pub(crate) async fn add(
    State(app): State<Arc<App>>,
    caller: Caller,
    uri: Uri,
    body: Result<Bytes, BytesRejection>,
) -> Result<impl IntoResponse, ApiError> {
    let name: DeviceName = required(&uri, "name")?;
    // Nothing in an invitation needs to be encoded in a form.
    let body = body?;
    let invitation = body.strip_prefix(b"invitation=").and_then(|text| str::from_utf8(text).ok()).unwrap_or_default();
    let nonce = app.invitations.redeem(invitation, &caller.id, &name, Instant::now())?;
    app.devices.add(&caller.id, name.clone(), nonce)?;
    app.mark(&caller.id);
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
    uri: Uri,
    headers: HeaderMap,
) -> Result<impl IntoResponse, ApiError> {
    let name: DeviceName = required(&uri, "name")?;
    let asked_for = || address(&headers, app.trusts_proxy)?.origin();
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
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_button_works_for_a_quarter_of_an_hour() {
        let invitations = Invitations::new();
        let (id, name) = ("ann".to_owned().try_into().unwrap(), "Phone".to_owned().try_into().unwrap());
        let opened = invitations.started + Duration::from_secs(3_600);
        let button = invitations.issue(&id, &name, opened);
        let pressed =
            |after: Duration| invitations.redeem(&button, &id, &name, opened + after).map_err(|error| error.0);
        assert!(pressed(Duration::ZERO).is_ok());
        assert!(pressed(VALID_FOR - Duration::from_secs(1)).is_ok());
        assert_eq!(pressed(VALID_FOR), Err(StatusCode::GONE));
        assert_eq!(pressed(VALID_FOR * 100), Err(StatusCode::GONE));
    }

    #[test]
    fn nobody_makes_a_button_work_for_longer() {
        let invitations = Invitations::new();
        let (id, name) = ("ann".to_owned().try_into().unwrap(), "Phone".to_owned().try_into().unwrap());
        let opened = invitations.started;
        let longer = invitations.issue(&id, &name, opened).replacen(".900.", ".901.", 1);
        assert!(longer.contains(".901."), "{longer}");
        let refused = invitations.redeem(&longer, &id, &name, opened).map_err(|error| error.0);
        assert_eq!(refused, Err(StatusCode::FORBIDDEN));
    }
}
