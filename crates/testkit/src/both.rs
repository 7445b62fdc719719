//! Two calls at the same moment.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Runs `a` here and `b` on another thread. Both spin up to one line and start together: a
/// blocking barrier would wake one of them much later than the other.
pub fn both<A, B: Send>(a: impl FnOnce() -> A, b: impl FnOnce() -> B + Send) -> (A, B) {
    let ready = AtomicUsize::new(0);
    let line_up = || {
        ready.fetch_add(1, Ordering::SeqCst);
        while ready.load(Ordering::SeqCst) < 2 {
            thread::yield_now();
        }
    };
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            line_up();
            b()
        });
        line_up();
        let a = a();
        (a, other.join().expect("the other side panicked"))
    })
}
