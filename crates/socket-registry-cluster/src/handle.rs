//! What the two kinds of node have in common.

use crate::broker::Broker;
use crate::driver::Driver;
use crate::engine::Settled;
use crate::health::{Counts, NodeInfo};
use crate::key::ClusterKey;
use crate::local::{self, Local};
use crate::node::{Node, random_id};
use crate::options::{Options, StartError};
use socket_registry::CloseReason;
use std::fmt;
use std::sync::Arc;
use tokio::runtime;

/// Ends the node when it is dropped.
pub(crate) struct Handle<K: ClusterKey> {
    pub(crate) node: Arc<Node<K>>,
}

/// The node has ended: by `leave`, or with its runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended;

/// Why [`settled`](crate::Cluster::settled) cannot say that all have heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SettleError {
    /// No node has sockets, so there is no node that could hear it.
    Alone,
    /// The node has ended: by `leave`, or with its runtime.
    Ended,
}

impl<K: ClusterKey> Handle<K> {
    pub(crate) fn start<L: Local<Key = K>>(
        broker: impl Broker,
        local: L,
        options: Options,
    ) -> Result<Arc<Self>, StartError> {
        let sender = random_id();
        let config = options.config(sender, local.registry().is_some())?;
        let runtime = runtime::Handle::try_current().map_err(|_| StartError::NoRuntime)?;
        let node = Node::new(config);
        runtime.spawn(Driver::new(broker, local, node.clone(), options).run(sender));
        Ok(Arc::new(Self { node }))
    }

    /// Closes the key's sockets on the other nodes.
    pub(crate) fn disconnect_elsewhere(&self, key: &K, reason: CloseReason) {
        if let Some(key) = self.node.bytes_of(key) {
            self.node.with_engine(|engine, now| engine.disconnect(now, &key, local::reason_to_wire(reason)));
        }
    }

    pub(crate) fn counts_elsewhere(&self) -> Counts {
        let counts = self.node.lock().engine.counts(self.node.now());
        Counts { keys: counts.keys, sockets: counts.sockets, nodes: counts.nodes, age: counts.age }
    }

    pub(crate) fn nodes(&self) -> Vec<NodeInfo> {
        self.node.lock().engine.nodes(self.node.now()).collect()
    }

    pub(crate) async fn joined(&self) -> Result<(), Ended> {
        if self.node.joined().await { Ok(()) } else { Err(Ended) }
    }

    pub(crate) async fn settled(&self) -> Result<(), SettleError> {
        match self.node.settled().await {
            Some(Settled::Yes) => Ok(()),
            Some(Settled::Alone) => Err(SettleError::Alone),
            Some(Settled::Pending) | None => Err(SettleError::Ended),
        }
    }

    pub(crate) async fn leave(&self) {
        self.node.begin_to_leave();
        self.node.ended().await;
    }
}

impl<K: ClusterKey> Drop for Handle<K> {
    fn drop(&mut self) {
        self.node.begin_to_leave();
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the node has ended")
    }
}

impl std::error::Error for Ended {}

impl fmt::Display for SettleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Alone => "no node has sockets",
            Self::Ended => "the node has ended",
        })
    }
}

impl std::error::Error for SettleError {}
