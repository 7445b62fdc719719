//! Marks: of a key, of one socket, of many keys, of all, of those that a closure chooses.

use crate::id::SocketId;
use crate::registry::Registry;
use crate::registry::socket::SocketRef;
use crate::shard::mark_many::Batch;
use crate::shard::visit::Visitor;
use crate::storage::slot::LocalId;
use crate::topics::Topics;
use crate::util::panic::DeferredPanics;
use std::borrow::Borrow;
use std::hash::Hash;

impl<K, M> Registry<K, M> {
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
    /// panic, the first panic is passed on when all sockets are marked. A waker may use the registry. If it marks the socket that it wakes,
    /// that mark calls it again from within, so it must not hold a lock of its own meanwhile.
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
        let (shard, fingerprint) = self.locate(key);
        shard.mark(&fingerprint, topics)
    }

    /// Makes an update due for one socket:
    /// [`mark_socket_topics`](Self::mark_socket_topics) with [`Topics::UPDATE`].
    #[inline]
    pub fn mark_socket(&self, id: SocketId) -> bool {
        self.mark_socket_topics(id, Topics::UPDATE)
    }

    /// Makes `topics` due for one socket, and wakes its task if it waits. False if that socket is gone.
    ///
    /// Lock-free, never allocates. Memory ordering as [`mark_topics`](Self::mark_topics).
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

    /// Makes an update due for every socket of every one of `keys`:
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

    /// Makes `topics` due for every socket of every one of `keys`, and wakes the tasks that wait:
    /// as [`mark_topics`](Self::mark_topics) for each, and much faster for many, since the memory
    /// of several keys is fetched at the same time. Returns the sum.
    ///
    /// Keys are taken from the iterator up to 16 ahead of their marks. So if it waits for its next
    /// key, up to 16 that it gave before wait, too. If it panics, or a key's `Hash` does, all that
    /// it gave before are marked, and then the panic is passed on.
    ///
    /// Lock-free, never allocates. Not atomic: each socket is marked by itself. Should a waker
    /// panic, the first panic is passed on when all sockets are marked. Memory ordering as
    /// [`mark_topics`](Self::mark_topics).
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
    /// Every socket that is registered before the call and not removed before its end is reached.
    /// Lock-free, never allocates. Should a waker panic, the first panic is passed on when all
    /// sockets are marked. Memory ordering as [`mark_topics`](Self::mark_topics).
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
        let mut panics = DeferredPanics::default();
        let marked = self.shards().map(|shard| shard.mark_all(topics, &mut panics)).sum();
        panics.resume();
        marked
    }

    /// Makes an update due for every socket for which `select` says yes:
    /// [`mark_where_topics`](Self::mark_where_topics) with [`Topics::UPDATE`].
    pub fn mark_where(&self, select: impl FnMut(SocketRef<'_, K, M>) -> bool) -> usize {
        self.mark_where_topics(select, Topics::UPDATE)
    }

    /// Makes `topics` due for every socket for which `select` says yes, and wakes the tasks that wait. Returns how many live sockets
    /// now have them due.
    ///
    /// `select` is asked once for each socket that is live throughout the call, at most once for each that comes or goes meanwhile, in no particular
    /// order. A socket that is dropped or superseded while `select` looks at it is not marked. `select` may use the registry.
    ///
    /// Lock-free, never allocates. It takes a step or two more for each socket than [`mark_all`](Self::mark_all), since it looks at
    /// values that other tasks own; whoever knows the keys is better off with [`mark_many`](Self::mark_many).
    ///
    /// Should a waker panic, or the drop of a socket that went while `select` looked at it, the first panic is passed on when all sockets are
    /// marked. A panic of `select` ends the call: it is passed on, the sockets chosen before stay marked, and no other is.
    ///
    /// # Memory ordering
    /// As [`mark_topics`](Self::mark_topics); what `select` writes before it says yes is covered as well.
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
        let (mut marked, mut stopped, mut panics) = (0, false, DeferredPanics::default());
        for shard in self.shards() {
            shard.visit(|addr, state, seen| {
                if stopped {
                    return;
                }
                let id = LocalId::seen_at(addr, seen);
                let Some(visitor) = Visitor::new(shard, id) else { return };
                let mut answer = None;
                panics.catch(|| answer = Some(select(SocketRef::new(&visitor))));
                stopped = answer.is_none();
                // The look is over before the mark runs a waker. It may end with the drop of a key, hence caught on its own.
                panics.catch(|| drop(visitor));
                if answer == Some(true) {
                    // Not fenced for all at once, as in `mark_all`: `select` may just have written what the mark is about.
                    marked += usize::from(shard.finish_mark(id, state.mark(seen, topics), &mut panics));
                }
            });
        }
        panics.resume();
        marked
    }
}
