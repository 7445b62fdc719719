//! A slice of zeroed memory. The system provides its pages when they are first touched.

#![allow(unsafe_code)]

use crate::sync::{MODELLED, Zeroable};
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::marker::PhantomData;
use std::mem::needs_drop;
use std::ptr::NonNull;
use std::{fmt, ops, slice};

/// The largest alignment for which `alloc_zeroed` passes on the allocator's untouched pages. For a
/// larger one std asks for plain memory and writes the zeros itself, so that all pages are resident
/// from the beginning. So `ZeroedSlice` asks for no more than this, and aligns the rest itself.
const PLAIN_ALIGN: usize = 16;

/// Holds `len` default values. See the module's documentation.
pub(crate) struct ZeroedSlice<T> {
    start: NonNull<T>,
    len: usize,
    /// The allocation that contains `start` and its `len` values.
    memory: NonNull<u8>,
    layout: Layout,
    _owns: PhantomData<T>,
}

// SAFETY: it owns its values as a `Box<[T]>` does.
unsafe impl<T: Send> Send for ZeroedSlice<T> {}
// SAFETY: as above; `&ZeroedSlice` gives `&[T]`.
unsafe impl<T: Sync> Sync for ZeroedSlice<T> {}

/// The system gave no memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutOfMemory;

impl<T: Zeroable> ZeroedSlice<T> {
    /// Allocates `len` values, which take no memory before they are touched. Returns an error, and
    /// does not abort, if the system refuses the memory.
    pub(crate) fn new(len: usize) -> Result<Self, OutOfMemory> {
        let align = align_of::<T>().min(PLAIN_ALIGN);
        let slack = align_of::<T>() - align;
        let size = Layout::array::<T>(len).map_err(|_| OutOfMemory)?.size();
        // At least one byte: an allocation of zero bytes is not allowed.
        let size = size.checked_add(slack).ok_or(OutOfMemory)?.max(1);
        let layout = Layout::from_size_align(size, align).map_err(|_| OutOfMemory)?;
        // SAFETY: the layout's size is not zero.
        let memory = NonNull::new(unsafe { alloc_zeroed(layout) }).ok_or(OutOfMemory)?;
        let offset = memory.addr().get().wrapping_neg() & (align_of::<T>() - 1);
        // SAFETY: at most `slack` bytes into the allocation, which is that much larger than the
        // values.
        let start = unsafe { memory.add(offset) }.cast::<T>();
        debug_assert!(start.is_aligned());
        if MODELLED {
            // For loom and shuttle, zero bytes alone do not make an atomic.
            for n in 0..len {
                // SAFETY: within the allocation.
                let value = unsafe { start.add(n) };
                // SAFETY: aligned, within the allocation, and no other reference exists.
                unsafe { value.write(T::default()) };
            }
        }
        Ok(Self { start, len, memory, layout, _owns: PhantomData })
    }
}

impl<T> ops::Deref for ZeroedSlice<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        // SAFETY: `len` values. `new` made them one by one or from zeroed bytes, which are values
        // by `Zeroable`. They live as long as this slice.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl<T> Drop for ZeroedSlice<T> {
    fn drop(&mut self) {
        if needs_drop::<T>() {
            let values = NonNull::slice_from_raw_parts(self.start, self.len);
            // SAFETY: `len` values, dropped once, here.
            unsafe { values.drop_in_place() };
        }
        // SAFETY: allocated with that layout, and freed once, here.
        unsafe { dealloc(self.memory.as_ptr(), self.layout) };
    }
}

impl fmt::Display for OutOfMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("out of memory")
    }
}

#[cfg(test)]
mod tests;
