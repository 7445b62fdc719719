//! How sockets leave a shard: the steps of a removal, in order.
//!
//! 1. Remove the socket from its slot. Clean the slot up and offer it to the key's next socket, or
//!    leave that to the slot's last holder.
//! 2. Subtract the socket from the key's state. If that makes the key idle, subtract the key from
//!    the totals and notify the subscribers. If nothing lingers, empty the bucket.
//! 3. Return the permit, by which the socket was counted. Drop the values, which may run user code.
//!    Notify the count watches.
//!
//! A takeover that superseded the socket has already done steps 2 and 3 for it: the owner then only
//! leaves the slot.

#![allow(unsafe_code)]

use crate::shard::counters::Event;
use crate::shard::observer::{Observer, PendingNotice};
use crate::shard::{SLOTS_STAY, Shard};
use crate::storage::slot::{LastHolder, OwnerExit, SharedExit, SlotAddr, SlotDrops, SlotHead};
use crate::storage::table::BucketRef;
use crate::storage::table::key_state::AfterLeave;

/// Holds the values that a removal drops last. Dropping them runs user code, so the registry's own
/// state must be in order before.
#[must_use]
pub(crate) struct DeferredDrops<K, M> {
    _drops: Option<SlotDrops<M>>,
    _key: Option<K>,
}

/// Whether a socket that leaves its key keeps the key from then on, as lingering.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stays {
    No,
    Lingering,
}

impl<K, M, O: Observer<K>> Shard<K, M, O> {
    /// Removes the socket.
    ///
    /// Lock-free. If the key goes idle, or most of its slots are vacant then, the removal also
    /// takes one step for each slot of the key.
    ///
    /// # Safety
    /// The caller gives up the only handle of that socket.
    #[inline]
    pub(crate) unsafe fn remove(&self, head: &SlotHead, took_over: bool) {
        match self.tables.newest().and_then(|newest| newest.bucket_of(head)) {
            // SAFETY: by the caller's promise.
            Some(bucket) => unsafe { self.remove_from(bucket, bucket.addr(), took_over) },
            // SAFETY: as above.
            None => unsafe { self.remove_elsewhere(head, took_over) },
        }
    }

    /// Removes a socket that is in an older table or in an overflow slot.
    ///
    /// # Safety
    /// As that of `remove`.
    #[inline(never)]
    unsafe fn remove_elsewhere(&self, head: &SlotHead, took_over: bool) {
        let addr = self.addr_of(head);
        // SAFETY: by the caller's promise.
        unsafe { self.remove_from(self.bucket_of(addr), addr, took_over) };
    }

    /// Removes the socket at `addr`, whose key is in `bucket`. Inlined, because a slot that is
    /// known to be the bucket's needs less.
    ///
    /// # Safety
    /// As that of `remove`.
    #[inline(always)]
    unsafe fn remove_from(&self, bucket: BucketRef<'_, K, M>, addr: SlotAddr, took_over: bool) {
        bucket.prefetch_removal();
        self.counters.count(Event::Removed);
        let slot = self.slot_of(bucket, addr);
        let seen = slot.head.state.load();
        // SAFETY: by the caller's promise. The state shows the socket's generation as long as the
        // socket has an owner.
        let owned = unsafe { slot.own(seen.generation()) };
        let exit = owned.leave();
        if took_over {
            slot.turn.forget();
        }
        let drops = match exit {
            OwnerExit::Alone(last) => self.vacate_slot(bucket, addr, last),
            OwnerExit::Shared(exit) => return self.remove_shared(bucket, addr, exit),
        };
        let (after, mut notice) = self.leave_key(bucket, Stays::No);
        // SAFETY: `after` comes from this socket's own step.
        let key = unsafe { self.vacate_bucket(bucket, after) };
        notice.note(self.own_totals.release_permit());
        if addr.is_overflow() {
            self.sweep_if_long(bucket);
        }
        self.flush_if_due(notice, DeferredDrops { _drops: Some(drops), _key: key });
    }

    /// Completes a removal if the socket was superseded or its slot had other holders: visitors, or
    /// a marker that wakes the owner.
    #[cold]
    fn remove_shared(&self, bucket: BucketRef<'_, K, M>, addr: SlotAddr, exit: SharedExit<'_, M>) {
        if exit.is_superseded() {
            // From here on it is like any other socket whose slot may have other holders.
            bucket.key_state.linger();
            self.leave_superseded(bucket);
            let late = exit.finish().map(|last| self.finish_removal(bucket, addr, last));
            return drop(late);
        }
        // The slot stays counted, as lingering, so the key stays as long as the other holders do.
        let (after, mut notice) = self.leave_key(bucket, Stays::Lingering);
        // SAFETY: `after` comes from this socket's own step.
        let key = unsafe { self.vacate_bucket(bucket, after) };
        let late = exit.finish().map(|last| self.finish_removal(bucket, addr, last));
        notice.note(self.own_totals.release_permit());
        self.flush_if_due(notice, (key, late));
    }

