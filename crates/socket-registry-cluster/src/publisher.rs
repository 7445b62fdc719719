//! A node without sockets.

use crate::broker::Broker;
use crate::handle::Handle;
use crate::health::{Health, NodeInfo};
use crate::key::ClusterKey;
use crate::local::NoSockets;
use crate::options::{Options, StartError};
use crate::{Counts, Ended, SettleError};
use socket_registry::{CloseReason, Topics};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A node without sockets: a worker that tells the servers what has changed.
///
/// Its marks are promised what [`Cluster`](crate::Cluster) promises, for as long as it lives.
/// One that ends calls [`settled`](Self::settled) and [`leave`](Self::leave) first.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use socket_registry::Registry;
/// use socket_registry_cluster::broker::Memory;
/// use socket_registry_cluster::{Cluster, Options, Publisher};
/// use std::time::Duration;
///
/// let broker = Memory::new();
/// let options = Options::new("prod").beat(Duration::from_millis(10));
/// let server = Cluster::start(Registry::<u64>::new(), broker.connect(), options.clone())?;
/// server.joined().await?;
/// let mut socket = server.registry().register(42)?;
///
/// let worker = Publisher::<u64>::start(broker.connect(), options)?;
/// worker.joined().await?;
/// worker.mark(&42);
/// worker.settled().await?;
/// worker.leave().await;
///
/// socket.due().await?;
/// # Ok(())
/// # }
/// ```
pub struct Publisher<K: ClusterKey> {
    handle: Arc<Handle<K>>,
}

impl<K: ClusterKey> Publisher<K> {
    /// Starts a node in this tokio runtime. It needs no broker yet.
    ///
    /// # Errors
    ///
    /// Returns an error if an option is out of range, or outside of a runtime; never because the
    /// broker is away.
    pub fn start(broker: impl Broker, options: Options) -> Result<Self, StartError> {
        let handle = Handle::start(broker, NoSockets::new(), options)?;
        Ok(Self { handle })
    }

    /// Marks the sockets of `key` on all nodes. Returns without waiting for any of them; its
    /// promises and costs are those of [`Cluster::mark`](crate::Cluster::mark).
    pub fn mark(&self, key: &K) {
        self.mark_many_topics([key], Topics::UPDATE);
    }

    /// Does the same as [`mark`](Self::mark), with these topics.
    pub fn mark_topics(&self, key: &K, topics: Topics) {
        self.mark_many_topics([key], topics);
    }

    /// Does the same as [`mark`](Self::mark), for many keys.
    pub fn mark_many<'k>(&self, keys: impl IntoIterator<Item = &'k K>) {
        self.mark_many_topics(keys, Topics::UPDATE);
    }

    /// Does the same as [`mark`](Self::mark), for many keys, with these topics.
    pub fn mark_many_topics<'k>(&self, keys: impl IntoIterator<Item = &'k K>, topics: Topics) {
        self.handle.node.mark(keys, topics.bits());
    }

    /// Marks every socket of all nodes, spread over `spread`.
    pub fn mark_all(&self, spread: Duration) {
        self.mark_all_topics(Topics::UPDATE, spread);
    }

    /// Does the same as [`mark_all`](Self::mark_all), with these topics.
    pub fn mark_all_topics(&self, topics: Topics, spread: Duration) {
        self.handle.node.with_engine(|engine, now| engine.mark_all(now, topics.bits(), spread));
    }

    /// Closes the sockets of `key` on all nodes, as
    /// [`Cluster::disconnect`](crate::Cluster::disconnect) does.
    pub fn disconnect(&self, key: &K, reason: CloseReason) {
        self.handle.disconnect_elsewhere(key, reason);
    }

    /// Returns how many keys and sockets the nodes have, as
    /// [`Cluster::counts`](crate::Cluster::counts) does.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.handle.counts_elsewhere()
    }

    /// Returns the other nodes, as their last beats describe them. The call waits at most while the
    /// node takes in one message.
    #[must_use]
    pub fn nodes(&self) -> Vec<NodeInfo> {
        self.handle.nodes()
    }

    /// Returns the node's health.
    #[must_use]
    pub fn health(&self) -> Health {
        self.handle.node.health()
    }

    /// Waits until the node knows the others, as [`Cluster::joined`](crate::Cluster::joined) does.
    ///
    /// # Errors
    ///
    /// Returns [`Ended`] if the node ended before.
    pub async fn joined(&self) -> Result<(), Ended> {
        self.handle.joined().await
    }

    /// Waits until every node has heard what was marked here before the call, as
    /// [`Cluster::settled`](crate::Cluster::settled) does.
    ///
    /// # Errors
    ///
    /// Returns [`SettleError::Alone`] if no node has sockets, and [`SettleError::Ended`] if this
    /// node has ended.
    pub async fn settled(&self) -> Result<(), SettleError> {
        self.handle.settled().await
    }

    /// Sends what is left, says goodbye, and waits until the broker has both, but at most 2 s, as
    /// [`Cluster::leave`](crate::Cluster::leave) does.
    pub async fn leave(&self) {
        self.handle.leave().await;
    }
}

/// Another handle of the same node.
impl<K: ClusterKey> Clone for Publisher<K> {
    fn clone(&self) -> Self {
        Self { handle: self.handle.clone() }
    }
}

impl<K: ClusterKey> fmt::Debug for Publisher<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").field("health", &self.health()).finish()
    }
}
