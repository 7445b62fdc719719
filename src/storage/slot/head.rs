//! The head of a slot: its state, and the waker cell next to it. It is all that a mark, a wake-up
//! and the owner's polls need, so they touch one cache line.

#![allow(unsafe_code)]

use crate::storage::slot::{SlotState, WakeToken, WakerCell, Woken, state};
use crate::topics::Topics;
use std::task::{Context, Poll, Waker};

/// The state and the waker of a slot.
#[derive(Default)]
#[repr(C)]
pub(crate) struct SlotHead {
    pub(crate) state: SlotState,
    pub(super) waker: WakerCell,
}

impl SlotHead {
    /// Returns the right to wake the socket's task. The token proves that a step on the state has
    /// just given the caller this duty.
    #[inline]
    pub(crate) fn waking(&self, _token: WakeToken) -> Waking<'_> {
        Waking(self)
    }

    /// Returns the owner's right to wait and to take.
    ///
    /// # Safety
    /// The caller holds the one handle of the socket that is in this slot, and uses the result only
    /// as long as it holds the handle. Only one thread at a time does so.
    #[inline]
    pub(crate) unsafe fn own(&self) -> OwnedHead<'_> {
        OwnedHead(self)
    }
}

/// The duty to wake a socket's task, and then to end the wake-up.
#[must_use]
pub(crate) struct Waking<'a>(&'a SlotHead);

impl<'a> Waking<'a> {
    #[inline]
    pub(crate) fn head(&self) -> &'a SlotHead {
        self.0
    }

    /// Calls the waker.
    #[inline]
    pub(crate) fn wake(&self) {
        // SAFETY: counted in wakers until `end`.
        unsafe { self.0.waker.wake() };
    }

    /// Ends the wake-up. The caller does not wake again, unless the result is `Again`.
    #[inline]
    pub(crate) fn end(&self) -> Woken {
        self.0.state.wake_done()
    }
}

/// The owner's right to wait and to take.
pub(crate) struct OwnedHead<'a>(&'a SlotHead);

impl OwnedHead<'_> {
    /// Tries the two frequent ends of `poll_due`, each of one step: takes what is due, or waits
    /// with the waker that is in the cell. Returns `None` if nothing was done.
    #[inline]
    pub(crate) fn try_poll_due(&mut self, cx: &mut Context<'_>) -> Option<Poll<Topics>> {
        let SlotHead { state, waker } = self.0;
        let seen = state.load();
        if seen.is_closed() {
            return None;
        }
        if !seen.due().is_empty() {
            return state.try_take(seen).ok().map(Poll::Ready);
        }
        // SAFETY: the caller is the owner.
        let is_kept = unsafe { waker.will_wake(cx.waker()) };
        (is_kept && (seen.is_waiting() || state.try_arm(seen))).then_some(Poll::Pending)
    }

    /// Takes what is due, or arranges that the task is woken when something is. Returns `None` if
    /// the socket is closed.
    #[inline]
    pub(crate) fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<Option<Topics>> {
        let state = &self.0.state;
        loop {
            let seen = state.load();
            if seen.is_closed() {
                return Poll::Ready(None);
            }
            let Ok(due) = state.try_take(seen) else { continue };
            if !due.is_empty() {
                return Poll::Ready(Some(due));
            }
            if self.wait(seen, cx, SlotState::arm) {
                return Poll::Pending;
            }
        }
    }

    /// Waits until the socket is closed, whatever is due, and takes nothing.
    pub(crate) fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let seen = self.0.state.load();
            if seen.is_closed() {
                return Poll::Ready(());
            }
            if seen.is_waking() {
                // `arm_for_close` says why it cannot arm now. Return and be polled again rather
                // than wait for that.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if self.wait(seen, cx, SlotState::arm_for_close) {
                return Poll::Pending;
            }
        }
    }

    /// Arranges that the task is woken, if the state is still as `seen` in what `arm` checks.
    /// Returns false if the caller must look again.
    #[inline]
    fn wait(&mut self, seen: state::Snapshot, cx: &mut Context<'_>, arm: impl Fn(&SlotState) -> bool) -> bool {
        let SlotHead { state, waker } = self.0;
        // SAFETY: the caller is the owner.
        if unsafe { waker.will_wake(cx.waker()) } {
            seen.is_waiting() || arm(state)
        } else {
            self.wait_with(cx.waker(), arm)
        }
    }

    /// Does the same for a task whose waker is not in the cell yet.
    #[inline(never)]
    fn wait_with(&mut self, waker: &Waker, arm: impl Fn(&SlotState) -> bool) -> bool {
        let SlotHead { state, waker: cell } = self.0;
        let new = waker.clone();
        if !state.disarm() {
            // A marker is waking the task that waited before, and reads the cell. Return and be
            // polled again rather than wait for that.
            waker.wake_by_ref();
            return true;
        }
        // Dropped last, because dropping a waker may run the caller's code.
        // SAFETY: the owner, and disarmed.
        let _replaced = unsafe { cell.replace(new) };
        arm(state)
    }
}
