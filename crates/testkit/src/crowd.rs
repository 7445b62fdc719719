//! Many threads at the same moment.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Calls `f(0)` to `f(threads - 1)`, each on its own thread, all started together; their results in
/// that order.
pub fn crowd<T: Send>(threads: usize, f: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let ready = AtomicUsize::new(0);
    thread::scope(|scope| {
        let (ready, f) = (&ready, &f);
        let running: Vec<_> = (0..threads)
            .map(|i| {
                scope.spawn(move || {
                    ready.fetch_add(1, Ordering::SeqCst);
                    while ready.load(Ordering::SeqCst) < threads {
                        thread::yield_now();
                    }
                    f(i)
                })
            })
            .collect();
        running.into_iter().map(|thread| thread.join().expect("a thread of the crowd panicked")).collect()
    })
}
