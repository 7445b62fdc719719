//! Wakers that panic in the middle of an operation over many sockets.

use socket_registry::{Closed, Registry, Socket, Topics};
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::sync::Arc;
use std::sync::Mutex;
use std::task::{Context, Poll, Wake, Waker};

struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("waker");
    }
}

fn waiting_with_panics(registry: &Registry<u32>, keys: impl Iterator<Item = u32>) -> Vec<Socket<u32>> {
    let waker = Waker::from(Arc::new(Panics));
    let register = |key| {
        let mut socket = registry.register(key).unwrap();
        assert!(poll(&mut socket, &waker).is_pending());
        socket
    };
    keys.map(register).collect()
}

fn poll(socket: &mut Socket<u32>, waker: &Waker) -> Poll<Result<Topics, Closed>> {
    socket.poll_due(&mut Context::from_waker(waker))
}

/// The panic comes out, and not before every socket was reached.
fn panics<R>(f: impl FnOnce() -> R) {
    assert!(catch_unwind(AssertUnwindSafe(f)).is_err());
}

#[test]
fn every_mark_reaches_all_sockets() {
    let registry = Registry::new();
    let sockets = waiting_with_panics(&registry, [1, 1, 1, 2].into_iter());
    panics(|| registry.mark(&1));
    assert!(sockets[..3].iter().all(|socket| socket.peek_due() == Topics::UPDATE));
    assert_eq!(sockets[3].peek_due(), Topics::EMPTY);

    let registry = Registry::new();
    let sockets = waiting_with_panics(&registry, 0..100);
    panics(|| registry.mark_many(&(0..50).collect::<Vec<_>>()));
    assert!(sockets.iter().all(|socket| socket.peek_due().is_empty() == (*socket.key() >= 50)));

    let registry = Registry::new();
    let sockets = waiting_with_panics(&registry, 0..100);
    panics(|| registry.mark_all());
    assert!(sockets.iter().all(|socket| socket.peek_due() == Topics::UPDATE));
}

#[test]
fn close_tells_all_sockets() {
    let registry = Registry::new();
    let mut sockets = waiting_with_panics(&registry, 0..100);
    panics(|| registry.close());
    let told = |socket: &mut Socket<u32>| poll(socket, Waker::noop()) == Poll::Ready(Err(Closed::Shutdown));
    assert!(sockets.iter_mut().all(told));
    assert!(registry.register(200).is_err());
}

/// Only the first panic comes out; what the others carry is not kept.
#[test]
fn payloads_of_further_panics_are_dropped() {
    struct Carries(Arc<()>);
    impl Wake for Carries {
        fn wake(self: Arc<Self>) {
            panic_any(Arc::clone(&self.0));
        }
    }
    let registry = Registry::new();
    let carried = Arc::new(());
    let waker = Waker::from(Arc::new(Carries(Arc::clone(&carried))));
    let mut sockets = [1, 1, 1].map(|key| registry.register(key).unwrap());
    assert!(sockets.iter_mut().all(|socket| poll(socket, &waker).is_pending()));
    panics(|| registry.mark(&1));
    drop((sockets, registry, waker));
    assert_eq!(Arc::strong_count(&carried), 1);
}

