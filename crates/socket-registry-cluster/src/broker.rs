//! What the cluster asks of a message broker, and the brokers that it knows.
//!
//! A broker carries messages to those who are connected at that moment, and may lose them: a
//! [`Cluster`](crate::Cluster) notices every loss by itself and repairs it. So there is nothing
//! here to acknowledge, to store or to confirm.

pub mod memory;
#[cfg(feature = "nats")]
mod nats;
#[cfg(feature = "redis")]
mod redis;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use std::fmt;

pub use memory::Memory;
#[cfg(feature = "nats")]
pub use nats::Nats;
#[cfg(feature = "redis")]
pub use redis::Redis;

/// How many messages a subscription holds that the cluster has not taken yet. Those that come while
/// it is full are dropped, which the cluster sees by their numbers.
pub(crate) const SUBSCRIPTION_ROOM: usize = 8_192;

/// A message on its way: a subject of a few ASCII letters, digits, dots, `-` and `_`, and up to 64
/// KiB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Where it is published.
    pub subject: String,
    /// What it says; only the cluster reads it.
    pub payload: Bytes,
}

/// What a subscription yields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// A message of one of the subjects.
    Message(Message),
    /// Messages may have been lost here, as when the connection was lost. A hint that makes repair
    /// begin earlier: a broker that does not notice need not say it.
    Interrupted,
}

/// Subjects to subscribe to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Interest {
    /// This subject alone.
    Subject(String),
    /// Every subject that begins with this and a dot.
    Below(String),
}

impl Interest {
    /// Returns whether messages of this subject are wanted.
    pub fn includes(&self, subject: &str) -> bool {
        match self {
            Self::Subject(own) => own == subject,
            Self::Below(root) => subject.strip_prefix(root.as_str()).is_some_and(|rest| rest.starts_with('.')),
        }
    }
}

/// What a subscription returns: it connects by itself, again after every loss, and does not end.
pub type Deliveries = BoxStream<'static, Delivery>;

/// The broker took less than the whole batch. The cluster repairs the rest; the error is for the
/// log.
#[derive(Debug)]
pub struct Refused(Box<dyn std::error::Error + Send + Sync>);

impl Refused {
    /// Creates a refusal for this reason.
    pub fn new(reason: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(reason.into())
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the broker refused messages: {}", self.0)
    }
}

impl std::error::Error for Refused {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.0)
    }
}

/// A connection to a message broker, which delivers to everyone subscribed, the publisher included.
///
/// The cluster uses one value of this type for one node. It calls `publish` from one task, one
/// batch at a time, and sets no time limit: marks gather meanwhile, and coalesce.
pub trait Broker: Send + Sync + 'static {
    /// Publishes the messages in this order.
    ///
    /// The call may wait while the broker is away. `Ok` need not mean that the messages were
    /// delivered. If the future is dropped before it completes, any of them may have been
    /// published.
    fn publish(&self, batch: Vec<Message>) -> impl Future<Output = Result<(), Refused>> + Send;

    /// Subscribes for as long as the stream lives. The messages of one publisher to one interest
    /// come in the order in which they were published. Never fails: while the broker is away the
    /// stream is silent.
    fn subscribe(&self, interests: Vec<Interest>) -> Deliveries;

    /// Drops the connections and makes new ones. The cluster calls it every few seconds while it
    /// hears nothing, which mends connections that are dead without knowing it.
    fn reconnect(&self) -> impl Future<Output = ()> + Send;
}
