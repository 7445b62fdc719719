//! How sockets leave a shard: the steps of a removal, in their order.
//!
//! 1. Remove the socket from its slot. Clean the slot up and offer it to the key's next socket, or leave that to its last holder.
//! 2. Leave the key's state. If that makes the key idle: count it out, and tell the subscribers. If nothing lingers: empty the bucket.
//! 3. Return the permit, by which the socket was counted. Drop the values, which may run the caller's code. Tell the count watches.
//!
//! The takeover that superseded a socket has taken steps 2 and 3 for it: the socket's owner only leaves its slot.

#![allow(unsafe_code)]

use crate::shard::observer::{Observer, PendingNotice};
use crate::shard::{SLOTS_STAY, Shard};
use crate::storage::slot::{LastHolder, OwnerExit, SharedExit, SlotAddr, SlotDrops};
use crate::storage::table::Table;
use crate::storage::table::key_state::AfterLeave;

/// What the last one to leave drops when the registry's own state is in order, since dropping runs the caller's code.
#[must_use]
pub(crate) struct DeferredDrops<K, M> {
    _drops: Option<SlotDrops<M>>,
    _key: Option<K>,
}

impl<K, M, O: Observer<K>> Shard<K, M, O> {
    /// Removes the socket.
    ///
    /// Lock-free. When the key goes idle, it takes a step for each further socket that the key had at its peak.
    ///
    /// # Safety
    /// The caller gives up the one handle of that socket.
    pub(crate) unsafe fn remove(&self, addr: SlotAddr, took_over: bool) {
        let (table, bucket) = self.bucket_of(addr);
        table.prefetch_removal(bucket);
        self.counters.removed();
        let slot = self.slot_of(table, bucket, addr);
        let seen = slot.state.load();
        // SAFETY: the caller's promise; the state shows the socket's generation as long as it has an owner.
        let owned = unsafe { slot.own(seen.generation()) };
        let exit = owned.leave();
        if took_over {
            slot.turn.forget();
        }
        let drops = match exit {
            OwnerExit::Alone(last) => self.vacate_slot(addr, last),
            OwnerExit::Shared(exit) => return self.remove_shared((table, bucket), addr, exit),
        };
        let mut notice = PendingNotice::default();
        let after = self.leave_key(table, bucket, false, &mut notice);
        // SAFETY: that was this socket's step.
        let key = unsafe { self.vacate_bucket(table, bucket, after) };
        notice.note(self.totals.shard(self.index).release_permit());
        self.flush_if_due(notice, DeferredDrops { _drops: Some(drops), _key: key });
    }

    /// The rest of a removal, if the socket was superseded or somebody was in its slot.
    #[cold]
    fn remove_shared(&self, (table, bucket): (&Table<K, M>, u32), addr: SlotAddr, exit: SharedExit<'_, M>) {
        let mut notice = PendingNotice::default();
        if exit.is_superseded() {
            let late = exit.finish().map(|last| self.finish_removal(addr, last));
            return self.flush_if_due(notice, late);
        }
        // The slot goes on being counted, as lingering: so the key stays as long as the others do.
        let after = self.leave_key(table, bucket, true, &mut notice);
        // SAFETY: that was this socket's step.
        let key = unsafe { self.vacate_bucket(table, bucket, after) };
        let late = exit.finish().map(|last| self.finish_removal(addr, last));
        notice.note(self.totals.shard(self.index).release_permit());
        self.flush_if_due(notice, (key, late));
    }

    /// Cleans up the slot of a socket that was removed while somebody was in it.
    pub(crate) fn finish_removal(&self, addr: SlotAddr, last: LastHolder<'_, M>) -> DeferredDrops<K, M> {
        let (table, bucket) = self.bucket_of(addr);
        let drops = self.vacate_slot(addr, last);
        let after = self.release_hold(table, bucket);
        // SAFETY: that was the lingering socket's step.
        let key = unsafe { self.vacate_bucket(table, bucket, after) };
        DeferredDrops { _drops: Some(drops), _key: key }
    }

