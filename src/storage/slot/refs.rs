//! Counts the threads that hold a slot: the owner, visitors that read its values, and markers that
//! use its waker cell. The last one to leave cleans up. The word also keeps the reason why the
//! owner was closed.
//!
//! Most slots never touch their refs. The exceptions are slots that were visited, that were closed
//! for a reason, or whose owner left while a marker used the waker. The state's VISITED and CLOSED
//! flags and its wakers tell the owner whether it must touch them.
//!
//! # Layout, most significant bits first
//! ```text
//! | generation + 1: 27 | reason: 10 | refs: 27 |
//! ```
//! - `reason` is 0, or the reason why the owner was closed. The first reason stays.
//! - `refs`: the owner has 2^26 and each other holder has one.
//!
//! Refs of an older generation count as fresh: no reason, and only the owner holds the slot. So a
//! registration has nothing to write here.
//!
//! # Transitions
//! | from | to | operation | actor | duty that follows |
//! |---|---|---|---|---|
//! | owner + n | owner + n + 1 | `acquire` | visitor | `release_visitor` |
//! | owner + n | owner + n - 1 | `release_visitor` | visitor | |
//! | owner + n | owner + n - 1 | `release_waking` | last waking marker | |
//! | owner + n | n, or n + 1 if a marker is waking | `release_owner` | owner | clean up if that is 0 |
//! | owner | 0 | `release_sole_owner` | owner | clean up |
//! | n, without the owner | n - 1 | `release_visitor` | visitor | clean up if that is 0 |
//! | n, without the owner | n - 1 | `release_waking` | last waking marker | clean up if that is 0 |
//! | no reason | reason | `set_reason` | closer, before it sets CLOSED; or the owner that finds CLOSED and no reason | |
//!
//! All waking markers together have one ref, which exists only from the moment that the owner
//! leaves. The last of them releases it. It may do so *before* the owner has released its own:
//! owner - 1, then owner - 1 - (owner - 1) = 0. In either order exactly one of the two sees 0.
//!
//! Progress: all operations are lock-free. A step fails only because another one succeeded.

use crate::error::{CloseReason, Closed};
use crate::storage::slot::Generation;
use crate::sync::{AtomicU64, Ordering};
use std::cmp::Ordering::{Equal, Greater, Less};

const REF_BITS: u32 = 27;
const REASON_BITS: u32 = 10;
const STAMP_SHIFT: u32 = REASON_BITS + REF_BITS;
const REFS: u64 = (1 << REF_BITS) - 1;
const OWNER: u32 = 1 << (REF_BITS - 1);
/// Fewer refs than this: the owner has left. There cannot be more visitors than this, because each
/// holds memory of a thread's stack.
const OWNER_IS_IN: u32 = OWNER / 2;

// One bit more than a generation has, because the stamp is the generation plus one.
const _: () = assert!(Generation::BITS < u64::BITS - STAMP_SHIFT);

/// The close reason as a slot stores it. `Closed::to_stored` says which number stands for which
/// reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StoredReason(pub(crate) u16);

impl StoredReason {
    const NONE: Self = Self(0);
    pub(crate) const MAX: u16 = (1 << REASON_BITS) - 1;
}

impl Closed {
    const SHUTDOWN: u16 = 1;
    const SUPERSEDED: u16 = 2;
    const DISCONNECTED: u16 = 3;

    /// Returns the reason as a slot stores it.
    pub(crate) fn to_stored(self) -> StoredReason {
        StoredReason(match self {
            Self::Shutdown => Self::SHUTDOWN,
            Self::Superseded => Self::SUPERSEDED,
            Self::Disconnected(reason) => Self::DISCONNECTED + (reason.code() - CloseReason::MIN),
        })
    }

    pub(crate) fn from_stored(StoredReason(number): StoredReason) -> Self {
        match number {
            Self::SHUTDOWN => Self::Shutdown,
            Self::SUPERSEDED => Self::Superseded,
            _ => {
                let code = number.wrapping_sub(Self::DISCONNECTED).wrapping_add(CloseReason::MIN);
                Self::Disconnected(CloseReason::new(code).expect("stored by `to_stored`"))
            }
        }
    }
}

