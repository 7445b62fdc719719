//! What the machine provides: atomics, `Arc` and interior mutability. They come from `std`, from
//! loom under `--cfg socket_registry_loom`, or from shuttle under `--cfg socket_registry_shuttle`.
//! No other file knows which.

#[cfg(not(any(socket_registry_loom, socket_registry_shuttle)))]
mod real {
    pub(crate) use std::sync::Arc;
    pub(crate) use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, fence};
}

#[cfg(socket_registry_loom)]
mod real {
    pub(crate) use loom::cell::{ConstPtr, UnsafeCell};
    pub(crate) use loom::sync::Arc;
    pub(crate) use loom::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, fence};
}

#[cfg(socket_registry_shuttle)]
mod real {
    pub(crate) use shuttle::sync::Arc;
    pub(crate) use shuttle::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, fence};
}

/// Wraps `std`'s cell in the interface of loom's, so that every access says whether it reads or
/// writes.
#[cfg(not(socket_registry_loom))]
pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

#[cfg(not(socket_registry_loom))]
impl<T> UnsafeCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(std::cell::UnsafeCell::new(value))
    }

    /// Starts a read of the cell, which lasts until the result is dropped.
    #[inline]
    pub(crate) fn get(&self) -> ConstPtr<T> {
        ConstPtr(self.0.get())
    }

    #[inline]
    pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        f(self.0.get())
    }
}

/// A read of a cell in progress. Loom's version takes part in its check for concurrent writes; this
/// one is only a pointer.
#[cfg(not(socket_registry_loom))]
pub(crate) struct ConstPtr<T>(*const T);

// SAFETY: it gives `&T` and nothing else.
#[cfg(not(socket_registry_loom))]
#[allow(unsafe_code)]
unsafe impl<T: Sync> Send for ConstPtr<T> {}
// SAFETY: as above.
#[cfg(not(socket_registry_loom))]
#[allow(unsafe_code)]
unsafe impl<T: Sync> Sync for ConstPtr<T> {}

#[cfg(not(socket_registry_loom))]
impl<T> ConstPtr<T> {
    /// Returns the value.
    ///
    /// # Safety
    /// No thread writes to the cell as long as the reference lives.
    #[inline]
    #[allow(unsafe_code)]
    pub(crate) unsafe fn deref(&self) -> &T {
        // SAFETY: made from a reference to the cell, which outlives the read. By the caller's
        // promise, no thread writes to it.
        unsafe { &*self.0 }
    }
}

pub(crate) use real::*;
pub(crate) use std::sync::atomic::Ordering;
use std::sync::atomic::compiler_fence;

/// Whether loom or shuttle runs the code. Tables and counters are then tiny, so that the models
/// reach wrap and growth.
pub(crate) const MODELLED: bool = cfg!(any(socket_registry_loom, socket_registry_shuttle));

/// Executes a sequentially consistent fence.
#[inline]
#[allow(unsafe_code)]
pub(crate) fn full_fence() {
    if X86 {
        // Ordering: SeqCst. On x86 a locked read-modify-write is a full barrier, and costs less
        // than half of `mfence`. The compiler moves no memory access across the assembly.
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the top of the stack is mapped, and an atomic `or` with 0 keeps its value.
        unsafe {
            std::arch::asm!("lock or dword ptr [rsp], 0", options(nostack));
        }
    } else {
        // Ordering: SeqCst, as the name says.
        fence(Ordering::SeqCst);
    }
}

/// Does the same right after a read-modify-write of the same thread, which on x86 needs no further
/// instruction.
#[inline]
pub(crate) fn fence_after_step() {
    if X86 {
        // Ordering: SeqCst. On x86 the preceding step was the fence; only the compiler needs this
        // one.
        compiler_fence(Ordering::SeqCst);
    } else {
        // Ordering: SeqCst, as the name says.
        fence(Ordering::SeqCst);
    }
}

/// Whether the code runs on an x86-64 processor, and not in a model or an interpreter.
const X86: bool = cfg!(all(target_arch = "x86_64", not(miri))) && !MODELLED;

/// Prefetches a value's cache line without waiting for it.
#[inline]
#[allow(unsafe_code)]
pub(crate) fn prefetch<T>(value: &T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a hint, valid for any address; SSE is part of x86-64.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(value).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = value;
}

/// Types whose default value is all zero bytes.
///
/// # Safety
/// A value of zero bytes is valid and means what `Default::default()` means.
#[allow(unsafe_code)]
pub(crate) unsafe trait Zeroable: Default {}
