//! How a chain shrinks: the vacant slots are unlinked and returned to the slab.
//!
//! The sweeper takes all slots of the key's free list, so no other thread can claim them. It marks
//! them as unowned, as a removal marks a retired slot, and unlinks the unowned slots that it meets
//! in the chain. The slots that it took go back to the slab; the retired ones are never used again.
//! `chain` says why that is safe for walkers.

use crate::storage::slab::chain::{ONE_UNLINKED, SWEEPING};
use crate::storage::slab::{FreeList, Slab, SlotChain};
use crate::storage::slot::SlotAddr;
use crate::sync::{MODELLED, Ordering};

/// How many vacant slots a chain may keep without a sweep, in addition to one for each that is
/// used.
const SPARE_SLOTS: u32 = if MODELLED { 0 } else { 2 };

impl SlotChain {
    /// Tells whether the chain of a key of which that many slots are used should be swept: a sweep
    /// then returns more slots than stay.
    pub(crate) fn is_long(&self, used: u32) -> bool {
        self.len() > used.saturating_mul(2).saturating_add(SPARE_SLOTS)
    }

    /// Tells whether a thread sweeps the chain. That thread sees, when it has finished, what the
    /// caller has removed.
    pub(crate) fn is_being_swept(&self) -> bool {
        // Ordering: AcqRel, and a step that changes nothing instead of a load: the sweeper's last
        // step acquires it.
        self.swept.fetch_add(0, Ordering::AcqRel) & SWEEPING != 0
    }

    /// Unlinks the vacant slots and returns them to the slab, unless another thread is doing that.
    /// Precondition: the caller holds the key, so the chain stays the key's.
    ///
    /// Never waits; takes one step for each slot of the chain.
    pub(crate) fn sweep<M>(&self, slab: &Slab<M>, free_slots: &FreeList) {
        // Ordering: Acquire, so that this sweeper finds the links as the last one left them.
        if self.swept.fetch_or(SWEEPING, Ordering::Acquire) & SWEEPING != 0 {
            return;
        }
        let taken = free_slots.take_all();
        // Loaded after `take_all`, so that every slot taken is this one or behind it.
        let head = self.first();
        let vacant = slab.disown(taken, head, free_slots);
        let unlinked = slab.unlink_unowned(head);
        if let Some(first) = vacant {
            slab.release(first);
        }
        // Ordering: AcqRel. Release: the next sweeper finds the links as this one left them.
        // Acquire: the caller sees what the threads have removed that found the chain being swept.
        self.swept.fetch_add((unlinked * ONE_UNLINKED).wrapping_sub(SWEEPING), Ordering::AcqRel);
    }
}

impl<M> Slab<M> {
    /// Marks the slots that are linked by `next_free` as unowned, except for the head of the chain,
    /// which goes back to the key's free list. Returns the first of the others.
    fn disown(&self, mut taken: Option<SlotAddr>, head: Option<SlotAddr>, free_slots: &FreeList) -> Option<SlotAddr> {
        let mut vacant: Option<SlotAddr> = None;
        while let Some((addr, slot)) = taken.map(|addr| (addr, self.slot_at(addr))) {
            taken = self.next_free(addr);
            if Some(addr) == head {
                free_slots.push(self, addr, addr);
            } else {
                slot.disown();
                // Ordering: Relaxed: the push to the slab's free list publishes it.
                slot.next_free.store(vacant.map_or(0, SlotAddr::raw), Ordering::Relaxed);
                vacant = Some(addr);
            }
        }
        vacant
    }

    /// Unlinks the unowned slots of the chain behind its head; returns how many.
    fn unlink_unowned(&self, head: Option<SlotAddr>) -> u32 {
        let (mut unlinked, mut is_gap) = (0, false);
        let Some(mut kept) = head.map(|addr| self.slot_at(addr)) else { return unlinked };
        let mut next = SlotChain::next_of(kept);
        loop {
            let found = next.map(|addr| self.slot_at(addr));
            if found.is_some_and(|slot| slot.is_unowned()) {
                unlinked += 1;
                is_gap = true;
            } else if is_gap {
                // Ordering: Relaxed. The slot behind the new link was pushed before `kept`, so the
                // position of `kept` publishes it. A walker that reads the old link and finds the
                // slot there pushed again sees this store: the slab's free list passes it on.
                kept.next.store(next.map_or(0, SlotAddr::raw), Ordering::Relaxed);
                is_gap = false;
            }
            let Some(slot) = found else { return unlinked };
            if !slot.is_unowned() {
                kept = slot;
            }
            next = SlotChain::next_of(slot);
        }
    }
}
