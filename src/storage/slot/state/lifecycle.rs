//! How sockets come to a slot and leave it: the steps of the word between vacant, busy, live and superseded.

use super::{BUSY, CLOSED, DUE, GENERATION_SHIFT, LIVE, SlotState, VISITED, WAITING, WakeToken};
use crate::storage::slot::Generation;
use crate::sync::{Ordering, fence_after_step};
use crate::topics::Topics;

/// Who else was in the slot when its owner left it.
#[must_use]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct OtherHolders {
    pub(crate) waking: bool,
    pub(crate) visited: bool,
    /// Another socket has taken over: this one was counted out by that.
    pub(crate) superseded: bool,
}

/// What became of an attempt to supersede a socket.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Superseded {
    /// That socket is gone; nothing was done.
    Gone,
    /// Done. The topics that were due are the caller's to hand on; with the duty, it wakes the task and calls `wake_done`.
    Done(Topics, Option<WakeToken>),
}

impl SlotState {
    /// vacant -> busy. False if the slot is taken or retired.
    pub(crate) fn claim(&self) -> bool {
        let mut seen = self.load();
        while seen.0 & (LIVE | DUE) == 0 {
            match self.step(seen, seen.0 | BUSY) {
                Ok(()) => return true,
                Err(now) => seen = now,
            }
        }
        false
    }

    /// vacant -> busy, by who alone can get at the slot.
    #[inline]
    pub(crate) fn claim_alone(&self) {
        let seen = self.load();
        debug_assert!(seen.0 & (LIVE | DUE) == 0);
        // Ordering: Relaxed: others get here by the step that makes the bucket visible. A plain store: nobody else writes.
        self.0.store(seen.0 | BUSY, Ordering::Relaxed);
    }

    /// Whether a socket could move in.
    #[inline]
    pub(crate) fn is_vacant(&self) -> bool {
        self.load().0 & (LIVE | DUE) == 0
    }

    /// busy -> vacant, by a claimer that changed its mind.
    pub(crate) fn unclaim(&self) {
        let seen = self.load();
        debug_assert!(seen.0 & (LIVE | DUE) == BUSY);
        // Ordering: Release, as `vacate`. A plain store: nobody else writes a busy word.
        self.0.store(seen.0 ^ BUSY, Ordering::Release);
    }

    /// busy -> live, with `due` already due, by the claimer, after it wrote the values.
    #[inline]
    pub(crate) fn publish(&self, due: Topics) -> Generation {
        let seen = self.load();
        debug_assert!(seen.0 & (LIVE | DUE) == BUSY);
        // Ordering: Release, so that who sees the socket sees its values. A plain store: nobody else writes a busy word.
        self.0.store(seen.0 ^ BUSY | LIVE | u64::from(due.bits()), Ordering::Release);
        seen.generation()
    }

    /// live -> superseded. Nobody can mark, visit or close the socket from here on; its owner is told.
    pub(crate) fn supersede(&self, generation: Generation) -> Superseded {
        let mut seen = self.load();
        while seen.is_live_as(generation) {
            let wake = seen.must_wake();
            let flags = if wake { seen.with_waker() } else { seen.0 };
            match self.step(seen, flags & !(LIVE | DUE) | CLOSED | BUSY) {
                Ok(()) => {
                    // Ordering: sequentially consistent, as in `take`: what was due is taken here.
                    fence_after_step();
                    return Superseded::Done(seen.due(), wake.then_some(WakeToken(())));
                }
                Err(now) => seen = now,
            }
        }
        Superseded::Gone
    }

    /// live or superseded -> busy, by the owner. Nobody can mark, visit, close or supersede the socket from here on.
    #[inline]
    pub(crate) fn remove(&self) -> OtherHolders {
        let mut seen = self.load();
        loop {
            debug_assert!(seen.is_owned());
            match self.step(seen, seen.0 & !(LIVE | WAITING | CLOSED | VISITED | DUE) | BUSY) {
                Ok(()) => {
                    let visited = seen.0 & VISITED != 0;
                    return OtherHolders { waking: seen.is_waking(), visited, superseded: seen.is_superseded() };
                }
                Err(now) => seen = now,
            }
        }
    }

    /// busy -> vacant for the next generation, by who cleaned the slot up. False: there is none, the slot is retired.
    #[inline]
    pub(crate) fn vacate(&self) -> bool {
        let seen = self.load();
        debug_assert!(seen.0 & (LIVE | DUE) == BUSY && !seen.is_waking());
        let Some(next) = seen.generation().next() else { return false };
        // Ordering: Release, so that who claims the slot finds its cells emptied. A plain store: nobody else writes a busy word.
        self.0.store(u64::from(next.raw()) << GENERATION_SHIFT, Ordering::Release);
        true
    }
}
