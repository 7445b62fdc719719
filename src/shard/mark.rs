//! Marks: of one key, of one socket, of all sockets. Also wakes waiting owners, and closes sockets.

use crate::error::Closed;
use crate::shard::counters::Event;
use crate::shard::observer::Observer;
use crate::shard::{SLOTS_STAY, Shard};
use crate::storage::fingerprint::Fingerprint;
use crate::storage::slot::{
    Fence, Generation, LocalId, MarkOutcome, SlotAddr, SlotHead, SlotState, WakeToken, Waking, Woken, state,
};
use crate::storage::table::{ActiveKey, BucketRef};
use crate::sync::{fence_after_step, full_fence};
use crate::topics::Topics;
use crate::util::panic::DeferredPanics;

impl<K, M, O: Observer<K>> Shard<K, M, O> {
    /// Marks all sockets of a key; returns how many.
    ///
    /// Most keys have one socket, are found in the first pair of their search, and have no waiting
    /// owner. The path for them is short and inlined, so that the processor can overlap several
    /// marks. Every other case begins with a call.
    #[inline(always)]
    pub(crate) fn mark(&self, fingerprint: &Fingerprint, topics: Topics) -> usize {
        match self.candidate(fingerprint).and_then(|bucket| self.mark_single(bucket, fingerprint, topics)) {
            Some(marked) => marked,
            None => self.mark_slow(*fingerprint, topics),
        }
    }

    /// Marks the key's only socket, if the key is in this bucket and has only one, in the inline
    /// slot. Returns how many sockets were marked, or `None` if the key's sockets must be sought.
    #[inline(always)]
    fn mark_single(&self, bucket: BucketRef<'_, K, M>, fingerprint: &Fingerprint, topics: Topics) -> Option<usize> {
        let seen = bucket.single_socket(fingerprint)?;
        if !self.try_mark(&bucket.head.state, seen, topics, Fence::Own) {
            return self.mark_single_waiting(bucket, *fingerprint, seen, topics);
        }
        // A second socket may have come since, and what was written before this mark may have been
        // invisible to it. So look again, after the step or fence of the mark. Either the socket's
        // registration, which fences too, came later and sees it, or the socket is seen here.
        // Ordering: sequentially consistent, pairs with the fence of a registration.
        fence_after_step();
        if bucket.key_state.load().is_chained() {
            return Some(self.finish_and_mark_others(bucket, *fingerprint, seen, MarkOutcome::Set, topics));
        }
        Some(1)
    }

    /// Marks the socket that was `seen` in the inline slot, if its owner waits. Does the rest and
    /// returns as `mark_single` does.
    #[inline(never)]
    fn mark_single_waiting(
        &self,
        bucket: BucketRef<'_, K, M>,
        fingerprint: Fingerprint,
        seen: state::Snapshot,
        topics: Topics,
    ) -> Option<usize> {
        let token = bucket.head.state.try_mark_waiting(seen, topics)?;
        self.counters.count(Event::mark(false));
        // The second look, as in `mark_single`. It comes before the waker is called, which may
        // panic.
        // Ordering: as in `mark_single`.
        fence_after_step();
        if bucket.key_state.load().is_chained() {
            return Some(self.finish_and_mark_others(bucket, fingerprint, seen, MarkOutcome::Wake(token), topics));
        }
        self.wake_one(&bucket.head, seen.generation(), token);
        Some(1)
    }

    /// Completes the mark of the socket that was `seen` in the inline slot, and marks the key's
    /// other sockets, if it has any; returns how many it has.
    #[inline(never)]
    fn finish_and_mark_others(
        &self,
        bucket: BucketRef<'_, K, M>,
        fingerprint: Fingerprint,
        seen: state::Snapshot,
        marked: MarkOutcome,
        topics: Topics,
    ) -> usize {
        let id = LocalId::seen_at(bucket.addr(), seen);
        DeferredPanics::scope(|panics| {
            self.finish_signal(id, marked, panics);
            if bucket.is_still_single(seen) {
                return 1;
            }
            let active = self.find(&fingerprint);
            1 + active.map_or(0, |active| self.mark_key(&active, Some(id), topics, Fence::Shared, panics))
        })
    }

    /// Marks one socket on the slow path, which most often finds a waiting owner.
    ///
    /// Returns false if that socket is gone; a takeover may have replaced it.
    #[inline(never)]
    fn mark_slot_slow(&self, head: &SlotHead, seen: state::Snapshot, topics: Topics) -> bool {
        let marked = match head.state.try_mark_waiting(seen, topics) {
            Some(token) => MarkOutcome::Wake(token),
            None => head.state.mark(seen, topics, Fence::Own),
        };
        if marked == MarkOutcome::Gone {
            return false;
        }
        self.counters.count(Event::mark(marked == MarkOutcome::Unchanged));
        if let MarkOutcome::Wake(token) = marked {
            self.wake_one(head, seen.generation(), token);
        }
        true
    }

