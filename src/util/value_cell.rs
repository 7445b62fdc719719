//! A value in a slot that is used again and again: there or not there is known by the state beside it, not by the cell.

#![allow(unsafe_code)]

use crate::sync::UnsafeCell;
use std::mem::MaybeUninit;

/// Storage for one `T`. Who may do what is decided by the state machines of the words that guard the cell.
pub(crate) struct ValueCell<T>(UnsafeCell<MaybeUninit<T>>);

// SAFETY: a cell moves its value to the thread that takes it, which needs `T: Send`, as a Mutex does.
unsafe impl<T: Send> Send for ValueCell<T> {}
// SAFETY:
// - values are written on one thread and taken on another: `T: Send`;
// - several threads may hold `&T` at once: `T: Sync`.
unsafe impl<T: Send + Sync> Sync for ValueCell<T> {}

impl<T> Default for ValueCell<T> {
    fn default() -> Self {
        Self(UnsafeCell::new(MaybeUninit::uninit()))
    }
}

impl<T> ValueCell<T> {
    /// Stores a value.
    ///
    /// # Safety
    /// The cell is empty and nobody else accesses it.
    #[inline]
    pub(crate) unsafe fn write(&self, value: T) {
        self.0.with_mut(|cell| {
            // SAFETY: exclusive access, by the caller's promise.
            let cell = unsafe { &mut *cell };
            cell.write(value);
        });
    }

    /// Moves the value out and leaves the cell empty.
    ///
    /// # Safety
    /// The cell is full and nobody else accesses it, now or until the next `write`.
    #[inline]
    pub(crate) unsafe fn take(&self) -> T {
        self.0.with_mut(|cell| {
            // SAFETY: exclusive access, by the caller's promise.
            let cell = unsafe { &*cell };
            // SAFETY: full, by the caller's promise; and empty from here on.
            unsafe { cell.assume_init_read() }
        })
    }

    /// Looks at the value.
    ///
    /// # Safety
    /// The cell is full and stays so, unchanged, as long as the reference lives.
    #[inline]
    pub(crate) unsafe fn get(&self) -> &T {
        self.0.with(|cell| {
            // SAFETY: unchanged while the reference lives, by the caller's promise.
            let cell = unsafe { &*cell };
            // SAFETY: full, by the caller's promise.
            unsafe { cell.assume_init_ref() }
        })
    }
}
