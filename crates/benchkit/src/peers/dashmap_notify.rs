//! `DashMap` as it comes: with `ShardedMutex` the common answer.

use super::{
    Hasher, Key,
    notified::{Bell, BellMap, Bells, Notified, unhang},
};
use dashmap::DashMap;
use std::sync::Arc;

pub type DashMapNotify<K> = Notified<K, Dash<K>>;

pub struct Dash<K>(DashMap<K, Bells, Hasher>);

impl<K: Key> BellMap<K> for Dash<K> {
    const NAME: &'static str = "DashMap + Notify";

    fn with_capacity(keys: usize) -> Self {
        Self(DashMap::with_capacity_and_hasher(keys, Hasher::new()))
    }

    fn add(&self, key: K, bell: Arc<Bell>) {
        self.0.entry(key).or_default().push(bell);
    }

    fn replace(&self, key: K, bells: Bells) {
        self.0.insert(key, bells);
    }

    fn remove(&self, key: &K, bell: &Arc<Bell>) {
        self.0.remove_if_mut(key, |_, bells| unhang(bells, bell));
    }

    fn read<R>(&self, key: &K, look: impl FnOnce(&Bells) -> R) -> Option<R> {
        self.0.get(key).map(|bells| look(&bells))
    }

    fn walk(&self, mut visit: impl FnMut(&K, &Bells)) {
        self.0.iter().for_each(|entry| visit(entry.key(), entry.value()));
    }

    fn keys(&self) -> usize {
        self.0.len()
    }
}
