//! The overflow slots of one key.

use crate::storage::slab::{OverflowSlot, Slab};
use crate::storage::slot::SlotAddr;
use crate::sync::{AtomicU32, Ordering};

/// The chain of a key: every overflow slot that the key has had since it became active.
#[derive(Default)]
pub(crate) struct SlotChain(AtomicU32);

impl SlotChain {
    /// Adds a slot to the chain of the key in `bucket`. Precondition: the slot is in no list.
    pub(crate) fn push<M>(&self, slab: &Slab<M>, addr: SlotAddr, bucket: SlotAddr) {
        let Some(slot) = slab.slot(addr) else { return };
        // Ordering: Release. A reader that still looks at the slot's former socket, and reads this
        // value, sees that the socket is gone.
        slot.owner.store(bucket.raw(), Ordering::Release);
        // Ordering: Relaxed: nothing is read through the old head.
        let mut head = self.0.load(Ordering::Relaxed);
        loop {
            // Ordering: Release. A walker that came to this slot along its former chain, and reads
            // this link, sees that the key of that chain is gone.
            slot.next.store(head, Ordering::Release);
            // Ordering: Release, so that a walker finds the slot's link and owner. Failure Relaxed,
            // as the first load.
            match self.0.compare_exchange_weak(head, addr.raw(), Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }

    /// Returns the first slot. It belongs to the key in the bucket if that key is still there after
    /// this call.
    pub(crate) fn first(&self) -> Option<SlotAddr> {
        // Ordering: Acquire, pairs with `push`.
        SlotAddr::from_link(self.0.load(Ordering::Acquire))
    }

    /// Returns the slot after `slot`, under the same condition as `first`.
    pub(crate) fn next_of<M>(slot: &OverflowSlot<M>) -> Option<SlotAddr> {
        // Ordering: Acquire, pairs with `push`.
        SlotAddr::from_link(slot.next.load(Ordering::Acquire))
    }

    /// Empties the chain. Precondition: no other thread can reach it.
    pub(crate) fn clear(&self) {
        // Ordering: Release, so that a walker that reads this value sees that the key is gone. The
        // key state passes the bucket on.
        self.0.store(0, Ordering::Release);
    }
}
