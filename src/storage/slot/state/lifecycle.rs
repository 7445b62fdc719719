//! The lifecycle of a slot: the steps of its state between vacant, busy, live and superseded.

use super::{BUSY, CLOSED, DUE, GENERATION_SHIFT, LIVE, SlotState, Snapshot, VISITED, WAITING, WAKERS, WakeToken};
use crate::storage::slot::Generation;
use crate::sync::{Ordering, fence_after_step};
use crate::topics::Topics;

/// Tells who else held the slot when its owner left it: the word as it was before.
#[must_use]
#[derive(Clone, Copy)]
pub(crate) struct OtherHolders(Snapshot);

impl OtherHolders {
    /// Tells whether the socket was live, and nobody else held the slot.
    #[inline]
    pub(crate) fn are_none(self) -> bool {
        self.0.0 & (LIVE | WAKERS | VISITED) == LIVE
    }

    /// Tells whether the socket was live, and visitors are all that may hold the slot.
    #[inline]
    pub(crate) fn are_visitors(self) -> bool {
        self.0.0 & (LIVE | WAKERS | VISITED) == LIVE | VISITED
    }

    pub(crate) fn is_waking(self) -> bool {
        self.0.is_waking()
    }

    pub(crate) fn is_visited(self) -> bool {
        self.0.0 & VISITED != 0
    }

    /// Tells whether another socket has taken over. That takeover has already subtracted this one
    /// from the counts.
    pub(crate) fn is_superseded(self) -> bool {
        self.0.is_superseded()
    }
}

/// The outcome of an attempt to supersede a socket.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Superseded {
    /// That socket is gone or was superseded before; nothing was done.
    Gone,
    /// Another takeover superseded that socket, and may be stopped before it has woken the task. So
    /// the caller wakes the task and calls `wake_done`.
    Before(WakeToken),
    /// Done. The caller hands the topics that were due to the new socket. If there is a token, the
    /// caller also wakes the task and calls `wake_done`.
    Done(Topics, Option<WakeToken>),
}

impl SlotState {
    /// Claims the slot: vacant -> busy. Returns false if the slot is taken or retired.
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

    /// Claims the slot: vacant -> busy. Precondition: no other thread can reach the slot.
    #[inline]
    pub(crate) fn claim_alone(&self) {
        let seen = self.load();
        debug_assert!(seen.0 & (LIVE | DUE) == 0);
        // Ordering: Relaxed: others reach the slot through the step that makes the bucket visible.
        // A plain store, because no other thread writes.
        self.0.store(seen.0 | BUSY, Ordering::Relaxed);
    }

    /// Tells whether the slot can be claimed.
    #[inline]
    pub(crate) fn is_vacant(&self) -> bool {
        self.load().0 & (LIVE | DUE) == 0
    }

    /// Releases the claim: busy -> vacant. Called by a claimer that does not publish a socket.
    pub(crate) fn unclaim(&self) {
        let seen = self.load();
        debug_assert!(seen.0 & (LIVE | DUE) == BUSY);
        // Ordering: Release, as `vacate`. A plain store, because no other thread writes a busy
        // state.
        self.0.store(seen.0 ^ BUSY, Ordering::Release);
    }

    /// Publishes a socket: busy -> live, with `due` already due. Called by the claimer, after it
    /// wrote the values.
    #[inline]
    pub(crate) fn publish(&self, due: Topics) -> Generation {
        let seen = self.load();
        debug_assert!(seen.0 & (LIVE | DUE) == BUSY);
        // Ordering: Release, so that who sees the socket sees its values. A plain store, because no
        // other thread writes a busy state.
        self.0.store(seen.0 ^ BUSY | LIVE | u64::from(due.bits()), Ordering::Release);
        seen.generation()
    }

    /// Supersedes the socket: live -> superseded. From here on no thread can mark, visit or close
    /// it. Its owner is notified, also if the socket was superseded before and its task may not
    /// have been woken yet.
    pub(crate) fn supersede(&self, generation: Generation) -> Superseded {
        let mut seen = self.load();
        while seen.is_owned() && seen.generation() == generation {
            let (before, wake) = (seen.is_superseded(), seen.must_wake());
            if before && !wake {
                break;
            }
            let flags = if wake { seen.with_waker() } else { seen.0 };
            match self.step(seen, flags & !(LIVE | DUE) | CLOSED | BUSY) {
                Ok(()) if before => return Superseded::Before(WakeToken(())),
                Ok(()) => {
                    // Ordering: sequentially consistent, as in `take`: this step takes what was
                    // due.
                    fence_after_step();
                    return Superseded::Done(seen.due(), wake.then_some(WakeToken(())));
                }
                Err(now) => seen = now,
            }
        }
        Superseded::Gone
    }

    /// Removes the socket: live or superseded -> busy. Called by the owner. From here on no thread
    /// can mark, visit, close or supersede it.
    #[inline]
    pub(crate) fn remove(&self) -> OtherHolders {
        let mut seen = self.load();
        loop {
            debug_assert!(seen.is_owned());
            match self.step(seen, seen.0 & !(LIVE | WAITING | CLOSED | VISITED | DUE) | BUSY) {
                Ok(()) => return OtherHolders(seen),
                Err(now) => seen = now,
            }
        }
    }

    /// Vacates the slot for the next generation: busy -> vacant. Called by the last holder, which
    /// has cleaned the slot up. Returns false if there is no next generation: the slot is retired.
    #[inline]
    pub(crate) fn vacate(&self) -> bool {
        let seen = self.load();
        debug_assert!(seen.0 & (LIVE | DUE) == BUSY && !seen.is_waking());
        let Some(next) = seen.generation().next() else { return false };
        // Ordering: Release, so that a claimer of the slot finds its cells emptied. A plain store,
        // because no other thread writes a busy state.
        self.0.store(u64::from(next.raw()) << GENERATION_SHIFT, Ordering::Release);
        true
    }
}
