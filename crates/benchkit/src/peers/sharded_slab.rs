//! Sockets in a `sharded_slab`, found by id without a lock; a map leads from a key to its ids.

use super::{ById, Hasher, Key, Peer, PeerSocket, cell::Cell};
use dashmap::DashMap;
use sharded_slab::Slab;
use smallvec::SmallVec;
use std::future::poll_fn;

type Ids = SmallVec<[usize; 2]>;

pub struct ShardedSlab<K: Key> {
    ids: DashMap<K, Ids, Hasher>,
    cells: Slab<Cell>,
}

pub struct SlabSocket<K: Key> {
    registry: &'static ShardedSlab<K>,
    key: K,
    id: usize,
}

impl<K: Key> ShardedSlab<K> {
    fn mark_each(&self, ids: &[usize]) -> usize {
        ids.iter().filter(|id| self.mark_id(**id)).count()
    }
}

impl<K: Key> Peer<K> for ShardedSlab<K> {
    const NAME: &'static str = "DashMap + sharded-slab";
    type Socket = SlabSocket<K>;

    fn sized_for(sockets: usize) -> Self {
        Self { ids: DashMap::with_capacity_and_hasher(sockets, Hasher::new()), cells: Slab::new() }
    }

    fn register(&'static self, key: K) -> Self::Socket {
        let id = self.cells.insert(Cell::default()).expect("room in the slab");
        self.ids.entry(key.clone()).or_default().push(id);
        SlabSocket { registry: self, key, id }
    }

    fn take_over(&'static self, key: K) -> Self::Socket {
        let id = self.cells.insert(Cell::default()).expect("room in the slab");
        self.ids.insert(key.clone(), Ids::from_elem(id, 1));
        SlabSocket { registry: self, key, id }
    }

    fn mark(&self, key: &K) -> usize {
        self.ids.get(key).map_or(0, |ids| self.mark_each(&ids))
    }

    fn mark_all(&self) -> usize {
        self.ids.iter().map(|entry| self.mark_each(entry.value())).sum()
    }

    fn is_active(&self, key: &K) -> bool {
        self.ids.contains_key(key)
    }

    fn key_count(&self) -> usize {
        self.ids.len()
    }

    fn socket_count(&self) -> usize {
        self.ids.iter().map(|entry| entry.value().len()).sum()
    }

    fn for_each(&self, mut visit: impl FnMut(&K)) {
        self.ids.iter().for_each(|entry| entry.value().iter().for_each(|_| visit(entry.key())));
    }
}

impl<K: Key> ById<K> for ShardedSlab<K> {
    type Id = usize;

    fn id(socket: &SlabSocket<K>) -> usize {
        socket.id
    }

    fn mark_id(&self, id: usize) -> bool {
        self.cells.get(id).is_some_and(|cell| {
            cell.mark();
            true
        })
    }
}

impl<K: Key> SlabSocket<K> {
    fn cell(&self) -> sharded_slab::Entry<'static, Cell> {
        self.registry.cells.get(self.id).expect("in the slab until dropped")
    }
}

impl<K: Key> PeerSocket for SlabSocket<K> {
    fn take(&mut self) -> bool {
        self.cell().take()
    }

    fn due(&mut self) -> impl Future<Output = ()> + Send {
        poll_fn(|cx| self.cell().poll_due(cx))
    }
}

impl<K: Key> Drop for SlabSocket<K> {
    fn drop(&mut self) {
        self.registry.ids.remove_if_mut(&self.key, |_, ids| {
            ids.retain(|id| *id != self.id);
            ids.is_empty()
        });
        self.registry.cells.remove(self.id);
    }
}
