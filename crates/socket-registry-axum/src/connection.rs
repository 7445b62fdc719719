//! The task of one WebSocket: sends an update to its client whenever its socket is due, and notices
//! when the client is gone.

use std::ops::ControlFlow::{self, Break, Continue};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket, close_code};
use socket_registry::Topics;
use tokio::time::{Instant, sleep_until, timeout};

use crate::close::Ending;
use crate::messages::IntoMessages;
use crate::pulse::{Beat, Pulse, within};
use crate::session::{OnMessage, Options};
use crate::sessions::Limits;
use crate::subscription::Subscription;

/// How long a client may take to answer a close frame.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);

pub(crate) struct Connection {
    pub(crate) ws: WebSocket,
    pub(crate) limits: Arc<Limits>,
    pub(crate) options: Options,
    pub(crate) on_message: Option<OnMessage>,
}

impl Connection {
    /// Sends what `send` makes of the topics whenever the socket is due, until one side ends the
    /// session; then makes the closing handshake.
    pub(crate) async fn serve<K, M, F, O>(mut self, mut socket: Subscription<K, M>, send: impl FnMut(Topics) -> F)
    where
        F: Future<Output = O>,
        O: IntoMessages,
    {
        let ending = self.converse(&mut socket, send).await;
        // The socket leaves the registry before the handshake, so that no mark counts it any more.
        // When the server stops it leaves after the handshake, because the drain waits until the
        // registries are empty.
        let _waited_for = socket.stops().then_some(socket);
        self.shake_hands(ending).await;
    }

    async fn converse<K, M, F, O>(
        &mut self,
        socket: &mut Subscription<K, M>,
        mut send: impl FnMut(Topics) -> F,
    ) -> Ending
    where
        F: Future<Output = O>,
        O: IntoMessages,
    {
        let mut pulse = Pulse::new(self.limits.ping_every, self.limits.pong_within, Instant::now());
        let mut expires_at = self.expires_at();
        let mut frames = 0;
        let mut alarm = pin!(sleep_until(pulse.at()));
        loop {
            let next = expires_at.map_or(pulse.at(), |at| at.min(pulse.at()));
            if alarm.deadline() != next {
                alarm.as_mut().reset(next);
            }
            // In this order: no deadline is judged before everything that has arrived was read.
            let step = tokio::select! {
                biased;
                frame = self.ws.recv() => match frame {
                    Some(Ok(Message::Pong(_))) if pulse.pong(Instant::now()) => {
                        frames = 0;
                        Continue(())
                    }
                    Some(Ok(Message::Close(_))) => Break(Ending::Left),
                    Some(Ok(message)) => {
                        frames += 1;
                        if frames > self.limits.max_frames {
                            Break(Ending::dismissed(close_code::POLICY, "too many frames"))
                        } else {
                            let step = self.hear(message).await;
                            expires_at = self.expires_at(); // the message may have renewed it
                            step
                        }
                    }
                    Some(Err(error)) => Break(Ending::unreadable(error)),
                    None => Break(Ending::Gone),
                },
                due = socket.due() => match due {
                    Ok(topics) => self.tell(socket, topics, send(topics)).await,
                    Err(closed) => Break(Ending::told(closed)),
                },
                () = &mut alarm => {
                    expires_at = self.expires_at();
                    if self.options.expiry.as_ref().is_some_and(|expiry| expiry.is_over()) {
                        socket.metrics().expired();
                        Break(Ending::expired())
                    } else {
                        match pulse.beat(Instant::now()) {
                            Beat::Wait => Continue(()),
                            Beat::Ask => {
                                frames = 0;
                                self.ask().await
                            }
                            Beat::GiveUp => {
                                socket.metrics().unanswered();
                                Break(Ending::Gone)
                            }
                        }
                    }
                },
            };
            if let Break(ending) = step {
                return ending;
            }
        }
    }

    fn expires_at(&self) -> Option<Instant> {
        self.options.expiry.as_ref().map(|expiry| expiry.instant())
    }

    /// Makes the update and sends it. Where that fails, its topics are due again.
    async fn tell<K, M, O: IntoMessages>(
        &mut self,
        socket: &mut Subscription<K, M>,
        topics: Topics,
        update: impl Future<Output = O>,
    ) -> ControlFlow<Ending> {
        let Some(messages) = within(self.limits.send_within, update).await else {
            socket.not_sent(topics);
            return Break(Ending::dismissed(close_code::ERROR, "the update took too long"));
        };
        for message in messages.into_messages() {
            if let Break(ending) = self.send(message).await {
                socket.not_sent(topics);
                return Break(ending);
            }
            socket.sent();
        }
        Continue(())
    }

    /// Answers a message, if there is something that answers.
    async fn hear(&mut self, message: Message) -> ControlFlow<Ending> {
        let Some(answer) = self.on_message.as_mut() else { return Continue(()) };
        if !matches!(message, Message::Text(_) | Message::Binary(_)) {
            return Continue(());
        }
        let Some(answers) = within(self.limits.send_within, answer(message)).await else {
            return Break(Ending::dismissed(close_code::ERROR, "the answer took too long"));
        };
        for message in answers {
            self.send(message).await?;
        }
        Continue(())
    }

    async fn ask(&mut self) -> ControlFlow<Ending> {
        self.send(Message::Ping(Default::default())).await?;
        match self.options.heartbeat.clone() {
            Some(heartbeat) => self.send(heartbeat).await,
            None => Continue(()),
        }
    }

    /// Sends a message. A client that does not take it in time counts as gone.
    async fn send(&mut self, message: Message) -> ControlFlow<Ending> {
        match within(self.limits.send_within, self.ws.send(message)).await {
            Some(Ok(())) => Continue(()),
            _ => Break(Ending::Gone),
        }
    }

    /// Makes the closing handshake.
    async fn shake_hands(mut self, ending: Ending) {
        let handshake = async {
            match ending {
                Ending::Gone => return Ok(()),
                Ending::Left => {} // reading on sends the answer
                Ending::Dismissed(frame) => self.ws.send(Message::Close(Some(frame))).await?,
            }
            // A limit for a client that floods the server until the time is up.
            for _ in 0..self.limits.max_frames {
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
}
