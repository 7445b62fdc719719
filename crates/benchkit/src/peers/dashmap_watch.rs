//! `DashMap` with a `tokio::sync::watch` channel per socket.

use super::{Hasher, Key, Peer, PeerSocket};
use dashmap::DashMap;
use smallvec::{SmallVec, smallvec};
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::watch::{self, Receiver, Sender};

/// With the socket's id, which removal goes by.
type Senders = SmallVec<[(u64, Sender<()>); 1]>;

pub struct DashMapWatch<K: Key> {
    map: DashMap<K, Senders, Hasher>,
    next_id: AtomicU64,
}

pub struct WatchSocket<K: Key> {
    registry: &'static DashMapWatch<K>,
    key: K,
    id: u64,
    receiver: Receiver<()>,
}

fn send(senders: &Senders) -> usize {
    senders.iter().for_each(|(_, sender)| sender.send_replace(()));
    senders.len()
}

impl<K: Key> Peer<K> for DashMapWatch<K> {
    const NAME: &'static str = "DashMap + watch";
    type Socket = WatchSocket<K>;

    fn sized_for(sockets: usize) -> Self {
        Self { map: DashMap::with_capacity_and_hasher(sockets, Hasher::new()), next_id: AtomicU64::new(0) }
    }

    fn register(&'static self, key: K) -> Self::Socket {
        let (sender, receiver) = watch::channel(());
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        self.map.entry(key.clone()).or_default().push((id, sender));
        WatchSocket { registry: self, key, id, receiver }
    }

    fn take_over(&'static self, key: K) -> Self::Socket {
        let (sender, receiver) = watch::channel(());
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        self.map.insert(key.clone(), smallvec![(id, sender)]);
        WatchSocket { registry: self, key, id, receiver }
    }

    fn mark(&self, key: &K) -> usize {
        self.map.get(key).map_or(0, |senders| send(&senders))
    }

    fn mark_all(&self) -> usize {
        self.map.iter().map(|entry| send(entry.value())).sum()
    }

    fn is_active(&self, key: &K) -> bool {
        self.map.contains_key(key)
    }

    fn key_count(&self) -> usize {
        self.map.len()
    }

    fn socket_count(&self) -> usize {
        self.map.iter().map(|entry| entry.value().len()).sum()
    }

    fn for_each(&self, mut visit: impl FnMut(&K)) {
        self.map.iter().for_each(|entry| entry.value().iter().for_each(|_| visit(entry.key())));
    }
}

impl<K: Key> PeerSocket for WatchSocket<K> {
    fn take(&mut self) -> bool {
        let due = self.receiver.has_changed().expect("the sender lives in the map");
        self.receiver.mark_unchanged();
        due
    }

    async fn due(&mut self) {
        self.receiver.changed().await.expect("the sender lives in the map");
    }
}

impl<K: Key> Drop for WatchSocket<K> {
    fn drop(&mut self) {
        self.registry.map.remove_if_mut(&self.key, |_, senders| {
            if let Some(at) = senders.iter().position(|(id, _)| *id == self.id) {
                senders.swap_remove(at);
            }
            senders.is_empty()
        });
    }
}
