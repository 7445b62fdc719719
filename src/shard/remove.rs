//! How sockets leave a shard: the steps of a removal, in their order.
//!
//! 1. Count out in the ledger.
//! 2. Remove the socket from its place. Clean the place up and offer it to the key's next socket, or leave that to the last one in it.
//! 3. Leave the key's presence. If that makes the key idle and somebody watches, tell it. If nobody is left: empty the bucket.
//! 4. Return the permit. Drop the values, which may run the caller's code. If somebody watches the counts, tell it.
//!
//! A superseded socket was counted out, and has given its permit back, when it was superseded: it only leaves its place.

#![allow(unsafe_code)]

use crate::shard::observer::PendingNotice;
use crate::shard::totals::CountsDelta;
use crate::shard::{PLACES_STAY, Shard};
use crate::storage::slot::{LastHolder, OwnerExit, SharedExit, SlotAddr, SlotDrops};
use crate::storage::table::Table;
use crate::storage::table::key_state::AfterLeave;

/// What the last one to leave drops when the registry's own state is in order, since dropping runs the caller's code.
#[must_use]
pub(crate) struct DeferredDrops<K, M> {
    _remains: Option<SlotDrops<M>>,
    _key: Option<K>,
}

impl<K, M> Shard<K, M> {
    /// Removes the socket.
    ///
    /// Lock-free. When the key goes idle, it takes a step for each further socket that the key had at its peak.
    ///
    /// # Safety
    /// The caller gives up the one handle of that socket.
    pub(crate) unsafe fn remove(&self, spot: SlotAddr) {
        let (table, bucket) = self.key_of(spot);
        table.prefetch_removal(bucket);
        self.counters.removed();
        let place = self.place_of(table, bucket, spot);
        let seen = place.word.load();
        // SAFETY: the caller's promise; the word shows the socket's generation as long as it has an owner.
        let owned = unsafe { place.own(seen.generation()) };
        let (line, mut notice) = (self.ledger.line(self.index), PendingNotice::default());
        let is_last = table.bucket(bucket).presence.load().live() == 1;
        let counts = !seen.is_superseded();
        if counts {
            notice.note(line.sub(CountsDelta::new(true, is_last)));
        }
        let remains = match owned.leave() {
            OwnerExit::Alone(last) => self.clean(spot, last),
            OwnerExit::Shared(leaving) => {
                return self.remove_otherwise((table, bucket), spot, leaving, counts.then_some(is_last), notice);
            }
        };
        let left = self.leave(table, bucket, is_last, false, &mut notice);
        // SAFETY: that was this socket's step.
        let key = unsafe { self.left(table, bucket, left) };
        line.dismiss();
        self.give_if_due(notice, DeferredDrops { _remains: Some(remains), _key: key });
    }

    /// The rest of a removal, if the socket was superseded or somebody was in its place. `counted_out`: whether the socket was,
    /// and if so, whether its key was as well.
    #[cold]
    fn remove_otherwise(
        &self,
        (table, bucket): (&Table<K, M>, u32),
        spot: SlotAddr,
        leaving: SharedExit<'_, M>,
        counted_out: Option<bool>,
        mut notice: PendingNotice,
    ) {
        if leaving.is_superseded() {
            if let Some(is_last) = counted_out {
                // Superseded since: who did that counted it out as well.
                notice.note(self.ledger.line(self.index).add(CountsDelta::new(true, is_last)));
            }
            let late = leaving.finish().map(|last| self.settle(spot, last));
            return self.give_if_due(notice, late);
        }
        // The place goes on being counted, as lingering: so the key stays as long as the others do.
        let left = self.leave(table, bucket, counted_out == Some(true), true, &mut notice);
        // SAFETY: that was this socket's step.
        let key = unsafe { self.left(table, bucket, left) };
        let late = leaving.finish().map(|last| self.settle(spot, last));
        self.ledger.line(self.index).dismiss();
        self.give_if_due(notice, (key, late));
    }

    /// Cleans up the place of a socket that was removed while somebody was in it.
    pub(crate) fn settle(&self, spot: SlotAddr, last: LastHolder<'_, M>) -> DeferredDrops<K, M> {
        let (table, bucket) = self.key_of(spot);
        let remains = self.clean(spot, last);
        let left = self.let_go(table, bucket);
        // SAFETY: that was the lingering socket's step.
        let key = unsafe { self.left(table, bucket, left) };
        DeferredDrops { _remains: Some(remains), _key: key }
    }

