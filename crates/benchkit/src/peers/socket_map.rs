//! What the two strongest peers share: `DashMap` with the first socket of a key inline in its
//! value, shards enough that threads rarely meet, and walks over the raw shards.

use super::{Hasher, Key};
use dashmap::DashMap;

const SHARDS: usize = 64;

/// The sockets of one key. A boxed vector for further ones costs a key with one socket 8 bytes; a
/// `SmallVec` 16.
struct Sockets<S> {
    first: S,
    #[expect(clippy::box_collection, reason = "8 bytes instead of 24 in every key")]
    more: Option<Box<Vec<S>>>,
}

impl<S> Sockets<S> {
    fn iter(&self) -> impl Iterator<Item = &S> {
        std::iter::once(&self.first).chain(self.more.iter().flat_map(|more| more.iter()))
    }

    fn len(&self) -> usize {
        1 + self.more.as_ref().map_or(0, |more| more.len())
    }

    /// Says whether that was the last one.
    fn remove(&mut self, is_it: impl Fn(&S) -> bool) -> bool {
        if is_it(&self.first) {
            let Some(next) = self.more.as_mut().and_then(|more| more.pop()) else { return true };
            self.first = next;
        } else if let Some(more) = &mut self.more
            && let Some(at) = more.iter().position(is_it)
        {
            more.swap_remove(at);
        }
        false
    }

    fn each(&self, visit: impl FnMut(&S)) -> usize {
        self.iter().for_each(visit);
        self.len()
    }
}

pub(super) struct SocketMap<K, S>(DashMap<K, Sockets<S>, Hasher>);

impl<K: Key, S> SocketMap<K, S> {
    pub(super) fn sized_for(sockets: usize) -> Self {
        Self(DashMap::with_capacity_and_hasher_and_shard_amount(sockets, Hasher::new(), SHARDS))
    }

    pub(super) fn add(&self, key: K, socket: S) {
        match self.0.entry(key) {
            dashmap::Entry::Occupied(mut entry) => entry.get_mut().more.get_or_insert_default().push(socket),
            dashmap::Entry::Vacant(entry) => drop(entry.insert(Sockets { first: socket, more: None })),
        }
    }

    /// Puts a socket in the place of all others of the key.
    pub(super) fn replace(&self, key: K, socket: S) {
        self.0.insert(key, Sockets { first: socket, more: None });
    }

    /// Removes one socket, and the key with its last one.
    pub(super) fn remove(&self, key: &K, is_it: impl Fn(&S) -> bool) {
        self.0.remove_if_mut(key, |_, sockets| sockets.remove(is_it));
    }

    /// Uses one socket, which must be there.
    pub(super) fn with<R>(&self, key: &K, is_it: impl Fn(&S) -> bool, use_it: impl FnOnce(&S) -> R) -> R {
        let sockets = self.0.get(key).expect("registered until dropped");
        use_it(sockets.iter().find(|socket| is_it(socket)).expect("registered until dropped"))
    }

    /// Visits the sockets of a key, and says how many they are.
    pub(super) fn each_of(&self, key: &K, visit: impl FnMut(&S)) -> usize {
        self.0.get(key).map_or(0, |sockets| sockets.each(visit))
    }

    /// Visits all sockets, and says how many they are.
    pub(super) fn each(&self, mut visit: impl FnMut(&S)) -> usize {
        let mut count = 0;
        self.walk(|_, sockets| count += sockets.each(&mut visit));
        count
    }

    pub(super) fn is_active(&self, key: &K) -> bool {
        self.0.contains_key(key)
    }

    pub(super) fn keys(&self) -> usize {
        self.0.len()
    }

    pub(super) fn for_each(&self, mut visit: impl FnMut(&K)) {
        self.walk(|key, sockets| sockets.iter().for_each(|_| visit(key)));
    }

    /// Walks the tables themselves: `DashMap::iter` counts a reference to the shard's lock for
    /// every entry.
    fn walk(&self, mut visit: impl FnMut(&K, &Sockets<S>)) {
        for shard in self.0.shards() {
            let table = shard.read();
            // SAFETY: the guard is held, so the table neither changes nor goes while the iterator
            // is used.
            for bucket in unsafe { table.iter() } {
                // SAFETY: as above, and the iterator yields full buckets only.
                let (key, sockets) = unsafe { bucket.as_ref() };
                visit(key, sockets.get());
            }
        }
    }
}
