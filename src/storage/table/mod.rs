//! Maps a key to its bucket: an open-addressing table whose buckets never move, without locks and
//! without duplicates.
//!
//! A bucket is a cache line, with all that marks, wake-ups and polls need: the key's state, its
//! identity, the state of its first socket's slot, and that socket's waker. A second array holds
//! the values: the key and the metadata. A third array holds what only further sockets and visitors
//! need. The system commits the memory of each when it is first touched.
//!
//! # Where a key can be
//! A key is in one of the pairs of buckets `start`, `start + 1`, `start + 3`, `start + 6`, …
//! (triangular numbers, so that a probe leaves full stretches quickly), in the first bucket that
//! was vacant when the key was inserted. The first pair says where its other keys are: see
//! `displacement`.
//!
//! `insert` describes how a key gets there.

mod bucket;
mod displacement;
pub(crate) mod epoch;
mod find;
pub(crate) mod home;
pub(crate) mod insert;
pub(crate) mod key_state;
mod retire;
mod superseded;

use crate::storage::fingerprint::Fingerprint;
use crate::storage::occupancy::Occupancy;
use crate::storage::slot::{SlotAddr, SlotHead, SlotState};
use crate::storage::table::home::{HOME_PAIRS, HomeGroup, MAX_BOUND};
use crate::sync::{AtomicU32, prefetch};
use crate::util::zeroed::{OutOfMemory, ZeroedSlice};
pub(crate) use bucket::BucketRef;
use bucket::{Bucket, BucketCold, BucketPair, BucketValues};
pub(crate) use find::ActiveKey;
use std::ops::ControlFlow;
use std::ptr;

/// The number of buckets that a search looks at together.
pub(crate) const PAIR: usize = 2;

/// One table of a shard.
pub(crate) struct Table<K, M> {
    /// The index of the first bucket's address. The others follow.
    first: u32,
    /// How many homes and buckets `retire_some` is done with.
    retired: AtomicU32,
    /// How many pairs beyond its first one a key may be put.
    max_bound: u32,
    pairs: ZeroedSlice<BucketPair>,
    homes: ZeroedSlice<HomeGroup>,
    /// Which buckets are not vacant.
    pub(crate) occupancy: Occupancy,
    /// Empty if the values are in the buckets.
    values: ZeroedSlice<BucketValues<K, M>>,
    cold: ZeroedSlice<BucketCold>,
}

impl<K, M> Table<K, M> {
    pub(crate) fn new(first: u32, pairs: usize, max_bound: u32) -> Result<Self, OutOfMemory> {
        debug_assert!(max_bound <= MAX_BOUND);
        let buckets = pairs * PAIR;
        Ok(Self {
            first,
            retired: AtomicU32::new(0),
            max_bound,
            pairs: ZeroedSlice::new(pairs)?,
            homes: ZeroedSlice::new(pairs.div_ceil(HOME_PAIRS))?,
            occupancy: Occupancy::new(buckets)?,
            values: ZeroedSlice::new(if BucketValues::<K, M>::ARE_SMALL { 0 } else { buckets })?,
            cold: ZeroedSlice::new(buckets)?,
        })
    }

    /// Returns the index of the first bucket's address.
    #[inline]
    pub(crate) fn first(&self) -> u32 {
        self.first
    }

    /// Returns the index after that of the last bucket's address: where the next table begins.
    pub(crate) fn end(&self) -> u32 {
        self.first + self.bucket_count()
    }

    pub(crate) fn pair_count(&self) -> usize {
        self.pairs.len()
    }

    pub(crate) fn max_bound(&self) -> u32 {
        self.max_bound
    }

    #[inline]
    pub(crate) fn bucket_count(&self) -> u32 {
        (self.pairs.len() * PAIR) as u32
    }

    /// Returns the address of a bucket, which is the one of its inline slot.
    #[inline]
    pub(crate) fn addr(&self, bucket: u32) -> SlotAddr {
        SlotAddr::inline(self.first + bucket)
    }

    /// Returns the bucket whose inline slot has the index, if it is in this table.
    #[inline]
    pub(crate) fn bucket_at_index(&self, index: u32) -> Option<BucketRef<'_, K, M>> {
        let bucket = index.wrapping_sub(self.first) as usize;
        self.pairs.get(bucket / PAIR).map(|pair| BucketRef::new(self, &pair.0[bucket % PAIR]))
    }

    /// Returns a bucket. Precondition: it exists.
    #[inline]
    pub(crate) fn bucket(&self, bucket: u32) -> BucketRef<'_, K, M> {
        BucketRef::new(self, &self.pairs[bucket as usize / PAIR].0[bucket as usize % PAIR])
    }

    /// Returns which bucket of this table it is.
    #[inline]
    fn index_of(&self, bucket: &Bucket) -> u32 {
        let distance = ptr::from_ref(bucket).addr() - self.pairs.as_ptr().addr();
        (distance / size_of::<Bucket>()) as u32
    }

    /// Returns the bucket whose inline slot has this head, if it is in this table.
    #[inline]
    pub(crate) fn bucket_of(&self, head: &SlotHead) -> Option<BucketRef<'_, K, M>> {
        let distance = ptr::from_ref(head).addr().wrapping_sub(self.pairs.as_ptr().addr());
        let index = distance / size_of::<Bucket>();
        self.pairs.get(index / PAIR).map(|pair| BucketRef::new(self, &pair.0[index % PAIR]))
    }

    /// Calls `f` with the inline slot of each bucket from `first` on whose group may be in use,
    /// until `f` breaks. If `first` is the second bucket of its pair, the first one is met as well.
    #[inline]
    pub(crate) fn each_slot<'a>(
        &'a self,
        first: u32,
        mut f: impl FnMut(u32, &'a SlotState) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        for group in self.occupancy.groups_from(first) {
            let pairs = &self.pairs[group.start / PAIR..group.end / PAIR];
            let mut index = (group.start / PAIR * PAIR) as u32;
            for BucketPair(buckets) in pairs {
                for bucket in buckets {
                    f(index, &bucket.head.state)?;
                    index += 1;
                }
            }
        }
        ControlFlow::Continue(())
    }

    /// Iterates over the active keys in the buckets from `first` on.
    pub(crate) fn active_keys_from(&self, first: u32) -> impl Iterator<Item = ActiveKey<'_, K, M>> {
        let buckets = self.occupancy.groups_from(first).flatten();
        buckets.map(|bucket| ActiveKey::now(self.bucket(bucket as u32))).filter(|key| key.seen.is_active())
    }

    /// Prefetches the key's first pair.
    #[inline]
    pub(crate) fn prefetch(&self, fingerprint: &Fingerprint) {
        let BucketPair([first, second]) = &self.pairs[self.start(fingerprint.hash)];
        prefetch(first);
        prefetch(second);
    }

    /// Prefetches all that an insertion of the key will need.
    #[inline]
    pub(crate) fn prefetch_insertion(&self, fingerprint: &Fingerprint) {
        let start = self.start(fingerprint.hash);
        self.prefetch(fingerprint);
        prefetch(&self.homes[start / HOME_PAIRS]);
        if let Some(values) = self.values.get(start * PAIR) {
            prefetch(values);
        }
    }
}
