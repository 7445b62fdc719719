//! Counts the slots in use of a table or a page, for each group of neighbours. So a walk costs what
//! is there, although tables and pages keep the size of their peak.
//!
//! # Layout
//! ```text
//! | count of group 3: 16 | of group 2: 16 | of group 1: 16 | of group 0: 16 |
//! ```
//! One word for four neighbouring groups. A group's count says how many of its 16 slots are in use,
//! and how many threads are about to use one. A slot of a table is a bucket: it is in use until it
//! is vacant. A slot of a page is in use from its allocation until it is released to the slab or
//! retired.
//!
//! # Transitions
//! Of the count of the slot's group:
//!
//! | from | to | operation | actor | when |
//! |---|---|---|---|---|
//! | n | n + 1 | `add` | inserter, or registration that needs an overflow slot | before it claims the slot |
//! | n | n - 1 | `sub` | the same, if another thread claimed the bucket; or the thread that emptied the slot | after the slot is vacant |
//!
//! # Why a walk may skip a group whose count is 0
//! - *The count is never too low, wherever a thread stops.* Each use of a slot lies between its own
//!   `add` and its own `sub`. A stopped thread costs a group walked in vain, nothing else. A count
//!   overflows only if 65,520 threads register sockets in one group at the same moment, each of
//!   them between its `add` and its claim.
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
//! the same calls step. A walk looks at one word for each four groups, and at all slots of a group
//! in use.

use crate::sync::{AtomicU64, MODELLED, Ordering, Zeroable};
use crate::util::zeroed::{OutOfMemory, ZeroedSlice};
use std::ops::Range;

/// The number of slots in a group. Few under the model checker, so that models have several groups.
pub(crate) const GROUP: u32 = if MODELLED { 2 } else { 16 };
/// The number of groups that share a word.
const GROUPS: u32 = u64::BITS / COUNT_BITS;
const COUNT_BITS: u32 = 16;
const COUNT: u64 = (1 << COUNT_BITS) - 1;
/// The number of slots that share a word.
const WORD: u32 = GROUP * GROUPS;

/// The counts of one table or page. See the module's documentation.
pub(crate) struct Occupancy {
    words: ZeroedSlice<Counts>,
    slots: usize,
}

#[derive(Default)]
struct Counts(AtomicU64);

// SAFETY: one atomic.
#[allow(unsafe_code)]
unsafe impl Zeroable for Counts {}

impl Counts {
    #[inline]
    fn load(&self) -> Snapshot {
        // Ordering: Acquire, pairs with `sub`.
        Snapshot(self.0.load(Ordering::Acquire))
    }
}

/// The counts of a word when it was loaded.
#[derive(Clone, Copy)]
struct Snapshot(u64);

impl Snapshot {
    #[inline]
    fn is_in_use(self, group: u32) -> bool {
        self.0 & COUNT << (group * COUNT_BITS) != 0
    }

    #[inline]
    fn is_full(self) -> bool {
        (0..GROUPS).all(|group| self.is_in_use(group))
    }
}

/// What one slot adds to its word.
#[inline]
fn one(slot: u32) -> u64 {
    1 << (slot / GROUP % GROUPS * COUNT_BITS)
}

impl Occupancy {
    pub(crate) fn new(slots: usize) -> Result<Self, OutOfMemory> {
        Ok(Self { words: ZeroedSlice::new(slots.div_ceil(WORD as usize))?, slots })
    }

    /// Counts a slot that the caller is about to claim.
    #[inline]
    pub(crate) fn add(&self, slot: u32) {
        // Ordering: Relaxed. What the caller does next publishes it: see the module's
        // documentation.
        self.words[(slot / WORD) as usize].0.fetch_add(one(slot), Ordering::Relaxed);
    }

    /// Subtracts a slot that is vacant again, or that the caller did not get.
    #[inline]
    pub(crate) fn sub(&self, slot: u32) {
        // Ordering: Release. A walk that skips the group then sees what came before. The other
        // steps are read-modify-writes, so they continue the release sequence.
        let before = self.words[(slot / WORD) as usize].0.fetch_sub(one(slot), Ordering::Release);
        debug_assert!(Snapshot(before).is_in_use(slot / GROUP % GROUPS));
    }

    /// Returns the end of the groups that a walk may skip, if this slot's group is one of them: the
    /// first slot of the next group, or of the next word if nothing in this word is in use.
    #[inline]
    pub(crate) fn vacant_until(&self, slot: u32) -> Option<u32> {
        let seen = self.words[(slot / WORD) as usize].load();
        let end = if seen.0 == 0 { (slot / WORD + 1) * WORD } else { (slot / GROUP + 1) * GROUP };
        (!seen.is_in_use(slot / GROUP % GROUPS)).then_some(end)
    }

    /// Iterates over the groups from that of `first` on that may be in use, as ranges of slots. The
    /// first range begins at `first`. The iterator looks at a word when it gets there.
    #[inline]
    pub(crate) fn groups_from(&self, first: u32) -> impl Iterator<Item = Range<usize>> {
        let (first, slots) = (first as usize, self.slots);
        let words = self.words.iter().enumerate().skip(first / WORD as usize).map(|(n, word)| (n, word.load()));
        let ranges = words.filter(|(_, seen)| seen.0 != 0).flat_map(move |(n, seen)| {
            // A word in full use is one range, which costs a walk less than four.
            let groups = if seen.is_full() { GROUPS } else { 1 };
            let in_use = (0..GROUPS).step_by(groups as usize).filter(move |&group| seen.is_in_use(group));
            let first_slot = move |group| n * WORD as usize + (group * GROUP) as usize;
            in_use.map(move |group| first_slot(group)..first_slot(group + groups))
        });
        let ranges = ranges.map(move |range| first.max(range.start)..slots.min(range.end));
        // The first word may have groups before `first`.
        ranges.filter(|range| !range.is_empty())
    }

    /// Returns the number of groups that may be in use.
    #[cfg(feature = "stats")]
    pub(crate) fn groups_in_use(&self) -> usize {
        let in_use = |seen: Snapshot| (0..GROUPS).filter(|&group| seen.is_in_use(group)).count();
        self.words.iter().map(|word| in_use(word.load())).sum()
    }
}

#[cfg(test)]
mod tests;
