//! The home of the keys whose probe sequences begin in a few neighbouring pairs: the one word that
//! decides which inserter inserts a key.
//!
//! A key may be in any bucket along its probe sequence, so no bucket can decide alone that the key
//! is nowhere else. All keys whose sequences begin in the same few pairs share a home. An inserter
//! reads the home, searches, and commits by a compare-and-swap on the home. That step fails if
//! another inserter has committed here since the read.
//!
//! # Layout, most significant bits first
//! ```text
//! | version, or filter: 52 | FILTERED | SEALED | pending + 1: 10 |
//! ```
//! - `version` counts insertions. It does not wrap: a home whose versions are used up is sealed.
//! - `filter`: of a home that is FILTERED, and so SEALED: a Bloom filter, one bit each, of the keys
//!   that may still be there and of some others. Most searches of a superseded table end here.
//! - `pending` is the bucket that the last insertion committed and has not made visible yet. It is
//!   a position relative to this home; the table knows how to read it. Every inserter that meets it
//!   helps: it makes the bucket visible.
//!
//! # Transitions
//! | from | to | operation | actor |
//! |---|---|---|---|
//! | open, nothing pending | next version, pending | `commit` | inserter |
//! | pending | nothing pending | `clear` | any inserter, once the bucket is a member |
//! | nothing pending | SEALED | `seal` | inserter into a newer table |
//! | SEALED, or the last version | SEALED, FILTERED | `set_filter` | inserter into a newer table |
//! | FILTERED | FILTERED, another filter | `set_filter` | the same, after a search in vain |

use crate::storage::fingerprint::Digest;
use crate::sync::{AtomicU64, Ordering, Zeroable};

/// The number of pairs that share a home.
pub(crate) const HOME_PAIRS: usize = 4;

const PENDING_BITS: u32 = 10;
const SEALED_SHIFT: u32 = PENDING_BITS;
const VERSION_SHIFT: u32 = SEALED_SHIFT + 2;

const PENDING: u64 = (1 << PENDING_BITS) - 1;
const SEALED: u64 = 1 << SEALED_SHIFT;
const FILTERED: u64 = SEALED << 1;
const LAST_VERSION: u64 = u64::MAX >> VERSION_SHIFT;

/// The most pairs beyond its first that a key may be put: `displacement` has a bit for each.
pub(crate) const MAX_BOUND: u32 = 32;
/// The highest position that a bucket may have.
pub(crate) const MAX_POSITION: u32 = PENDING as u32 - 1;

/// What a home word held when it was loaded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Snapshot(u64);

impl Snapshot {
    /// Returns the position of the bucket that is committed and not yet visible.
    #[inline]
    pub(crate) fn pending(self) -> Option<u32> {
        (self.0 & PENDING).checked_sub(1).map(|position| position as u32)
    }

    #[inline]
    pub(crate) fn is_sealed(self) -> bool {
        self.0 & SEALED != 0 || self.0 >> VERSION_SHIFT == LAST_VERSION
    }

    #[inline]
    pub(crate) fn is_filtered(self) -> bool {
        self.0 & FILTERED != 0
    }

    /// Tells whether the home is known not to have the key.
    #[inline]
    pub(crate) fn lacks(self, key: Digest) -> bool {
        self.is_filtered() && self.0 >> VERSION_SHIFT & Filter::bit(key) == 0
    }
}

/// The keys of a sealed home and some others, one bit each. Two keys may have the same bit. A
/// client that chooses its keys can give all of them the same one: filters then save no search.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter(u64);

impl Filter {
    pub(crate) fn add(&mut self, key: Digest) {
        self.0 |= Self::bit(key);
    }

    #[inline]
    fn bit(key: Digest) -> u64 {
        1 << key.scaled_to(u64::BITS - VERSION_SHIFT)
    }
}

/// The word of one home. See the module's documentation.
#[derive(Default)]
pub(crate) struct HomeGroup(AtomicU64);

// SAFETY: one atomic.
#[allow(unsafe_code)]
unsafe impl Zeroable for HomeGroup {}

impl HomeGroup {
    /// Loads the word.
    ///
    /// Ordering: Acquire, so that a search after this finds every insertion up to the version that
    /// was seen.
    #[inline]
    pub(crate) fn load(&self) -> Snapshot {
        Snapshot(self.0.load(Ordering::Acquire))
    }

    /// Takes one step from `seen`.
    ///
    /// Ordering: AcqRel. Release passes the inserted key to threads that help or search. Acquire
    /// orders the insertions of a home one after another. Failure Relaxed: the caller begins with a
    /// fresh `load`.
    #[inline]
    fn step(&self, seen: Snapshot, next: u64) -> Result<Snapshot, ()> {
        self.0.compare_exchange(seen.0, next, Ordering::AcqRel, Ordering::Relaxed).map(|_| Snapshot(next)).map_err(drop)
    }

    /// Commits the insertion of a key into the bucket at `position`. Fails if another inserter has
    /// committed here since `seen`.
    #[inline]
    pub(crate) fn commit(&self, seen: Snapshot, position: u32) -> Option<Snapshot> {
        debug_assert!(seen.pending().is_none() && !seen.is_sealed());
        let version = (seen.0 >> VERSION_SHIFT) + 1;
        self.step(seen, version << VERSION_SHIFT | u64::from(position + 1)).ok()
    }

    /// Clears the pending position of `seen`. Precondition: that bucket is visible. Changes nothing
    /// if another thread has cleared it.
    #[inline]
    pub(crate) fn clear(&self, seen: Snapshot) {
        // Either this thread clears it or another one has. Nothing is left to do in either case.
        let _ = self.step(seen, seen.0 & !PENDING);
    }

    /// Ends all insertions. Changes nothing if the word changed since `seen`.
    pub(crate) fn seal(&self, seen: Snapshot) {
        debug_assert!(seen.pending().is_none());
        // The caller loads the word again in either case.
        let _ = self.step(seen, seen.0 | SEALED);
    }

    /// Sets the filter, and returns the home as it is then. Precondition: the home was sealed
    /// before the caller looked for the keys, so no key is missing.
    pub(crate) fn set_filter(&self, seen: Snapshot, Filter(filter): Filter) -> Snapshot {
        debug_assert!(seen.pending().is_none() && seen.is_sealed());
        let filtered = filter << VERSION_SHIFT | FILTERED | SEALED;
        if seen.0 == filtered {
            return seen;
        }
        // The step fails only if another thread has set its filter, which will do as well.
        self.step(seen, filtered).unwrap_or_else(|()| self.load())
    }
}

#[cfg(test)]
mod tests;
