//! `scc::HashMap`: a lock per bucket.

use super::{
    Hasher, Key,
    notified::{Bell, BellMap, Bells, Notified, unhang},
};
use scc::HashMap;
use std::sync::Arc;

pub type Scc<K> = Notified<K, SccMap<K>>;

pub struct SccMap<K>(HashMap<K, Bells, Hasher>);

impl<K: Key> BellMap<K> for SccMap<K> {
    const NAME: &'static str = "scc + Notify";

    fn with_capacity(keys: usize) -> Self {
        Self(HashMap::with_capacity_and_hasher(keys, Hasher::new()))
    }

    fn add(&self, key: K, bell: Arc<Bell>) {
        self.0.entry_sync(key).or_default().push(bell);
    }

    fn replace(&self, key: K, bells: Bells) {
        self.0.upsert_sync(key, bells);
    }

    fn remove(&self, key: &K, bell: &Arc<Bell>) {
        self.0.remove_if_sync(key, |bells| unhang(bells, bell));
    }

    fn read<R>(&self, key: &K, look: impl FnOnce(&Bells) -> R) -> Option<R> {
        self.0.read_sync(key, |_, bells| look(bells))
    }

    fn walk(&self, mut visit: impl FnMut(&K, &Bells)) {
        self.0.iter_sync(|key, bells| {
            visit(key, bells);
            true
        });
    }

    fn keys(&self) -> usize {
        self.0.len()
    }
}
