//! Server-Sent Events: the same updates for clients behind proxies that break WebSockets.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use futures_util::stream;
use socket_registry::Closed;

use crate::app::App;
use crate::connection::farewell;
use crate::error::ApiError;
use crate::feed::{Subscription, Wishes};
use crate::identity::Caller;
use crate::input::UserId;

/// The event `update` whenever the id's devices changed, also while the client was away, as its `Last-Event-ID` tells.
pub(crate) async fn device_events(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let socket = app.device_sockets.register(caller.id, Wishes::default())?;
    tracing::debug!(user = ?socket.key(), "device events opened");
    // Registered first: what changes from here on makes the socket due.
    let version = app.devices.version_of(socket.key());
    let missed = headers.get("last-event-id").is_some_and(|last| last.as_bytes() != version.as_bytes());
    // Without data it is no event, and yet sets what the client will name as its last one.
    let first = if missed { update(version) } else { Event::default().id(version) };

    let heartbeat = KeepAlive::new().interval(app.heartbeat.every).text("heartbeat");
    let events = Events { app, socket, is_over: false };
    let rest = stream::unfold(events, |mut events| async { Some((events.next().await?, events)) });
    let events = stream::iter([first]).chain(rest).map(Ok::<_, Infallible>);
    // Some proxies hold back what they have until it is worth sending; this asks them not to.
    let unbuffered = [(HeaderName::from_static("x-accel-buffering"), "no"), (header::CACHE_CONTROL, "no-store")];
    Ok((unbuffered, Sse::new(events).keep_alive(heartbeat)).into_response())
}

struct Events {
    app: Arc<App>,
    socket: Subscription<UserId>,
    is_over: bool,
}

impl Events {
    /// `None` when the server stops: the client comes back by itself, and there will be another one. Who should not come back
    /// is told so first, in an event of its own: the end alone would be a reason to try again.
    async fn next(&mut self) -> Option<Event> {
        if self.is_over {
            return None;
        }
        match self.socket.due().await {
            Ok(taken) => {
                let event = update(self.app.devices.version_of(self.socket.key()));
                self.socket.sent(&taken);
                Some(event)
            }
            Err(Closed::Shutdown) => None,
            Err(closed) => {
                self.is_over = true;
                let farewell = farewell(closed);
                Some(Event::default().event("dismissed").data(format!("{} {}", farewell.code, farewell.reason)))
            }
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        tracing::debug!(user = ?self.socket.key(), "device events closed");
    }
}

fn update(version: String) -> Event {
    Event::default().event("update").id(version).data("update")
}
