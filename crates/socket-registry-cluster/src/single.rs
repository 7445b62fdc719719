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
    pub(crate) _claim: Claim<K>,
    pub(crate) socket: Socket<K, M>,
}

/// The claim of a node to a key, from [`Cluster::take_over`](crate::Cluster::take_over). Its drop
/// ends it.
#[must_use = "dropping it ends the claim"]
pub struct Claim<K: ClusterKey> {
    pub(crate) node: Arc<Node<K>>,
    /// The key as it travels, and the claim's stamp; nothing for a key that is too long to travel.
    pub(crate) claimed: Option<(Vec<u8>, u64)>,
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
        if let Some((key, stamp)) = &self.claimed {
            self.node.lock().engine.release(key, *stamp);
        }
    }
}

impl<K: ClusterKey> fmt::Debug for Claim<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim").finish_non_exhaustive()
    }
}

impl<K: ClusterKey + fmt::Debug, M> fmt::Debug for Single<K, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Single").field("key", self.socket.key()).finish_non_exhaustive()
    }
}
