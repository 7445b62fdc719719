//! Maps a key to its bucket: an open-addressing table whose buckets never move, without locks and
//! without duplicates.
//!
//! A bucket holds what a mark needs, and two buckets share a cache line: the key's state, its
//! identity, and the state of its first socket's slot. A second array holds what only the socket's
//! own life needs. A third array holds what only further sockets and visitors need. The system
//! commits the memory of both when it is first touched.
//!
//! # Where a key can be
//! A key is in one of the lines `start`, `start + 1`, `start + 3`, `start + 6`, … (triangular
//! numbers, so that a probe leaves full stretches quickly), in the first bucket that was vacant when
//! the key was inserted. A search ends at a line that no key has passed: see `displacement`.
//!
//! `insert` describes how a key gets there.

mod bucket;
mod displacement;
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
use displacement::Displacement;
pub(crate) use find::{ActiveKey, Candidate};
use std::ptr;

/// The number of buckets in a cache line.
pub(crate) const BUCKETS_PER_LINE: usize = 2;

/// One table of a shard.
pub(crate) struct Table<K, M> {
    id: u32,
    /// How many lines beyond its first one a key may be put.
    max_bound: u32,
    lines: ZeroedSlice<BucketLine>,
    homes: ZeroedSlice<HomeGroup>,
    displacements: ZeroedSlice<Displacement>,
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
            displacements: ZeroedSlice::new(lines)?,
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

    /// Returns the inline slot of a bucket, if the bucket exists.
    pub(crate) fn slot(&self, bucket: u32) -> Option<SlotRef<'_, M>> {
        (bucket < self.warm.len() as u32).then(|| self.inline_slot(bucket))
    }

    /// Returns the inline slot of a bucket. Precondition: the bucket exists.
    #[inline]
    pub(crate) fn inline_slot(&self, bucket: u32) -> SlotRef<'_, M> {
        SlotRef {
            state: &self.bucket(bucket).state,
            refs: &self.cold(bucket).refs,
            turn: &self.cold(bucket).turn,
            data: &self.warm[bucket as usize].data,
        }
    }

    /// Returns the state of a bucket's inline slot, if the bucket exists.
    #[inline]
    pub(crate) fn state(&self, bucket: u32) -> Option<&SlotState> {
        self.lines.get(bucket as usize / BUCKETS_PER_LINE).map(|line| &line.0[bucket as usize % BUCKETS_PER_LINE].state)
    }

    /// Returns the bucket whose inline slot has this state, if it is in this table.
    pub(crate) fn bucket_of(&self, state: &SlotState) -> Option<u32> {
        let distance = ptr::from_ref(state).addr().wrapping_sub(self.lines.as_ptr().addr());
        (distance < size_of_val(&*self.lines)).then(|| {
            let (line, side) =
                (distance / size_of::<BucketLine>(), distance % size_of::<BucketLine>() / size_of::<Bucket>());
            (line * BUCKETS_PER_LINE + side) as u32
        })
    }

    /// Calls `f` with the state of each inline slot, in memory order.
    #[inline]
    pub(crate) fn each_state<'a>(&'a self, mut f: impl FnMut(u32, &'a SlotState)) {
        for (line, BucketLine(buckets)) in self.lines.iter().enumerate() {
            for (side, bucket) in buckets.iter().enumerate() {
                f((line * BUCKETS_PER_LINE + side) as u32, &bucket.state);
            }
        }
    }

    /// Returns the cell of a bucket's key. The key state decides who may use it and when.
    pub(crate) fn key(&self, bucket: u32) -> &ValueCell<K> {
        &self.warm[bucket as usize].key
    }

    /// Prefetches the key's first line, or the one after it, as `distance` says.
    #[inline]
    pub(crate) fn prefetch(&self, fingerprint: &Fingerprint, distance: usize) {
        if let Some(line) = self.lines.get(self.start(fingerprint.hash) + distance) {
            prefetch(line);
        }
    }

    /// Prefetches the data of the inline slots of a line.
    #[inline]
    pub(crate) fn prefetch_slot_data(&self, line: usize) {
        let first = line * BUCKETS_PER_LINE;
        prefetch(&self.warm[first].data);
        prefetch(&self.warm[first + BUCKETS_PER_LINE - 1].data);
    }

    /// Prefetches all that an insertion of the key will need.
    #[inline]
    pub(crate) fn prefetch_insertion(&self, fingerprint: &Fingerprint) {
        let line = self.start(fingerprint.hash);
        prefetch(&self.lines[line]);
        prefetch(&self.homes[line / HOME_LINES]);
        prefetch(&self.warm[line * BUCKETS_PER_LINE]);
    }

    /// Prefetches all that the removal of a bucket's socket will need.
    #[inline]
    pub(crate) fn prefetch_removal(&self, bucket: u32) {
        prefetch(self.bucket(bucket));
        prefetch(&self.warm[bucket as usize]);
    }
}
