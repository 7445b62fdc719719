//! A waker that runs a test's code in everything it does, its `clone` and `drop` included.
#![allow(unsafe_code, reason = "`std::task::Wake` has no way to hook a waker's `clone`")]

use std::sync::Arc;
use std::task::{RawWaker, RawWakerVTable, Waker};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WakerCall {
    Clone,
    Wake,
    Drop,
}

/// What a waker calls, held once by each of its clones.
pub struct Hook(pub fn(WakerCall));

/// A waker whose data pointer is one strong reference to `hook`.
pub fn hooked_waker(hook: &Arc<Hook>) -> Waker {
    let data = Arc::into_raw(Arc::clone(hook));
    // SAFETY: the functions of `VTABLE` keep the contract of `RawWakerVTable`: `data` is a strong
    // reference to a `Send + Sync` value that `clone` adds one to, and `wake` and `drop` release.
    unsafe { Waker::new(data.cast(), &VTABLE) }
}

static VTABLE: RawWakerVTable = RawWakerVTable::new(
    |data| {
        // The hook comes first: when it panics there must be no second reference to release.
        borrowed(data).0(WakerCall::Clone);
        // SAFETY: `data` came from `Arc::into_raw` and its reference is still held.
        unsafe { Arc::increment_strong_count(data.cast::<Hook>()) };
        RawWaker::new(data, &VTABLE)
    },
    |data| owned(data).0(WakerCall::Wake),
    |data| borrowed(data).0(WakerCall::Wake),
    |data| owned(data).0(WakerCall::Drop),
);

fn borrowed<'a>(data: *const ()) -> &'a Hook {
    // SAFETY: the waker that calls holds a reference, and does so until its call returns.
    unsafe { &*data.cast() }
}

fn owned(data: *const ()) -> Arc<Hook> {
    // SAFETY: the waker that calls gives its reference up with this call.
    unsafe { Arc::from_raw(data.cast()) }
}
