//! How far keys are from the first pairs of their probe sequences: it says where a search ends.
//!
//! A key that finds no vacant bucket in a pair *passes* it. Each pair counts the keys that passed
//! it and are still in the table. A search continues beyond a pair only if that count is not 0. So
//! it costs what is there now, however full the table once was. F14's overflow counts work like
//! this.
//!
//! # Layout of a bucket's word, most significant bits first
//! ```text
//! | passed: 26 | distance of the bucket's key: 6 |
//! ```
//! The first bucket of a pair has the pair's `passed`.
//!
//! # Who writes
//! The claimer of a bucket adds the distance of its key, and itself to `passed` of the pairs that
//! the key passed, before the home commits. So a thread that may find the key sees these counts.
//! The same is subtracted before the bucket becomes vacant. A key in its first pair, as most are,
//! writes nothing.

use crate::storage::table::bucket::BucketPair;
use crate::storage::table::home::MAX_BOUND;
use crate::storage::table::{BucketRef, PAIR, Table};
use crate::sync::{AtomicU32, Ordering};

const DISTANCE_BITS: u32 = 6;
const DISTANCE: u32 = (1 << DISTANCE_BITS) - 1;
const ONE_PASSED: u32 = 1 << DISTANCE_BITS;

const _: () = assert!(MAX_BOUND <= DISTANCE);
// A key that passes a pair has a bucket, at the time, within the bound of a pair from which the
// probe sequence leads past that pair within the bound.
const _: () = assert!((MAX_BOUND as u64 + 1).pow(2) * (PAIR as u64) < 1 << (u32::BITS - DISTANCE_BITS));

/// The word of one bucket. See the module's documentation.
#[derive(Default)]
pub(super) struct Displacement(AtomicU32);

impl Displacement {
    /// Tells whether a key of this pair's probe sequences may be beyond it. Asked of the pair's
    /// first bucket.
    #[inline]
    fn is_passed(&self) -> bool {
        // Ordering: Relaxed. A thread that knows of a key that was inserted also sees its counts,
        // by the commit's Release. Until the key is subtracted, no value of this word is without
        // it.
        self.0.load(Ordering::Relaxed) >= ONE_PASSED
    }

    /// Returns the distance of the bucket's key. Called by the thread that has the bucket to
    /// itself.
    #[inline]
    fn distance(&self) -> u32 {
        // Ordering: Relaxed: only claimers of the bucket write this field, one after another.
        self.0.load(Ordering::Relaxed) & DISTANCE
    }

    fn add(&self, amount: u32) {
        // Ordering: Relaxed: see `is_passed`.
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    fn sub(&self, amount: u32) {
        // Ordering: Relaxed. Who counts on a key that is subtracted cannot find it any more.
        self.0.fetch_sub(amount, Ordering::Relaxed);
    }
}

impl BucketPair {
    /// Tells whether a key of this pair's probe sequences may be beyond it.
    #[inline]
    pub(super) fn is_passed(&self) -> bool {
        self.0[0].displacement.is_passed()
    }
}

impl<K, M> Table<K, M> {
    /// Returns the words of the pairs that a key passed that is in this bucket, so far from its
    /// first pair.
    fn passed(&self, bucket: u32, distance: u32) -> impl Iterator<Item = &Displacement> {
        let from_start = (distance * (distance + 1) / 2) as usize % self.pair_count();
        let start = (bucket as usize / PAIR + self.pair_count() - from_start) % self.pair_count();
        self.probe_from(start).take(distance as usize).map(|(_, pair)| &self.pairs[pair].0[0].displacement)
    }
}

impl<K, M> BucketRef<'_, K, M> {
    /// Counts the key at the pairs that it passed. Called by the claimer of the bucket.
    #[inline]
    pub(super) fn count_displaced(self, distance: u32) {
        if distance > 0 {
            self.add_displaced(distance);
        }
    }

    #[cold]
    fn add_displaced(self, distance: u32) {
        self.table().passed(self.index(), distance).for_each(|passed| passed.add(ONE_PASSED));
        self.displacement.add(distance);
    }

    /// Undoes `count_displaced`. Called by the thread that has the bucket to itself.
    #[inline]
    pub(super) fn uncount_displaced(self) {
        let distance = self.displacement.distance();
        if distance > 0 {
            self.subtract_displaced(distance);
        }
    }

    #[cold]
    fn subtract_displaced(self, distance: u32) {
        self.displacement.sub(distance);
        self.table().passed(self.index(), distance).for_each(|passed| passed.sub(ONE_PASSED));
    }
}

#[cfg(test)]
mod tests;
