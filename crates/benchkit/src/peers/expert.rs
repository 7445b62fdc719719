//! The strongest peer that we know how to write from kept parts for marks of tasks that do not
//! wait: `DashMap` whose value holds the first socket's cell inline. No `Arc`, no allocation per
//! socket.

use super::{Key, Peer, PeerSocket, cell::Cell, socket_map::SocketMap};
use std::{
    future::poll_fn,
    sync::atomic::{AtomicU64, Ordering},
};

/// One socket. Ids are what removal goes by; they are unique in the registry.
struct Entry {
    id: u64,
    cell: Cell,
}

pub struct Expert<K: Key> {
    map: SocketMap<K, Entry>,
    next_id: AtomicU64,
}

pub struct ExpertSocket<K: Key> {
    registry: &'static Expert<K>,
    key: K,
    id: u64,
}

impl<K: Key> Peer<K> for Expert<K> {
    const NAME: &'static str = "expert DashMap";
    type Socket = ExpertSocket<K>;

    fn sized_for(sockets: usize) -> Self {
        Self { map: SocketMap::sized_for(sockets), next_id: AtomicU64::new(0) }
    }

    fn register(&'static self, key: K) -> Self::Socket {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        self.map.add(key.clone(), Entry { id, cell: Cell::default() });
        ExpertSocket { registry: self, key, id }
    }

    fn take_over(&'static self, key: K) -> Self::Socket {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        self.map.replace(key.clone(), Entry { id, cell: Cell::default() });
        ExpertSocket { registry: self, key, id }
    }

    fn mark(&self, key: &K) -> usize {
        self.map.each_of(key, |entry| entry.cell.mark())
    }

    fn mark_all(&self) -> usize {
        self.map.each(|entry| entry.cell.mark())
    }

    fn is_active(&self, key: &K) -> bool {
        self.map.is_active(key)
    }

    fn key_count(&self) -> usize {
        self.map.keys()
    }

    fn socket_count(&self) -> usize {
        self.map.each(|_| ())
    }

    fn for_each(&self, visit: impl FnMut(&K)) {
        self.map.for_each(visit);
    }
}

impl<K: Key> ExpertSocket<K> {
    /// The cell lives in the map, so its owner has to look it up too.
    fn with_cell<R>(&self, use_it: impl FnOnce(&Cell) -> R) -> R {
        self.registry.map.with(&self.key, |entry| entry.id == self.id, |entry| use_it(&entry.cell))
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
        self.registry.map.remove(&self.key, |entry| entry.id == self.id);
    }
}
