//! Queries, which change nothing.

use crate::id::SocketId;
use crate::registry::Registry;
use crate::storage::slot::LocalId;
use crate::topics::Topics;
use std::borrow::Borrow;
use std::hash::Hash;

impl<K, M> Registry<K, M> {
    /// Returns whether `key` has at least one live socket. Lock-free.
    #[must_use]
    #[inline]
    pub fn is_active<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let (shard, fingerprint) = self.locate(key);
        shard.find(&fingerprint).is_some()
    }

    /// Returns whether the socket with this id is live. Wait-free.
    #[must_use]
    pub fn contains(&self, id: SocketId) -> bool {
        let head = self.resolve(id).and_then(|(shard, id)| shard.head(id.addr));
        self.note_stale(id, head.is_some_and(|head| head.state.load().is_live_as(id.generation())))
    }

    /// Returns how many live sockets `key` has. Lock-free, never allocates.
    ///
    /// While a takeover of the key is in progress, its socket may be counted twice.
    ///
    /// ```
    /// use socket_registry::Registry;
    ///
    /// let registry: Registry<String> = Registry::new();
    /// let _sockets = ["ada", "ada", "bob"].map(|name| registry.register(name.to_owned()).unwrap());
    /// assert_eq!((registry.count_of("ada"), registry.count_of("eve")), (2, 0));
    /// ```
    #[must_use]
    pub fn count_of<Q>(&self, key: &Q) -> usize
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let (shard, fingerprint) = self.locate(key);
        let mut count = 0;
        if let Some(active) = shard.find(&fingerprint) {
            shard.visit_key(&active, |_, _, _| {
                count += 1;
                true
            });
        }
        count
    }

    /// Returns the ids of the key's sockets, in no particular order. Lock-free, but allocates.
    #[must_use]
    pub fn sockets_of<Q>(&self, key: &Q) -> Vec<SocketId>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let (shard, fingerprint) = self.locate(key);
        let Some(active) = shard.find(&fingerprint) else { return Vec::new() };
        let mut ids = Vec::new();
        shard.visit_key(&active, |addr, _, seen| {
            ids.push(shard.id(LocalId::seen_at(addr, seen)));
            true
        });
        // The walk may have met a takeover's socket twice.
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// Returns the topics that are due for any of the key's sockets, without taking them.
    /// Lock-free.
    #[must_use]
    pub fn due_of<Q>(&self, key: &Q) -> Topics
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let (shard, fingerprint) = self.locate(key);
        let mut due = Topics::EMPTY;
        if let Some(active) = shard.find(&fingerprint) {
            shard.visit_key(&active, |_, _, seen| {
                due |= seen.due();
                true
            });
        }
        due
    }
}

impl<K, M> Registry<K, M> {
    /// Returns how many keys are active, as the sum of one number for each shard.
    ///
    /// The result is exact if no call is in flight. Otherwise it is off by at most the number of
    /// registrations, removals and takeovers in flight. It includes each call that has returned,
    /// unless another call for the same key is in flight. Wait-free.
    #[must_use]
    pub fn key_count(&self) -> usize {
        self.inner.totals.keys()
    }

    /// Returns how many sockets are live, as the sum of one number for each shard.
    ///
    /// The result is exact if no call is in flight. A registration counts from its beginning. A
    /// socket counts until its removal, or the takeover that superseded it, is complete. So the
    /// number of a shard is never below the truth, wherever a thread was stopped. Wait-free.
    #[must_use]
    pub fn socket_count(&self) -> usize {
        self.inner.totals.sockets()
    }
}
