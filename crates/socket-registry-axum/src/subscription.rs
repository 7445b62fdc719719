//! A registered socket, with the pause between its updates.

use std::sync::Arc;
use std::time::Duration;

use socket_registry::{Closed, Socket, Topics};
use tokio::time::{Instant, sleep_until};

use crate::metrics::Metrics;

/// One registered socket, removed when it is dropped. The order of the fields matters: they drop in
/// it, and a removal is counted after it is done.
pub(crate) struct Subscription<K, M> {
    socket: Socket<K, M>,
    /// Was taken during the pause, and is to be sent after it.
    held: Topics,
    free_at: Instant,
    min_interval: Duration,
    counts: CountRemoval<M>,
}

struct CountRemoval<M>(Arc<dyn Metrics<M>>);

impl<M> Drop for CountRemoval<M> {
    fn drop(&mut self) {
        self.0.removed();
    }
}

impl<K, M> Subscription<K, M> {
    pub(crate) fn new(socket: Socket<K, M>, min_interval: Duration, metrics: Arc<dyn Metrics<M>>) -> Self {
        metrics.registered();
        let counts = CountRemoval(metrics);
        Self { socket, held: Topics::EMPTY, free_at: Instant::now(), min_interval, counts }
    }

    /// Waits until an update is due and the pause after the last one is over. Cancel safe.
    ///
    /// It waits for the socket during the pause as well, so that a closed socket does not stay
    /// until the pause is over.
    pub(crate) async fn due(&mut self) -> Result<Topics, Closed> {
        loop {
            if !self.held.is_empty() && self.free_at <= Instant::now() {
                return Ok(std::mem::take(&mut self.held));
            }
            tokio::select! {
                biased;
                due = self.socket.due() => match due {
                    Ok(topics) => {
                        self.held |= topics;
                        self.counts.0.due(self.socket.metadata());
                    }
                    Err(closed) => {
                        self.counts.0.closed(closed);
                        return Err(closed);
                    }
                },
                () = sleep_until(self.free_at), if !self.held.is_empty() => {}
            }
        }
    }

    pub(crate) fn sent(&mut self) {
        self.free_at = Instant::now() + self.min_interval;
        self.counts.0.sent(self.socket.metadata());
    }

    /// Makes the topics due again: for this socket, or for the one that has taken over.
    pub(crate) fn not_sent(&self, topics: Topics) {
        self.make_due(topics);
        self.counts.0.not_sent();
    }

    /// Returns whether the socket was closed because the server stops.
    pub(crate) fn stops(&self) -> bool {
        self.socket.close_reason() == Some(Closed::Shutdown)
    }

    pub(crate) fn metrics(&self) -> &dyn Metrics<M> {
        &*self.counts.0
    }

    pub(crate) fn make_due(&self, topics: Topics) {
        self.socket.restore_due(topics);
    }
}

/// Passes what was held on to the socket that has taken over.
impl<K, M> Drop for Subscription<K, M> {
    fn drop(&mut self) {
        self.make_due(self.held);
    }
}
