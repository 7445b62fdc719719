//! 64 mutexes, each with a hash map: with `DashMapNotify` the common answer.

use super::{
    Hasher, Key,
    notified::{Bell, BellMap, Bells, Notified, unhang},
};
use crossbeam_utils::CachePadded;
use parking_lot::{Mutex, MutexGuard};
use std::{collections::HashMap, sync::Arc};

pub type ShardedMutex<K> = Notified<K, Shards<K>>;

const SHARD_BITS: u32 = 6;

type Shard<K> = HashMap<K, Bells, Hasher>;

pub struct Shards<K> {
    hasher: Hasher,
    shards: Vec<CachePadded<Mutex<Shard<K>>>>,
}

impl<K: Key> Shards<K> {
    /// By bits in the middle of the hash: the table within uses both ends.
    fn lock(&self, key: &K) -> MutexGuard<'_, Shard<K>> {
        let shard = (self.hasher.hash_one(key) >> 40) as usize % self.shards.len();
        self.shards[shard].lock()
    }
}

impl<K: Key> BellMap<K> for Shards<K> {
    const NAME: &'static str = "sharded Mutex + Notify";

    fn with_capacity(keys: usize) -> Self {
        let hasher = Hasher::new();
        let shard = || Shard::with_capacity_and_hasher(keys >> SHARD_BITS, hasher.clone());
        let shards = (0..1 << SHARD_BITS).map(|_| CachePadded::new(Mutex::new(shard()))).collect();
        Self { hasher, shards }
    }

    fn add(&self, key: K, bell: Arc<Bell>) {
        let mut shard = self.lock(&key);
        shard.entry(key).or_default().push(bell);
    }

    fn replace(&self, key: K, bells: Bells) {
        self.lock(&key).insert(key, bells);
    }

    fn remove(&self, key: &K, bell: &Arc<Bell>) {
        let mut shard = self.lock(key);
        if shard.get_mut(key).is_some_and(|bells| unhang(bells, bell)) {
            shard.remove(key);
        }
    }

    fn read<R>(&self, key: &K, look: impl FnOnce(&Bells) -> R) -> Option<R> {
        self.lock(key).get(key).map(look)
    }

    fn walk(&self, mut visit: impl FnMut(&K, &Bells)) {
        for shard in &self.shards {
            shard.lock().iter().for_each(|(key, bells)| visit(key, bells));
        }
    }

    fn keys(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }
}
