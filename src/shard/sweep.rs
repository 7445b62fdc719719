//! When a key's chain of overflow slots shrinks.

use crate::shard::Shard;
use crate::shard::hold::KeyHold;
use crate::shard::observer::Observer;
use crate::storage::table::{ActiveKey, Table};

impl<K, M, O: Observer<K>> Shard<K, M, O> {
    /// Sweeps the chain of the key in the bucket, if most of its slots are vacant. Called after a
    /// socket in an overflow slot has left its key. If the bucket has passed to another key
    /// meanwhile, that one's chain is checked instead, which does no harm.
    ///
    /// The removal that empties the last slot of many sees all of them, or finds a sweeper that has
    /// yet to look again. So a chain is never left long.
    ///
    /// Lock-free: a round after the first follows removals of other threads.
    pub(crate) fn sweep_if_long(&self, table: &Table<K, M>, bucket: u32) {
        let cold = table.cold(bucket);
        loop {
            let active = ActiveKey::now(table, bucket);
            if !active.seen.used_slots().is_some_and(|used| cold.chain.is_long(used)) {
                return;
            }
            // The hold keeps the chain the key's. It ends before the next look at the key.
            let Some(_hold) = KeyHold::new(self, &active) else { return };
            if !cold.chain.sweep(&self.slab, &cold.free_slots) {
                return;
            }
        }
    }
}
