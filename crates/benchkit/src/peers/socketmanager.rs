//! The original's design, `socketmanager` for Go: one mutex around one map of bools, which every
//! socket's task polls once a second. Its bugs are left out (a bool per socket instead of per key,
//! removal by identity), its design is not.

use super::{Hasher, Key, Peer, PeerSocket};
use parking_lot::Mutex;
use smallvec::{SmallVec, smallvec};
use std::{
    collections::HashMap,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

struct Flag {
    id: u64,
    due: bool,
}

type Flags = SmallVec<[Flag; 1]>;

pub struct SocketManager<K: Key> {
    map: Mutex<HashMap<K, Flags, Hasher>>,
    next_id: AtomicU64,
}

pub struct PolledSocket<K: Key> {
    registry: &'static SocketManager<K>,
    key: K,
    id: u64,
}

fn mark(flags: &mut Flags) -> usize {
    flags.iter_mut().for_each(|flag| flag.due = true);
    flags.len()
}

impl<K: Key> Peer<K> for SocketManager<K> {
    const NAME: &'static str = "original's lock, polled";
    const WAKES: bool = false;
    type Socket = PolledSocket<K>;

    fn sized_for(sockets: usize) -> Self {
        let map = HashMap::with_capacity_and_hasher(sockets, Hasher::new());
        Self { map: Mutex::new(map), next_id: AtomicU64::new(0) }
    }

    fn register(&'static self, key: K) -> Self::Socket {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        self.map.lock().entry(key.clone()).or_default().push(Flag { id, due: false });
        PolledSocket { registry: self, key, id }
    }

    fn take_over(&'static self, key: K) -> Self::Socket {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        self.map.lock().insert(key.clone(), smallvec![Flag { id, due: false }]);
        PolledSocket { registry: self, key, id }
    }

    fn mark(&self, key: &K) -> usize {
        self.map.lock().get_mut(key).map_or(0, mark)
    }

    fn mark_all(&self) -> usize {
        self.map.lock().values_mut().map(mark).sum()
    }

    fn is_active(&self, key: &K) -> bool {
        self.map.lock().contains_key(key)
    }

    fn key_count(&self) -> usize {
        self.map.lock().len()
    }

    fn socket_count(&self) -> usize {
        self.map.lock().values().map(|flags| flags.len()).sum()
    }

    fn for_each(&self, mut visit: impl FnMut(&K)) {
        self.map.lock().iter().for_each(|(key, flags)| flags.iter().for_each(|_| visit(key)));
    }
}

impl<K: Key> PeerSocket for PolledSocket<K> {
    fn take(&mut self) -> bool {
        let mut map = self.registry.map.lock();
        let flags = map.get_mut(&self.key).expect("registered until dropped");
        let flag = flags.iter_mut().find(|flag| flag.id == self.id).expect("registered until dropped");
        std::mem::take(&mut flag.due)
    }

    async fn due(&mut self) {
        while !self.take() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

impl<K: Key> Drop for PolledSocket<K> {
    fn drop(&mut self) {
        let mut map = self.registry.map.lock();
        if let Some(flags) = map.get_mut(&self.key) {
            flags.retain(|flag| flag.id != self.id);
            if flags.is_empty() {
                map.remove(&self.key);
            }
        }
    }
}
