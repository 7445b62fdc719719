//! Server-Sent Events: the same updates for clients behind proxies that break WebSockets.

use std::convert::Infallible;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::CloseFrame;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use socket_registry::{Closed, Topics};
use tokio::time::{Instant, sleep_until};

use crate::close::{expired, farewell};
use crate::pulse::{on_a_tick, within};
use crate::session::{Options, Version};
use crate::sessions::Limits;
use crate::subscription::Subscription;

/// The id of the event that tells a client to stay away: a plain `EventSource` reconnects all the
/// same, and names this id.
const OVER: &str = "over";

/// Returns whether this client was told to stay away, and reconnects because `EventSource` always
/// does.
pub(crate) fn is_over(headers: &HeaderMap) -> bool {
    headers.get("last-event-id").is_some_and(|last| last == OVER)
}

/// Returns 204, the one answer after which `EventSource` stays away.
pub(crate) fn no_more() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

/// Ask proxies not to compress, cache or buffer, which would hold events back. The second header is
/// nginx's.
const HEADERS: [(HeaderName, HeaderValue); 2] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform")),
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
];

/// Answers HEAD with the headers of GET, without a session. Route it together with the handler that
/// answers GET. Otherwise axum runs that handler for HEAD too, and the key would be online for a
/// moment.
///
/// ```
/// use axum::Router;
/// use axum::extract::State;
/// use axum::http::HeaderMap;
/// use axum::response::{Response, sse::Event};
/// use axum::routing::get;
/// use socket_registry_axum::{Sessions, events_head};
///
/// async fn events(State(sessions): State<Sessions<u64>>, headers: HeaderMap) -> Response {
///     sessions.events(&headers, 42, |_due| async { Event::default().data("update") }).await
/// }
/// let app: Router<Sessions<u64>> = Router::new().route("/events", get(events).head(events_head));
/// ```
pub async fn events_head() -> Response {
    (HEADERS, [(header::CONTENT_TYPE, "text/event-stream")]).into_response()
}

/// Returns the response whose body is the stream. Precondition: the socket is registered, so that
/// every change from here on makes it due.
pub(crate) fn stream<K, M, S, F>(
    headers: &HeaderMap,
    socket: Subscription<K, M>,
    limits: Arc<Limits>,
    options: Options,
    mut version: Option<Version>,
    send: S,
) -> Response
where
    K: Eq + Hash + Send + Sync + 'static,
    M: Send + Sync + 'static,
    S: FnMut(Topics) -> F + Send + 'static,
    F: Future<Output = Event> + Send + 'static,
{
    // Without data the client sees no event, and yet learns how long to wait before it reconnects,
    // and which id to name then.
    let mut first = Event::default().retry(limits.retry + spread(limits.retry));
    if let Some(version) = &mut version {
        let version = version();
        let missed = headers.get("last-event-id").is_some_and(|last| last.as_bytes() != version.as_bytes());
        if missed {
            socket.make_due(Topics::UPDATE);
        } else {
            first = first.id(version);
        }
    }
    let events = Events { socket, limits, options, version, send, is_over: false };
    let rest = stream::unfold(events, |mut events| async { Some((events.next().await?, events)) });
    let events = stream::iter([first]).chain(rest).map(Ok::<_, Infallible>);
    // These replace axum's own header for caches.
    (HEADERS, Sse::new(events)).into_response()
}

/// Returns a random part of the pause, so that the clients of a server that went away do not all
/// reconnect at the same moment.
fn spread(pause: Duration) -> Duration {
    pause.mul_f64(f64::from(RandomState::new().hash_one(0) as u32) / f64::from(u32::MAX))
}

struct Events<K, M, S> {
    socket: Subscription<K, M>,
    limits: Arc<Limits>,
    options: Options,
    version: Option<Version>,
    send: S,
    is_over: bool,
}

impl<K, M, S, F> Events<K, M, S>
where
    S: FnMut(Topics) -> F,
    F: Future<Output = Event>,
{
    /// Returns the next event. Returns `None` when the server stops: the client then reconnects by
    /// itself, to another server. A client that should stay away first gets an event that says so,
    /// because it would take the end alone for a reason to reconnect.
    async fn next(&mut self) -> Option<Event> {
        if self.is_over {
            return None;
        }
        let beat_at = on_a_tick(Instant::now() + self.limits.ping_every);
        loop {
            let expiry = self.options.expiry.as_ref();
            let wake_at = expiry.map_or(beat_at, |expiry| expiry.instant().min(beat_at));
            tokio::select! {
                biased;
                due = self.socket.due() => return match due {
                    Ok(topics) => self.update(topics).await,
                    Err(Closed::Shutdown) => None,
                    Err(closed) => Some(self.dismissed(farewell(closed))),
                },
                () = sleep_until(wake_at) => {
                    if expiry.is_some_and(|expiry| expiry.is_over()) {
                        self.socket.metrics().expired();
                        return Some(self.dismissed(expired()));
                    }
                    if wake_at == beat_at {
                        // The script of a page sees events only, not comments, and an event needs
                        // data.
                        let seconds = self.limits.ping_every.as_secs_f64().ceil();
                        return Some(Event::default().event("ping").data(seconds.to_string()));
                    }
                }
            }
        }
    }

    /// Makes the event of an update. If it takes too long, or the stream is dropped meanwhile, the
    /// topics are due again.
    async fn update(&mut self, topics: Topics) -> Option<Event> {
        let version = self.version.as_mut().map(|version| version());
        let Some(event) = within(self.limits.send_within, (self.send)(topics)).await else {
            self.socket.not_sent(topics);
            return None;
        };
        self.socket.sent();
        Some(match version {
            Some(version) => event.id(version),
            None => event,
        })
    }

    fn dismissed(&mut self, CloseFrame { code, reason }: CloseFrame) -> Event {
        self.is_over = true;
        Event::default().event("dismissed").id(OVER).data(format!("{code} {reason}"))
    }
}
