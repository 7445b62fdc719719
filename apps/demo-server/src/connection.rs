//! One WebSocket connection: tells its client whenever its socket is due, and notices when the client is gone.

use std::hash::Hash;
use std::ops::ControlFlow::{self, Break, Continue};
use std::pin::pin;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::http::request::Parts;
use axum::response::Response;
use socket_registry::{Closed, Topics};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Error as WsError;
use tokio_tungstenite::tungstenite::error::ProtocolError;

use crate::app::App;
use crate::error::ApiError;
use crate::feed::{Subscription, Update};

/// Clients have nothing to say here, so 4 KiB is plenty. The default buffers cost 134 KiB per idle connection.
const MAX_FRAME: usize = 4 << 10;
/// Between two pings, and after our close frame. A sound client sends the answer to the first, and nothing else.
const MAX_FRAMES: u32 = 1_000;
/// How long a client may take to answer a close frame.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);

/// A request to open a WebSocket.
pub(crate) struct Upgrade {
    upgrade: WebSocketUpgrade,
    heartbeat: Heartbeat,
}

impl FromRequestParts<Arc<App>> for Upgrade {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let upgrade = WebSocketUpgrade::from_request_parts(parts, app).await?;
        let upgrade = upgrade.read_buffer_size(MAX_FRAME).write_buffer_size(0);
        let upgrade = Self { upgrade, heartbeat: app.heartbeat };
        Ok(upgrade.limited_to(MAX_FRAME))
    }
}

impl Upgrade {
    /// Takes messages of up to that many bytes.
    pub(crate) fn limited_to(self, bytes: usize) -> Self {
        let upgrade = self.upgrade.max_frame_size(bytes).max_message_size(bytes).max_write_buffer_size(2 * bytes);
        Self { upgrade, ..self }
    }

