//! `DashMap` with a `tokio::sync::watch` channel per socket.

use super::{Hasher, Key, Peer, PeerSocket};
use dashmap::DashMap;
use smallvec::SmallVec;
use tokio::sync::watch::{self, Receiver, Sender};

type Senders = SmallVec<[Sender<()>; 1]>;

pub struct DashMapWatch<K: Key>(DashMap<K, Senders, Hasher>);

pub struct WatchSocket<K: Key> {
    registry: &'static DashMapWatch<K>,
    key: K,
    receiver: Receiver<()>,
}

fn send(senders: &Senders) -> usize {
    senders.iter().for_each(|sender| sender.send_replace(()));
    senders.len()
}

impl<K: Key> Peer<K> for DashMapWatch<K> {
    const NAME: &'static str = "DashMap + watch";
    type Socket = WatchSocket<K>;

    fn sized_for(sockets: usize) -> Self {
        Self(DashMap::with_capacity_and_hasher(sockets, Hasher::new()))
    }

    fn register(&'static self, key: K) -> Self::Socket {
        let (sender, receiver) = watch::channel(());
        self.0.entry(key.clone()).or_default().push(sender);
        WatchSocket { registry: self, key, receiver }
    }

    fn mark(&self, key: &K) -> usize {
        self.0.get(key).map_or(0, |senders| send(&senders))
    }

    fn mark_all(&self) -> usize {
        self.0.iter().map(|entry| send(entry.value())).sum()
    }

    fn is_active(&self, key: &K) -> bool {
        self.0.contains_key(key)
    }

    fn key_count(&self) -> usize {
        self.0.len()
    }

    fn socket_count(&self) -> usize {
        self.0.iter().map(|entry| entry.value().len()).sum()
    }

    fn for_each(&self, mut visit: impl FnMut(&K)) {
        self.0.iter().for_each(|entry| entry.value().iter().for_each(|_| visit(entry.key())));
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
        self.registry.0.remove_if_mut(&self.key, |_, senders| {
            let last = senders.len() == 1;
            if !last {
                senders.retain(|sender| !sender.subscribe().same_channel(&self.receiver));
            }
            last
        });
    }
}
