//! A value in a slot that is reused. The cell does not know whether it is full: the state next to
//! it does.

#![allow(unsafe_code)]

use crate::sync::{ConstPtr, UnsafeCell};
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ops::Deref;

/// Stores one `T` or none. The state machines of the words that guard the cell decide which thread
/// may access it, and how.
pub(crate) struct ValueCell<T>(UnsafeCell<MaybeUninit<T>>);

// SAFETY: a cell moves its value to the thread that takes it, which needs `T: Send`, as for a
// Mutex.
unsafe impl<T: Send> Send for ValueCell<T> {}
// SAFETY:
// - one thread writes a value and another takes it: `T: Send`;
// - several threads may hold `&T` concurrently: `T: Sync`.
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
    /// The cell is empty, and no other thread accesses it.
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
    /// The cell is full. No other thread accesses it, now or until the next `write`.
    #[inline]
    pub(crate) unsafe fn take(&self) -> T {
        self.0.with_mut(|cell| {
            // SAFETY: exclusive access, by the caller's promise.
            let cell = unsafe { &*cell };
            // SAFETY: full, by the caller's promise; empty from here on.
            unsafe { cell.assume_init_read() }
        })
    }

    /// Borrows the value.
    ///
    /// # Safety
    /// The cell is full, and stays full and unchanged as long as the result lives, and as long as
    /// the reference lives that `unguarded` makes of it.
    #[inline]
    pub(crate) unsafe fn get(&self) -> ValueRef<'_, T> {
        ValueRef { reading: self.0.get(), _cell: PhantomData }
    }
}

/// A borrow of a cell's value. Under loom, a concurrent write is an error while the borrow lives,
/// so the caller keeps it as long as it uses the value.
pub(crate) struct ValueRef<'a, T> {
    reading: ConstPtr<MaybeUninit<T>>,
    _cell: PhantomData<&'a T>,
}

impl<'a, T> ValueRef<'a, T> {
    /// Returns the value without the guard, for callers outside the crate. Loom does not see how
    /// long they use it.
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
        // SAFETY: unchanged as long as the borrow lives, by the promise to `get`.
        let cell = unsafe { self.reading.deref() };
        // SAFETY: full, by the same promise.
        unsafe { cell.assume_init_ref() }
    }
}
