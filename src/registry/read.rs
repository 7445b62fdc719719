//! What can be asked without touching anything.

use crate::id::SocketId;
use crate::registry::Registry;
use crate::topics::Topics;
use std::borrow::Borrow;
use std::hash::Hash;

impl<K: Eq + Hash + Send + Sync + 'static, M> Registry<K, M> {
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
        self.note_stale(id, word.is_some_and(|word| word.load().is_live_as(id.generation())))
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
}
