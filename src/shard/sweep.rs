//! When a key's chain of overflow slots shrinks.

use crate::shard::Shard;
use crate::shard::hold::KeyHold;
use crate::shard::observer::Observer;
use crate::storage::table::{ActiveKey, BucketRef};

impl<K, M, O: Observer<K>> Shard<K, M, O> {
    /// Sweeps the chain of the key in the bucket, if most of its slots are vacant. Called after a
    /// socket in an overflow slot has left its key. If the bucket has passed to another key
    /// meanwhile, that one's chain is checked instead, which does no harm.
    ///
    /// The last of several removals sees what all have left, or finds a sweeper that will look
    /// again. A hold of the sweeper itself, too, is over before it looks. So the chain is not left
    /// long.
    ///
    /// Lock-free: a round after the first follows steps of other threads.
    #[inline]
    pub(crate) fn sweep_if_long(&self, bucket: BucketRef<'_, K, M>) {
        // Few chains are long for any number of sockets.
        if bucket.cold().chain.is_long(0) {
            self.sweep_while_long(bucket);
        }
    }

    #[inline(never)]
    fn sweep_while_long(&self, bucket: BucketRef<'_, K, M>) {
        let cold = bucket.cold();
        loop {
            let active = ActiveKey::now(bucket);
            let Some(used) = active.seen.used_slots() else { return };
            let is_long = cold.chain.is_long(used.saturating_add(cold.superseded.now()));
            if !is_long || cold.chain.is_being_swept() {
                return;
            }
            let Some(_hold) = KeyHold::new(self, &active) else { return };
            cold.chain.sweep(&self.slab, &cold.free_slots);
        }
    }
}

#[cfg(test)]
mod tests;