    /// Cleans up the slot of a socket that was removed while its slot had other holders.
    #[cold]
    #[inline(never)]
    pub(crate) fn finish_removal(
        &self,
        bucket: BucketRef<'_, K, M>,
        addr: SlotAddr,
        last: LastHolder<'_, M>,
    ) -> DeferredDrops<K, M> {
        let drops = self.vacate_slot(bucket, addr, last);
        let after = self.release_hold(bucket);
        // SAFETY: `after` comes from the lingering socket's own step.
        let key = unsafe { self.vacate_bucket(bucket, after) };
        if addr.is_overflow() {
            self.sweep_if_long(bucket);
        }
        DeferredDrops { _drops: Some(drops), _key: key }
    }

    /// Makes a removed socket's slot vacant, and offers it to the key's next socket: an overflow
    /// slot by the free list. An overflow slot that is used up is retired.
    #[inline(always)]
    fn vacate_slot(&self, bucket: BucketRef<'_, K, M>, addr: SlotAddr, last: LastHolder<'_, M>) -> SlotDrops<M> {
        let (drops, usable) = last.vacate();
        if addr.is_overflow() {
            if usable {
                bucket.cold().free_slots.push(&self.slab, addr, addr);
            } else {
                self.slab.retire(addr);
            }
        }
        drops
    }

    /// Subtracts one socket from the key's state. If that makes the key idle, subtracts the key
    /// from the totals and notifies the subscribers. The caller delivers the rest of the notice.
    #[inline(always)]
    pub(crate) fn leave_key(&self, bucket: BucketRef<'_, K, M>, stays: Stays) -> (AfterLeave, PendingNotice) {
        let mut notice = PendingNotice::default();
        let key_state = &bucket.key_state;
        let mut seen = key_state.load();
        loop {
            let is_last = seen.live() == 1;
            // The thread that makes the key idle needs the key until it has notified the
            // subscribers. It either has the bucket to itself or, if others linger, lingers too.
            let until_told = is_last && stays == Stays::No && seen.is_lingering();
            match key_state.leave(seen, stays == Stays::Lingering || until_told) {
                Ok(after) => {
                    // This check comes after the step. A subscription that learns of the key after
                    // the step finds it idle; one that learnt of it before is seen here.
                    if is_last && self.own_totals.sub_key().is_watched() {
                        // SAFETY: the caller lingers or has the bucket to itself; the key was
                        // written before it became visible.
                        let key = unsafe { bucket.key().get() };
                        notice = self.notify_idle(bucket, &key);
                    }
                    return (if until_told { self.release_hold(bucket) } else { after }, notice);
                }
                Err(now) => seen = now,
            }
        }
    }

    /// Subtracts one holder from the key's lingering count.
    pub(crate) fn release_hold(&self, bucket: BucketRef<'_, K, M>) -> AfterLeave {
        bucket.key_state.settle()
    }

    /// Empties the bucket, if the last step in its key state asked for that.
    ///
    /// # Safety
    /// `after` is the result of the caller's own step, and was not used yet.
    #[inline(always)]
    pub(crate) unsafe fn vacate_bucket(&self, bucket: BucketRef<'_, K, M>, after: AfterLeave) -> Option<K> {
        if after == AfterLeave::Nothing {
            return None;
        }
        // SAFETY: the key is idle, nothing lingers, and the caller's step was the one that caused
        // this.
        let key = unsafe { bucket.key().take() };
        // A thread that numbered the key's epoch knew that the shard is watched, and its own step
        // in the key's state came before the last one. So this load shows the flag.
        if self.own_totals.flags().is_watched() {
            bucket.cold().epoch.clear();
        }
        if bucket.key_state.load().is_chained() {
            self.release_chain(bucket);
        }
        bucket.vacate();
        Some(key)
    }

    /// Gives the chain of a key that has left back to the slab. Every slot of the chain is vacant,
    /// so the free list holds all of them except the retired.
    #[inline(never)]
    fn release_chain(&self, bucket: BucketRef<'_, K, M>) {
        let cold = bucket.cold();
        cold.chain.clear();
        if let Some(first) = cold.free_slots.take_all() {
            self.slab.release(first);
        }
    }

    /// Returns the bucket of the key of the socket at `addr`. Precondition: the caller is in that
    /// slot.
    pub(crate) fn bucket_of(&self, addr: SlotAddr) -> BucketRef<'_, K, M> {
        let bucket = if addr.is_overflow() { self.slab.slot_at(addr).owner() } else { addr };
        self.bucket(bucket).expect(SLOTS_STAY)
    }

    /// Returns the key of the socket at `addr`.
    ///
    /// # Safety
    /// As long as the reference lives, the caller is in that slot, as its owner or as a visitor.
    pub(crate) unsafe fn key_at(&self, addr: SlotAddr) -> &K {
        let bucket = self.bucket_of(addr);
        // SAFETY: the key's state counts everyone in the slot as live or lingering, and so the key
        // stays.
        unsafe { bucket.key().get() }.unguarded()
    }
}