    /// Makes a removed socket's place vacant, and offers it to the next socket of the key.
    fn clean(&self, spot: SlotAddr, last: LastHolder<'_, M>) -> SlotDrops<M> {
        let (remains, usable) = last.vacate();
        if spot.is_slot() && usable {
            let (table, bucket) = self.key_of(spot);
            table.extras(bucket).vacancies.push(&self.slab, spot, spot);
        }
        remains
    }

    /// Takes one socket from the key's presence, and the key from the ledger before the step that makes it idle. `counted_out` says whether
    /// the caller has done the latter already. Tells who watches presence; the rest of `notice` is for the caller to give.
    #[inline(always)]
    pub(crate) fn leave(
        &self,
        table: &Table<K, M>,
        bucket: u32,
        mut counted_out: bool,
        lingers: bool,
        notice: &mut PendingNotice,
    ) -> AfterLeave {
        let (line, presence) = (self.ledger.line(self.index), &table.bucket(bucket).presence);
        let key = CountsDelta::new(false, true);
        let mut seen = presence.load();
        loop {
            let is_last = seen.live() == 1;
            if is_last && !counted_out {
                notice.note(line.sub(key));
            } else if counted_out && !is_last {
                notice.note(line.add(key));
            }
            counted_out = is_last;
            // Whoever makes the key idle needs it until that is told: alone with the bucket, or as one that lingers.
            let stays = is_last && !lingers && seen.is_lingering();
            match presence.leave(seen, lingers || stays) {
                Ok(left) => {
                    // After the step: who learns of the key later finds it idle, and whoever has learnt of it before is seen here.
                    if is_last && line.is_watched() {
                        // SAFETY: lingering, or the bucket is the caller's alone; written before it became visible.
                        self.renounce(table, bucket, unsafe { table.key(bucket).get() }, notice);
                        if left == AfterLeave::VacateBucket {
                            table.extras(bucket).session.clear();
                        }
                    }
                    return if stays { self.let_go(table, bucket) } else { left };
                }
                Err(now) => seen = now,
            }
        }
    }

    /// One that lingered goes.
    pub(crate) fn let_go(&self, table: &Table<K, M>, bucket: u32) -> AfterLeave {
        let left = table.bucket(bucket).presence.settle();
        // Whoever numbered the session knew that it is watched, and its own step in the presence came before that one.
        if left == AfterLeave::VacateBucket && self.ledger.line(self.index).is_watched() {
            table.extras(bucket).session.clear();
        }
        left
    }

    /// Empties the bucket, if that is what the last step in its presence asked for.
    ///
    /// # Safety
    /// `left` is what the caller's own step returned, and was not used yet.
    #[inline(always)]
    pub(crate) unsafe fn left(&self, table: &Table<K, M>, bucket: u32, left: AfterLeave) -> Option<K> {
        if left == AfterLeave::Nothing {
            return None;
        }
        // SAFETY: the key is idle, nothing lingers, and the one step that brought this about was the caller's.
        let key = unsafe { table.key(bucket).take() };
        let extras = table.extras(bucket);
        let own = table.bucket(bucket);
        if own.presence.load().is_chained() {
            extras.chain.clear();
            // Every slot of the chain is vacant, so this is all of them, but for those that are retired.
            if let Some(first) = extras.vacancies.take_all() {
                self.slab.release(first);
            }
        }
        own.presence.vacate(own.word.is_vacant());
        Some(key)
    }

    /// The bucket that holds the key of the socket at `spot`, by who is in that place.
    pub(crate) fn key_of(&self, spot: SlotAddr) -> (&Table<K, M>, u32) {
        let bucket = if spot.is_slot() { self.slab.slot(spot).map(|slot| slot.owner()) } else { Some(spot) };
        let found = bucket.and_then(|bucket| Some((self.table(bucket.layer())?, bucket.offset())));
        found.expect(PLACES_STAY)
    }

    /// The key of the socket at `spot`.
    ///
    /// # Safety
    /// As long as the reference lives the caller is in that place: as its owner, or as a visitor.
    pub(crate) unsafe fn key_at(&self, spot: SlotAddr) -> &K {
        let (table, bucket) = self.key_of(spot);
        // SAFETY: who is in the place is counted in the key's presence, as live or lingering, and so the key stays.
        unsafe { table.key(bucket).get() }
    }
}
