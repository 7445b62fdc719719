//! One session that is yet to begin: its options, and how it begins.

use std::fmt;
use std::hash::Hash;
use std::pin::Pin;

use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::response::sse::Event;
use socket_registry::Topics;

use crate::connection::Connection;
use crate::events;
use crate::expiry::Expiry;
use crate::messages::IntoMessages;
use crate::refused::Refused;
use crate::sessions::Sessions;
use crate::subscription::Subscription;

type Reply = Pin<Box<dyn Future<Output = Vec<Message>> + Send>>;
/// What answers a client's messages.
pub(crate) type OnMessage = Box<dyn FnMut(Message) -> Reply + Send>;
/// What numbers the states of what an event stream tells of.
pub(crate) type Version = Box<dyn FnMut() -> String + Send>;

/// A session that has not begun yet, from [`Sessions::session`].
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use axum::extract::State;
/// use axum::extract::ws::{Message, WebSocketUpgrade};
/// use axum::response::{IntoResponse, Response};
/// use socket_registry::Topics;
/// use socket_registry_axum::{Expiry, Sessions};
///
/// async fn ws(State(sessions): State<Sessions<String>>, ws: WebSocketUpgrade) -> Response {
///     // As the token says.
///     let expiry = Expiry::at(SystemTime::now() + Duration::from_secs(600));
///     sessions
///         .session("ada".to_owned(), ())
///         .due(Topics::UPDATE)
///         .taking_over()
///         .expires(expiry)
///         .on_message(|message| async move { message }) // an echo
///         .upgrade(ws, |_due| async { Message::text("update") })
///         .into_response()
/// }
/// ```
#[must_use = "nothing begins before `upgrade` or `events` is called"]
pub struct Session<'a, K, M> {
    sessions: &'a Sessions<K, M>,
    key: K,
    metadata: M,
    due: Topics,
    takes_over: bool,
    on_message: Option<OnMessage>,
    version: Option<Version>,
    pub(crate) options: Options,
}

/// What a running session still needs to know.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) expiry: Option<Expiry>,
    pub(crate) heartbeat: Option<Message>,
}

impl<'a, K, M> Session<'a, K, M> {
    pub(crate) fn new(sessions: &'a Sessions<K, M>, key: K, metadata: M) -> Self {
        let options = Options::default();
        Self {
            sessions,
            key,
            metadata,
            due: Topics::EMPTY,
            takes_over: false,
            on_message: None,
            version: None,
            options,
        }
    }

    /// Makes these topics due from the start.
    pub fn due(mut self, topics: Topics) -> Self {
        self.due |= topics;
        self
    }

    /// Ends all other sessions of the key, with the close code of
    /// [`Closed::Superseded`](socket_registry::Closed::Superseded), 4002.
    pub fn taking_over(mut self) -> Self {
        self.takes_over = true;
        self
    }

    /// Ends the session at that time, with the close code of
    /// [`CloseReason::EXPIRED`](socket_registry::CloseReason::EXPIRED), 4003, unless the expiry is
    /// renewed. `None` means never.
    pub fn expires(mut self, expiry: impl Into<Option<Expiry>>) -> Self {
        self.options.expiry = expiry.into();
        self
    }

    /// Sends this message with every ping: the script of a page sees no pings. `None` sends none.
    /// Event streams have heartbeats in any case.
    pub fn heartbeat(mut self, message: impl Into<Option<Message>>) -> Self {
        self.options.heartbeat = message.into();
        self
    }

    /// Answers each text and binary message of a WebSocket's client. Without it they are ignored.
    ///
    /// The session waits for the answer, up to [`send_within`](crate::Builder::send_within).
    pub fn on_message<F, O>(mut self, mut answer: impl FnMut(Message) -> F + Send + 'static) -> Self
    where
        F: Future<Output = O> + Send + 'static,
        O: IntoMessages,
    {
        self.on_message = Some(Box::new(move |message| {
            let answer = answer(message);
            Box::pin(async move { answer.await.into_messages().collect() })
        }));
        self
    }

    /// Sets the id of the stream's events: `version` returns another text after each change. A
    /// client that reconnects and names another id as its last gets an event immediately.
    pub fn version(mut self, version: impl FnMut() -> String + Send + 'static) -> Self {
        self.version = Some(Box::new(version));
        self
    }
}

impl<K, M> Session<'_, K, M>
where
    K: Eq + Hash + Send + Sync + 'static,
    M: Send + Sync + 'static,
{
    /// Registers the socket and answers the handshake. Whatever happens to the client, the
    /// session's task removes its socket.
    ///
    /// `send` makes the messages when topics are due, and may wait for a database. If they cannot
    /// be sent, the topics are due again, for the socket that takes over.
    ///
    /// # Errors
    /// Returns [`Refused`] if the registry refuses the socket.
    pub fn upgrade<F, O>(
        self,
        ws: WebSocketUpgrade,
        send: impl FnMut(Topics) -> F + Send + 'static,
    ) -> Result<Response, Refused>
    where
        F: Future<Output = O> + Send + 'static,
        O: IntoMessages + 'static,
    {
        let limits = self.sessions.limits.clone();
        let (socket, options, on_message, _) = self.register()?;
        let ws = ws
            .read_buffer_size(limits.max_message.min(4 << 10))
            .write_buffer_size(0)
            .max_frame_size(limits.max_message)
            .max_message_size(limits.max_message)
            .max_write_buffer_size(limits.max_outgoing.max(limits.max_message) + (4 << 10));
        // If the upgrade fails, the task is dropped and with it the socket.
        Ok(ws.on_upgrade(move |ws| Connection { ws, limits, options, on_message }.serve(socket, send)))
    }

    /// Registers the socket and answers with a stream of Server-Sent Events; `headers` are those of
    /// the request.
    ///
    /// `send` makes the event when topics are due. If there is a [`version`](Self::version), `send`
    /// sets no id.
    ///
    /// # Errors
    /// Returns [`Refused`] if the registry refuses the socket.
    pub fn events<F>(
        self,
        headers: &HeaderMap,
        send: impl FnMut(Topics) -> F + Send + 'static,
    ) -> Result<Response, Refused>
    where
        F: Future<Output = Event> + Send + 'static,
    {
        if events::is_over(headers) {
            return Ok(events::no_more());
        }
        let limits = self.sessions.limits.clone();
        let (socket, options, _, version) = self.register()?;
        Ok(events::stream(headers, socket, limits, options, version, send))
    }

    #[expect(clippy::type_complexity, reason = "taken apart by the two callers above")]
    fn register(self) -> Result<(Subscription<K, M>, Options, Option<OnMessage>, Option<Version>), Refused> {
        let Self { sessions, key, metadata, due, takes_over, on_message, version, options } = self;
        let registration = sessions.registry.registration(key, metadata).due(due);
        let registration = if takes_over { registration.taking_over() } else { registration };
        let socket = registration.register().map_err(|error| {
            sessions.metrics.refused(error);
            Refused(error)
        })?;
        let socket = Subscription::new(socket, sessions.limits.min_interval, sessions.metrics.clone());
        Ok((socket, options, on_message, version))
    }
}

impl<K: fmt::Debug, M> fmt::Debug for Session<'_, K, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("key", &self.key)
            .field("due", &self.due)
            .field("taking_over", &self.takes_over)
            .finish_non_exhaustive()
    }
}
