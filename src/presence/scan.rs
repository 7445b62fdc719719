//! A walk over the active keys, a piece at a time.
//!
//! The walk meets every key that is active from before it begins until after it ends. It leaves
//! out tables that are added meanwhile: a key gets there by a registration that notifies the
//! watchers.

use crate::registry::{Registry, RegistryShard};
use crate::shard::hold::KeyHold;
use crate::storage::table::{ActiveKey, BucketRef};
use crate::sync::MODELLED;

/// How many buckets, or groups that are not in use, a walk looks at before other work has its turn.
pub(crate) const PIECE: u32 = if MODELLED { 4 } else { 4096 };

/// The position of the walk.
#[derive(Default)]
pub(crate) struct KeyScan {
    shard: usize,
    /// The index at which the table begins. If the table is unlinked by now, it was empty, and the
    /// walk continues with the next older one. None: the shard's newest table.
    table: Option<u32>,
    bucket: u32,
}

/// The result of a step.
pub(crate) enum Scanned<K> {
    /// An active key, and the number of its epoch.
    Key(K, u64),
    /// The step has used up its buckets.
    More,
    Done,
}

impl KeyScan {
    /// Advances to the next active key. It looks at `left` buckets or unused groups at most.
    pub(crate) fn advance<K, M>(
        &mut self,
        registry: &Registry<K, M>,
        clone: fn(&K) -> K,
        left: &mut u32,
    ) -> Scanned<K> {
        while let Some(shard) = registry.shard(self.shard) {
            let Some(table) = shard.table_up_to(self.table.unwrap_or(u32::MAX)) else {
                *self = Self { shard: self.shard + 1, ..Self::default() };
                continue;
            };
            if self.table != Some(table.first()) {
                (self.table, self.bucket) = (Some(table.first()), 0);
            }
            while self.bucket < table.bucket_count() {
                if *left == 0 {
                    return Scanned::More;
                }
                *left -= 1;
                if let Some(end) = table.occupancy.vacant_until(self.bucket) {
                    self.bucket = end;
                    continue;
                }
                let found = shard.epoch(table.bucket(self.bucket), clone);
                // Not before: if `clone` panicked, a walk that had passed the key would take it
                // for gone.
                self.bucket += 1;
                if let Some((key, epoch)) = found {
                    return Scanned::Key(key, epoch);
                }
            }
            match table.first().checked_sub(1) {
                Some(older) => (self.table, self.bucket) = (Some(older), 0),
                None => *self = Self { shard: self.shard + 1, ..Self::default() },
            }
        }
        Scanned::Done
    }
}

impl<K, M> RegistryShard<K, M> {
    /// Returns the active key in a bucket, and the number of its epoch. Returns `None` also if
    /// the key becomes idle meanwhile.
    fn epoch(&self, bucket: BucketRef<'_, K, M>, clone: fn(&K) -> K) -> Option<(K, u64)> {
        let active = ActiveKey::now(bucket);
        if !active.seen.is_active() {
            return None;
        }
        // The hold precedes the step that ends the epoch, so the thread that makes this step
        // knows of the caller.
        let hold = KeyHold::new(self, &active)?;
        let clock = &self.observer.clock;
        let epoch = bucket.cold().epoch.number(clock, || active.bucket.key_state.load().is_still(active.seen))?;
        Some((clone(&hold.key()), epoch))
    }
}
