//! Holds on a key and joins to it: guards that keep the key in place.

#![allow(unsafe_code)]

use crate::error::RegisterError;
use crate::shard::Shard;
use crate::shard::observer::Observer;
use crate::shard::remove::Stays;
use crate::storage::table::key_state::{Hold, Join};
use crate::storage::table::{ActiveKey, BucketRef};
use crate::util::value_cell::ValueRef;

/// Keeps a key in place, counted as lingering: for a registration that compares it with its own,
/// for a takeover, for a subscription. Dropping the hold releases it.
pub(crate) struct KeyHold<'a, K, M, O: Observer<K>> {
    pub(super) shard: &'a Shard<K, M, O>,
    pub(super) bucket: BucketRef<'a, K, M>,
}

impl<'a, K, M, O: Observer<K>> KeyHold<'a, K, M, O> {
    /// Holds the key; returns none if that occupancy of the bucket has ended.
    pub(crate) fn new(shard: &'a Shard<K, M, O>, found: &ActiveKey<'a, K, M>) -> Option<Self> {
        let ActiveKey { bucket, seen } = *found;
        match bucket.key_state.hold(seen, false) {
            Hold::Granted => Some(Self { shard, bucket }),
            // Nothing is made: to drop it would end a hold that was not granted.
            Hold::Gone | Hold::Crowded => None,
        }
    }

    /// Holds the key for a registration, which is refused while thousands of threads hold the key.
    pub(super) fn to_join(
        shard: &'a Shard<K, M, O>,
        found: &ActiveKey<'a, K, M>,
    ) -> Result<Option<Self>, RegisterError> {
        let ActiveKey { bucket, seen } = *found;
        match bucket.key_state.hold(seen, true) {
            Hold::Granted => Ok(Some(Self { shard, bucket })),
            Hold::Gone => Ok(None),
            Hold::Crowded => Err(RegisterError::KeyFull),
        }
    }

    /// Holds the key once more. Precondition: the caller is counted in the key's state.
    pub(super) fn counted(shard: &'a Shard<K, M, O>, bucket: BucketRef<'a, K, M>) -> Self {
        bucket.key_state.linger();
        Self { shard, bucket }
    }

    pub(crate) fn key(&self) -> ValueRef<'_, K> {
        // SAFETY: the hold is counted as lingering, so the key stays; it was written before it
        // became visible.
        unsafe { self.bucket.key().get() }
    }

    /// Turns the hold into a count of one more live socket; returns none if the key has gone idle.
    pub(super) fn join(self, limit: u32) -> Result<Option<JoinGuard<'a, K, M, O>>, RegisterError> {
        let Self { shard, bucket } = self;
        match bucket.key_state.join(limit) {
            Join::Granted => {
                std::mem::forget(self);
                Ok(Some(JoinGuard { shard, bucket }))
            }
            Join::Full => Err(RegisterError::KeyFull),
            Join::Gone => Ok(None),
        }
    }
}

impl<K, M, O: Observer<K>> Drop for KeyHold<'_, K, M, O> {
    fn drop(&mut self) {
        let Self { shard, bucket } = *self;
        let after = shard.release_hold(bucket);
        // SAFETY: `after` comes from this hold's own step.
        drop(unsafe { shard.vacate_bucket(bucket, after) });
    }
}

/// Counts as live in a key's state, for a new socket or during a notification. Dropping the guard
/// subtracts that again.
pub(super) struct JoinGuard<'a, K, M, O: Observer<K>> {
    pub(super) shard: &'a Shard<K, M, O>,
    pub(super) bucket: BucketRef<'a, K, M>,
}

impl<K, M, O: Observer<K>> JoinGuard<'_, K, M, O> {
    pub(super) fn key(&self) -> ValueRef<'_, K> {
        // SAFETY: the guard is counted as live, so the key stays; it was written before it became
        // visible.
        unsafe { self.bucket.key().get() }
    }
}

impl<K, M, O: Observer<K>> Drop for JoinGuard<'_, K, M, O> {
    fn drop(&mut self) {
        let Self { shard, bucket } = *self;
        let (after, notice) = shard.leave_key(bucket, Stays::No);
        // SAFETY: `after` comes from this guard's own step.
        let key = unsafe { shard.vacate_bucket(bucket, after) };
        shard.flush_if_due(notice, key);
    }
}