    /// Makes a removed socket's slot vacant, and offers it to the next socket of the key.
    fn vacate_slot(&self, addr: SlotAddr, last: LastHolder<'_, M>) -> SlotDrops<M> {
        let (drops, usable) = last.vacate();
        if addr.is_overflow() && usable {
            let (table, bucket) = self.bucket_of(addr);
            table.cold(bucket).free_slots.push(&self.slab, addr, addr);
        }
        drops
    }

    /// Takes one socket from the key's state. If that makes the key idle, counts it out, and tells the subscribers; the rest of
    /// `notice` is for the caller to give.
    #[inline(always)]
    pub(crate) fn leave_key(
        &self,
        table: &Table<K, M>,
        bucket: u32,
        lingers: bool,
        notice: &mut PendingNotice,
    ) -> AfterLeave {
        let key_state = &table.bucket(bucket).key_state;
        let mut seen = key_state.load();
        loop {
            let is_last = seen.live() == 1;
            // Whoever makes the key idle needs it until that is told: alone with the bucket, or as one that lingers.
            let stays = is_last && !lingers && seen.is_lingering();
            match key_state.leave(seen, lingers || stays) {
                Ok(after) => {
                    // After the step: a subscription that learns of the key later finds it idle, and one that has learnt of it
                    // before is seen here.
                    if is_last && self.totals.shard(self.index).sub_key().is_watched() {
                        // SAFETY: lingering, or the bucket is the caller's alone; written before it became visible.
                        let key = unsafe { table.key(bucket).get() };
                        self.notify_idle(table, bucket, &key, notice);
                        if after == AfterLeave::VacateBucket {
                            table.cold(bucket).epoch.clear();
                        }
                    }
                    return if stays { self.release_hold(table, bucket) } else { after };
                }
                Err(now) => seen = now,
            }
        }
    }

    /// One that lingered goes.
    pub(crate) fn release_hold(&self, table: &Table<K, M>, bucket: u32) -> AfterLeave {
        let after = table.bucket(bucket).key_state.settle();
        // Whoever numbered the epoch knew that it is watched, and its own step in the state came before that one.
        if after == AfterLeave::VacateBucket && self.totals.shard(self.index).is_watched() {
            table.cold(bucket).epoch.clear();
        }
        after
    }

    /// Empties the bucket, if that is what the last step in its state asked for.
    ///
    /// # Safety
    /// `after` is what the caller's own step returned, and was not used yet.
    #[inline(always)]
    pub(crate) unsafe fn vacate_bucket(&self, table: &Table<K, M>, bucket: u32, after: AfterLeave) -> Option<K> {
        if after == AfterLeave::Nothing {
            return None;
        }
        // SAFETY: the key is idle, nothing lingers, and the one step that brought this about was the caller's.
        let key = unsafe { table.key(bucket).take() };
        let cold = table.cold(bucket);
        let own = table.bucket(bucket);
        if own.key_state.load().is_chained() {
            cold.chain.clear();
            // Every slot of the chain is vacant, so this is all of them, but for those that are retired.
            if let Some(first) = cold.free_slots.take_all() {
                self.slab.release(first);
            }
        }
        own.key_state.vacate(own.state.is_vacant());
        Some(key)
    }

    /// The bucket that holds the key of the socket at `addr`, by who is in that slot.
    pub(crate) fn bucket_of(&self, addr: SlotAddr) -> (&Table<K, M>, u32) {
        let bucket = if addr.is_overflow() { self.slab.slot(addr).map(|slot| slot.owner()) } else { Some(addr) };
        let found = bucket.and_then(|bucket| Some((self.table(bucket.segment())?, bucket.offset())));
        found.expect(SLOTS_STAY)
    }

    /// The key of the socket at `addr`.
    ///
    /// # Safety
    /// As long as the reference lives the caller is in that slot: as its owner, or as a visitor.
    pub(crate) unsafe fn key_at(&self, addr: SlotAddr) -> &K {
        let (table, bucket) = self.bucket_of(addr);
        // SAFETY: who is in the slot is counted in the key's state, as live or lingering, and so the key stays.
        unsafe { table.key(bucket).get() }.unguarded()
    }
}
