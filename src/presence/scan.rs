//! A walk over the keys that are active, a piece at a time.
//!
//! Whoever is active from before the walk begins until after it ends is met. Tables that are added meanwhile are left out: keys get there
//! by registrations that tell who watches.

use crate::registry::{Registry, RegistryShard};
use crate::shard::SLOTS_STAY;
use crate::shard::hold::KeyHold;
use crate::storage::table::{ActiveKey, BUCKETS_PER_LINE, Table};
use crate::sync::MODELLED;

/// How many buckets a walk looks at before others have their turn.
pub(crate) const PIECE: u32 = if MODELLED { 4 } else { 4096 };

/// Where the walk is.
#[derive(Default)]
pub(crate) struct KeyScan {
    shard: usize,
    /// None: the shard's newest.
    table: Option<u32>,
    bucket: u32,
}

/// What a step came to.
pub(crate) enum Scanned<K> {
    /// An active key, and its epoch's number.
    Key(K, u64),
    /// No more buckets may be looked at.
    More,
    Done,
}

impl KeyScan {
    /// Goes on to the next active key, over no more than `left` buckets.
    pub(crate) fn advance<K, M>(
        &mut self,
        registry: &Registry<K, M>,
        clone: fn(&K) -> K,
        left: &mut u32,
    ) -> Scanned<K> {
        while let Some(shard) = registry.shard(self.shard) {
            let newest = || shard.tables.newest().map(|table| table.id());
            let Some(id) = self.table.or_else(newest) else {
                self.shard += 1;
                continue;
            };
            self.table = Some(id);
            let table = shard.table(id).expect(SLOTS_STAY);
            while (self.bucket as usize) < table.line_count() * BUCKETS_PER_LINE {
                if *left == 0 {
                    return Scanned::More;
                }
                *left -= 1;
                let found = shard.epoch(table, self.bucket, clone);
                // Not before: a walk that passes a key whose `clone` panics would take it for gone.
                self.bucket += 1;
                if let Some((key, epoch)) = found {
                    return Scanned::Key(key, epoch);
                }
            }
            self.bucket = 0;
            self.table = id.checked_sub(1);
            self.shard += usize::from(id == 0);
        }
        Scanned::Done
    }
}

impl<K, M> RegistryShard<K, M> {
    /// The active key in a bucket, and its epoch's number. None also if it goes idle while it is looked at.
    fn epoch(&self, table: &Table<K, M>, index: u32, clone: fn(&K) -> K) -> Option<(K, u64)> {
        let bucket = table.bucket(index);
        let seen = bucket.key_state.load();
        if !seen.is_active() {
            return None;
        }
        // The hold comes before the step that ends the epoch, so whoever makes that step knows of the caller.
        let hold = KeyHold::new(self, &ActiveKey { table, index, bucket, seen })?;
        let clock = &self.observer.clock;
        let epoch = table.cold(index).epoch.number(clock, || bucket.key_state.load().is_still(seen))?;
        Some((clone(&hold.key()), epoch))
    }
}
