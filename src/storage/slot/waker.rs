//! The waker cell holds the waker of the task that owns a socket. The slot's state decides who may
//! use it and when.

#![allow(unsafe_code)]

use crate::util::value_cell::ValueCell;
use std::task::Waker;

/// Keeps the owner's waker between waits, so that a task that waits again has nothing to store.
#[derive(Default)]
pub(crate) struct WakerCell(ValueCell<Option<Waker>>);

impl WakerCell {
    /// Begins a generation without a waker.
    ///
    /// # Safety
    /// The slot is busy and the caller is its claimer (rule 1 of `state`). The cell is new, or was
    /// `clear`ed since the last `init`.
    #[inline]
    pub(crate) unsafe fn init(&self) {
        // SAFETY: empty, and no other thread uses it, by the caller's promise.
        unsafe { self.0.write(None) };
    }

    /// Ends a generation and returns its waker. The caller drops that when its own state is in
    /// order.
    ///
    /// # Safety
    /// The slot is busy and the caller cleans it up (rule 1 of `state`). The cell was
    /// `init`ialised.
    #[inline]
    pub(crate) unsafe fn clear(&self) -> Option<Waker> {
        // SAFETY: full since `init`, and no other thread uses it, by the caller's promise.
        unsafe { self.0.take() }
    }

    /// Tells whether the cell's waker wakes the same task as `waker`.
    ///
    /// # Safety
    /// The caller is the owner (rules 2 and 3 of `state`).
    #[inline]
    pub(crate) unsafe fn will_wake(&self, waker: &Waker) -> bool {
        // SAFETY: initialised; only the owner writes, and the owner is reading.
        unsafe { self.0.get() }.as_ref().is_some_and(|kept| kept.will_wake(waker))
    }

    /// Stores `waker` and returns the old one. The caller drops that when its own state is in
    /// order.
    ///
    /// # Safety
    /// The caller is the owner, and the state is not WAITING and has no wakers (rule 2 of `state`).
    pub(crate) unsafe fn replace(&self, waker: Waker) -> Option<Waker> {
        // SAFETY: initialised, and the owner has the cell to itself.
        let old = unsafe { self.0.take() };
        // SAFETY: emptied above, and the owner has the cell to itself.
        unsafe { self.0.write(Some(waker)) };
        old
    }

    /// Wakes the task.
    ///
    /// # Safety
    /// The caller is counted in wakers (rule 3 of `state`).
    #[inline]
    pub(crate) unsafe fn wake(&self) {
        // SAFETY: initialised, and no thread writes while the caller is counted. The borrow lasts
        // until the waker returns.
        let waker = unsafe { self.0.get() };
        if let Some(waker) = &*waker {
            waker.wake_by_ref();
        }
    }
}
