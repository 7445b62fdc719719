//! A value in a slot that is used again and again: there or not there is known by the state beside it, not by the cell.

#![allow(unsafe_code)]

use crate::sync::{ConstPtr, UnsafeCell};
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ops::Deref;

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
    /// The cell is full and stays so, unchanged, as long as the result lives, and the reference
    /// that `unguarded` makes of it.
    #[inline]
    pub(crate) unsafe fn get(&self) -> ValueRef<'_, T> {
        ValueRef { reading: self.0.get(), _cell: PhantomData }
    }
}

/// A look at a cell's value. Under loom a write by another thread meanwhile is an error, so hold it
/// as long as the value is used.
pub(crate) struct ValueRef<'a, T> {
    reading: ConstPtr<MaybeUninit<T>>,
    _cell: PhantomData<&'a T>,
}

impl<'a, T> ValueRef<'a, T> {
    /// The value without the guard, for callers outside the crate: loom does not see how long they
    /// use it.
    #[inline]
    pub(crate) fn unguarded(self) -> &'a T {
        let value: *const T = &raw const *self;
        // SAFETY: full and unchanged as long as the reference lives, by the promise to `get`.
        unsafe { &*value }
    }
}

impl<T> Deref for ValueRef<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: unchanged as long as the look lasts, by the promise to `get`.
        let cell = unsafe { self.reading.deref() };
        // SAFETY: full, by the same promise.
        unsafe { cell.assume_init_ref() }
    }
}