    /// Marks all sockets of a key that is not in the first pair of its search, or has several
    /// sockets, or one in its chain, or one that another thread is changing.
    #[inline(never)]
    fn mark_slow(&self, fingerprint: Fingerprint, topics: Topics) -> usize {
        if let Some(newest) = self.tables.newest() {
            for bucket in newest.displaced(newest.start(fingerprint.hash)) {
                if let Some(marked) = self.mark_single(bucket, &fingerprint, topics) {
                    return marked;
                }
            }
        }
        // A mark that meets no socket makes no step. Either it sees the key of a socket that comes
        // meanwhile, or that socket's registration, which fences too, sees what was written before.
        // The fence also serves the marks below.
        full_fence();
        if self.lacks(&fingerprint) {
            return 0;
        }
        if self.mark_single_in_chain(&fingerprint, topics).is_some() {
            return 1;
        }
        let Some(active) = self.find(&fingerprint) else { return 0 };
        DeferredPanics::scope(|panics| self.mark_key(&active, None, topics, Fence::Shared, panics))
    }

    /// Marks the key's only socket, if it is the head of the key's chain. It is there after every
    /// other reconnect, if the new socket comes before the old one goes. Returns `None` if the
    /// key's sockets must be walked. The caller has made the fence of the mark.
    ///
    /// As in `Bucket::single_socket`, a mark that succeeds proves that the socket that was `seen`
    /// was in the slot until then. Between the two, the slot is the head of the chain in the key's
    /// bucket, so the socket is the key's; and the key has one socket, so it is this one.
    pub(crate) fn mark_single_in_chain(&self, fingerprint: &Fingerprint, topics: Topics) -> Option<()> {
        let bucket = self.candidate(fingerprint)?;
        let is_single = || bucket.key_state.load().is_member_with_one(fingerprint.identity.kind);
        if !is_single() {
            return None;
        }
        let chain = &bucket.cold().chain;
        let addr = chain.first()?;
        let head = self.slab.slot_at(addr).head();
        let seen = head.state.load();
        if chain.first() != Some(addr) || !bucket.identity.matches(fingerprint.identity) || !is_single() {
            return None;
        }
        let is_marked =
            self.try_mark(&head.state, seen, topics, Fence::Shared) || self.mark_slot_slow(head, seen, topics);
        is_marked.then_some(())
    }

    /// Marks on the fast path: see [`SlotState::try_mark`].
    #[inline]
    pub(crate) fn try_mark(&self, state: &SlotState, seen: state::Snapshot, topics: Topics, fence: Fence) -> bool {
        let is_marked = state.try_mark(seen, topics, fence);
        if is_marked {
            self.counters.count(Event::mark(seen.due().contains(topics)));
        }
        is_marked
    }

    /// Marks all sockets of a key, without the one that was `marked` already; returns how many. For
    /// `fence` see [`Fence`].
    pub(crate) fn mark_key(
        &self,
        active: &ActiveKey<'_, K, M>,
        marked: Option<LocalId>,
        topics: Topics,
        fence: Fence,
        panics: &mut DeferredPanics,
    ) -> usize {
        let mut others = 0;
        self.visit_key(active, |addr, state, seen| {
            let id = LocalId::seen_at(addr, seen);
            if marked == Some(id) {
                return true;
            }
            let is_marked = self.try_mark(state, seen, topics, fence)
                || self.finish_mark(id, state.mark(seen, topics, fence), panics);
            others += usize::from(is_marked);
            is_marked
        });
        others
    }

    /// Marks one socket; returns false if it is gone.
    #[inline]
    pub(crate) fn mark_socket(&self, id: LocalId, topics: Topics) -> bool {
        let Some(head) = self.head(id.addr) else { return false };
        let seen = head.state.load();
        if !seen.is_live_as(id.generation) {
            return false;
        }
        self.try_mark(&head.state, seen, topics, Fence::Own) || self.mark_slot_slow(head, seen, topics)
    }

    /// Makes topics due for one socket that were due before, for it or for a socket that it
    /// superseded; returns false if it is gone. No counter counts them again.
    pub(crate) fn hand_on(&self, id: LocalId, topics: Topics, panics: &mut DeferredPanics) -> bool {
        self.head(id.addr).is_some_and(|SlotHead { state, .. }| {
            let seen = state.load();
            seen.is_live_as(id.generation) && self.finish_signal(id, state.mark(seen, topics, Fence::Own), panics)
        })
    }

