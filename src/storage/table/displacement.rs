//! Where the keys of a pair are that did not fit into it.
//!
//! A key that finds no vacant bucket in the first pair of its probe sequence is *displaced*. The
//! first pair then says in which bucket the key is. So a search looks at the first pair, and at the
//! buckets of that pair's displaced keys, however full the table is. The bitmaps of hopscotch
//! hashing work like this (Herlihy, Shavit and Tzafrir, 2008); here no key ever moves.
//!
//! # The words of a bucket
//! - `away`: one bit for each distance, the lowest for 1. It says that in the pair at that distance
//!   the bucket on the same side has a key whose first pair is this one.
//! - `distance`: how far the bucket's own key is from its first pair.
//!
//! # Who writes
//! Only the thread that has the bucket to itself writes. The thread that claims the bucket sets the
//! bit before it commits the home, so every thread that may find the key sees the bit. The thread
//! that empties the bucket clears the bit before the bucket becomes vacant. A bit of `away` stands
//! for one bucket, so two threads never write the same bit at the same time. For a key in its first
//! pair, as most are, nothing is written.

use crate::storage::table::home::MAX_BOUND;
use crate::storage::table::{BucketRef, PAIR, Table};
use crate::sync::{AtomicU32, Ordering};
use std::iter;

const _: () = assert!(MAX_BOUND <= u32::BITS);

/// The words of one bucket. See the module's documentation.
#[derive(Default)]
pub(super) struct Displacement {
    away: AtomicU32,
    distance: AtomicU32,
}

impl Displacement {
    /// Returns the distances of displaced keys, one bit each.
    #[inline]
    fn away(&self) -> u32 {
        // Ordering: Relaxed. A thread that knows of a key that was inserted also sees its bit, by
        // the commit's Release. Until the key leaves, no value of this word is without it.
        self.away.load(Ordering::Relaxed)
    }

    /// Returns the distance of the bucket's key. Called by the thread that has the bucket to
    /// itself.
    #[inline]
    fn distance(&self) -> u32 {
        // Ordering: Relaxed: who writes this word has the bucket to itself, and passes it on.
        self.distance.load(Ordering::Relaxed)
    }

    fn set_distance(&self, distance: u32) {
        // Ordering: Relaxed: see `distance`.
        self.distance.store(distance, Ordering::Relaxed);
    }

    fn add(&self, distance: u32) {
        // Ordering: Relaxed: see `away`.
        self.away.fetch_or(bit(distance), Ordering::Relaxed);
    }

    fn remove(&self, distance: u32) {
        // Ordering: Release. A registration that does not find the key any more, and fences, sees
        // what came before the key left: a mark that met the old socket, and not the new one.
        self.away.fetch_and(!bit(distance), Ordering::Release);
    }
}

#[inline]
fn bit(distance: u32) -> u32 {
    1 << (distance - 1)
}

impl<K, M> Table<K, M> {
    /// Returns the buckets of the displaced keys of a pair.
    #[inline]
    pub(crate) fn displaced(&self, start: usize) -> impl Iterator<Item = BucketRef<'_, K, M>> {
        let [first, second] = self.pairs[start].0.each_ref().map(|bucket| u64::from(bucket.displacement.away()));
        let mut away = first | second << u32::BITS;
        iter::from_fn(move || {
            if away == 0 {
                return None;
            }
            let lowest = away.trailing_zeros();
            away &= away - 1;
            let (side, distance) = (lowest / u32::BITS, lowest % u32::BITS + 1);
            let pair = self.pair_at(start, distance);
            Some(BucketRef::new(self, &self.pairs[pair].0[side as usize]))
        })
    }

    /// Returns the words that say where the key in this bucket is, so far from its first pair.
    fn displacement_of(&self, bucket: u32, distance: u32) -> &Displacement {
        let from_start = (distance * (distance + 1) / 2) as usize % self.pair_count();
        let start = (bucket as usize / PAIR + self.pair_count() - from_start) % self.pair_count();
        &self.pairs[start].0[bucket as usize % PAIR].displacement
    }
}

impl<K, M> BucketRef<'_, K, M> {
    /// Notes where the bucket's key is. Called by the claimer of the bucket.
    #[inline]
    pub(super) fn note_displaced(self, distance: u32) {
        if distance > 0 {
            self.displacement.set_distance(distance);
            self.table().displacement_of(self.index(), distance).add(distance);
        }
    }

    /// Undoes `note_displaced`. Called by the thread that has the bucket to itself.
    #[inline]
    pub(super) fn forget_displaced(self) {
        let distance = self.displacement.distance();
        if distance > 0 {
            self.displacement.set_distance(0);
            self.table().displacement_of(self.index(), distance).remove(distance);
        }
    }
}

#[cfg(test)]
mod tests;
