//! Counts the slots in use of a table or a page, for each group of neighbours. So a walk costs what
//! is there, although tables and pages keep the size of their peak.
//!
//! # Layout
//! One word for each group of slots: how many of them are in use, and how many threads are about to
//! use one. A slot of a table is a bucket: it is in use until it is vacant. A slot of a page is in
//! use from its allocation until it is released to the slab or retired.
//!
//! # Transitions
//! | from | to | operation | actor | when |
//! |---|---|---|---|---|
//! | n | n + 1 | `add` | inserter, or registration that needs an overflow slot | before it claims the slot |
//! | n | n - 1 | `sub` | the same, if another thread claimed the bucket; or the thread that emptied the slot | after the slot is vacant |
//!
//! # Why a walk may skip a group whose count is 0
//! - *The count is never too low, wherever a thread stops.* Each use of a slot lies between its own
//!   `add` and its own `sub`. A stopped thread costs a group walked in vain, nothing else.
//! - *A walk that begins after `register` returned sees the count.* The `add` happens before the
//!   return, which happens before the walk's load. If the socket is removed after the walk, the
//!   `sub` happens after the load. So the load returns a value that includes this `add`, and not
//!   this `sub`. The same holds for a key that a thread joins: the inserter's `add` happens before
//!   its claim of the bucket, and so before every step of another thread that saw the key.
//! - *`close` misses no socket.* A registration has made its `add` before it steps the totals'
//!   word. If that step comes before the one of `close`, the walk sees the `add`. Otherwise the
//!   registration finds the flag, and closes its own socket. `watch` has the same argument for a
//!   subscription.
//! - *A walk that skips sees why.* A `sub` releases, and the load acquires. So a walk that skips a
//!   group because its sockets are gone also sees what happened before they went: in particular
//!   the arrival of a takeover that superseded one of them, which makes the walk look again.
//!
//! # Progress and cost
//! All operations are wait-free. A word is shared by fewer keys than the totals of a shard, which
//! the same calls step. A walk looks at one word for each group, and at all slots of a group in
//! use.

use crate::sync::{AtomicU32, MODELLED, Ordering, Zeroable};
use crate::util::zeroed::{OutOfMemory, ZeroedSlice};
use std::ops::Range;

/// The number of slots in a group. Few under the model checker, so that models have several groups.
pub(crate) const GROUP: u32 = if MODELLED { 2 } else { 64 };

/// The counts of one table or page. See the module's documentation.
pub(crate) struct Occupancy {
    counts: ZeroedSlice<GroupCount>,
    slots: usize,
}

#[derive(Default)]
struct GroupCount(AtomicU32);

// SAFETY: one atomic.
#[allow(unsafe_code)]
unsafe impl Zeroable for GroupCount {}

impl GroupCount {
    #[inline]
    fn is_zero(&self) -> bool {
        // Ordering: Acquire, pairs with `sub`.
        self.0.load(Ordering::Acquire) == 0
    }
}

impl Occupancy {
    pub(crate) fn new(slots: usize) -> Result<Self, OutOfMemory> {
        Ok(Self { counts: ZeroedSlice::new(slots.div_ceil(GROUP as usize))?, slots })
    }

    /// Counts a slot that the caller is about to claim.
    #[inline]
    pub(crate) fn add(&self, slot: u32) {
        // Ordering: Relaxed. What the caller does next publishes it: see the module's
        // documentation.
        self.counts[(slot / GROUP) as usize].0.fetch_add(1, Ordering::Relaxed);
    }

    /// Subtracts a slot that is vacant again, or that the caller did not get.
    #[inline]
    pub(crate) fn sub(&self, slot: u32) {
        // Ordering: Release. A walk that skips the group then sees what came before. The other
        // steps are read-modify-writes, so they continue the release sequence.
        let before = self.counts[(slot / GROUP) as usize].0.fetch_sub(1, Ordering::Release);
        debug_assert!(before > 0);
    }

    /// Tells whether a slot of this slot's group may be in use.
    #[inline]
    pub(crate) fn is_group_in_use(&self, slot: u32) -> bool {
        !self.counts[(slot / GROUP) as usize].is_zero()
    }

    /// Returns the first slot of the group after this slot's.
    pub(crate) fn next_group(slot: u32) -> u32 {
        (slot / GROUP + 1) * GROUP
    }

    /// Iterates over the groups from that of `first` on that may be in use, as ranges of slots. The
    /// first range begins at `first`. The iterator looks at a group when it gets there.
    #[inline]
    pub(crate) fn groups_from(&self, first: u32) -> impl Iterator<Item = Range<usize>> {
        let (first, len) = (first as usize, GROUP as usize);
        let groups = self.counts.iter().enumerate().skip(first / len).filter(|(_, count)| !count.is_zero());
        groups.map(move |(group, _)| first.max(group * len)..self.slots.min((group + 1) * len))
    }

    /// Returns the number of groups that may be in use.
    #[cfg(feature = "stats")]
    pub(crate) fn groups_in_use(&self) -> usize {
        self.counts.iter().filter(|count| !count.is_zero()).count()
    }
}

#[cfg(test)]
mod tests;
