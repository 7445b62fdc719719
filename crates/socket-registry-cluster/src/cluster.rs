//! A node with sockets.

use crate::broker::Broker;
use crate::handle::{Ended, Handle, SettleError};
use crate::health::{Counts, Health, NodeInfo, Online};
use crate::key::ClusterKey;
use crate::options::{Options, StartError};
use crate::presence::Presence;
use crate::single::{Claim, Single};
use socket_registry::{CloseReason, RegisterError, Registry, SocketId, Topics};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A registry whose marks, log-outs and takeovers reach the sockets of the other nodes, too.
///
/// Register sockets with the [`Registry`] as before: that needs no network and never waits. To
/// reach the sockets of other nodes as well, call the methods here instead of the registry's
/// methods of the same name.
///
/// The promises below hold only while the process lives: call [`settled`](Self::settled) and
/// [`leave`](Self::leave) before it ends. A clone is another handle of the same node. The node ends
/// when the last handle is dropped.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use socket_registry::Registry;
/// use socket_registry_cluster::broker::Memory;
/// use socket_registry_cluster::{Cluster, Options};
/// use std::time::Duration;
///
/// let broker = Memory::new(); // or `Nats`, or `Redis`
/// let options = Options::new("prod").beat(Duration::from_millis(10));
/// let a = Cluster::start(Registry::<u64>::new(), broker.connect(), options.clone())?;
/// let b = Cluster::start(Registry::<u64>::new(), broker.connect(), options)?;
/// tokio::try_join!(a.joined(), b.joined())?; // then open the listener
///
/// let mut socket = b.registry().register(42)?;
/// assert_eq!(a.mark(&42), 0); // no socket of user 42 on this node
/// socket.due().await?; // but on that one
/// # Ok(())
/// # }
/// ```
pub struct Cluster<K: ClusterKey, M = ()> {
    registry: Registry<K, M>,
    handle: Arc<Handle<K>>,
    has_presence: bool,
}

