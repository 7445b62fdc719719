//! The strongest peer that we know how to write from kept parts for whole updates: `DashMap` whose
//! value points at the socket's cell. The owner reaches its cell without a lookup.

use super::{Key, Peer, PeerSocket, cell::Cell, socket_map::SocketMap};
use std::{future::poll_fn, sync::Arc};

pub struct Boxed<K: Key>(SocketMap<K, Arc<Cell>>);

pub struct BoxedSocket<K: Key> {
    registry: &'static Boxed<K>,
    key: K,
    cell: Arc<Cell>,
}

impl<K: Key> Peer<K> for Boxed<K> {
    const NAME: &'static str = "DashMap + AtomicWaker";
    type Socket = BoxedSocket<K>;

    fn sized_for(sockets: usize) -> Self {
        Self(SocketMap::sized_for(sockets))
    }

    fn register(&'static self, key: K) -> Self::Socket {
        let cell = Arc::<Cell>::default();
        self.0.add(key.clone(), cell.clone());
        BoxedSocket { registry: self, key, cell }
    }

    fn take_over(&'static self, key: K) -> Self::Socket {
        let cell = Arc::<Cell>::default();
        self.0.replace(key.clone(), cell.clone());
        BoxedSocket { registry: self, key, cell }
    }

    fn mark(&self, key: &K) -> usize {
        self.0.each_of(key, |cell| cell.mark())
    }

    fn mark_all(&self) -> usize {
        self.0.each(|cell| cell.mark())
    }

    fn is_active(&self, key: &K) -> bool {
        self.0.is_active(key)
    }

    fn key_count(&self) -> usize {
        self.0.keys()
    }

    fn socket_count(&self) -> usize {
        self.0.each(|_| ())
    }

    fn for_each(&self, visit: impl FnMut(&K)) {
        self.0.for_each(visit);
    }
}

impl<K: Key> PeerSocket for BoxedSocket<K> {
    fn take(&mut self) -> bool {
        self.cell.take()
    }

    fn due(&mut self) -> impl Future<Output = ()> + Send {
        poll_fn(|cx| self.cell.poll_due(cx))
    }
}

impl<K: Key> Drop for BoxedSocket<K> {
    fn drop(&mut self) {
        self.registry.0.remove(&self.key, |cell| Arc::ptr_eq(cell, &self.cell));
    }
}
