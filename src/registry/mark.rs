//! Marks: of a key, one socket, many keys, all sockets, or those that a closure selects.

use crate::id::SocketId;
use crate::registry::socket::SocketRef;
use crate::registry::{Registry, RegistryShard};
use crate::shard::mark_many::Batch;
use crate::shard::visit::Visitor;
use crate::storage::slot::{Fence, LocalId, SlotAddr, SlotState, state};
use crate::sync::full_fence;
use crate::topics::Topics;
use crate::util::panic::DeferredPanics;
use std::borrow::Borrow;
use std::hash::Hash;

impl<K, M> Registry<K, M> {
    /// Makes an update due for every socket of `key`: [`mark_topics`](Self::mark_topics) with
    /// [`Topics::UPDATE`].
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

    /// Makes `topics` due for every socket of `key`, and wakes the tasks that wait. Returns how
    /// many live sockets now have them due. With an empty set, returns how many live sockets
    /// there are.
    ///
    /// The call reaches every socket that is registered before it begins and not removed before
    /// it ends. Marks coalesce: a topic that is already due stays due.
    ///
    /// Lock-free, never allocates; each socket takes one atomic step. The call runs the wakers of
    /// the waiting tasks. If a waker panics, the first panic is propagated after all sockets are
    /// marked. A waker may use the registry. If it marks the socket that it wakes, that mark
    /// calls the waker again from within, so the waker must not hold a lock of its own at that
    /// point.
    ///
    /// # Memory ordering
    /// What this thread wrote before the call is visible to the owner that takes the mark. A mark
    /// that finds its topics already due writes nothing to the socket. It orders by a
    /// sequentially consistent fence, paired with another in the take. The fences cover atomics,
    /// all data guarded by a lock or another synchronised structure, and everything outside the
    /// process. They do not cover one case: plain memory that `unsafe` code shares with the taker
    /// without any such synchronisation of its own.
    ///
    /// If the call does not reach a socket because the socket is being registered, what this thread
    /// wrote before the call is visible to the registering thread after the registration.
    #[inline]
    pub fn mark_topics<Q>(&self, key: &Q, topics: Topics) -> usize
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let (shard, fingerprint) = self.locate(key);
        shard.mark(&fingerprint, topics)
    }

    /// Makes an update due for one socket: [`mark_socket_topics`](Self::mark_socket_topics) with
    /// [`Topics::UPDATE`].
    #[inline]
    pub fn mark_socket(&self, id: SocketId) -> bool {
        self.mark_socket_topics(id, Topics::UPDATE)
    }

    /// Makes `topics` due for one socket, and wakes its task if it waits. Returns false if the
    /// socket is gone.
    ///
    /// Lock-free, never allocates. Memory ordering is that of [`mark_topics`](Self::mark_topics).
    ///
    /// ```
    /// use socket_registry::{Registry, Topics};
    ///
    /// const ALERTS: Topics = Topics::topic(1);
    ///
    /// let registry: Registry<u64> = Registry::new();
    /// let socket = registry.register(42)?;
    /// assert!(registry.mark_socket(socket.id()));
    /// assert!(registry.mark_socket_topics(socket.id(), ALERTS));
    /// assert_eq!(socket.take_due(), Topics::UPDATE | ALERTS);
    /// # Ok::<(), socket_registry::RegisterError>(())
    /// ```
    #[inline]
    pub fn mark_socket_topics(&self, id: SocketId, topics: Topics) -> bool {
        let marked = self.resolve(id).is_some_and(|(shard, id)| shard.mark_socket(id, topics));
        self.note_stale(id, marked)
    }

    /// Makes an update due for every socket of each of `keys`:
    /// [`mark_many_topics`](Self::mark_many_topics) with [`Topics::UPDATE`].
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
        self.mark_many_topics(keys, Topics::UPDATE)
    }

    /// Makes `topics` due for every socket of each of `keys`, and wakes the tasks that wait.
    /// Returns the sum over the keys. The effect is that of [`mark_topics`](Self::mark_topics)
    /// for each key; for many keys it is much faster, since it fetches the memory of several keys
    /// at the same time.
    ///
    /// The call takes up to 16 keys from the iterator ahead of their marks. So if the iterator
    /// waits for its next key, up to 16 keys that it has already yielded wait as well. If the
    /// iterator or a key's `Hash` panics, all keys yielded before are marked, and then the panic
    /// is propagated.
    ///
    /// Lock-free, never allocates. The call is not atomic: it marks each socket separately. If a
    /// waker panics, the first panic is propagated after all sockets are marked. Memory ordering
    /// is that of [`mark_topics`](Self::mark_topics).
    ///
    /// ```
    /// use socket_registry::{Registry, Topics};
    ///
    /// const ALERTS: Topics = Topics::topic(1);
    ///
    /// let registry: Registry<u64> = Registry::new();
    /// let sockets: Vec<_> = (0..10).map(|user| registry.register(user).unwrap()).collect();
    /// assert_eq!(registry.mark_many_topics(&[2, 3, 5, 7, 11], ALERTS), 4);
    /// assert_eq!(sockets[7].take_due(), ALERTS);
    /// ```
    pub fn mark_many_topics<'q, Q, I>(&self, keys: I, topics: Topics) -> usize
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized + 'q,
        I: IntoIterator<Item = &'q Q>,
    {
        let mut batch = Batch::new(topics);
        for key in keys {
            let (shard, fingerprint) = self.locate(key);
            batch.push(shard, fingerprint);
        }
        batch.finish()
    }

    /// Makes an update due for every socket: [`mark_all_topics`](Self::mark_all_topics) with
    /// [`Topics::UPDATE`].
    pub fn mark_all(&self) -> usize {
        self.mark_all_topics(Topics::UPDATE)
    }

    /// Makes `topics` due for every socket, and wakes the tasks that wait. Returns how many live
    /// sockets now have them due.
    ///
    /// The call reaches every socket that is registered before it begins and not removed before
    /// it ends. Lock-free, never allocates. If a waker panics, the first panic is propagated
    /// after all sockets are marked. Memory ordering is that of
    /// [`mark_topics`](Self::mark_topics).
    ///
    /// ```
    /// use socket_registry::{Registry, Topics};
    ///
    /// const NEWS: Topics = Topics::topic(1);
    ///
    /// let registry: Registry<u64> = Registry::new();
    /// let sockets: Vec<_> = (0..10).map(|user| registry.register(user).unwrap()).collect();
    /// assert_eq!(registry.mark_all_topics(NEWS), 10);
    /// assert!(sockets.iter().all(|socket| socket.take_due() == NEWS));
    /// ```
    pub fn mark_all_topics(&self, topics: Topics) -> usize {
        DeferredPanics::scope(|panics| self.shards().map(|shard| shard.mark_all(topics, panics)).sum())
    }

    /// Makes an update due for every socket that `select` returns true for:
    /// [`mark_where_topics`](Self::mark_where_topics) with [`Topics::UPDATE`].
    pub fn mark_where(&self, select: impl FnMut(SocketRef<'_, K, M>) -> bool) -> usize {
        self.mark_where_topics(select, Topics::UPDATE)
    }

    /// Makes `topics` due for every socket that `select` returns true for, and wakes the tasks
    /// that wait. Returns how many live sockets now have them due.
    ///
    /// The call runs `select` exactly once for each socket that is live throughout the call, and
    /// at most once for each that comes or goes meanwhile, in no particular order. It does not
    /// mark a socket that is dropped or superseded while `select` looks at it. `select` may use
    /// the registry.
    ///
    /// Lock-free, never allocates. The call takes one or two steps more for each socket than
    /// [`mark_all`](Self::mark_all), since it looks at values that other tasks own. If you know
    /// the keys, prefer [`mark_many`](Self::mark_many).
    ///
    /// If a waker panics, or the drop of a socket that was removed while `select` looked at it,
    /// the first panic is propagated after all sockets are marked. If `select` panics, the call
    /// ends and propagates the panic: the sockets selected before stay marked, and no other is
    /// marked.
    ///
    /// # Memory ordering
    /// The same as [`mark_topics`](Self::mark_topics). It also covers what `select` writes before
    /// it returns true.
    ///
    /// ```
    /// use socket_registry::{Registry, Topics};
    ///
    /// const ALERTS: Topics = Topics::topic(1);
    ///
    /// let registry: Registry<u64, &str> = Registry::new();
    /// let phone = registry.register_with(42, "phone")?;
    /// let laptop = registry.register_with(42, "laptop")?;
    /// assert_eq!(registry.mark_where_topics(|socket| *socket.metadata() == "phone", ALERTS), 1);
    /// assert_eq!((phone.take_due(), laptop.take_due()), (ALERTS, Topics::EMPTY));
    /// # Ok::<(), socket_registry::RegisterError>(())
    /// ```
    pub fn mark_where_topics(&self, mut select: impl FnMut(SocketRef<'_, K, M>) -> bool, topics: Topics) -> usize {
        // One fence for the sockets that the walk does not meet: see `Shard::mark`.
        full_fence();
        let (mut marked, mut stopped, mut panics) = (0, false, DeferredPanics::default());
        for shard in self.shards() {
            shard.visit(|addr, state, seen| {
                if !stopped {
                    let is_marked = mark_if(shard, addr, state, seen, topics, &mut select, &mut panics);
                    stopped = is_marked.is_none();
                    marked += usize::from(is_marked == Some(true));
                }
            });
        }
        panics.resume();
        marked
    }
}

/// Marks a socket that a walk has met, if `select` returns true for it. Returns whether the socket
/// was marked; none if `select` has panicked.
pub(super) fn mark_if<K, M>(
    shard: &RegistryShard<K, M>,
    addr: SlotAddr,
    state: &SlotState,
    seen: state::Snapshot,
    topics: Topics,
    select: &mut impl FnMut(SocketRef<'_, K, M>) -> bool,
    panics: &mut DeferredPanics,
) -> Option<bool> {
    let id = LocalId::seen_at(addr, seen);
    let Some(visitor) = Visitor::new(shard, id) else { return Some(false) };
    let mut answer = None;
    panics.catch(|| answer = Some(select(SocketRef::new(&visitor))));
    // The visit ends before the mark runs a waker. Its end may drop a key, so it has a catch of its
    // own.
    panics.catch(|| drop(visitor));
    // No shared fence for all sockets, unlike `mark_all`: `select` may just have written what the
    // mark is about.
    Some(answer? && shard.finish_mark(id, state.mark(seen, topics, Fence::Own), panics))
}
