//! The public face: picks the shard, nothing more.

pub(crate) mod builder;
pub(crate) mod close;
pub(crate) mod register;
pub(crate) mod stats;
pub(crate) mod visit;

use crate::error::RegisterError;
use crate::id::SocketId;
use crate::registry::builder::Builder;
use crate::shard::Shard;
use crate::shard::geometry::Geometry;
use crate::shard::mark_many::Batch;
use crate::shard::register::RegisterOptions;
use crate::shard::totals::Totals;
use crate::socket::{Socket, SocketRef, Visitor};
use crate::storage::fingerprint::{Fingerprint, Seeds};
use crate::storage::slot::addr::SlotAddr;
use crate::sync::Arc;
use crate::topics::Topics;
use crate::util::panic::DeferredPanics;
use crate::watch::Watchers;
use std::borrow::Borrow;
use std::fmt;
use std::hash::Hash;

/// Which keys have which live sockets, how many, and which of them have an update due.
///
/// A registry is a handle: cloning it is cheap, and every clone is the same registry. It is `Send` and `Sync` if keys and
/// metadata are, and needs no async runtime. Sockets stay valid after the last clone is gone.
///
/// No method takes a lock or waits for another thread; methods that may allocate say so, and the allocator may lock.
///
/// Keys are told apart by the bytes that their `Hash` writes, so `Hash` must write all that `Eq` compares, as derived ones do. Up to
/// 16 bytes are compared exactly (integers, `Uuid`, newtypes of them; not `[u8; 16]`, which writes its length as well). Of longer keys 128 bits of hash are
/// compared: an operation on a key that is not registered takes another one for it with probability 2<sup>-128</sup> for each
/// registered key. Two *registered* keys are never confused.
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
/// registry.mark_socket(phone.id(), Topics::UPDATE);
/// assert_eq!(registry.due_of("ada"), Topics::UPDATE | ALERTS);
/// assert_eq!((phone.take_due(), laptop.peek_due()), (Topics::UPDATE | ALERTS, ALERTS));
///
/// registry.mark_all();
/// let mut names = Vec::new();
/// registry.for_each(|socket| names.push((*socket.metadata(), socket.due() == Topics::UPDATE)));
/// names.sort();
/// assert_eq!(names, [("laptop", false), ("phone", true)]);
/// # Ok::<(), socket_registry::RegisterError>(())
/// ```
pub struct Registry<K, M = ()> {
    pub(crate) inner: Arc<Inner<K, M>>,
}

pub(crate) struct Inner<K, M> {
    seeds: Seeds,
    shard_bits: u32,
    pub(crate) shards: Box<[Arc<Shard<K, M>>]>,
    pub(crate) ledger: Arc<Totals>,
    pub(crate) audience: Arc<Watchers<K>>,
}

impl<K, M> Clone for Registry<K, M> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<K: Eq + Hash + Send + Sync + 'static, M> Default for Registry<K, M> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, M> Registry<K, M> {
    pub(crate) fn with(shards: usize, max_sockets: usize, sizes: Geometry) -> Self {
        let ledger = Arc::new(Totals::new(shards, max_sockets));
        let audience = Arc::new(Watchers::new());
        let shard = |index| Arc::new(Shard::new(index, sizes, Arc::clone(&ledger), Some(Arc::clone(&audience))));
        let shard_bits = shards.trailing_zeros();
        let shards = (0..shards).map(shard).collect();
        Self { inner: Arc::new(Inner { seeds: Seeds::random(), shard_bits, shards, ledger, audience }) }
    }
}

