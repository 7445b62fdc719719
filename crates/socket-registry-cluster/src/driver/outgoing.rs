//! What waits for the broker: one batch is with it, the rest is in a queue.

use crate::broker::{Broker, Message, Refused};
use ::metrics::{Histogram, histogram};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use std::mem;
use std::sync::Arc;
use tokio::time::Instant;

/// How many bytes may wait. What comes beyond that is dropped; the nodes that it was for find it
/// missing.
const ROOM: usize = 4 << 20;
/// What a message costs in addition to its payload.
const OVERHEAD: usize = 64;

pub(super) struct Outgoing<B> {
    broker: Arc<B>,
    queue: Vec<Message>,
    bytes: usize,
    sending: Option<BoxFuture<'static, Result<(), Refused>>>,
    publish_seconds: Histogram,
}

impl<B: Broker> Outgoing<B> {
    pub(super) fn new(broker: Arc<B>, namespace: &str) -> Self {
        let publish_seconds = histogram!("socket_registry_cluster_publish_seconds", "cluster" => namespace.to_owned());
        Self { broker, queue: Vec::new(), bytes: 0, sending: None, publish_seconds }
    }

    pub(super) fn push(&mut self, subject: String, payload: Bytes) {
        let bytes = payload.len() + OVERHEAD;
        if self.bytes + bytes <= ROOM {
            self.bytes += bytes;
            self.queue.push(Message { subject, payload });
        }
    }

    /// Takes all messages, though they may be more than there is room for. Precondition: nothing
    /// waited when they were made.
    pub(super) fn push_all(&mut self, subject: &str, messages: Vec<Bytes>) {
        self.bytes += messages.iter().map(|payload| payload.len() + OVERHEAD).sum::<usize>();
        self.queue.extend(messages.into_iter().map(|payload| Message { subject: subject.to_owned(), payload }));
    }

    /// Nothing waits, and nothing is with the broker.
    pub(super) fn is_idle(&self) -> bool {
        self.sending.is_none() && self.queue.is_empty()
    }

    /// Gives the queue to the broker, if it has done the batch before.
    pub(super) fn send(&mut self) {
        if self.sending.is_some() || self.queue.is_empty() {
            return;
        }
        self.bytes = 0;
        let (broker, batch) = (self.broker.clone(), mem::take(&mut self.queue));
        let seconds = self.publish_seconds.clone();
        self.sending = Some(Box::pin(async move {
            let start = Instant::now();
            let result = broker.publish(batch).await;
            seconds.record(start.elapsed());
            result
        }));
    }

    /// Waits until the broker has done the batch; without end if there is none.
    ///
    /// Cancel-safe: the batch stays with the broker.
    pub(super) async fn sent(&mut self) {
        match &mut self.sending {
            Some(sending) => {
                if let Err(error) = sending.await {
                    tracing::debug!(%error, "a batch is repaired later");
                }
                self.sending = None;
            }
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Outgoing, ROOM};
    use crate::broker::Memory;
    use bytes::Bytes;
    use std::sync::Arc;

    #[tokio::test]
    async fn what_waits_for_the_broker_is_bounded() {
        let link = Memory::new().connect();
        link.stall();
        let mut outgoing = Outgoing::new(Arc::new(link.clone()), "test");
        let push = |outgoing: &mut Outgoing<_>| {
            outgoing.push("srg1.test.b.m.0".to_owned(), Bytes::from_static(&[0; 60_000]));
            outgoing.queue.iter().map(|message| message.payload.len()).sum::<usize>()
        };
        push(&mut outgoing);
        outgoing.send();
        let longest = (0..1_000).map(|_| push(&mut outgoing)).max().unwrap();
        assert!((ROOM / 2..=ROOM).contains(&longest), "{longest} bytes");
        link.heal();
        outgoing.sent().await;
        outgoing.send();
        assert_eq!(push(&mut outgoing), 60_000, "there is room again");
    }
}
