//! Panics of the caller's code in the middle of the registry's work.

use std::any::Any;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// The first panic of the caller's code in an operation over many sockets, kept until the others are served.
#[derive(Default)]
pub(crate) struct DeferredPanics(Option<Box<dyn Any + Send>>);

impl DeferredPanics {
    /// Calls `f`, and keeps its panic.
    pub(crate) fn catch(&mut self, f: impl FnOnce()) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(f)) {
            match &self.0 {
                None => self.0 = Some(panic),
                // Dropping it runs the caller's code once more. What that panics with is forgotten, lest it goes on for ever.
                Some(_) => {
                    let _ = catch_unwind(AssertUnwindSafe(|| drop(panic))).map_err(mem::forget);
                }
            }
        }
    }

    /// Passes the panic on, if there was one; not in the midst of another one, which would end the process.
    pub(crate) fn resume_unless_panicking(self) {
        if std::thread::panicking() {
            // As above: dropping it could panic.
            mem::forget(self.0);
        } else {
            self.resume();
        }
    }

    /// Passes the panic on, if there was one.
    #[inline]
    pub(crate) fn resume(self) {
        if let Some(panic) = self.0 {
            resume_unwind(panic);
        }
    }
}
