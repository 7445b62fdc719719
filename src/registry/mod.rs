//! The public registry: finds the shard of a key or id, and orchestrates registrations and
//! operations over several shards.

pub(crate) mod builder;
pub(crate) mod close;
pub(crate) mod mark;
pub(crate) mod mark_gradually;
pub(crate) mod read;
pub(crate) mod register;
pub(crate) mod revoke;
pub(crate) mod socket;
pub(crate) mod stats;
pub(crate) mod visit;

use crate::id::SocketId;
use crate::registry::revoke::Revocations;
use crate::shard::Shard;
use crate::shard::geometry::Geometry;
use crate::shard::shards::Shards;
use crate::shard::totals::Totals;
use crate::storage::fingerprint::{Fingerprint, Seeds};
use crate::storage::slot::LocalId;
use crate::sync::Arc;
use crate::watch::queue::ChangeQueue;
use crate::watch::{Watch, Watcher, Watchers};
use std::fmt;
use std::hash::Hash;

/// Tracks which keys have live sockets, how many, and which of them have an update due.
///
/// A `Registry` is a handle: cloning it is cheap, and every clone refers to the same registry. It
/// is `Send` and `Sync` if keys and metadata are, and needs no async runtime. Sockets stay valid
/// after the last clone is dropped.
///
/// No method takes a lock or waits for another thread. Methods that may allocate say so; the
/// allocator may lock.
///
/// The registry distinguishes keys by the bytes that their `Hash` writes, in one piece or several.
/// So `Hash` must write all that `Eq` compares, as derived implementations do. Up to 16 bytes are
/// compared exactly: integers, `Uuid`, newtypes of them, but not `[u8; 16]`, which also writes its
/// length. Of longer keys, a hash under a secret random seed is compared. So an operation on a key
/// that is not registered may mistake a registered key for it, with a probability of at most
/// <i>n</i> / 15 / 2<sup>125</sup> for each registered key, if both write at most <i>n</i> bytes.
/// The bound is proven for any keys that are chosen without knowing the seed. Two *registered* keys
/// are never confused.
///
/// ```
/// use socket_registry::{Registry, Topics};
///
/// const ALERTS: Topics = Topics::topic(1);
///
/// let registry: Registry<String, &str> = Registry::new();
/// let phone = registry.register_with("ada".to_owned(), "phone")?;
/// let laptop = registry.register_with("ada".to_owned(), "laptop")?;
///
/// assert!(registry.is_active("ada") && registry.contains(phone.id()));
/// assert_eq!((registry.key_count(), registry.socket_count(), registry.sockets_of("ada").len()), (1, 2, 2));
///
/// registry.mark_topics("ada", ALERTS);
/// registry.mark_socket(phone.id());
/// assert_eq!(registry.due_of("ada"), Topics::UPDATE | ALERTS);
/// assert_eq!((phone.take_due(), laptop.peek_due()), (Topics::UPDATE | ALERTS, ALERTS));
///
/// registry.mark_all();
/// let mut names = Vec::new();
/// registry.for_each(|socket| names.push((*socket.metadata(), socket.peek_due() == Topics::UPDATE)));
/// names.sort();
/// assert_eq!(names, [("laptop", false), ("phone", true)]);
/// # Ok::<(), socket_registry::RegisterError>(())
/// ```
pub struct Registry<K, M = ()> {
    inner: Arc<Inner<K, M>>,
}

/// A shard of a registry. It notifies the registry's watchers of changes.
pub(crate) type RegistryShard<K, M> = Shard<K, M, Arc<Watchers<K>>>;
type RegistryShards<K, M> = Shards<K, M, Arc<Watchers<K>>>;

struct Inner<K, M> {
    seeds: Seeds,
    shard_bits: u32,
    shards: RegistryShards<K, M>,
    totals: Arc<Totals>,
    watchers: Arc<Watchers<K>>,
    revocations: Revocations<K>,
}

impl<K, M> Clone for Registry<K, M> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<K, M> Registry<K, M> {
    pub(crate) fn with(shards: usize, max_sockets: usize, geometry: Geometry) -> Self {
        let totals = Arc::new(Totals::new(shards, max_sockets));
        let watchers = Arc::new(Watchers::new());
        let shard_bits = shards.trailing_zeros();
        let shards = Shards::new(shards, geometry, &totals, || Arc::clone(&watchers));
        let (seeds, revocations) = (Seeds::random(), Revocations::new());
        Self { inner: Arc::new(Inner { seeds, shard_bits, shards, totals, watchers, revocations }) }
    }

    pub(crate) fn totals(&self) -> &Totals {
        &self.inner.totals
    }

    pub(crate) fn shards(&self) -> impl Iterator<Item = &RegistryShard<K, M>> {
        self.inner.shards.iter()
    }

    pub(crate) fn shard(&self, index: usize) -> Option<&RegistryShard<K, M>> {
        self.inner.shards.get(index)
    }

    /// Adds a watcher. A watcher of presence has a queue.
    pub(crate) fn watch(&self, watch: Watch, queue: Option<ChangeQueue<K>>) -> Watcher<K> {
        self.inner.watchers.join(&self.inner.totals, watch, queue)
    }
}

impl<K, M> Registry<K, M> {
    #[inline(always)]
    fn fingerprint<Q: Hash + ?Sized>(&self, key: &Q) -> Fingerprint {
        self.inner.seeds.fingerprint(key)
    }

    /// Returns the shard of a key, and the key's fingerprint.
    #[inline(always)]
    pub(crate) fn locate<Q: Hash + ?Sized>(&self, key: &Q) -> (&RegistryShard<K, M>, Fingerprint) {
        let fingerprint = self.fingerprint(key);
        (self.shard_for(&fingerprint), fingerprint)
    }

    /// Returns the shard of the key with this fingerprint.
    #[inline(always)]
    pub(crate) fn shard_for(&self, fingerprint: &Fingerprint) -> &RegistryShard<K, M> {
        self.inner.shards.of(fingerprint)
    }

    /// Returns the shard that an id names.
    #[inline]
    pub(crate) fn shard_of(&self, id: SocketId) -> &RegistryShard<K, M> {
        let Inner { shard_bits, shards, .. } = &*self.inner;
        &shards[id.shard(*shard_bits)]
    }

    #[inline]
    pub(crate) fn resolve(&self, id: SocketId) -> Option<(&RegistryShard<K, M>, LocalId)> {
        let addr = id.addr(self.inner.shard_bits)?;
        Some((self.shard_of(id), LocalId { addr, generation: id.generation() }))
    }
}

impl<K, M> fmt::Debug for Registry<K, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let totals = &self.inner.totals;
        f.debug_struct("Registry")
            .field("keys", &totals.keys())
            .field("sockets", &totals.sockets())
            .finish_non_exhaustive()
    }
}
