//! Which keys are online anywhere in the cluster, as events.

use crate::key::ClusterKey;
use crate::node::{Node, State};
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::vec;
use tokio::sync::broadcast::{self, error::RecvError};

/// How many events wait for a subscription, before it has to begin again.
pub(crate) const CAPACITY: usize = 4096;

/// An event of [`Presence`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PresenceEvent<K> {
    /// The key has become active on the first node, or was active on one at the beginning.
    Online(K),
    /// The key has become idle on the last node.
    Offline(K),
    /// The subscription fell behind and begins again: forget all keys. Those that are online
    /// follow.
    Lagged,
}

/// A subscription to the keys of all nodes, from [`Cluster::presence`](crate::Cluster::presence).
pub struct Presence<K: ClusterKey> {
    node: Arc<Node<K>>,
    first: vec::IntoIter<K>,
    events: broadcast::Receiver<PresenceEvent<K>>,
}

impl<K: ClusterKey> Presence<K> {
    pub(crate) fn new(node: Arc<Node<K>>) -> Self {
        let (first, events) = begin(&node);
        Self { node, first, events }
    }

    /// Waits for the next event. `None` once the node has ended, by `leave` or with its runtime.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe. If the future is dropped before it completes, no event is lost.
    pub async fn next(&mut self) -> Option<PresenceEvent<K>> {
        if let Some(key) = self.first.next() {
            return Some(PresenceEvent::Online(key));
        }
        tokio::select! {
            biased;
            event = self.events.recv() => match event {
                Ok(event) => Some(event),
                Err(RecvError::Lagged(_)) => {
                    (self.first, self.events) = begin(&self.node);
                    Some(PresenceEvent::Lagged)
                }
                Err(RecvError::Closed) => None,
            },
            () = self.node.ended() => None,
        }
    }
}

impl<K: ClusterKey> fmt::Debug for Presence<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presence").finish_non_exhaustive()
    }
}

/// The keys that are online now, and the changes from now on: both under one lock, so that nothing
/// falls between them.
fn begin<K: ClusterKey>(node: &Node<K>) -> (vec::IntoIter<K>, broadcast::Receiver<PresenceEvent<K>>) {
    let state = node.lock();
    let mut keys: HashSet<K> = state.engine.online_keys().filter_map(K::read).collect();
    keys.extend(state.active.iter().cloned());
    (Vec::from_iter(keys).into_iter(), state.events.subscribe())
}

impl<K: ClusterKey> State<K> {
    /// A key became active or idle on this node.
    pub(crate) fn changed_here(&mut self, key: K, is_online: bool) {
        let mut bytes = Vec::new();
        key.write(&mut bytes);
        self.engine.presence_changed(&bytes, is_online);
        let is_elsewhere = self.engine.online(&bytes) != 0;
        if is_online {
            self.active.insert(key.clone());
        } else {
            self.active.remove(&key);
        }
        if !is_elsewhere {
            self.tell(key, is_online);
        }
    }

    /// A key became active on the first other node, or idle on the last.
    pub(crate) fn changed_elsewhere(&mut self, bytes: &[u8], is_online: bool) {
        match K::read(bytes) {
            Some(key) if self.active.contains(&key) => {}
            Some(key) => self.tell(key, is_online),
            None => self.bad_keys += 1,
        }
    }

    fn tell(&self, key: K, is_online: bool) {
        let event = if is_online { PresenceEvent::Online(key) } else { PresenceEvent::Offline(key) };
        // The error says that there are no subscriptions.
        let _ = self.events.send(event);
    }
}
