//! The two WebSockets. Each registers before the upgrade, so that a client we have no room for gets a plain 503.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::Utf8Bytes;
use axum::response::Response;
use uuid::Uuid;

use crate::app::App;
use crate::connection::Upgrade;
use crate::error::ApiError;
use crate::feed::{Feed, Subscription};
use crate::identity::Caller;

/// However fast users come and go, nobody reads a number that changes faster.
const COUNT_PACE: Duration = Duration::from_millis(100);

/// `{"active_users":N}` now and whenever N changed.
pub(crate) async fn active_users(State(app): State<Arc<App>>, upgrade: Upgrade) -> Result<Response, ApiError> {
    let mut user = ActiveUser::join(&app.active_users)?;
    Ok(upgrade.accept(async move |mut connection| {
        let mut sent = None;
        let count = || {
            let count = app.active_users.key_count();
            let changed = sent.replace(count) != Some(count);
            changed.then(|| format!(r#"{{"active_users":{count}}}"#).into())
        };
        let ending = connection.serve(&mut user.socket, COUNT_PACE, count).await;
        drop(user);
        connection.close(ending).await;
    }))
}

/// The text `update` whenever the id's devices changed.
pub(crate) async fn device_ws(
    State(app): State<Arc<App>>,
    caller: Caller,
    upgrade: Upgrade,
) -> Result<Response, ApiError> {
    let mut socket = app.device_sockets.register(caller.id)?;
    tracing::debug!(user = ?socket.key(), "device socket opened");
    Ok(upgrade.accept(async move |mut connection| {
        let update = || Some(Utf8Bytes::from_static("update"));
        let ending = connection.serve(&mut socket, Duration::ZERO, update).await;
        tracing::debug!(user = ?socket.key(), "device socket closed");
        drop(socket);
        connection.close(ending).await;
    }))
}

/// Whatever a client sends, back to it: for test suites, which try longer messages than our clients ever need.
pub(crate) async fn echo(upgrade: Upgrade) -> Response {
    upgrade.limited_to(1 << 20).accept(async |mut connection| {
        let ending = connection.echo().await;
        connection.close(ending).await;
    })
}

/// Somebody who looks at the page. The fields drop in this order: who leaves is not counted in what the others hear.
struct ActiveUser {
    socket: Subscription<Uuid>,
    _changed: CountChanged,
}

impl ActiveUser {
    fn join(users: &Feed<Uuid>) -> Result<Self, ApiError> {
        let socket = users.register(Uuid::new_v4())?;
        users.mark_all(); // the newcomer too: that is how it gets its first count
        Ok(Self { socket, _changed: CountChanged(users.clone()) })
    }
}

/// Makes every active user's socket due when it is dropped.
struct CountChanged(Feed<Uuid>);

impl Drop for CountChanged {
    fn drop(&mut self) {
        self.0.mark_all();
    }
}
