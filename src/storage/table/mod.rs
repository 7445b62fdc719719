//! Key to bucket: an open-addressing table whose buckets never move, without locks and without duplicates.
//!
//! A bucket holds what a mark needs, two buckets to a cache line: the key's state, its identity, and the state of its first
//! socket's slot. What only the socket's own life needs is in a second array, what only further sockets and visitors need in a third; both
//! are committed by the system as they are touched.
//!
//! # Where a key can be
//! In the lines `start`, `start + 1`, `start + 3`, `start + 6`, … (triangular numbers, so that full stretches are left
//! quickly), as far as the bound of its home says, in the first bucket that was free when it came. A search may stop early at a bucket
//! that was never claimed: the key would have taken it.
//!
//! How a key gets there is in `insert`.

mod bucket;
pub(crate) mod epoch;
mod find;
pub(crate) mod home;
pub(crate) mod insert;
pub(crate) mod key_state;

use crate::storage::fingerprint::Fingerprint;
use crate::storage::slot::{SlotRef, SlotState};
use crate::storage::table::home::{HOME_LINES, HomeGroup};
use crate::sync::prefetch;
use crate::util::value_cell::ValueCell;
use crate::util::zeroed::{OutOfMemory, ZeroedSlice};
pub(crate) use bucket::{Bucket, BucketCold};
use bucket::{BucketLine, BucketWarm};
pub(crate) use find::{ActiveKey, Candidate};
use std::ptr;

/// Buckets in a cache line.
pub(crate) const BUCKETS_PER_LINE: usize = 2;

/// One table of a shard.
pub(crate) struct Table<K, M> {
    id: u32,
    /// How many lines beyond its first a key may be put.
    max_bound: u32,
    lines: ZeroedSlice<BucketLine>,
    homes: ZeroedSlice<HomeGroup>,
    warm: ZeroedSlice<BucketWarm<K, M>>,
    cold: ZeroedSlice<BucketCold>,
}

impl<K, M> Table<K, M> {
    pub(crate) fn new(id: u32, lines: usize, max_bound: u32) -> Result<Self, OutOfMemory> {
        Ok(Self {
            id,
            max_bound,
            lines: ZeroedSlice::new(lines)?,
            homes: ZeroedSlice::new(lines.div_ceil(HOME_LINES))?,
            warm: ZeroedSlice::new(lines * BUCKETS_PER_LINE)?,
            cold: ZeroedSlice::new(lines * BUCKETS_PER_LINE)?,
        })
    }

    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    pub(crate) fn line_count(&self) -> usize {
        self.lines.len()
    }

    #[inline]
    pub(crate) fn bucket(&self, bucket: u32) -> &Bucket {
        &self.lines[bucket as usize / BUCKETS_PER_LINE].0[bucket as usize % BUCKETS_PER_LINE]
    }

    pub(crate) fn cold(&self, bucket: u32) -> &BucketCold {
        &self.cold[bucket as usize]
    }

    /// The inline slot of a bucket, if there is such a bucket.
    pub(crate) fn slot(&self, bucket: u32) -> Option<SlotRef<'_, M>> {
        (bucket < self.warm.len() as u32).then(|| self.inline_slot(bucket))
    }

    /// The inline slot of a bucket that is there.
    #[inline]
    pub(crate) fn inline_slot(&self, bucket: u32) -> SlotRef<'_, M> {
        SlotRef {
            state: &self.bucket(bucket).state,
            refs: &self.cold(bucket).refs,
            turn: &self.cold(bucket).turn,
            data: &self.warm[bucket as usize].data,
        }
    }

    /// The state of a bucket's inline slot, if there is such a bucket.
    #[inline]
    pub(crate) fn state(&self, bucket: u32) -> Option<&SlotState> {
        self.lines.get(bucket as usize / BUCKETS_PER_LINE).map(|line| &line.0[bucket as usize % BUCKETS_PER_LINE].state)
    }

    /// The bucket whose inline slot has this state, if it is in this table.
    pub(crate) fn bucket_of(&self, state: &SlotState) -> Option<u32> {
        let distance = ptr::from_ref(state).addr().wrapping_sub(self.lines.as_ptr().addr());
        (distance < size_of_val(&*self.lines)).then(|| {
            let (line, side) =
                (distance / size_of::<BucketLine>(), distance % size_of::<BucketLine>() / size_of::<Bucket>());
            (line * BUCKETS_PER_LINE + side) as u32
        })
    }

    /// Calls `f` with the state of each inline slot, in memory's order.
    #[inline]
    pub(crate) fn each_state<'a>(&'a self, mut f: impl FnMut(u32, &'a SlotState)) {
        for (line, BucketLine(buckets)) in self.lines.iter().enumerate() {
            for (side, bucket) in buckets.iter().enumerate() {
                f((line * BUCKETS_PER_LINE + side) as u32, &bucket.state);
            }
        }
    }

    /// Where a key's cell is. When it may be used is for the key's state to say.
    pub(crate) fn key(&self, bucket: u32) -> &ValueCell<K> {
        &self.warm[bucket as usize].key
    }

    /// Asks for the first line of the key, or the one after it.
    #[inline]
    pub(crate) fn prefetch(&self, fingerprint: &Fingerprint, distance: usize) {
        if let Some(line) = self.lines.get(self.start(fingerprint.hash) + distance) {
            prefetch(line);
        }
    }

    /// Asks for what is kept of the line's first sockets besides their states.
    #[inline]
    pub(crate) fn prefetch_slot_data(&self, line: usize) {
        let first = line * BUCKETS_PER_LINE;
        prefetch(&self.warm[first].data);
        prefetch(&self.warm[first + BUCKETS_PER_LINE - 1].data);
    }

    /// Asks for all that an insertion of the key will need.
    #[inline]
    pub(crate) fn prefetch_insertion(&self, fingerprint: &Fingerprint) {
        let line = self.start(fingerprint.hash);
        prefetch(&self.lines[line]);
        prefetch(&self.homes[line / HOME_LINES]);
        prefetch(&self.warm[line * BUCKETS_PER_LINE]);
    }

    /// Asks for all that the removal of a bucket's socket will need.
    #[inline]
    pub(crate) fn prefetch_removal(&self, bucket: u32) {
        prefetch(self.bucket(bucket));
        prefetch(&self.warm[bucket as usize]);
    }
}
