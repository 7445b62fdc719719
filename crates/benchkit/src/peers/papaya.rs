//! `papaya::HashMap`: readers never lock. Its values cannot be changed in place, so a list is
//! copied when it changes.

use super::{
    Hasher, Key,
    notified::{Bell, BellMap, Bells, Notified, unhang},
};
use papaya::{HashMap, Operation};
use std::sync::Arc;

pub type Papaya<K> = Notified<K, PapayaMap<K>>;

pub struct PapayaMap<K>(HashMap<K, Bells, Hasher>);

impl<K: Key> BellMap<K> for PapayaMap<K> {
    const NAME: &'static str = "papaya + Notify";

    fn with_capacity(keys: usize) -> Self {
        Self(HashMap::with_capacity_and_hasher(keys, Hasher::new()))
    }

    fn add(&self, key: K, bell: Arc<Bell>) {
        self.0.pin().update_or_insert_with(
            key,
            |bells| bells.iter().chain([&bell]).cloned().collect(),
            || Bells::from_elem(bell.clone(), 1),
        );
    }

    fn replace(&self, key: K, bells: Bells) {
        self.0.pin().insert(key, bells);
    }

    fn remove(&self, key: &K, bell: &Arc<Bell>) {
        self.0.pin().compute(key.clone(), |entry| {
            let Some((_, bells)) = entry else { return Operation::Abort(()) };
            let mut left = bells.clone();
            if unhang(&mut left, bell) { Operation::Remove } else { Operation::Insert(left) }
        });
    }

    fn read<R>(&self, key: &K, look: impl FnOnce(&Bells) -> R) -> Option<R> {
        self.0.pin().get(key).map(look)
    }

    fn walk(&self, mut visit: impl FnMut(&K, &Bells)) {
        self.0.pin().iter().for_each(|(key, bells)| visit(key, bells));
    }

    fn keys(&self) -> usize {
        self.0.len()
    }
}
