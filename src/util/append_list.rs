//! A list that grows at its head, newest first: for the tables of a shard, and the pages of its
//! slab.
//!
//! A segment that is of no use any more can be unlinked. Walks then leave it out, but it stays in
//! memory as long as the list, because a walk may still be in it.

#![allow(unsafe_code)]

use crate::sync::{AtomicPtr, Ordering};
use std::marker::PhantomData;
use std::ptr;

/// Holds values that stay in place as long as the list lives.
pub(crate) struct AppendList<T> {
    newest: AtomicPtr<Segment<T>>,
    _owns: PhantomData<Box<T>>,
}

/// Holds one value of the list.
pub(crate) struct Segment<T> {
    value: T,
    /// The next older segment that is in use.
    older: AtomicPtr<Segment<T>>,
    /// The segment that was the newest before this one: `drop` follows these.
    previous: *mut Segment<T>,
}

// SAFETY: a `Segment` is reached only through `&AppendList`, which hands out `&T` and drops the
// values with itself.
// - `T: Send`, since another thread than the one that made a value may drop it.
unsafe impl<T: Send> Send for AppendList<T> {}
// SAFETY: as above, and
// - `T: Sync`, since `&AppendList` gives `&T`;
// - `T: Send`, since `&AppendList` lets a thread add a value that another thread drops.
unsafe impl<T: Send + Sync> Sync for AppendList<T> {}

impl<T> Default for AppendList<T> {
    fn default() -> Self {
        Self { newest: AtomicPtr::new(ptr::null_mut()), _owns: PhantomData }
    }
}

impl<T> Segment<T> {
    #[inline]
    pub(crate) fn older(&self) -> Option<&Segment<T>> {
        // Ordering: Acquire, pairs with the Release of `unlink_older`: the segment's contents are
        // visible.
        let older = self.older.load(Ordering::Acquire);
        // SAFETY: null, or a segment of the same list. It outlives this reference to its newer one.
        unsafe { older.as_ref() }
    }

    /// Unlinks `older` from its place after this segment, if that is its place.
    ///
    /// If two neighbours are unlinked at the same time, one of them may be linked again. So the
    /// caller repeats the call when it meets `older` again. A walk misses no segment that was not
    /// unlinked: links skip unlinked segments only.
    pub(crate) fn unlink_older(&self, older: &Segment<T>) {
        // Ordering: Relaxed. The caller has acquired what `older` refers to.
        let seen = self.older.load(Ordering::Relaxed);
        if !ptr::eq(seen, older) {
            return;
        }
        // Ordering: Acquire, as `older`.
        let next = older.older.load(Ordering::Acquire);
        // Ordering: Release on success, so that a thread that finds `next` sees its contents.
        // Relaxed on failure: another thread has changed the link, and nothing is left to do.
        let _ = self.older.compare_exchange(seen, next, Ordering::Release, Ordering::Relaxed);
    }
}

impl<T> std::ops::Deref for Segment<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> AppendList<T> {
    #[inline]
    pub(crate) fn newest(&self) -> Option<&Segment<T>> {
        // Ordering: Acquire, pairs with the Release of `push`: the segment's contents are visible.
        let newest = self.newest.load(Ordering::Acquire);
        // SAFETY: null, or a segment that `push` leaked and only `drop` frees.
        unsafe { newest.as_ref() }
    }

    /// Returns all segments that are linked, newest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Segment<T>> {
        std::iter::successors(self.newest(), |segment| segment.older())
    }

    /// Returns the number of segments, linked or not.
    #[cfg(feature = "stats")]
    pub(crate) fn len(&self) -> usize {
        // SAFETY: null, or a segment that `drop` reaches and frees by the same pointer.
        std::iter::successors(self.newest(), |segment| unsafe { segment.previous.as_ref() }).count()
    }

    /// Pushes a value on top of `seen`. If there is a newer value already, it serves as well, and
    /// `value` is dropped.
    ///
    /// Lock-free, except for the allocator.
    pub(crate) fn push(&self, seen: Option<&Segment<T>>, value: T) {
        // Ordering: Relaxed. The caller has acquired what `seen` refers to.
        let older = self.newest.load(Ordering::Relaxed);
        if !ptr::eq(older, seen.map_or(ptr::null(), ptr::from_ref)) {
            return;
        }
        // Uses the loaded pointer, not one made from `seen`: `drop` frees the segment through it,
        // which a shared reference does not permit.
        let segment = Box::into_raw(Box::new(Segment { value, older: AtomicPtr::new(older), previous: older }));
        // Ordering: Release on success, so that a thread that finds the segment sees its contents.
        // Relaxed on failure: nothing is read.
        if self.newest.compare_exchange(older, segment, Ordering::Release, Ordering::Relaxed).is_err() {
            // SAFETY: made above, and no other thread has seen it.
            drop(unsafe { Box::from_raw(segment) });
        }
    }
}

impl<T> Drop for AppendList<T> {
    fn drop(&mut self) {
        // Ordering: Relaxed. `&mut self` is already ordered after every other use.
        let mut segment = self.newest.load(Ordering::Relaxed);
        while !segment.is_null() {
            // SAFETY: leaked by `push`, and freed once, here.
            let owned = unsafe { Box::from_raw(segment) };
            segment = owned.previous;
        }
    }
}

#[cfg(test)]
mod tests;
