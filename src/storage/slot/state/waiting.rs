//! The steps of a slot's state by which the owner's task begins to wait, and a wake-up ends.

use super::{ONE_WAKER, SlotState, Snapshot, WAITING, WAKERS};
use crate::storage::slot::Generation;
use crate::sync::Ordering;

/// What `wake_done` asks of its caller.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Woken {
    /// Nothing.
    Done,
    /// The caller is still counted: it wakes the task once more.
    Again,
    /// The owner left meanwhile, and the caller was the last one that woke it: the caller releases
    /// the slot's refs.
    OwnerLeft,
}

impl SlotState {
    /// Ends a wake-up. Precondition: the caller is counted in wakers and has woken the task.
    #[inline]
    pub(crate) fn wake_done(&self) -> Woken {
        // Ordering: Release. Who gets the cell next does so after the call of the waker. What was
        // seen leads to a step that acquires: on this word, or on the refs.
        let seen = Snapshot(self.0.fetch_sub(ONE_WAKER, Ordering::Release));
        if !seen.is_owned() {
            return if seen.0 & WAKERS == ONE_WAKER { Woken::OwnerLeft } else { Woken::Done };
        }
        if seen.is_waiting() && seen.is_ready() { self.wake_again(seen.generation()) } else { Woken::Done }
    }

    /// Counts the caller in wakers again, if the owner of that generation still waits although it
    /// should have been woken: more marks met it than wakers can be counted. Each of those that
    /// were counted then comes here, until one has cleared WAITING.
    #[cold]
    #[inline(never)]
    fn wake_again(&self, generation: Generation) -> Woken {
        let mut seen = self.load();
        let is_in_vain = |seen: Snapshot| seen.is_waiting() && seen.is_ready() && seen.must_wake();
        while seen.is_owned() && seen.generation() == generation && is_in_vain(seen) {
            match self.step(seen, seen.with_waker()) {
                Ok(()) => return Woken::Again,
                Err(now) => seen = now,
            }
        }
        Woken::Done
    }

    /// Sets WAITING. Called by the owner, whose waker is in the cell. Returns false, and changes
    /// nothing, if there is no need to wait.
    #[inline]
    pub(crate) fn arm(&self) -> bool {
        let mut seen = self.load();
        while !seen.is_ready() {
            match self.step(seen, seen.0 | WAITING) {
                Ok(()) => return true,
                Err(now) => seen = now,
            }
        }
        false
    }

    /// Takes the step of `arm` from `seen`, a word with nothing due that is not closed. Returns
    /// false, and changes nothing, if the word has changed.
    #[inline]
    pub(crate) fn try_arm(&self, seen: Snapshot) -> bool {
        debug_assert!(!seen.is_ready());
        self.step(seen, seen.0 | WAITING).is_ok()
    }

    /// Does the same as `arm`, for an owner that waits for CLOSED alone, whatever is due. Fails
    /// while a marker is waking: its `wake_done` would mistake what is due for a mark that could
    /// not be counted. It would then wake the task once more, as often as the task waits again.
    pub(crate) fn arm_for_close(&self) -> bool {
        let mut seen = self.load();
        while !seen.is_closed() && !seen.is_waking() {
            match self.step(seen, seen.0 | WAITING) {
                Ok(()) => return true,
                Err(now) => seen = now,
            }
        }
        false
    }

    /// Clears WAITING. Called by the owner. Returns false if a marker is waking it: that marker
    /// reads the cell.
    pub(crate) fn disarm(&self) -> bool {
        let mut seen = self.load();
        while seen.is_waiting() && !seen.is_waking() {
            match self.step(seen, seen.0 & !WAITING) {
                Ok(()) => return true,
                Err(now) => seen = now,
            }
        }
        !seen.is_waking()
    }
}
