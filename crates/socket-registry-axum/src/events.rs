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

/// The id of the event that dismisses a client for good: a plain `EventSource` names it when it
/// comes back.
const OVER: &str = "over";

/// Whether this client was told not to come back, and does so because `EventSource` always does.
pub(crate) fn is_over(headers: &HeaderMap) -> bool {
    headers.get("last-event-id").is_some_and(|last| last == OVER)
}

/// The one answer after which `EventSource` stays away.
pub(crate) fn no_more() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

/// Compressing or caching proxies hold events back, and so do those that buffer; nginx is asked
/// like this.
const HEADERS: [(HeaderName, HeaderValue); 2] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform")),
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
];

/// Answers HEAD as GET would be answered, without a session. Route it beside the handler that
/// answers GET: axum runs that one for HEAD otherwise, and for a moment the key would be online.
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

/// The response whose body is the stream. The socket is registered: what changes from here on makes
/// it due.
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
    // Without data it is no event, and yet sets how long the client waits, and what it will name as
    // its last one.
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
    // These replace what axum says of caches.
    (HEADERS, Sse::new(events)).into_response()
}

/// So that the clients of a server that went away do not come back at the same moment: from nothing
/// to the pause.
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
    /// `None` when the server stops: the client comes back by itself, and there will be another
    /// one. A client that should not come back is told so first, in an event of its own: the end
    /// alone would be a reason to try again.
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
                        // A page sees an event, and no comment; without data it would be none.
                        let seconds = self.limits.ping_every.as_secs_f64().ceil();
                        return Some(Event::default().event("ping").data(seconds.to_string()));
                    }
                }
            }
        }
    }

    /// Whatever was due when the stream is dropped, or when the update takes too long, is due
    /// again.
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
