//! One `RwLock` around one hash map: marks share the lock, registrations stop everybody.

use super::{
    Hasher, Key,
    notified::{Bell, BellMap, Bells, Notified, unhang},
};
use parking_lot::RwLock;
use std::{collections::HashMap, sync::Arc};

pub type RwLocked<K> = Notified<K, OneLock<K>>;

pub struct OneLock<K>(RwLock<HashMap<K, Bells, Hasher>>);

impl<K: Key> BellMap<K> for OneLock<K> {
    const NAME: &'static str = "RwLock + Notify";

    fn with_capacity(keys: usize) -> Self {
        Self(RwLock::new(HashMap::with_capacity_and_hasher(keys, Hasher::new())))
    }

    fn add(&self, key: K, bell: Arc<Bell>) {
        self.0.write().entry(key).or_default().push(bell);
    }

    fn replace(&self, key: K, bells: Bells) {
        self.0.write().insert(key, bells);
    }

    fn remove(&self, key: &K, bell: &Arc<Bell>) {
        let mut map = self.0.write();
        if map.get_mut(key).is_some_and(|bells| unhang(bells, bell)) {
            map.remove(key);
        }
    }

    fn read<R>(&self, key: &K, look: impl FnOnce(&Bells) -> R) -> Option<R> {
        self.0.read().get(key).map(look)
    }

    fn walk(&self, mut visit: impl FnMut(&K, &Bells)) {
        self.0.read().iter().for_each(|(key, bells)| visit(key, bells));
    }

    fn keys(&self) -> usize {
        self.0.read().len()
    }
}
