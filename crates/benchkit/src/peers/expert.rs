//! The strongest peer that we know how to write from kept parts: `DashMap` whose value holds the
//! first socket's cell inline. No `Arc`, no allocation per socket, shards enough that threads
//! rarely meet, and walks over the raw shards.

use super::{Hasher, Key, Peer, PeerSocket, cell::Cell};
use dashmap::DashMap;
use std::{
    future::poll_fn,
    sync::atomic::{AtomicU64, Ordering},
};

const SHARDS: usize = 64;

/// One socket. Ids are what removal goes by; they are unique in the registry.
struct Entry {
    id: u64,
    cell: Cell,
}

/// The sockets of one key. A boxed vector for further ones costs a key with one socket 8 bytes; a
/// `SmallVec` 16.
struct Sockets {
    first: Entry,
    #[expect(clippy::box_collection, reason = "8 bytes instead of 24 in every key")]
    more: Option<Box<Vec<Entry>>>,
}

impl Sockets {
    fn new(id: u64) -> Self {
        Self { first: Entry { id, cell: Cell::default() }, more: None }
    }

    fn iter(&self) -> impl Iterator<Item = &Entry> {
        std::iter::once(&self.first).chain(self.more.iter().flat_map(|more| more.iter()))
    }

    fn len(&self) -> usize {
        1 + self.more.as_ref().map_or(0, |more| more.len())
    }

    fn push(&mut self, id: u64) {
        self.more.get_or_insert_default().push(Entry { id, cell: Cell::default() });
    }

    /// Says whether that was the last one.
    fn remove(&mut self, id: u64) -> bool {
        if self.first.id == id {
            let Some(next) = self.more.as_mut().and_then(|more| more.pop()) else { return true };
            self.first = next;
        } else if let Some(more) = &mut self.more
            && let Some(at) = more.iter().position(|entry| entry.id == id)
        {
            more.swap_remove(at);
        }
        false
    }

    fn mark(&self) -> usize {
        self.iter().for_each(|entry| entry.cell.mark());
        self.len()
    }
}

pub struct Expert<K: Key> {
    map: DashMap<K, Sockets, Hasher>,
    next_id: AtomicU64,
}

pub struct ExpertSocket<K: Key> {
    registry: &'static Expert<K>,
    key: K,
    id: u64,
}

impl<K: Key> Expert<K> {
    /// Walks the tables themselves: `DashMap::iter` counts a reference to the shard's lock for
    /// every entry.
    fn walk(&self, mut visit: impl FnMut(&K, &Sockets)) {
        for shard in self.map.shards() {
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

impl<K: Key> Peer<K> for Expert<K> {
    const NAME: &'static str = "expert DashMap";
    type Socket = ExpertSocket<K>;

    fn sized_for(sockets: usize) -> Self {
        Self {
            map: DashMap::with_capacity_and_hasher_and_shard_amount(sockets, Hasher::new(), SHARDS),
            next_id: AtomicU64::new(0),
        }
    }

    fn register(&'static self, key: K) -> Self::Socket {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        self.map.entry(key.clone()).and_modify(|sockets| sockets.push(id)).or_insert_with(|| Sockets::new(id));
        ExpertSocket { registry: self, key, id }
    }

    fn mark(&self, key: &K) -> usize {
        self.map.get(key).map_or(0, |sockets| sockets.mark())
    }

    fn mark_all(&self) -> usize {
        let mut marked = 0;
        self.walk(|_, sockets| marked += sockets.mark());
        marked
    }

    fn is_active(&self, key: &K) -> bool {
        self.map.contains_key(key)
    }

    fn key_count(&self) -> usize {
        self.map.len()
    }

    fn socket_count(&self) -> usize {
        let mut sockets = 0;
        self.walk(|_, list| sockets += list.len());
        sockets
    }

    fn for_each(&self, mut visit: impl FnMut(&K)) {
        self.walk(|key, sockets| sockets.iter().for_each(|_| visit(key)));
    }
}

impl<K: Key> ExpertSocket<K> {
    /// The cell lives in the map, so its owner has to look it up too.
    fn with_cell<R>(&self, use_it: impl FnOnce(&Cell) -> R) -> R {
        let sockets = self.registry.map.get(&self.key).expect("registered until dropped");
        let entry = sockets.iter().find(|entry| entry.id == self.id).expect("registered until dropped");
        use_it(&entry.cell)
    }
}

impl<K: Key> PeerSocket for ExpertSocket<K> {
    fn take(&mut self) -> bool {
        self.with_cell(Cell::take)
    }

    fn due(&mut self) -> impl Future<Output = ()> + Send {
        poll_fn(|cx| self.with_cell(|cell| cell.poll_due(cx)))
    }
}

impl<K: Key> Drop for ExpertSocket<K> {
    fn drop(&mut self) {
        self.registry.map.remove_if_mut(&self.key, |_, sockets| sockets.remove(self.id));
    }
}
