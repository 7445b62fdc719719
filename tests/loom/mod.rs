//! Models of the races that the registry must win, run by loom in every order of steps up to a
//! bound of preemptions.
//!
//! `cargo loom` runs them with a bound of 2, `cargo loom-deep` with 4; `LOOM_MAX_PREEMPTIONS` sets
//! another one. They are compiled into the library's unit tests, because half of them are about its
//! private machines.

mod closing;
mod counts;
mod events;
mod evict;
mod keys;
mod lifetime;
mod marks;
mod slot_state;
mod slots;
mod sweep;
mod table;
mod takeover;
mod waiting;
mod walks;
mod wear;

use crate::shard::geometry::Geometry;
use crate::{Registry, Socket};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use loom::thread;
use std::borrow::Borrow;
use std::hash::{Hash, Hasher};
use std::task::{Context, Poll, Wake, Waker};

/// Runs `model` in every order of steps that the bound allows.
fn check(model: impl Fn() + Sync + Send + 'static) {
    check_up_to(2, model);
}

/// The same with another bound where the environment sets none.
fn check_up_to(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(preemptions));
    builder.max_branches = 20_000;
    builder.check(model);
}

/// Runs both concurrently, one of them first. With one preemption, the first of two threads is
/// interrupted by all of the other one. So a model with that bound has each of them first once.
fn race<A: 'static, B: 'static>(
    a_first: bool,
    a: impl FnOnce() -> A + 'static,
    b: impl FnOnce() -> B + 'static,
) -> (A, B) {
    if a_first {
        let b = thread::spawn(b);
        (a(), b.join().unwrap())
    } else {
        let a = thread::spawn(a);
        let b = b();
        (a.join().unwrap(), b)
    }
}

/// A registry of one shard whose first table has one line: two buckets.
fn registry() -> Registry<Key, Guarded> {
    limited(100, 100)
}

fn limited(max_sockets: usize, max_per_key: u32) -> Registry<Key, Guarded> {
    Registry::with(1, max_sockets, Geometry::growing(1, max_per_key))
}

/// Another key that takes the same bucket of an empty registry.
fn rival(of: u8) -> u8 {
    let addr = |number| registry().register(key(number)).unwrap().id().addr(0);
    (of + 1..).find(|&number| addr(number) == addr(of)).unwrap()
}

/// Metadata that the model checker watches: it must be dropped exactly once, and after everybody
/// who looked at it.
#[derive(Default)]
struct Guarded(Arc<AtomicUsize>);

impl Guarded {
    fn look(&self) {
        assert_eq!(self.0.load(SeqCst), 0, "looked at after its drop");
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        assert_eq!(self.0.fetch_add(1, SeqCst), 0, "dropped twice");
    }
}

/// Runs a future to its end. Its waker stays the same, as a runtime's does, which loom's own
/// `block_on` does not promise.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Parked(loom::sync::Notify);
    impl Wake for Parked {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.notify();
        }
    }
    let parked = std::sync::Arc::new(Parked(loom::sync::Notify::new()));
    let waker = Waker::from(parked.clone());
    let mut future = std::pin::pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        parked.0.wait();
    }
}

/// A key that is watched in the same way.
struct Key(u8, Guarded);

fn key(n: u8) -> Key {
    Key(n, Guarded::default())
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.1.look();
        other.1.look();
        self.0 == other.0
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl Borrow<u8> for Key {
    fn borrow(&self) -> &u8 {
        &self.0
    }
}

/// Polls once, with a waker that does nothing.
fn is_due(socket: &mut Socket<Key, Guarded>) -> bool {
    socket.poll_due(&mut Context::from_waker(Waker::noop())).is_ready()
}
