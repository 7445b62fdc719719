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
//! numbers, so that a probe leaves full stretches quickly), in the first bucket that was vacant
//! when the key was inserted. A search ends at a line that no key has passed: see `displacement`.
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
use crate::storage::slot::{SlotAddr, SlotRef, SlotState};
use crate::storage::table::home::{HOME_LINES, HomeGroup};
use crate::sync::{AtomicU32, prefetch};
use crate::util::value_cell::ValueCell;
use crate::util::zeroed::{OutOfMemory, ZeroedSlice};
pub(crate) use bucket::{Bucket, BucketCold};
use bucket::{BucketLine, BucketWarm};
use displacement::Displacement;
pub(crate) use find::{ActiveKey, Candidate};
use std::ops::ControlFlow;
use std::ptr;

/// The number of buckets in a cache line.
pub(crate) const BUCKETS_PER_LINE: usize = 2;

/// One table of a shard.
pub(crate) struct Table<K, M> {
    /// The index of the first bucket's address. The others follow.
    first: u32,
    /// How many homes and buckets `retire_some` is done with.
    retired: AtomicU32,
    /// How many lines beyond its first one a key may be put.
    max_bound: u32,
    lines: ZeroedSlice<BucketLine>,
    homes: ZeroedSlice<HomeGroup>,
    /// Which buckets are not vacant.
    pub(crate) occupancy: Occupancy,
    displacements: ZeroedSlice<Displacement>,
    warm: ZeroedSlice<BucketWarm<K, M>>,
    cold: ZeroedSlice<BucketCold>,
}

impl<K, M> Table<K, M> {
    pub(crate) fn new(first: u32, lines: usize, max_bound: u32) -> Result<Self, OutOfMemory> {
        Ok(Self {
            first,
            retired: AtomicU32::new(0),
            max_bound,
            lines: ZeroedSlice::new(lines)?,
            homes: ZeroedSlice::new(lines.div_ceil(HOME_LINES))?,
            occupancy: Occupancy::new(lines * BUCKETS_PER_LINE)?,
            displacements: ZeroedSlice::new(lines)?,
            warm: ZeroedSlice::new(lines * BUCKETS_PER_LINE)?,
            cold: ZeroedSlice::new(lines * BUCKETS_PER_LINE)?,
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

    pub(crate) fn line_count(&self) -> usize {
        self.lines.len()
    }

    pub(crate) fn max_bound(&self) -> u32 {
        self.max_bound
    }

    #[inline]
    pub(crate) fn bucket_count(&self) -> u32 {
        (self.lines.len() * BUCKETS_PER_LINE) as u32
    }

    /// Returns the address of a bucket, which is the one of its inline slot.
    #[inline]
    pub(crate) fn addr(&self, bucket: u32) -> SlotAddr {
        SlotAddr::inline(self.first + bucket)
    }

    /// Returns the bucket whose inline slot has the index, if it is in this table.
    #[inline]
    pub(crate) fn bucket_at_index(&self, index: u32) -> Option<u32> {
        let bucket = index.wrapping_sub(self.first);
        (bucket < self.bucket_count()).then_some(bucket)
    }

    #[inline]
    pub(crate) fn bucket(&self, bucket: u32) -> &Bucket {
        &self.lines[bucket as usize / BUCKETS_PER_LINE].0[bucket as usize % BUCKETS_PER_LINE]
    }

    pub(crate) fn cold(&self, bucket: u32) -> &BucketCold {
        &self.cold[bucket as usize]
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

    /// Returns the state of the inline slot whose address has the index, if it is in this table.
    #[inline]
    pub(crate) fn state_at_index(&self, index: u32) -> Option<&SlotState> {
        let bucket = index.wrapping_sub(self.first) as usize;
        self.lines.get(bucket / BUCKETS_PER_LINE).map(|line| &line.0[bucket % BUCKETS_PER_LINE].state)
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

    /// Calls `f` with the inline slot of each bucket from `first` on whose group may be in use,
    /// until `f` breaks. If `first` is not the first bucket of its line, the one before it is met
    /// as well.
    #[inline]
    pub(crate) fn each_slot<'a>(
        &'a self,
        first: u32,
        mut f: impl FnMut(u32, &'a SlotState) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        for group in self.occupancy.groups_from(first) {
            let lines = &self.lines[group.start / BUCKETS_PER_LINE..group.end / BUCKETS_PER_LINE];
            let mut index = (group.start / BUCKETS_PER_LINE * BUCKETS_PER_LINE) as u32;
            for BucketLine(buckets) in lines {
                for bucket in buckets {
                    f(index, &bucket.state)?;
                    index += 1;
                }
            }
        }
        ControlFlow::Continue(())
    }

    /// Iterates over the active keys in the buckets from `first` on.
    pub(crate) fn active_keys_from(&self, first: u32) -> impl Iterator<Item = ActiveKey<'_, K, M>> {
        let buckets = self.occupancy.groups_from(first).flatten();
        buckets.map(|bucket| ActiveKey::now(self, bucket as u32)).filter(|key| key.seen.is_active())
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
