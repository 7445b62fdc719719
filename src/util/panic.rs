//! Panics of user code during the registry's work.

use std::any::Any;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Keeps the first panic of user code in an operation over many sockets, until the operation has
/// served the others.
#[derive(Default)]
pub(crate) struct DeferredPanics(Option<Box<dyn Any + Send>>);

impl DeferredPanics {
    /// Runs an operation over many sockets, and propagates the first panic that it caught.
    #[inline]
    pub(crate) fn scope<R>(operation: impl FnOnce(&mut Self) -> R) -> R {
        let mut panics = Self::default();
        let result = operation(&mut panics);
        panics.resume();
        result
    }

    /// Calls `f`, and catches its panic.
    pub(crate) fn catch(&mut self, f: impl FnOnce()) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(f)) {
            match &self.0 {
                None => self.0 = Some(panic),
                Some(_) => discard(panic),
            }
        }
    }

    /// Propagates the panic, if there was one. Discards it if the thread already panics, since a
    /// second panic would abort the process.
    pub(crate) fn resume_unless_panicking(self) {
        if !std::thread::panicking() {
            self.resume();
        } else if let Some(panic) = self.0 {
            discard(panic);
        }
    }

    /// Propagates the panic, if there was one.
    #[inline]
    pub(crate) fn resume(self) {
        if let Some(panic) = self.0 {
            resume_unwind(panic);
        }
    }
}

/// Drops what a panic carries, which runs user code again. If that panics, what this panic carries
/// is forgotten: to drop it could panic again, without end.
fn discard(panic: Box<dyn Any + Send>) {
    let _ = catch_unwind(AssertUnwindSafe(|| drop(panic))).map_err(mem::forget);
}