    /// Does the same as `hand_on` for all sockets of a key.
    pub(crate) fn hand_on_to_key(&self, active: &ActiveKey<'_, K, M>, topics: Topics, panics: &mut DeferredPanics) {
        self.visit_key(active, |addr, state, seen| {
            self.finish_signal(LocalId::seen_at(addr, seen), state.mark(seen, topics, Fence::Own), panics)
        });
    }

    /// Makes `topics` due for every socket; returns how many there are.
    pub(crate) fn mark_all(&self, topics: Topics, panics: &mut DeferredPanics) -> usize {
        // One fence serves all the marks.
        full_fence();
        let mut marked = 0;
        self.visit(|addr, state, seen| {
            marked += usize::from(self.mark_met(addr, state, seen, topics, panics));
        });
        marked
    }

    /// Marks a socket that a walk has met; returns false if it is gone. Precondition: the caller
    /// has made the fence that serves all marks of the walk.
    #[inline(always)]
    pub(crate) fn mark_met(
        &self,
        addr: SlotAddr,
        state: &SlotState,
        seen: state::Snapshot,
        topics: Topics,
        panics: &mut DeferredPanics,
    ) -> bool {
        self.try_mark(state, seen, topics, Fence::Shared)
            || self.finish_mark(LocalId::seen_at(addr, seen), state.mark(seen, topics, Fence::Shared), panics)
    }

    /// Closes one socket; returns false if it is gone.
    pub(crate) fn close_socket(&self, id: LocalId, why: Closed, panics: &mut DeferredPanics) -> bool {
        self.slot(id.addr).is_some_and(|slot| self.finish_signal(id, slot.close(id.generation, why), panics))
    }

    /// Counts a mark and wakes the owner if the mark requires it; returns false if the socket was
    /// gone.
    #[inline]
    pub(crate) fn finish_mark(&self, id: LocalId, marked: MarkOutcome, panics: &mut DeferredPanics) -> bool {
        if marked != MarkOutcome::Gone {
            self.counters.count(Event::mark(marked == MarkOutcome::Unchanged));
        }
        self.finish_signal(id, marked, panics)
    }

    /// Wakes the owner if a mark or a close requires it; returns false if the socket was gone.
    #[inline]
    fn finish_signal(&self, id: LocalId, marked: MarkOutcome, panics: &mut DeferredPanics) -> bool {
        match marked {
            MarkOutcome::Gone => return false,
            MarkOutcome::Unchanged | MarkOutcome::Set => {}
            MarkOutcome::Wake(token) => self.wake(id, token, panics),
        }
        true
    }

    /// Wakes one of several sockets' owners. Keeps a panic of the waker for later.
    #[inline(never)]
    pub(crate) fn wake(&self, id: LocalId, token: WakeToken, panics: &mut DeferredPanics) {
        let head = self.head(id.addr).expect(SLOTS_STAY);
        panics.catch(|| self.wake_one(head, id.generation, token));
    }

    /// Wakes the owner, and propagates a panic of its waker.
    #[inline]
    fn wake_one(&self, head: &SlotHead, generation: Generation, token: WakeToken) {
        self.counters.count(Event::Woke);
        // Dropped at the end of this function, also if the waker panics: that ends the wake-up.
        let wake_up = WakeUp { shard: self, generation, waking: head.waking(token) };
        wake_up.waking.wake();
    }
}

/// A wake-up in progress. Dropping it ends the wake-up, and does what that asks for.
struct WakeUp<'a, K, M, O: Observer<K>> {
    shard: &'a Shard<K, M, O>,
    generation: Generation,
    waking: Waking<'a>,
}

impl<K, M, O: Observer<K>> WakeUp<'_, K, M, O> {
    #[cold]
    #[inline(never)]
    fn finish(&self, mut woken: Woken) {
        let Self { shard, generation, waking } = self;
        let mut panics = DeferredPanics::default();
        while woken == Woken::Again {
            panics.catch(|| waking.wake());
            woken = waking.end();
        }
        if woken == Woken::OwnerLeft {
            let addr = shard.addr_of(waking.head());
            if let Some(last) = shard.slot_at(addr).leave_waking(*generation) {
                let drops = shard.finish_removal(shard.bucket_of(addr), addr, last);
                panics.catch(|| drop(drops));
            }
        }
        panics.resume_unless_panicking();
    }
}

impl<K, M, O: Observer<K>> Drop for WakeUp<'_, K, M, O> {
    #[inline]
    fn drop(&mut self) {
        let woken = self.waking.end();
        if woken != Woken::Done {
            self.finish(woken);
        }
    }
}
