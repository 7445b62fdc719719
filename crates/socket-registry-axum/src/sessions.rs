//! A registry whose sockets are WebSockets and event streams.

use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::WebSocketUpgrade;
use axum::http::HeaderMap;
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use socket_registry::{Registry, Topics};

use crate::messages::IntoMessages;
use crate::metrics::Metrics;
use crate::session::Session;

/// A registry, and how its clients are treated. A clone is the same registry.
///
/// ```
/// use std::time::Duration;
/// use socket_registry::Registry;
/// use socket_registry_axum::Sessions;
///
/// let sessions: Sessions<u64> = Sessions::new(Registry::new());
/// assert_eq!(sessions.registry().mark(&42), 0);
///
/// let slow: Sessions<u64> =
///     Sessions::builder(Registry::new()).min_interval(Duration::from_secs(1)).max_message(1024).build();
/// ```
pub struct Sessions<K, M = ()> {
    pub(crate) registry: Registry<K, M>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) metrics: Arc<dyn Metrics<M>>,
}

/// The numbers that hold for every session.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    pub(crate) ping_every: Duration,
    pub(crate) pong_within: Duration,
    pub(crate) send_within: Duration,
    pub(crate) min_interval: Duration,
    pub(crate) max_message: usize,
    pub(crate) max_outgoing: usize,
    pub(crate) max_frames: u32,
    pub(crate) retry: Duration,
}

impl<K, M> Clone for Sessions<K, M> {
    fn clone(&self) -> Self {
        Self { registry: self.registry.clone(), limits: Arc::clone(&self.limits), metrics: Arc::clone(&self.metrics) }
    }
}

impl<K, M> fmt::Debug for Sessions<K, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl<K, M: 'static> Sessions<K, M> {
    /// Creates sessions on that registry, with the defaults of [`Builder`].
    #[must_use]
    pub fn new(registry: Registry<K, M>) -> Self {
        Self::builder(registry).build()
    }

    /// Returns a builder for sessions on that registry, to choose their limits.
    pub fn builder(registry: Registry<K, M>) -> Builder<K, M> {
        let limits = Limits {
            ping_every: Duration::from_secs(45),
            pong_within: Duration::from_secs(10),
            send_within: Duration::from_secs(10),
            min_interval: Duration::ZERO,
            max_message: 4 << 10,
            max_outgoing: 1 << 20,
            max_frames: 1_000,
            retry: Duration::from_secs(2),
        };
        Builder { registry, limits, metrics: Arc::new(()) }
    }
}

impl<K, M> Sessions<K, M> {
    /// Returns the registry: to mark users, to disconnect them, to watch who is online.
    #[must_use]
    pub fn registry(&self) -> &Registry<K, M> {
        &self.registry
    }
}

impl<K, M> Sessions<K, M>
where
    K: Eq + Hash + Send + Sync + 'static,
    M: Send + Sync + 'static,
{
    /// Registers a socket under `key` and answers the handshake. From then on the client gets what
    /// `send` makes of the topics that are due. If the registry refuses the socket, the response is
    /// [`Refused`](crate::Refused) instead.
    ///
    /// See [`session`](Self::session) for the options.
    ///
    /// ```
    /// use axum::extract::State;
    /// use axum::extract::ws::{Message, WebSocketUpgrade};
    /// use axum::response::Response;
    /// use socket_registry_axum::Sessions;
    ///
    /// async fn ws(State(sessions): State<Sessions<u64>>, ws: WebSocketUpgrade) -> Response {
    ///     let user = 42; // … as your authentication says
    ///     sessions.upgrade(ws, user, |_due| async { Message::text("update") }).await
    /// }
    /// ```
    pub async fn upgrade<F, O>(
        &self,
        ws: WebSocketUpgrade,
        key: K,
        send: impl FnMut(Topics) -> F + Send + 'static,
    ) -> Response
    where
        F: Future<Output = O> + Send + 'static,
        O: IntoMessages + 'static,
        M: Default,
    {
        self.session(key, M::default()).upgrade(ws, send).into_response()
    }

    /// Does the same as [`upgrade`](Self::upgrade) for a client of Server-Sent Events. `headers`
    /// are those of its request.
    ///
    /// ```
    /// use axum::extract::State;
    /// use axum::http::HeaderMap;
    /// use axum::response::{Response, sse::Event};
    /// use socket_registry_axum::Sessions;
    ///
    /// async fn events(State(sessions): State<Sessions<u64>>, headers: HeaderMap) -> Response {
    ///     let user = 42;
    ///     sessions.events(&headers, user, |_due| async { Event::default().data("update") }).await
    /// }
    /// ```
    pub async fn events<F>(
        &self,
        headers: &HeaderMap,
        key: K,
        send: impl FnMut(Topics) -> F + Send + 'static,
    ) -> Response
    where
        F: Future<Output = Event> + Send + 'static,
        M: Default,
    {
        self.session(key, M::default()).events(headers, send).into_response()
    }

    /// Begins a session whose options you choose before it is registered.
    pub fn session(&self, key: K, metadata: M) -> Session<'_, K, M> {
        Session::new(self, key, metadata)
    }
}

