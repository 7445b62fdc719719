//! A socket that is its key's only one, on all nodes.

use crate::key::ClusterKey;
use crate::node::Node;
use socket_registry::Socket;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// A socket that has taken its key over, from
/// [`Cluster::register_taking_over`](crate::Cluster::register_taking_over).
///
/// It is a [`Socket`]: wait for what is due, and close the connection when it says that it was
/// superseded. Its drop ends the claim to the key, and removes the socket.
#[must_use = "dropping it removes the socket"]
pub struct Single<K: ClusterKey, M = ()> {
    /// Held for its drop, which comes before the socket's.
    pub(crate) _claim: Option<Claim<K>>,
    pub(crate) socket: Socket<K, M>,
}

/// The claim of a node to a key. Its drop ends it.
pub(crate) struct Claim<K: ClusterKey> {
    pub(crate) node: Arc<Node<K>>,
    pub(crate) key: Vec<u8>,
    pub(crate) stamp: u64,
}

impl<K: ClusterKey, M> Deref for Single<K, M> {
    type Target = Socket<K, M>;

    fn deref(&self) -> &Socket<K, M> {
        &self.socket
    }
}

impl<K: ClusterKey, M> DerefMut for Single<K, M> {
    fn deref_mut(&mut self) -> &mut Socket<K, M> {
        &mut self.socket
    }
}

impl<K: ClusterKey> Drop for Claim<K> {
    fn drop(&mut self) {
        self.node.lock().engine.release(&self.key, self.stamp);
    }
}

impl<K: ClusterKey + fmt::Debug, M> fmt::Debug for Single<K, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Single").field("key", self.socket.key()).finish_non_exhaustive()
    }
}
