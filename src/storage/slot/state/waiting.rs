//! The steps of a slot's state by which the owner's task begins to wait, and a wake-up ends.

use super::{ONE_WAKER, SlotState, Snapshot, WAITING};

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
        let mut seen = self.load();
        loop {
            // Work is left only if more marks met the waiting owner than the wakers can count.
            let again = seen.is_waiting() && seen.is_ready() && seen.is_owned();
            let next = if again { seen.0 & !WAITING } else { seen.0 - ONE_WAKER };
            match self.step(seen, next) {
                Ok(()) if again => return Woken::Again,
                Ok(()) if !seen.is_owned() && !Snapshot(next).is_waking() => return Woken::OwnerLeft,
                Ok(()) => return Woken::Done,
                Err(now) => seen = now,
            }
        }
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