const _: () = assert!(Closed::DISCONNECTED + (CloseReason::MAX - CloseReason::MIN) <= StoredReason::MAX);

/// The refs of one slot. See the module's documentation.
#[derive(Default)]
pub(crate) struct SlotRefs(AtomicU64);

impl SlotRefs {
    /// Adds a visitor. Returns false if the owner of that generation has left.
    pub(crate) fn acquire(&self, generation: Generation) -> bool {
        self.change_refs(generation, |refs| (refs >= OWNER_IS_IN).then(|| refs + 1)).is_some()
    }

    /// Releases the ref of a visitor. Returns true if it was the last one: the caller cleans up.
    #[inline]
    #[must_use]
    pub(crate) fn release_visitor(&self) -> bool {
        // Ordering: AcqRel, as in `change`. The visitor has made the word one of its generation,
        // and nothing but the refs is changed.
        self.0.fetch_sub(1, Ordering::AcqRel) & REFS == 1
    }

    /// Releases the ref of the waking markers. Returns true if it was the last one: the caller
    /// cleans up.
    #[must_use]
    pub(crate) fn release_waking(&self, generation: Generation) -> bool {
        self.change_refs(generation, |refs| Some(refs - 1)) == Some(0)
    }

    /// Releases the owner's ref. Returns true if it was the last one: the caller cleans up.
    #[must_use]
    pub(crate) fn release_owner(&self, generation: Generation, waking: bool) -> bool {
        self.change_refs(generation, |refs| Some(refs - (OWNER - u32::from(waking)))) == Some(0)
    }

    /// Releases the owner's ref, if no other thread holds the slot. Precondition: no marker is
    /// waking the owner.
    #[must_use]
    pub(crate) fn release_sole_owner(&self, generation: Generation) -> bool {
        self.change_refs(generation, |refs| (refs == OWNER).then_some(0)).is_some()
    }

    /// Sets the reason unless there is one, and returns the one that holds. Returns `None` if that
    /// generation is over.
    pub(crate) fn set_reason(&self, generation: Generation, reason: StoredReason) -> Option<StoredReason> {
        debug_assert!(reason != StoredReason::NONE && reason.0 <= StoredReason::MAX);
        let first = |now| if now == StoredReason::NONE { reason } else { now };
        self.change(generation, |now, refs| Some((first(now), refs))).map(|(reason, _)| reason)
    }

    /// Changes the refs of that generation and returns the new count.
    fn change_refs(&self, generation: Generation, f: impl Fn(u32) -> Option<u32>) -> Option<u32> {
        self.change(generation, |reason, refs| Some((reason, f(refs)?))).map(|(_, refs)| refs)
    }

    fn change(
        &self,
        generation: Generation,
        f: impl Fn(StoredReason, u32) -> Option<(StoredReason, u32)>,
    ) -> Option<(StoredReason, u32)> {
        let stamp = u64::from(generation.raw()) + 1;
        // Ordering: Acquire, as on success: the decision depends on what others did before they
        // changed the refs.
        let mut seen = self.0.load(Ordering::Acquire);
        loop {
            let (reason, refs) = match (seen >> STAMP_SHIFT).cmp(&stamp) {
                Less => (StoredReason::NONE, OWNER),
                Equal => (StoredReason((seen >> REF_BITS) as u16 & StoredReason::MAX), (seen & REFS) as u32),
                Greater => return None,
            };
            let next = f(reason, refs)?;
            let word = stamp << STAMP_SHIFT | u64::from(next.0.0) << REF_BITS | u64::from(next.1);
            // Ordering: AcqRel: a holder that leaves releases what it read and did in the slot. The
            // last one acquires all of it before it cleans up. Failure Acquire, as the first load.
            match self.0.compare_exchange_weak(seen, word, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Some(next),
                Err(now) => seen = now,
            }
        }
    }
}

#[cfg(test)]
mod tests;
