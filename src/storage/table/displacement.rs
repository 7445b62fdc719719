//! How far keys are from the first lines of their probe sequences: it says where a search ends.
//!
//! A key that finds no vacant bucket in a line *passes* it. Each line counts the keys that passed
//! it and are still in the table. A search goes on beyond a line only if that count is not 0. So it
//! costs what is there now, however full the table once was. F14's overflow counts work like this.
//!
//! # Layout of a line's word, most significant bits first
//! ```text
//! | passed: 20 | distance of the second bucket's key: 6 | distance of the first bucket's key: 6 |
//! ```
//!
//! # Who writes
//! The claimer of a bucket adds the distance of its key, and itself to `passed` of the lines that
//! the key passed, before the home commits. So a thread that may find the key sees these counts.
//! The same is subtracted before the bucket becomes vacant. A key in its first line, as most are,
//! writes nothing.

use crate::storage::table::home::MAX_BOUND;
use crate::storage::table::{BUCKETS_PER_LINE, Table};
use crate::sync::{AtomicU32, Ordering, Zeroable};

const DISTANCE_BITS: u32 = 6;
const DISTANCE: u32 = (1 << DISTANCE_BITS) - 1;
const PASSED_SHIFT: u32 = DISTANCE_BITS * BUCKETS_PER_LINE as u32;
const ONE_PASSED: u32 = 1 << PASSED_SHIFT;

const _: () = assert!(MAX_BOUND <= DISTANCE);
// A key that passes a line has a bucket, at the time, within the bound of a line from which the
// probe sequence leads past that line within the bound.
const _: () = assert!((MAX_BOUND as u64 + 1).pow(2) * (BUCKETS_PER_LINE as u64) < 1 << (u32::BITS - PASSED_SHIFT));

/// The word of one line. See the module's documentation.
#[derive(Default)]
pub(super) struct Displacement(AtomicU32);

// SAFETY: one atomic.
#[allow(unsafe_code)]
unsafe impl Zeroable for Displacement {}

impl Displacement {
    /// Tells whether a key of this line's probe sequences may be beyond it.
    #[inline]
    pub(super) fn is_passed(&self) -> bool {
        // Ordering: Relaxed. A thread that knows of a key that was inserted also sees its counts,
        // by the commit's Release. Until the key is subtracted, no value of this word is without
        // it.
        self.0.load(Ordering::Relaxed) >= ONE_PASSED
    }

    /// Returns the distance of the key in the bucket on this side. Called by the thread that has
    /// the bucket to itself.
    #[inline]
    fn distance(&self, side: usize) -> u32 {
        // Ordering: Relaxed: only claimers of the bucket write this field, one after another.
        self.0.load(Ordering::Relaxed) >> (DISTANCE_BITS * side as u32) & DISTANCE
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

impl<K, M> Table<K, M> {
    /// Counts the key at the lines that it passed. Called by the claimer of the bucket.
    pub(super) fn count_displaced(&self, bucket: u32, distance: u32) {
        if distance > 0 {
            let (line, unit) = unit(bucket);
            self.passed(line, distance).for_each(|line| self.displacements[line].add(ONE_PASSED));
            self.displacements[line].add(distance * unit);
        }
    }

    /// Undoes `count_displaced`. Called by the thread that has the bucket to itself.
    #[inline]
    pub(super) fn uncount_displaced(&self, bucket: u32) {
        let distance =
            self.displacements[bucket as usize / BUCKETS_PER_LINE].distance(bucket as usize % BUCKETS_PER_LINE);
        if distance > 0 {
            self.subtract_displaced(bucket, distance);
        }
    }

    #[cold]
    fn subtract_displaced(&self, bucket: u32, distance: u32) {
        let (line, unit) = unit(bucket);
        self.displacements[line].sub(distance * unit);
        self.passed(line, distance).for_each(|line| self.displacements[line].sub(ONE_PASSED));
    }

    /// Returns the lines that a key passed that is in this line, so far from its first.
    fn passed(&self, line: usize, distance: u32) -> impl Iterator<Item = usize> {
        let from_start = (distance * (distance + 1) / 2) as usize % self.line_count();
        let start = (line + self.line_count() - from_start) % self.line_count();
        self.probe_from(start).take(distance as usize).map(|(_, line)| line)
    }
}

/// Returns the bucket's line, and the unit of its distance in the line's word.
fn unit(bucket: u32) -> (usize, u32) {
    let (line, side) = (bucket as usize / BUCKETS_PER_LINE, bucket % BUCKETS_PER_LINE as u32);
    (line, 1 << (DISTANCE_BITS * side))
}

#[cfg(test)]
mod tests;
