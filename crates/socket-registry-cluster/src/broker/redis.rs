//! Redis or Valkey, by their publish and subscribe.

use super::{Broker, Deliveries, Delivery, Interest, Message, Refused, SUBSCRIPTION_ROOM};
use futures_util::stream::{self, StreamExt};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, IntoConnectionInfo, RedisError};
use std::time::Duration;
use tokio::sync::{Mutex, mpsc, watch};

/// How long a connection that was lost stays away before the next attempt: first, and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// How long the server may take to answer a batch. The commands may still be carried out after
/// that.
const ANSWER: Duration = Duration::from_secs(5);

/// A connection to a Redis or Valkey server.
///
/// It publishes by one pipeline for each batch, on a connection of its own, and subscribes on
/// another. It reconnects both by itself. Use one server with its replicas behind one address; of a
/// Redis Cluster any one node will do, since it passes what is published on to the others.
#[derive(Debug)]
pub struct Redis {
    client: Client,
    publishing: Mutex<Option<MultiplexedConnection>>,
    /// Counts the calls of `reconnect`.
    round: watch::Sender<u64>,
}

impl Redis {
    /// Names the server, as in `redis://user:password@host:6379`. The connections are made later,
    /// when they are needed.
    ///
    /// # Errors
    ///
    /// Returns an error for an address that cannot be parsed.
    pub fn new(server: impl IntoConnectionInfo) -> Result<Self, RedisError> {
        Ok(Client::open(server)?.into())
    }

    async fn connected(&self) -> MultiplexedConnection {
        let config = AsyncConnectionConfig::new().set_response_timeout(Some(ANSWER));
        let mut pause = PAUSE.0;
        loop {
            match self.client.get_multiplexed_async_connection_with_config(&config).await {
                Ok(connection) => return connection,
                Err(error) => tracing::debug!(%error, "Redis is away"),
            }
            wait(&mut pause).await;
        }
    }
}

/// A client of the caller's making, for TLS and other settings.
impl From<Client> for Redis {
    fn from(client: Client) -> Self {
        Self { client, publishing: Mutex::default(), round: watch::channel(0).0 }
    }
}

impl Broker for Redis {
    async fn publish(&self, batch: Vec<Message>) -> Result<(), Refused> {
        let mut pipeline = redis::pipe();
        for Message { subject, payload } in &batch {
            pipeline.cmd("PUBLISH").arg(subject).arg(&payload[..]).ignore();
        }
        let mut publishing = self.publishing.lock().await;
        // Taken out, so that a call that fails or is dropped leaves no connection in an unknown
        // state.
        let mut connection = match publishing.take() {
            Some(connection) => connection,
            None => self.connected().await,
        };
        pipeline.exec_async(&mut connection).await.map_err(Refused::new)?;
        *publishing = Some(connection);
        Ok(())
    }

    fn subscribe(&self, interests: Vec<Interest>) -> Deliveries {
        let (sender, receiver) = mpsc::channel(SUBSCRIPTION_ROOM);
        tokio::spawn(pump(self.client.clone(), interests, self.round.subscribe(), sender));
        stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) }).boxed()
    }

    async fn reconnect(&self) {
        self.round.send_modify(|round| *round += 1);
        // A batch that waits in `publish` has its own time-out.
        if let Ok(mut publishing) = self.publishing.try_lock() {
            *publishing = None;
        }
    }
}

/// Brings what is published into a channel with bounds, which the client's own has not.
async fn pump(
    client: Client,
    interests: Vec<Interest>,
    mut round: watch::Receiver<u64>,
    sender: mpsc::Sender<Delivery>,
) {
    let mut pause = PAUSE.0;
    while !sender.is_closed() {
        round.mark_unchanged();
        let mut is_connected = false;
        tokio::select! {
            result = listen(&client, &interests, &sender, &mut is_connected) => {
                if let Err(error) = result {
                    tracing::debug!(%error, "Redis is away");
                }
            }
            _ = round.changed() => {}
            () = sender.closed() => return,
        }
        if is_connected {
            pause = PAUSE.0;
            // Fails if the subscription was dropped, which ends the loop.
            let _ = sender.send(Delivery::Interrupted).await;
        }
        wait(&mut pause).await;
    }
}

/// Delivers until the connection is lost.
async fn listen(
    client: &Client,
    interests: &[Interest],
    sender: &mpsc::Sender<Delivery>,
    is_connected: &mut bool,
) -> Result<(), RedisError> {
    let mut connection = client.get_async_pubsub().await?;
    for interest in interests {
        match interest {
            Interest::Subject(subject) => connection.subscribe(subject).await?,
            Interest::Below(root) => connection.psubscribe(format!("{root}.*")).await?,
        }
    }
    *is_connected = true;
    let mut messages = connection.into_on_message();
    while let Some(message) = messages.next().await {
        let payload = message.get_payload_bytes().to_vec().into();
        let message = Message { subject: message.get_channel_name().to_owned(), payload };
        if let Err(mpsc::error::TrySendError::Closed(_)) = sender.try_send(Delivery::Message(message)) {
            return Ok(());
        }
    }
    Ok(())
}

async fn wait(pause: &mut Duration) {
    tokio::time::sleep(*pause).await;
    *pause = (*pause * 2).min(PAUSE.1);
}
