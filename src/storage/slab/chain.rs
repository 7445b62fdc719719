//! The overflow slots of one key.

use crate::storage::slab::{OverflowSlot, Slab};
use crate::storage::slot::SlotAddr;
use crate::sync::{AtomicU32, Ordering};

/// The chain of a key: every slot that it has had since it became active.
#[derive(Default)]
pub(crate) struct SlotChain(AtomicU32);

impl SlotChain {
    /// Adds a slot that is in no list to the chain of the key in `bucket`.
    pub(crate) fn push<M>(&self, slab: &Slab<M>, addr: SlotAddr, bucket: SlotAddr) {
        let Some(slot) = slab.slot(addr) else { return };
        // Ordering: Release, so that who still looks at the slot's former socket, and reads this, sees that it is gone.
        slot.owner.store(bucket.raw(), Ordering::Release);
        // Ordering: Relaxed: nothing is read through the old head.
        let mut head = self.0.load(Ordering::Relaxed);
        loop {
            // Ordering: Release, so that a walker who still is in this slot from its former chain, and reads this link, sees that the key
            // of that chain is gone.
            slot.next.store(head, Ordering::Release);
            // Ordering: Release, so that a walker finds the slot's link and owner. Failure Relaxed, as the first load.
            match self.0.compare_exchange_weak(head, addr.raw(), Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }

    /// The first slot. It belongs to the key that is in the bucket if it is so after this call.
    pub(crate) fn first(&self) -> Option<SlotAddr> {
        // Ordering: Acquire, pairs with `push`.
        SlotAddr::from_link(self.0.load(Ordering::Acquire))
    }

    /// The slot after `slot`, as `first`.
    pub(crate) fn next_of<M>(slot: &OverflowSlot<M>) -> Option<SlotAddr> {
        // Ordering: Acquire, pairs with `push`.
        SlotAddr::from_link(slot.next.load(Ordering::Acquire))
    }

    /// By who alone can reach the chain.
    pub(crate) fn clear(&self) {
        // Ordering: Release, so that a walker that reads this sees that the key is gone. The bucket is handed on by the key's state.
        self.0.store(0, Ordering::Release);
    }
}