impl<K: Eq + Hash + Send + Sync + 'static, M> Registry<K, M> {
    /// A registry with the default options: it begins small and grows.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build().expect("the default options are in range")
    }

    /// Options and limits for a registry.
    pub fn builder() -> Builder<K, M> {
        Builder::new()
    }

    /// Registers a socket under `key`, with the default metadata. See [`register_with`](Self::register_with).
    ///
    /// # Errors
    /// As [`register_with`](Self::register_with).
    pub fn register(&self, key: K) -> Result<Socket<K, M>, RegisterError>
    where
        M: Default,
    {
        self.register_with(key, M::default())
    }

    /// Registers a socket under `key`. Dropping the handle removes it, and no other.
    ///
    /// A mark that comes after this has returned reaches the socket. While a call is under way, whether or not it will succeed, it may hold a place
    /// of the limits, so that another call at the limit is refused.
    ///
    /// Lock-free; allocates when a shard grows, which takes nobody else's time.
    ///
    /// # Errors
    /// - [`RegisterError::Full`] and [`RegisterError::KeyFull`] at the limits set by [`Builder`].
    /// - [`RegisterError::IndistinctHash`] if a key is registered that is not equal but writes the same to a `Hasher`.
    /// - [`RegisterError::Closed`] after [`close`](Self::close).
    ///
    /// Nothing is changed then.
    ///
    /// ```
    /// use socket_registry::Registry;
    ///
    /// let registry: Registry<String, &str> = Registry::new();
    /// let socket = registry.register_with("ada".to_owned(), "phone")?;
    /// assert_eq!((socket.key().as_str(), *socket.metadata()), ("ada", "phone"));
    /// assert_eq!(registry.mark("ada"), 1);
    /// # Ok::<(), socket_registry::RegisterError>(())
    /// ```
    pub fn register_with(&self, key: K, metadata: M) -> Result<Socket<K, M>, RegisterError> {
        self.register_on(key, metadata, RegisterOptions::default())
    }

    #[inline]
    pub(crate) fn register_on(
        &self,
        key: K,
        metadata: M,
        terms: RegisterOptions,
    ) -> Result<Socket<K, M>, RegisterError> {
        let (shard, print) = self.locate(&key);
        let registered =
            shard.register(&print, key, metadata, terms).inspect_err(|error| shard.counters.refused(error))?;
        shard.counters.registered();
        let socket = Socket::new(Arc::clone(shard), registered.spot);
        if terms.takes_over {
            socket.take_over();
        }
        if registered.is_watched {
            shard.announce(&registered, socket.key());
        }
        // The spare key goes last: should its drop panic, the socket is removed.
        drop(registered);
        Ok(socket)
    }

    /// Makes an update due for every socket of `key`: [`mark_topics`](Self::mark_topics) with [`Topics::UPDATE`].
    ///
    /// ```
    /// use socket_registry::Registry;
    ///
    /// let registry: Registry<u64> = Registry::new();
    /// let (laptop, phone) = (registry.register(42)?, registry.register(42)?);
    /// assert_eq!(registry.mark(&42), 2);
    /// assert_eq!(registry.mark(&7), 0);
    /// # Ok::<(), socket_registry::RegisterError>(())
    /// ```
    #[inline]
    pub fn mark<Q>(&self, key: &Q) -> usize
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.mark_topics(key, Topics::UPDATE)
    }

    /// Makes `topics` due for every socket of `key`, and wakes the tasks that wait. Returns how many live sockets now have them due;
    /// with an empty set, how many live sockets there are.
    ///
    /// Every socket that is registered before the call and not removed before its end is reached. Marks coalesce: what is due already stays due.
    ///
    /// Lock-free, never allocates; each socket is one atomic step. Runs the wakers of the tasks that wait; should one
    /// panic, the first panic is passed on when all sockets are marked.
    ///
    /// # Memory ordering
    /// What this thread wrote before the call is visible to whoever takes the mark. A mark that finds its topics due writes nothing to
    /// the socket and orders by a sequentially consistent fence, with another in the take: that covers atomics, everything
    /// that a lock or another synchronised structure guards, and what is outside the process. Only plain memory that is shared with the
    /// taker by `unsafe` code and without any such synchronisation of its own is not covered.
    #[inline]
    pub fn mark_topics<Q>(&self, key: &Q, topics: Topics) -> usize
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let (shard, print) = self.locate(key);
        shard.mark(&print, topics)
    }

    /// Makes `topics` due for one socket, and wakes its task if it waits. False if that socket is gone.
    ///
    /// Lock-free, never allocates. Memory ordering as [`mark_topics`](Self::mark_topics).
    #[inline]
    pub fn mark_socket(&self, id: SocketId, topics: Topics) -> bool {
        let marked = self.resolve(id).is_some_and(|(shard, spot)| shard.mark_socket(spot, id.generation(), topics));
        self.met(id, marked)
    }

    /// Makes an update due for every socket of every one of `keys`: the same as calling [`mark`](Self::mark) for each, and much faster for
    /// many, since the memory of several keys is fetched at once. Returns the sum.
    ///
    /// Lock-free, never allocates. Not atomic: each socket is marked by itself.
    ///
    /// ```
    /// use socket_registry::Registry;
    ///
    /// let registry: Registry<u64> = Registry::new();
    /// let sockets: Vec<_> = (0..10).map(|user| registry.register(user).unwrap()).collect();
    /// assert_eq!(registry.mark_many(&[2, 3, 5, 7, 11]), 4);
    /// ```
    pub fn mark_many<'q, Q, I>(&self, keys: I) -> usize
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized + 'q,
        I: IntoIterator<Item = &'q Q>,
    {
        let (mut marked, mut panics) = (0, DeferredPanics::default());
        let mut batch = Batch::new();
        for key in keys {
            let (shard, print) = self.locate(key);
            batch.push(shard, print);
            if batch.is_full() {
                marked += batch.mark(Topics::UPDATE, &mut panics);
            }
        }
        marked += batch.mark(Topics::UPDATE, &mut panics);
        panics.resume();
        marked
    }

    /// Makes an update due for every socket. Returns how many live sockets now have it due.
    ///
    /// Every socket that is registered before the call and not removed before its end is reached. Lock-free, never allocates.
    pub fn mark_all(&self) -> usize {
        let mut panics = DeferredPanics::default();
        let marked = self.shards().map(|shard| shard.mark_all(&mut panics)).sum();
        panics.resume();
        marked
    }

    /// Whether `key` has at least one live socket. Lock-free.
    #[must_use]
    #[inline]
    pub fn is_active<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let (shard, print) = self.locate(key);
        shard.find(&print).is_some()
    }

    /// Whether the socket with this id is live. Wait-free.
    #[must_use]
    pub fn contains(&self, id: SocketId) -> bool {
        let word = self.resolve(id).and_then(|(shard, spot)| shard.word(spot));
        self.met(id, word.is_some_and(|word| word.load().is_live_as(id.generation())))
    }

    /// How many keys are active: one number for each shard is added up.
    ///
    /// Exact whenever no call is in flight. While there are, each shard's number is one that was not above the truth
    /// at the moment when it was read. Wait-free.
    #[must_use]
    pub fn key_count(&self) -> usize {
        self.inner.ledger.keys()
    }

    /// How many sockets are live. As exact as [`key_count`](Self::key_count). Wait-free.
    #[must_use]
    pub fn socket_count(&self) -> usize {
        self.inner.ledger.sockets()
    }

    /// The ids of the key's sockets, in no particular order. Lock-free, but allocates.
    #[must_use]
    pub fn sockets_of<Q>(&self, key: &Q) -> Vec<SocketId>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let (shard, print) = self.locate(key);
        let Some(key) = shard.find(&print) else { return Vec::new() };
        shard.undisturbed(&key, || {
            let mut ids = Vec::new();
            let is_chained = shard.walk_key(&key, |spot, _, seen| ids.push(shard.id(spot, seen.generation())));
            (ids, is_chained)
        })
    }

    /// What is due for any of the key's sockets, without taking it. Lock-free.
    #[must_use]
    pub fn due_of<Q>(&self, key: &Q) -> Topics
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let (shard, print) = self.locate(key);
        let mut due = Topics::EMPTY;
        if let Some(key) = shard.find(&print) {
            shard.undisturbed(&key, || ((), shard.walk_key(&key, |_, _, seen| due |= seen.due())));
        }
        due
    }

    /// Calls `f` for each socket, in no particular order: exactly once for each that is live throughout the walk, at most once
    /// for each that comes or goes meanwhile. Nobody waits for it.
    ///
    /// A socket that is dropped while `f` looks at it is gone for everybody else at once; its key and metadata
    /// are dropped when `f` returns. `f` may use the registry.
    pub fn for_each(&self, mut f: impl FnMut(SocketRef<'_, K, M>)) {
        for shard in self.shards() {
            shard.walk(|spot, _, seen| {
                if let Some(visitor) = Visitor::new(shard, spot, seen.generation()) {
                    f(visitor.socket());
                }
            });
        }
    }

    /// Calls `f` with the socket of this id; `None` if it is gone. As [`for_each`](Self::for_each) for one socket.
    ///
    /// ```
    /// use socket_registry::Registry;
    ///
    /// let registry: Registry<u64, &str> = Registry::new();
    /// let socket = registry.register_with(42, "phone")?;
    /// assert_eq!(registry.with_socket(socket.id(), |socket| *socket.metadata()), Some("phone"));
    /// # Ok::<(), socket_registry::RegisterError>(())
    /// ```
    pub fn with_socket<R>(&self, id: SocketId, f: impl FnOnce(SocketRef<'_, K, M>) -> R) -> Option<R> {
        let visitor = self.resolve(id).and_then(|(shard, spot)| Visitor::new(shard, spot, id.generation()));
        self.met(id, visitor.is_some());
        visitor.map(|visitor| f(visitor.socket()))
    }

    pub(crate) fn ledger(&self) -> &Totals {
        &self.inner.ledger
    }

    pub(crate) fn shards(&self) -> impl Iterator<Item = &Shard<K, M>> {
        self.inner.shards.iter().map(|shard| &**shard)
    }

    /// The shard of a key: the hash's lowest bits. Its highest bits say where in the shard.
    #[inline(always)]
    pub(crate) fn locate<Q: Hash + ?Sized>(&self, key: &Q) -> (&Arc<Shard<K, M>>, Fingerprint) {
        let Inner { seeds, shards, .. } = &*self.inner;
        let print = seeds.fingerprint(key);
        (&shards[print.hash as usize & (shards.len() - 1)], print)
    }

    /// The shard that an id names.
    #[inline]
    pub(crate) fn shard_of(&self, id: SocketId) -> &Shard<K, M> {
        let Inner { shard_bits, shards, .. } = &*self.inner;
        &shards[id.shard(*shard_bits)]
    }

    #[inline]
    pub(crate) fn resolve(&self, id: SocketId) -> Option<(&Shard<K, M>, SlotAddr)> {
        Some((self.shard_of(id), id.spot(self.inner.shard_bits)?))
    }
}

impl<K, M> fmt::Debug for Registry<K, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ledger = &self.inner.ledger;
        f.debug_struct("Registry")
            .field("keys", &ledger.keys())
            .field("sockets", &ledger.sockets())
            .finish_non_exhaustive()
    }
}
