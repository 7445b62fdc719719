//! The connections that stay open: two kinds of WebSockets, and the event stream.

use std::future::ready;
use std::sync::{Arc, OnceLock};

use axum::extract::State;
use axum::extract::ws::Message;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use axum::response::sse::Event;
use serde::Deserialize;
use serde_json::json;
use socket_registry::Topics;
use socket_registry_axum::metered::Timed;
use socket_registry_axum::{Expiry, Handshake, NoHandshake};
use uuid::Uuid;

use crate::app::App;
use crate::error::ApiError;
use crate::identity::Caller;
use crate::input::{UserId, flag};

/// The number of active users has changed.
const COUNT: Topics = Topics::UPDATE;
/// Who is online has changed.
pub(crate) const ONLINE: Topics = Topics::topic(1);

/// Sends `{"active_users":N}` now and whenever N changed.
///
/// With `online=1`, which needs an id, sends `{"online":{..}}` in the same way. With `pings=1`
/// sends `{"ping":SECONDS}` with every ping: the script of a page does not see the ping itself.
pub(crate) async fn active_users(
    State(app): State<Arc<App>>,
    uri: Uri,
    user: Result<Caller, ApiError>,
    handshake: Result<Handshake, NoHandshake>,
) -> Result<Response, ApiError> {
    let user = if flag(&uri, "online")? { Some(user?) } else { None };
    let ping = ping(&app, &uri)?;
    let Handshake(ws) = handshake?;
    let hears = if user.is_some() { ONLINE } else { Topics::EMPTY };
    let session = app.active_users.sessions().session(Uuid::new_v4(), Timed::new(hears)).due(COUNT | hears);
    let session = session.expires(user.and_then(|user| user.expiry)).heartbeat(ping);
    let told = Arc::clone(&app);
    let (mut sent_count, mut sent_online) = (None, None);
    let messages = move |due: Topics| {
        let count = news(&mut sent_count, due.contains(COUNT).then(|| told.count().into()));
        let online = due.contains(ONLINE).then(|| told.online.lock().clone());
        let texts = count.into_iter().chain(news(&mut sent_online, online));
        ready(texts.map(Message::Text).collect::<Vec<_>>())
    };
    Ok(session.upgrade(ws.protocols(["bearer"]), messages)?)
}

/// Returns what is to be sent, unless it is what was sent last.
fn news<T: Clone + PartialEq>(sent: &mut Option<T>, now: Option<T>) -> Option<T> {
    let news = now.filter(|now| sent.as_ref() != Some(now))?;
    *sent = Some(news.clone());
    Some(news)
}

fn ping(app: &App, uri: &Uri) -> Result<Option<Message>, ApiError> {
    Ok(flag(uri, "pings")?.then(|| Message::Text(app.ping.clone())))
}

/// Sends the text `update` whenever the id's devices changed.
///
/// With `single=1` the socket takes over, and becomes the only one of its id.
pub(crate) async fn device_ws(
    State(app): State<Arc<App>>,
    uri: Uri,
    caller: Caller,
    handshake: Result<Handshake, NoHandshake>,
) -> Result<Response, ApiError> {
    let (takes_over, ping) = (flag(&uri, "single")?, ping(&app, &uri)?);
    let Handshake(ws) = handshake?;
    let session = app.device_sockets.sessions().session(caller.id.clone(), Timed::default());
    let (renewing, id) = (Arc::clone(&app), caller.id.clone());
    let session = session.expires(caller.expiry.clone()).heartbeat(ping).on_message(move |message| {
        ready(caller.expiry.as_ref().and_then(|expiry| renewal(&renewing, &id, expiry, &message)))
    });
    let open = Open::new("device socket", caller.id.clone());
    // The session holds the claim, which so ends with it.
    let claim = Arc::new(OnceLock::new());
    let held = Arc::clone(&claim);
    let send = move |_| {
        let _ = (&open, &held);
        ready(Message::text("update"))
    };
    let ws = ws.protocols(["bearer"]);
    if !takes_over {
        return Ok(session.upgrade(ws, send)?);
    }
    // This server does not know what was due for the socket of another one.
    let session = if app.servers.is_some() { session.due(Topics::UPDATE) } else { session };
    let (response, taken) = app.take_over(&caller.id, || session.taking_over().upgrade(ws, send))?;
    if let Some(taken) = taken {
        // Cannot fail: it is set only here.
        let _ = claim.set(taken);
    }
    Ok(response)
}

/// `{"token":TOKEN}` renews the proof of who the client is, before the old one expires.
fn renewal(app: &App, id: &UserId, expiry: &Expiry, message: &Message) -> Option<Message> {
    #[derive(Deserialize)]
    struct Renewal {
        token: String,
    }

    let Renewal { token } = serde_json::from_str(message.to_text().ok()?).ok()?;
    let renewed = app.identity.renewed(id, &token).map(|time| expiry.renew(time)).is_some();
    tracing::debug!(user = ?id, renewed, "a new token on an open socket");
    Some(Message::text(json!({ "renewed": renewed }).to_string()))
}

/// Sends the event `update` whenever the id's devices changed; also at the start, if its
/// `Last-Event-ID` says that they changed while the client was away.
pub(crate) async fn device_events(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let session = app.device_sockets.sessions().session(caller.id.clone(), Timed::default()).expires(caller.expiry);
    let versions = (Arc::clone(&app), caller.id.clone());
    let session = session.version(move || versions.0.devices.version_of(&versions.1));
    let open = Open::new("device events", caller.id);
    Ok(session.events(&headers, move |_| {
        let _ = &open;
        ready(Event::default().event("update").data("update"))
    })?)
}

/// Logs the end of what was opened.
struct Open(&'static str, UserId);

impl Open {
    fn new(what: &'static str, user: UserId) -> Self {
        tracing::debug!(?user, "{what} opened");
        Self(what, user)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        tracing::debug!(user = ?self.1, "{} closed", self.0);
    }
}