/// Sessions that are not made yet, from [`Sessions::builder`].
#[must_use = "nothing is made before `build` is called"]
pub struct Builder<K, M = ()> {
    registry: Registry<K, M>,
    limits: Limits,
    metrics: Arc<dyn Metrics<M>>,
}

impl<K, M> Builder<K, M> {
    /// Sets the time between two pings of a client, which may be up to 50 ms longer (default: 45
    /// seconds, less than the minute after which many proxies cut an idle connection).
    pub fn ping_every(mut self, every: Duration) -> Self {
        self.limits.ping_every = every;
        self
    }

    /// Sets how long a client may take to answer a ping (default: 10 seconds).
    pub fn pong_within(mut self, within: Duration) -> Self {
        self.limits.pong_within = within;
        self
    }

    /// Sets how long it may take to make an update and to hand it to the connection (default: 10
    /// seconds).
    pub fn send_within(mut self, within: Duration) -> Self {
        self.limits.send_within = within;
        self
    }

    /// Sets the shortest time between two updates of one session (default: none). What changes
    /// meanwhile is one update when that time is over.
    pub fn min_interval(mut self, interval: Duration) -> Self {
        self.limits.min_interval = interval;
        self
    }

    /// Sets the longest message that a client may send (default: 4 KiB). The read buffer has that
    /// size, but at most 4 KiB; axum's default buffers cost 134 KiB for an idle connection.
    pub fn max_message(mut self, bytes: usize) -> Self {
        self.limits.max_message = bytes;
        self
    }

    /// Sets the longest message that is sent to a client (default: 1 MiB). Memory is used only when
    /// there is such a message.
    pub fn max_outgoing(mut self, bytes: usize) -> Self {
        self.limits.max_outgoing = bytes;
        self
    }

    /// Sets how many frames a client may send between two pings (default: 1,000).
    pub fn max_frames(mut self, frames: u32) -> Self {
        self.limits.max_frames = frames;
        self
    }

    /// Sets how long a client of Server-Sent Events waits before it reconnects: from this long to
    /// twice as long (default: 2 seconds).
    pub fn retry(mut self, pause: Duration) -> Self {
        self.limits.retry = pause;
        self
    }

    /// Sets what counts the sessions (default: nothing).
    pub fn metrics(mut self, metrics: impl Metrics<M> + 'static) -> Self {
        self.metrics = Arc::new(metrics);
        self
    }

    /// Builds the sessions.
    #[must_use]
    pub fn build(self) -> Sessions<K, M> {
        let Self { registry, limits, metrics } = self;
        Sessions { registry, limits: Arc::new(limits), metrics }
    }
}

impl<K, M> fmt::Debug for Builder<K, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("limits", &self.limits).finish_non_exhaustive()
    }
}
