//! Tells the threads that run during a test that it is over.

use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Default)]
pub struct Over(AtomicBool);

impl Over {
    pub fn is_over(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// Says so when dropped: a test that panics must not leave its threads running forever.
    pub fn at_the_end(&self) -> impl Drop {
        struct AtTheEnd<'a>(&'a AtomicBool);

        impl Drop for AtTheEnd<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::SeqCst);
            }
        }

        AtTheEnd(&self.0)
    }
}
