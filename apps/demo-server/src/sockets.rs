//! The two WebSockets. Each registers before the upgrade, so that a client we have no room for gets a plain 503.

use std::sync::Arc;

use axum::extract::ws::Utf8Bytes;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::response::Response;
use socket_registry::Topics;
use uuid::Uuid;

use crate::app::App;
use crate::connection::Upgrade;
use crate::error::ApiError;
use crate::feed::Wishes;
use crate::identity::Caller;
use crate::input::{Single, flag};

/// The number of active users has changed.
const COUNT: Topics = Topics::UPDATE;
/// Who is online has changed.
pub(crate) const ONLINE: Topics = Topics::topic(1);

/// Whether to tell who is online: `online=1`. Only a user may ask for that.
pub(crate) struct SeesOnline(bool);

impl FromRequestParts<Arc<App>> for SeesOnline {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let wanted = flag(parts, "online")?;
        if wanted {
            Caller::from_request_parts(parts, app).await?;
        }
        Ok(Self(wanted))
    }
}

/// `{"active_users":N}` now and whenever N changed; who wants it, gets `{"online":{"count":N,"ids":[..]}}` in the same way.
pub(crate) async fn active_users(
    State(app): State<Arc<App>>,
    SeesOnline(sees_online): SeesOnline,
    upgrade: Upgrade,
) -> Result<Response, ApiError> {
    let hears = if sees_online { ONLINE } else { Topics::EMPTY };
    let wishes = Wishes { due: COUNT | hears, hears, ..Wishes::default() };
    let mut socket = app.active_users.register(Uuid::new_v4(), wishes)?;
    Ok(upgrade.accept(async move |mut connection| {
        let (mut sent_count, mut sent_online) = (None, None);
        let messages = |due: Topics| {
            let count = due.contains(COUNT).then(|| app.active_users.key_count());
            let count = news(&mut sent_count, count).map(|count| format!(r#"{{"active_users":{count}}}"#).into());
            let online = due.contains(ONLINE).then(|| app.online.lock().clone());
            count.into_iter().chain(news(&mut sent_online, online))
        };
        let ending = connection.serve(&mut socket, messages).await;
        connection.close(ending, socket).await;
    }))
}

/// What is to be sent, if it is something else than what was sent last.
fn news<T: Clone + PartialEq>(sent: &mut Option<T>, now: Option<T>) -> Option<T> {
    let news = now.filter(|now| sent.as_ref() != Some(now))?;
    *sent = Some(news.clone());
    Some(news)
}

/// The text `update` whenever the id's devices changed.
pub(crate) async fn device_ws(
    State(app): State<Arc<App>>,
    caller: Caller,
    Single(takes_over): Single,
    upgrade: Upgrade,
) -> Result<Response, ApiError> {
    let mut socket = app.device_sockets.register(caller.id, Wishes { takes_over, ..Wishes::default() })?;
    tracing::debug!(user = ?socket.key(), "device socket opened");
    Ok(upgrade.accept(async move |mut connection| {
        let ending = connection.serve(&mut socket, |_| Some(Utf8Bytes::from_static("update"))).await;
        tracing::debug!(user = ?socket.key(), "device socket closed");
        connection.close(ending, socket).await;
    }))
}

/// Whatever a client sends, back to it: for test suites, which try longer messages than our clients ever need.
pub(crate) async fn echo(upgrade: Upgrade) -> Response {
    upgrade.limited_to(1 << 20).accept(async |mut connection| {
        let ending = connection.echo().await;
        connection.shake_hands(ending).await;
    })
}
