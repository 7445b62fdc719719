//! A free list of vacant slots.

use crate::storage::slab::Slab;
use crate::storage::slot::SlotAddr;
use crate::sync::{AtomicU64, Ordering};

/// A free list: a stack of vacant slots (R. K. Treiber, "Systems programming: coping with
/// parallelism", 1986). The head counts pops, so that a head that came back is not mistaken for the
/// old one. The count wraps: a pop mistakes the head if exactly 2^32 pops of its list come during
/// it.
///
/// `| pops: 32 | top: 32 |`
#[derive(Default)]
pub(crate) struct FreeList(pub(super) AtomicU64);

impl FreeList {
    /// Puts a linked list of slots on top. Precondition: the caller has sole possession of them.
    pub(crate) fn push<M>(&self, slab: &Slab<M>, first: SlotAddr, last: SlotAddr) {
        let last = slab.slot_at(last);
        // Ordering: Relaxed: nothing is read through the old head.
        let mut head = self.0.load(Ordering::Relaxed);
        loop {
            // Ordering: Relaxed: published by the step below.
            last.next_free.store(head as u32, Ordering::Relaxed);
            let next = head >> 32 << 32 | u64::from(first.raw());
            // Ordering: Release, so that the thread that pops the slots finds them as this thread
            // left them. Failure Relaxed, as the first load.
            match self.0.compare_exchange_weak(head, next, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }

    /// Takes the top slot.
    pub(crate) fn pop<M>(&self, slab: &Slab<M>) -> Option<SlotAddr> {
        // Ordering: Acquire, pairs with `push`: the slot and its link are as the pushing thread
        // left them.
        let mut head = self.0.load(Ordering::Acquire);
        loop {
            let top = SlotAddr::from_link(head as u32)?;
            let next_free = slab.next_free(top).map_or(0, SlotAddr::raw);
            let next = ((head >> 32) + 1) << 32 | u64::from(next_free);
            // Ordering: Acquire, as the load. AcqRel is not needed: each slot below was released by
            // its own push, and every later step continues the release sequence of that push.
            match self.0.compare_exchange_weak(head, next, Ordering::Acquire, Ordering::Acquire) {
                Ok(_) => return Some(top),
                Err(now) => head = now,
            }
        }
    }

    /// Takes all slots in one step, linked by `next_free`. The step counts as one pop.
    pub(crate) fn take_all(&self) -> Option<SlotAddr> {
        // Ordering: Acquire, pairs with `push`.
        let mut head = self.0.load(Ordering::Acquire);
        loop {
            let top = SlotAddr::from_link(head as u32)?;
            let next = ((head >> 32) + 1) << 32;
            // Ordering: Acquire, as in `pop`.
            match self.0.compare_exchange_weak(head, next, Ordering::Acquire, Ordering::Acquire) {
                Ok(_) => return Some(top),
                Err(now) => head = now,
            }
        }
    }
}
