//! NATS, by the client that its authors maintain.

use super::{Broker, Deliveries, Delivery, Interest, Message, Refused, SUBSCRIPTION_ROOM};
use async_nats::{Client, ConnectError, ConnectOptions, Event, ServerAddr, ToServerAddrs};
use futures_util::stream::{self, StreamExt};
use tokio::sync::watch;

/// A connection to a NATS server or cluster of servers.
///
/// Any server of version 2 will do, without JetStream. Permissions must allow the subjects
/// `srg1.NAMESPACE.>`; docs/DESIGN.md of this crate lists those that each role needs.
#[derive(Clone, Debug)]
pub struct Nats {
    client: Client,
    interruptions: watch::Receiver<u64>,
}

impl Nats {
    /// Connects to these servers, as the user of the first address that names one with a password:
    /// `nats://user:password@host`.
    ///
    /// # Errors
    ///
    /// The same as [`with_options`](Self::with_options).
    pub async fn connect(servers: impl ToServerAddrs) -> Result<Self, ConnectError> {
        let servers: Vec<ServerAddr> = servers.to_server_addrs()?.collect();
        let mut users = servers.iter().filter_map(|server| Some((server.username()?, server.password()?)));
        let options = match users.next() {
            Some((user, password)) => ConnectOptions::with_user_and_password(user.to_owned(), password.to_owned()),
            None => ConnectOptions::new(),
        };
        Self::with_options(servers, options).await
    }

    /// Connects with these options of the client, such as TLS, credentials, names and time-outs.
    ///
    /// Three options are overwritten: the client retries the first connection, so a broker that is
    /// away is no error; its events go to `tracing`; and a subscription holds up to 8,192 messages.
    /// Do not set `no_echo`: a node that does not hear itself takes itself for deaf. Do not set
    /// `max_reconnects` either.
    ///
    /// # Errors
    ///
    /// Returns what waiting cannot mend: an address that cannot be parsed, a certificate that
    /// cannot be read.
    pub async fn with_options(servers: impl ToServerAddrs, options: ConnectOptions) -> Result<Self, ConnectError> {
        let (sender, interruptions) = watch::channel(0);
        let client = options
            .retry_on_initial_connect()
            .subscription_capacity(SUBSCRIPTION_ROOM)
            .event_callback(move |event| {
                match event {
                    Event::Disconnected | Event::SlowConsumer(_) => sender.send_modify(|count| *count += 1),
                    _ => {}
                }
                tracing::info!(%event, "NATS");
                async {}
            })
            .connect(servers)
            .await?;
        Ok(Self { client, interruptions })
    }
}

impl Broker for Nats {
    async fn publish(&self, batch: Vec<Message>) -> Result<(), Refused> {
        for Message { subject, payload } in batch {
            self.client.publish(subject, payload).await.map_err(Refused::new)?;
        }
        // Until the batch is on its way: what comes meanwhile coalesces, instead of filling the
        // client's buffers.
        self.client.flush().await.map_err(Refused::new)
    }

    fn subscribe(&self, interests: Vec<Interest>) -> Deliveries {
        let mut interruptions = self.interruptions.clone();
        interruptions.mark_unchanged();
        let interruptions = stream::unfold(interruptions, |mut interruptions| async move {
            interruptions.changed().await.ok()?;
            Some((Delivery::Interrupted, interruptions))
        });
        let mut all = stream::select_all([interruptions.boxed()]);
        for interest in interests {
            all.push(messages(self.client.clone(), interest));
        }
        all.boxed()
    }

    async fn reconnect(&self) {
        // The error says that the client has ended, which happens only with the runtime.
        let _ = self.client.force_reconnect().await;
    }
}

fn messages(client: Client, interest: Interest) -> Deliveries {
    let subject = match interest {
        Interest::Subject(subject) => subject,
        Interest::Below(root) => format!("{root}.>"),
    };
    let subscribe = async move {
        match client.subscribe(subject).await {
            Ok(subscriber) => subscriber
                .map(|message| {
                    Delivery::Message(Message { subject: message.subject.into_string(), payload: message.payload })
                })
                .boxed(),
            Err(error) => {
                tracing::error!(%error, "cannot subscribe to NATS");
                stream::pending().boxed()
            }
        }
    };
    stream::once(subscribe).flatten().boxed()
}
