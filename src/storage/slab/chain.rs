//! The overflow slots of one key.
//!
//! # Valid states
//! The chain leads from its head, the slot that was pushed last, to older and older slots. Each
//! slot has a *position*: a number that its push drew from the slab's clock. No number is drawn
//! twice, so positions fall along the chain, and a slot keeps its position until it is pushed
//! again.
//!
//! # Transitions
//! | from | to | operation | actor |
//! |---|---|---|---|
//! | head h | head new, one more push | `push` | registration that found no vacant slot |
//! | not SWEEPING | SWEEPING | `sweep` | removal that found the chain long, and holds the key |
//! | SWEEPING | not SWEEPING, m more unlinked | `sweep` | the same thread |
//! | any | empty | `clear` | thread that vacates the bucket: no other thread holds the key |
//!
//! A push changes the head alone. The sweeper changes the links behind the head, and no other
//! thread does. It leaves the head slot where it is.
//!
//! # Why a walker meets only slots of its key, and each at most once
//! A walker writes nothing, so a slot may be unlinked under it, and pushed again, even to another
//! key's chain. An unlinked slot keeps its position and its link until that push, which writes a
//! higher position before the link, and before a socket can enter the slot. The walker loads the
//! position, the slot's state, the link, and the position again.
//! 1. The walker loads the head's position, and then finds the slot still the head, and the key
//!    still there. So that position is one of this chain.
//! 2. If a position is the same after the state and the link were loaded, they were those of the
//!    slot in this chain.
//! 3. If the slot behind the link has a lower position, it was not pushed again since it was in
//!    this chain: that push would have come after the push of the slot before it.
//! 4. Otherwise the walker starts over from the head, and skips the positions that it has met.
//!
//! # Why it misses no slot that stays in the chain
//! Take a slot x that stays, and a slot s that was ever before it. If s was unlinked, its link
//! leads to x, or to a slot that was between the two. By 3, the walker follows it only if that slot
//! was not pushed again. So the positions that it meets fall until it is at x.
//!
//! Progress: a walker starts over only if another thread has pushed a slot since.

use crate::storage::slab::{OverflowSlot, Slab};
use crate::storage::slot::SlotAddr;
use crate::sync::{AtomicU32, AtomicU64, Ordering};

/// A thread unlinks vacant slots.
pub(super) const SWEEPING: u32 = 1;
pub(super) const ONE_UNLINKED: u32 = 2;

/// The chain of a key: every overflow slot that the key has had since it became active, except for
/// those that `sweep` has unlinked.
#[derive(Default)]
pub(crate) struct SlotChain {
    /// `| pushes: 32 | head: 32 |`. The pushes are counted so that a head that came back is not
    /// mistaken for the old one: its position is higher. The count repeats after 2^32 pushes
    /// during a single push.
    head: AtomicU64,
    /// `| unlinked slots: 31 | SWEEPING |`
    pub(super) swept: AtomicU32,
}

impl SlotChain {
    /// Adds a slot to the chain of the key in `bucket`. Preconditions: the slot is in no list, and
    /// the caller is counted as live in the key's state.
    pub(crate) fn push<M>(&self, slab: &Slab<M>, addr: SlotAddr, bucket: SlotAddr) {
        let slot = slab.slot_at(addr);
        slot.set_owner(bucket.raw());
        // Ordering: Acquire, so that the position drawn below is higher than the head's, and so
        // that a thread that sees this slot's position sees the positions of all slots behind it.
        let mut seen = self.head.load(Ordering::Acquire);
        loop {
            // Ordering: Release. A walker that came to this slot along its former chain, and reads
            // this position, sees that the slot has left that chain.
            slot.position.store(slab.next_position(), Ordering::Release);
            // Ordering: Release. A walker that reads this link reads the new position after it.
            slot.next.store(seen as u32, Ordering::Release);
            let next = ((seen >> 32) + 1) << 32 | u64::from(addr.raw());
            // Ordering: Release, so that a walker finds the slot's position, link and owner.
            // Failure Acquire, as the first load.
            match self.head.compare_exchange_weak(seen, next, Ordering::Release, Ordering::Acquire) {
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
    }

    /// Returns the head. It belongs to the key in the bucket if that key is still there after this
    /// call.
    #[inline]
    pub(crate) fn first(&self) -> Option<SlotAddr> {
        // Ordering: Acquire, pairs with `push`.
        SlotAddr::from_link(self.head.load(Ordering::Acquire) as u32)
    }

    /// Returns the slot after `slot`. It is the next one of the chain if `slot` has the same
    /// position before and after this call.
    #[inline]
    pub(crate) fn next_of<M>(slot: &OverflowSlot<M>) -> Option<SlotAddr> {
        // Ordering: Acquire, pairs with `push`.
        SlotAddr::from_link(slot.next.load(Ordering::Acquire))
    }

    /// Returns the number of slots.
    pub(crate) fn len(&self) -> u32 {
        // Ordering: Acquire, so that the load below sees the pushes of the unlinked slots.
        let unlinked = self.swept.load(Ordering::Acquire) / ONE_UNLINKED;
        // Ordering: Relaxed: only the number matters.
        let pushes = (self.head.load(Ordering::Relaxed) >> 32) as u32;
        // The count of the unlinked has one bit less.
        pushes.wrapping_sub(unlinked) & (u32::MAX / ONE_UNLINKED)
    }

    /// Empties the chain. Precondition: no other thread holds the key, and so none changes the
    /// chain.
    pub(crate) fn clear(&self) {
        // Ordering: Relaxed: the key state passes the bucket on. A walker that reads this has no
        // slot to look at.
        self.head.store(0, Ordering::Relaxed);
        // Ordering: Relaxed, as above. A step and not a store, because `is_being_swept` of a
        // removal from the key that is gone may step the word meanwhile. Most chains were never
        // swept.
        if self.swept.load(Ordering::Relaxed) != 0 {
            // Ordering: Relaxed, as above.
            self.swept.swap(0, Ordering::Relaxed);
        }
    }
}
