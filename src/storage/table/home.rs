//! The home of a few neighbouring buckets' keys: the one place where it is decided who inserts a key.
//!
//! A key may stand in any bucket along its probe sequence, so no bucket can decide alone that the key is nowhere else. All
//! keys whose sequences begin in the same few lines share a home; an inserter reads the home, searches, and commits by a
//! compare-and-swap on the home that fails if anybody has inserted here since it read.
//!
//! # Layout, most significant bits first
//! ```text
//! | version: 47 | SEALED | bound: 6 | pending + 1: 10 |
//! ```
//! - `version` counts insertions. It does not wrap: a home whose versions are used up is sealed.
//! - `bound` is how many lines beyond its first a key of this home has ever been put: a search ends there.
//! - `pending` is the bucket that the last insertion committed and has not made visible yet, as a position seen from this home; the
//!   table knows how to read it. Whoever meets it makes it visible.
//!
//! # Transitions
//! | from | to | operation | who |
//! |---|---|---|---|
//! | open, nothing pending | next version, pending | `commit` | inserter |
//! | pending | nothing pending | `clear` | anybody, once the bucket is a member |
//! | nothing pending | SEALED | `seal` | inserter into a newer table |

use crate::sync::{AtomicU64, Ordering, Zeroable};

/// Lines that share a home.
pub(crate) const HOME_LINES: usize = 4;

const PENDING_BITS: u32 = 10;
const BOUND_BITS: u32 = 6;
const BOUND_SHIFT: u32 = PENDING_BITS;
const SEALED_SHIFT: u32 = BOUND_SHIFT + BOUND_BITS;
const VERSION_SHIFT: u32 = SEALED_SHIFT + 1;

const PENDING: u64 = (1 << PENDING_BITS) - 1;
const BOUND: u64 = ((1 << BOUND_BITS) - 1) << BOUND_SHIFT;
const SEALED: u64 = 1 << SEALED_SHIFT;
const LAST_VERSION: u64 = u64::MAX >> VERSION_SHIFT;

/// No probe sequence may be longer: the bound would not fit.
pub(crate) const MAX_BOUND: u32 = (1 << BOUND_BITS) - 1;
/// No position of a bucket may be a greater number.
pub(crate) const MAX_POSITION: u32 = PENDING as u32 - 1;

/// What a home word held when it was looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Snapshot(u64);

impl Snapshot {
    /// The position of the bucket that is committed and not yet visible.
    #[inline]
    pub(crate) fn pending(self) -> Option<u32> {
        (self.0 & PENDING).checked_sub(1).map(|position| position as u32)
    }

    #[inline]
    pub(crate) fn bound(self) -> u32 {
        ((self.0 & BOUND) >> BOUND_SHIFT) as u32
    }

    #[inline]
    pub(crate) fn is_sealed(self) -> bool {
        self.0 & SEALED != 0 || self.0 >> VERSION_SHIFT == LAST_VERSION
    }
}

/// The word of one home. See the module's documentation.
#[derive(Default)]
pub(crate) struct HomeGroup(AtomicU64);

// SAFETY: one atomic.
#[allow(unsafe_code)]
unsafe impl Zeroable for HomeGroup {}

impl HomeGroup {
    /// Ordering: Acquire, so that a search after this finds every insertion up to the version that was seen.
    #[inline]
    pub(crate) fn load(&self) -> Snapshot {
        Snapshot(self.0.load(Ordering::Acquire))
    }

    /// Ordering: AcqRel. Release hands the inserted key on to who helps or searches; Acquire orders the insertions of a home one
    /// after another. Failure Relaxed: the caller begins with a fresh `load`.
    #[inline]
    fn step(&self, seen: Snapshot, next: u64) -> Result<Snapshot, ()> {
        self.0.compare_exchange(seen.0, next, Ordering::AcqRel, Ordering::Relaxed).map(|_| Snapshot(next)).map_err(drop)
    }

    /// Commits the insertion of a key into the bucket at `position`, `distance` lines from its first, if nobody has inserted here
    /// since `seen`.
    #[inline]
    pub(crate) fn commit(&self, seen: Snapshot, position: u32, distance: u32) -> Option<Snapshot> {
        debug_assert!(seen.pending().is_none() && !seen.is_sealed());
        let version = (seen.0 >> VERSION_SHIFT) + 1;
        let bound = u64::from(seen.bound().max(distance)) << BOUND_SHIFT;
        self.step(seen, version << VERSION_SHIFT | bound | u64::from(position + 1)).ok()
    }

    /// The pending bucket of `seen` is visible. Nothing is changed if somebody else has said so.
    #[inline]
    pub(crate) fn clear(&self, seen: Snapshot) {
        // Either this thread clears it or another one has: there is nothing left to do.
        let _ = self.step(seen, seen.0 & !PENDING);
    }

    /// No more insertions. False if the word changed since `seen`.
    pub(crate) fn seal(&self, seen: Snapshot) -> bool {
        debug_assert!(seen.pending().is_none());
        self.step(seen, seen.0 | SEALED).is_ok()
    }
}

#[cfg(test)]
mod tests;