/// Woken twice by one mark, each time with a panic whose payload panics when it is dropped: the
/// socket still works.
#[test]
fn payload_whose_drop_panics() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            // Nothing is allocated: this panic is forgotten.
            resume_unwind(Box::new(()));
        }
    }
    /// Polls its socket when woken, as an executor without a queue would, and the first time has it
    /// marked again immediately.
    struct Inline(Registry<u32>, Mutex<(Option<Socket<u32>>, u32)>);
    impl Wake for Inline {
        fn wake(self: Arc<Self>) {
            let waker = Waker::from(self.clone());
            let mut state = self.1.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            let (socket, wakes) = &mut *state;
            if let Some(socket) = socket {
                while poll(socket, &waker).is_ready() {}
            }
            *wakes += 1;
            let is_first = *wakes == 1;
            // The mark calls this waker again.
            drop(state);
            if is_first {
                let inner = catch_unwind(AssertUnwindSafe(|| self.0.mark(&1))).unwrap_err();
                std::mem::forget(inner);
            }
            panic_any(Bomb);
        }
    }

    let registry = Registry::new();
    let inline = Arc::new(Inline(registry.clone(), Mutex::new((None, 0))));
    let mut socket = registry.register(1).unwrap();
    assert!(poll(&mut socket, &Waker::from(inline.clone())).is_pending());
    inline.1.lock().unwrap().0 = Some(socket);

    let payload = catch_unwind(AssertUnwindSafe(|| registry.mark(&1))).unwrap_err();
    std::mem::forget(payload);
    let mut state = inline.1.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    assert_eq!(state.1, 2, "woken again for the second mark");
    let socket = state.0.as_mut().unwrap();

    struct Count(std::sync::atomic::AtomicUsize);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        }
    }
    let count = Arc::new(Count(0.into()));
    assert!(poll(socket, &Waker::from(count.clone())).is_pending());
    registry.mark(&1);
    assert_eq!(count.0.load(std::sync::atomic::Ordering::SeqCst), 1, "exactly the new waker is woken, once");
    drop(state.0.take());
}

/// Metadata whose drop panics, if it says so.
struct Boom(bool);

impl Drop for Boom {
    fn drop(&mut self) {
        if self.0 {
            panic!("metadata");
        }
    }
}

/// A waker that drops its own socket, and then panics.
struct DropsAndPanics<M>(Mutex<Option<Socket<u64, M>>>);

impl<M: Send + Sync + 'static> Wake for DropsAndPanics<M> {
    fn wake(self: Arc<Self>) {
        drop(self.0.lock().unwrap().take());
        panic!("waker");
    }
}

/// The mark that wakes is then the last one in the slot, cleans it up while it unwinds, and meets
/// a second panic. The first one comes out.
#[test]
fn a_waker_and_the_metadata_of_its_socket_panic() {
    for (with_another, by_id) in [(false, false), (false, true), (true, false), (true, true)] {
        let registry: Registry<u64, Boom> = Registry::new();
        let mut socket = registry.register_with(1, Boom(true)).unwrap();
        let other = with_another.then(|| registry.register_with(1, Boom(false)).unwrap());
        let held = Arc::new(DropsAndPanics(Mutex::default()));
        assert!(socket.poll_due(&mut Context::from_waker(&Waker::from(held.clone()))).is_pending());
        let id = socket.id();
        *held.0.lock().unwrap() = Some(socket);
        let mark = || if by_id { registry.mark_socket(id) } else { registry.mark(&1) > 0 };
        let panic = catch_unwind(AssertUnwindSafe(mark)).unwrap_err();
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"waker"));
        assert_eq!(registry.socket_count(), usize::from(with_another));
        drop(other);
        assert_eq!((registry.key_count(), registry.socket_count()), (0, 0));
    }
}

/// The same where the second panic carries something: that is dropped, and nothing leaks.
#[test]
fn what_a_second_panic_carries_is_dropped() {
    struct Carries(Arc<()>);
    impl Drop for Carries {
        fn drop(&mut self) {
            resume_unwind(Box::new(self.0.clone()));
        }
    }
    let carried = Arc::new(());
    let registry: Registry<u64, Carries> = Registry::new();
    let mut socket = registry.register_with(1, Carries(carried.clone())).unwrap();
    let held = Arc::new(DropsAndPanics(Mutex::default()));
    assert!(socket.poll_due(&mut Context::from_waker(&Waker::from(held.clone()))).is_pending());
    *held.0.lock().unwrap() = Some(socket);
    let panic = catch_unwind(AssertUnwindSafe(|| registry.mark(&1))).unwrap_err();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"waker"));
    assert_eq!(Arc::strong_count(&carried), 1, "leaked");
}