impl<K: ClusterKey, M: Send + Sync + 'static> Cluster<K, M> {
    /// Starts a node for this registry in this tokio runtime. It needs no broker yet: until there
    /// is one, the node's own sockets work, and [`health`](Self::health) says that it hears
    /// nothing.
    ///
    /// Nearly every mark of another node meets a key that is not here. Build the registry with
    /// [`max_sockets`](socket_registry::Builder::max_sockets), so that such a mark is cheap.
    ///
    /// # Errors
    ///
    /// Returns an error if an option is out of range, or outside of a runtime; never because the
    /// broker is away.
    pub fn start(registry: Registry<K, M>, broker: impl Broker, options: Options) -> Result<Self, StartError> {
        let has_presence = options.presence;
        let handle = Handle::start(broker, registry.clone(), options)?;
        Ok(Self { registry, handle, has_presence })
    }

    /// Returns the registry of this node.
    #[must_use]
    pub fn registry(&self) -> &Registry<K, M> {
        &self.registry
    }

    /// Marks the sockets of `key` on all nodes. Returns how many this node has.
    ///
    /// The mark reaches every socket of the key that was registered before the call on a node that
    /// had [joined](Self::joined) and is still there when it arrives: within milliseconds, and
    /// after a loss within three beats, or the time of [`Options::spread`] more, of the moment when
    /// that node hears the cluster again. This holds if this process lives until
    /// [`settled`](Self::settled) returns.
    ///
    /// # Progress
    ///
    /// The call holds a lock while it copies the key, and never waits for the network. Marks that
    /// are not sent yet coalesce. If more than 65,536 different keys wait to be sent, there is no
    /// room, and the cluster makes all sockets due instead.
    pub fn mark(&self, key: &K) -> usize {
        self.mark_topics(key, Topics::UPDATE)
    }

    /// Does the same as [`mark`](Self::mark), with these topics.
    pub fn mark_topics(&self, key: &K, topics: Topics) -> usize {
        let marked = self.registry.mark_topics(key, topics);
        self.handle.node.mark([key], topics.bits());
        marked
    }

    /// Does the same as [`mark`](Self::mark), for many keys.
    pub fn mark_many<'k, I>(&self, keys: I) -> usize
    where
        I: IntoIterator<Item = &'k K, IntoIter: Clone>,
    {
        self.mark_many_topics(keys, Topics::UPDATE)
    }

    /// Does the same as [`mark`](Self::mark), for many keys, with these topics.
    pub fn mark_many_topics<'k, I>(&self, keys: I, topics: Topics) -> usize
    where
        I: IntoIterator<Item = &'k K, IntoIter: Clone>,
    {
        let keys = keys.into_iter();
        let marked = self.registry.mark_many_topics(keys.clone(), topics);
        self.handle.node.mark(keys, topics.bits());
        marked
    }

    /// Marks every socket of all nodes, this one's included, spread over `spread`.
    ///
    /// The call returns before any socket is marked. Two calls that overlap are carried out as one.
    pub fn mark_all(&self, spread: Duration) {
        self.mark_all_topics(Topics::UPDATE, spread);
    }

    /// Does the same as [`mark_all`](Self::mark_all), with these topics.
    pub fn mark_all_topics(&self, topics: Topics, spread: Duration) {
        self.handle.node.lock().want_mark_all(topics.bits(), spread);
        self.handle.node.with_engine(|engine, now| engine.mark_all(now, topics.bits(), spread));
    }

    /// Closes the sockets of `key` on all nodes. Returns how many this node had.
    ///
    /// The call reaches the sockets that a [`mark`](Self::mark) reaches, under the same conditions.
    /// A node that is cut off learns of it when it is back: so authorise each fetch as well. A
    /// close code from 4256 on arrives at other nodes as [`LOGGED_OUT`](CloseReason::LOGGED_OUT).
    /// The call waits at most while the node takes in one message.
    pub fn disconnect(&self, key: &K, reason: CloseReason) -> usize {
        let closed = self.registry.disconnect(key, reason);
        self.handle.disconnect_elsewhere(key, reason);
        closed
    }

    /// Does the same as [`disconnect`](Self::disconnect), except for the socket `keep` of this
    /// node.
    pub fn disconnect_others(&self, key: &K, keep: SocketId, reason: CloseReason) -> usize {
        let closed = self.registry.disconnect_others(key, keep, reason);
        self.handle.disconnect_elsewhere(key, reason);
        closed
    }

    /// Registers a socket that takes its key over: the key's other sockets on all nodes are
    /// superseded. Of takeovers on several nodes the latest wins, by a clock that each node sets
    /// forward to the stamps that it hears.
    ///
    /// The sockets of this node are superseded when the call returns, those of other nodes when
    /// they hear of it. Until then, and between the sides of a partition, there may be two. The new
    /// socket is born due, since what was due for the others is not known here.
    ///
    /// The call waits at most while the node takes in one message. A key of more than 255 bytes is
    /// taken over on this node only.
    ///
    /// # Errors
    ///
    /// The same as [`Registry::register`].
    pub fn register_taking_over(&self, key: K, metadata: M) -> Result<Single<K, M>, RegisterError> {
        let bytes = self.handle.node.bytes_of(&key);
        let register = || self.registry.registration(key, metadata).due(Topics::UPDATE).taking_over().register();
        let (socket, claim) = self.claim(bytes, register)?;
        Ok(Single { _claim: claim, socket })
    }

    /// Does the same as [`register_taking_over`](Self::register_taking_over) for a socket that
    /// other code registers. `register` must register it with
    /// [`taking_over`](socket_registry::Registration::taking_over), and due from the start. Hold
    /// the [`Claim`] as long as the socket lives.
    ///
    /// `register` is called under the node's lock, and deadlocks if it calls a method of this
    /// cluster or drops a claim.
    ///
    /// # Errors
    ///
    /// Returns the error of `register`. The key's sockets then stay as they are.
    pub fn take_over<T, E>(&self, key: &K, register: impl FnOnce() -> Result<T, E>) -> Result<(T, Claim<K>), E> {
        self.claim(self.handle.node.bytes_of(key), register)
    }

    fn claim<T, E>(&self, key: Option<Vec<u8>>, register: impl FnOnce() -> Result<T, E>) -> Result<(T, Claim<K>), E> {
        let node = &self.handle.node;
        // One lock around both, so that no other node's claim comes between them.
        let mut state = node.lock();
        let registered = register()?;
        let claimed = key.map(|key| {
            let stamp = state.engine.claim(node.now(), &key);
            (key, stamp)
        });
        drop(state);
        node.woken.notify_one();
        Ok((registered, Claim { node: node.clone(), claimed }))
    }

    /// Returns how many keys and sockets there are on all nodes, by their last beats.
    ///
    /// The numbers of other nodes are at most two beats old while the broker works, and
    /// [`Counts::age`] says how old they are. The call waits at most while the node takes in one
    /// message.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = self.handle.counts_elsewhere();
        counts.keys += self.registry.key_count() as u64;
        counts.sockets += self.registry.socket_count() as u64;
        counts.nodes += 1;
        counts
    }

    /// Returns the other nodes, as their last beats describe them. The call waits at most while the
    /// node takes in one message.
    #[must_use]
    pub fn nodes(&self) -> Vec<NodeInfo> {
        self.handle.nodes()
    }

    /// Returns where the key is active. Needs [`Options::presence`] to know of other nodes.
    ///
    /// The call waits at most while the node takes in one message.
    pub fn online(&self, key: &K) -> Online {
        if self.registry.is_active(key) {
            return Online::Here;
        }
        let Some(bytes) = self.handle.node.bytes_of(key).filter(|_| self.has_presence) else { return Online::Unknown };
        if !self.health().hearing {
            return Online::Unknown;
        }
        match self.handle.node.lock().engine.online(&bytes) {
            0 => Online::No,
            nodes => Online::Elsewhere(nodes),
        }
    }

    /// Subscribes to the keys of all nodes: first those that are online, then the changes. Without
    /// [`Options::presence`] the subscription yields nothing.
    ///
    /// The call copies the keys that are online while it holds the node's lock.
    #[must_use]
    pub fn presence(&self) -> Presence<K> {
        Presence::new(self.handle.node.clone())
    }

    /// Returns the node's health, for a health check and for dashboards.
    #[must_use]
    pub fn health(&self) -> Health {
        self.handle.node.health()
    }

    /// Waits until the node hears the cluster and knows its nodes: two and a half beats. Open the
    /// listener after that: then no socket misses a mark that was made while the node joined. All
    /// sockets that exist already when the node joins become due.
    ///
    /// Without a broker it waits for one. Cancel safe.
    ///
    /// # Errors
    ///
    /// Returns [`Ended`] if the node ended before.
    pub async fn joined(&self) -> Result<(), Ended> {
        self.handle.joined().await
    }

    /// Waits until every other node with sockets has heard all marks, log-outs and takeovers that
    /// were made here before the call: about two beats. Then this process may end, and they still
    /// reach their sockets.
    ///
    /// Without a broker it waits for one. Cancel safe.
    ///
    /// # Errors
    ///
    /// Returns [`SettleError::Ended`] if the node ended before. (A node with sockets is never
    /// [`Alone`](SettleError::Alone).)
    pub async fn settled(&self) -> Result<(), SettleError> {
        self.handle.settled().await
    }

    /// Sends what is left, says goodbye, and waits until the broker has both, but at most 2 s. The
    /// other nodes then know immediately that the node's sockets are gone.
    ///
    /// Afterwards all methods act on this node only. Dropping the future does not stop the node
    /// from leaving.
    pub async fn leave(&self) {
        self.handle.leave().await;
    }
}

/// Another handle of the same node.
impl<K: ClusterKey, M> Clone for Cluster<K, M> {
    fn clone(&self) -> Self {
        Self { registry: self.registry.clone(), handle: self.handle.clone(), has_presence: self.has_presence }
    }
}

impl<K: ClusterKey, M> fmt::Debug for Cluster<K, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("health", &self.handle.node.health()).finish_non_exhaustive()
    }
}