    /// Runs `task` on the connection. Where the upgrade fails, `task` is dropped and with it what it registered.
    pub(crate) fn accept<F>(self, task: impl FnOnce(Connection) -> F + Send + 'static) -> Response
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.upgrade.on_upgrade(move |ws| task(Connection { ws, heartbeat: self.heartbeat }))
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Heartbeat {
    pub(crate) every: Duration,
    pub(crate) within: Duration,
}

/// Up to a second later: at a moment that all connections share, so that the server wakes up once for the pings of many.
fn on_the_second(time: Instant) -> Instant {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    *START + Duration::from_secs(time.duration_since(*START).as_secs() + 1)
}

/// Why a connection ends, which decides what is left to say.
pub(crate) enum Ending {
    /// Nobody is there.
    Gone,
    /// The client closed; its close frame wants an answer.
    Left,
    /// We close.
    Dismissed(CloseFrame),
}

pub(crate) struct Connection {
    ws: WebSocket,
    heartbeat: Heartbeat,
}

impl Connection {
    /// Sends what `messages` makes of the topics whenever the socket is due, until one side ends it.
    pub(crate) async fn serve<K, I>(
        &mut self,
        socket: &mut Subscription<K>,
        mut messages: impl FnMut(Topics) -> I,
    ) -> Ending
    where
        K: Eq + Hash + Send + Sync + 'static,
        I: IntoIterator<Item = Utf8Bytes>,
    {
        let Heartbeat { every, within } = self.heartbeat;
        let mut pinged = false;
        let mut frames = 0;
        let mut alarm = pin!(sleep_until(on_the_second(Instant::now() + every)));
        loop {
            let step = tokio::select! {
                due = socket.due() => match due {
                    Ok(update) => self.tell(socket, &update, messages(update.topics)).await,
                    Err(closed) => Break(Ending::Dismissed(farewell(closed))),
                },
                frame = self.ws.recv() => match frame {
                    Some(Ok(Message::Pong(_))) if pinged => {
                        pinged = false;
                        alarm.as_mut().reset(on_the_second(Instant::now() + every));
                        Continue(())
                    }
                    Some(Ok(Message::Close(_))) => Break(Ending::Left),
                    Some(Ok(_)) => {
                        frames += 1;
                        if frames > MAX_FRAMES { dismissed(close_code::POLICY, "too many frames") } else { Continue(()) }
                    }
                    Some(Err(error)) => unreadable(error),
                    None => Break(Ending::Gone),
                },
                () = &mut alarm => {
                    if pinged {
                        Break(Ending::Gone)
                    } else {
                        pinged = true;
                        frames = 0;
                        alarm.as_mut().reset(Instant::now() + within);
                        self.send(Message::Ping(Default::default())).await
                    }
                },
            };
            if let Break(ending) = step {
                return ending;
            }
        }
    }

    async fn tell<K>(
        &mut self,
        socket: &mut Subscription<K>,
        update: &Update,
        messages: impl IntoIterator<Item = Utf8Bytes>,
    ) -> ControlFlow<Ending>
    where
        K: Eq + Hash + Send + Sync + 'static,
    {
        for text in messages {
            if let Break(ending) = self.send(Message::Text(text)).await {
                socket.not_sent(update);
                return Break(ending);
            }
            socket.sent(update);
        }
        Continue(())
    }

    /// Sends back what comes, until one side ends it or the server is gone.
    pub(crate) async fn echo(&mut self) -> Ending {
        loop {
            let step = match self.ws.recv().await {
                Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => self.send(message).await,
                Some(Ok(Message::Close(_))) => Break(Ending::Left),
                Some(Ok(_)) => Continue(()),
                Some(Err(error)) => unreadable(error),
                None => Break(Ending::Gone),
            };
            if let Break(ending) = step {
                return ending;
            }
        }
    }

    /// The closing handshake. The socket leaves the registry first: nobody should count on it any more. When the server stops it
    /// leaves afterwards, because the server waits until its registries are empty.
    pub(crate) async fn close<K>(self, ending: Ending, socket: Subscription<K>)
    where
        K: Eq + Hash + Send + Sync + 'static,
    {
        let _waited_for = socket.stops().then_some(socket);
        self.shake_hands(ending).await;
    }

    pub(crate) async fn shake_hands(mut self, ending: Ending) {
        let handshake = async {
            match ending {
                Ending::Gone => return Ok(()),
                Ending::Left => {} // reading on sends the answer
                Ending::Dismissed(frame) => self.ws.send(Message::Close(Some(frame))).await?,
            }
            // Who floods us does not go on with it until the time is up.
            for _ in 0..MAX_FRAMES {
                match self.ws.recv().await {
                    Some(frame) => frame?,
                    None => break,
                };
            }
            Ok::<(), axum::Error>(())
        };
        // Whatever goes wrong now, the connection is over either way.
        let _ = timeout(CLOSE_WITHIN, handshake).await;
    }

    /// A client that does not take what it is sent is gone as well.
    async fn send(&mut self, message: Message) -> ControlFlow<Ending> {
        match timeout(self.heartbeat.within, self.ws.send(message)).await {
            Ok(Ok(())) => Continue(()),
            _ => Break(Ending::Gone),
        }
    }
}

/// What a client is told that was told to go. It should come back by itself only where the server stops.
pub(crate) fn farewell(closed: Closed) -> CloseFrame {
    let reason = match closed {
        Closed::Shutdown => Utf8Bytes::from_static("the server stops"),
        _ => closed.to_string().into(),
    };
    CloseFrame { code: closed.code(), reason }
}

fn dismissed(code: u16, reason: &'static str) -> ControlFlow<Ending> {
    let reason = Utf8Bytes::from_static(reason);
    Break(Ending::Dismissed(CloseFrame { code, reason }))
}

fn unreadable(error: axum::Error) -> ControlFlow<Ending> {
    match error.into_inner().downcast_ref() {
        Some(WsError::Capacity(_)) => dismissed(close_code::SIZE, "a frame is over 4 KiB"),
        Some(WsError::Utf8(_)) => dismissed(close_code::INVALID, "a text is not UTF-8"),
        Some(WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => Break(Ending::Gone),
        Some(WsError::Protocol(_)) => dismissed(close_code::PROTOCOL, "not the WebSocket protocol"),
        _ => Break(Ending::Gone),
    }
}
