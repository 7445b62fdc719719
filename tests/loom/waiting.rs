//! A task that waits, through the handle.

use super::{block_on, check, is_due, key, registry};
use crate::Topics;
use loom::sync::atomic::AtomicUsize;
use loom::sync::atomic::Ordering::SeqCst;
use loom::thread;
use std::task::{Context, Poll, Wake, Waker};

/// Counts wakes.
#[derive(Default)]
pub(super) struct Count(pub(super) AtomicUsize);

impl Wake for Count {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

pub(super) fn counting() -> (std::sync::Arc<Count>, Waker) {
    let count = std::sync::Arc::new(Count::default());
    (count.clone(), Waker::from(count))
}

/// What a socket is born with is due concurrent with what is marked, and its first wait returns.
#[test]
fn born_due_beside_mark() {
    check(|| {
        let registry = registry();
        let marker = {
            let registry = registry.clone();
            thread::spawn(move || registry.mark_topics(&1, Topics::topic(1)))
        };
        let mut socket = registry.registration(key(1), Default::default()).due(Topics::UPDATE).register().unwrap();
        let mut due = block_on(socket.due()).unwrap();
        let marked = marker.join().unwrap();
        due |= socket.take_due();
        assert!(due.contains(Topics::UPDATE));
        assert_eq!(due.contains(Topics::topic(1)), marked == 1);
    });
}

/// A mark before, while or after the task begins to wait ends the wait.
#[test]
fn mark_beside_wait() {
    check(|| {
        let registry = registry();
        let mut socket = registry.register(key(1)).unwrap();
        let marker = thread::spawn(move || assert_eq!(registry.mark(&1), 1));
        assert_eq!(block_on(socket.due()), Ok(Topics::UPDATE));
        marker.join().unwrap();
    });
}

/// Two marks, two waits: the second mark is not lost in the wake-up of the first.
#[test]
fn two_marks_beside_two_waits() {
    check(|| {
        let registry = registry();
        let mut socket = registry.register(key(1)).unwrap();
        let markers = [Topics::topic(0), Topics::topic(1)].map(|topic| {
            let registry = registry.clone();
            thread::spawn(move || registry.mark_topics(&1, topic))
        });
        block_on(async {
            let mut due = Topics::EMPTY;
            while due != Topics::topic(0) | Topics::topic(1) {
                due |= socket.due().await.unwrap();
            }
        });
        for marker in markers {
            assert_eq!(marker.join().unwrap(), 1);
        }
        assert_eq!(socket.take_due(), Topics::EMPTY);
    });
}

/// The task polls with one waker and then with another, concurrent with a mark: the latter is
/// woken, or the mark is seen.
#[test]
fn waker_replaced_beside_mark() {
    check(|| {
        let registry = registry();
        let mut socket = registry.register(key(1)).unwrap();
        let ((_, first), (count, second)) = (counting(), counting());
        assert!(socket.poll_due(&mut Context::from_waker(&first)).is_pending());
        let marker = thread::spawn(move || registry.mark(&1));
        let polled = socket.poll_due(&mut Context::from_waker(&second));
        marker.join().unwrap();
        if polled.is_pending() {
            assert!(count.0.load(SeqCst) > 0, "the latest waker was not woken");
            assert!(is_due(&mut socket));
        }
    });
}

/// A wait is given up after it was woken and before it took anything: the mark is there for the
/// next one.
#[test]
fn wait_given_up_beside_mark() {
    check(|| {
        let registry = registry();
        let mut socket = registry.register(key(1)).unwrap();
        let (_, waker) = counting();
        let marker = thread::spawn(move || registry.mark(&1));
        let first = {
            let mut due = std::pin::pin!(socket.due());
            due.as_mut().poll(&mut Context::from_waker(&waker))
        };
        marker.join().unwrap();
        let second = is_due(&mut socket);
        assert!(first.is_ready() != second, "taken once");
    });
}

/// The handle is dropped while its task is being woken: the slot is cleaned up once, by the thread
/// that is last in it.
#[test]
fn drop_beside_wake() {
    check(|| {
        let registry = registry();
        let mut socket = registry.register(key(1)).unwrap();
        assert!(!is_due(&mut socket));
        let marker = {
            let registry = registry.clone();
            thread::spawn(move || registry.mark(&1))
        };
        socket.metadata().look();
        drop(socket);
        let marked = marker.join().unwrap();
        assert!(marked <= 1);
        assert_eq!((registry.key_count(), registry.socket_count()), (0, 0));
        assert!(!is_due(&mut registry.register(key(1)).unwrap()));
    });
}

/// The same while two marks wake it, each of which reads the waker.
#[test]
fn drop_beside_two_wakes() {
    check(|| {
        let registry = registry();
        let mut socket = registry.register(key(1)).unwrap();
        assert!(!is_due(&mut socket));
        let markers = [(); 2].map(|()| {
            let registry = registry.clone();
            thread::spawn(move || registry.mark(&1))
        });
        drop(socket);
        for marker in markers {
            assert!(marker.join().unwrap() <= 1);
        }
        assert_eq!((registry.key_count(), registry.socket_count()), (0, 0));
        assert!(!is_due(&mut registry.register(key(1)).unwrap()));
    });
}

/// A marker has yet to call the waker while another mark comes: that one wakes the task itself, as
/// the first may be stopped.
#[test]
fn mark_beside_mark_that_has_not_woken() {
    struct Woken(std::sync::atomic::AtomicUsize, crate::Registry<super::Key, super::Guarded>);
    impl Wake for Woken {
        fn wake(self: std::sync::Arc<Self>) {
            // The first call is where its marker is stopped: another mark comes and goes.
            if self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0 {
                assert_eq!(self.1.mark(&1), 1);
                assert_eq!(self.0.load(std::sync::atomic::Ordering::Relaxed), 2, "a mark relies on a stopped one");
            }
        }
    }
    check(|| {
        let registry = registry();
        let mut socket = registry.register(key(1)).unwrap();
        let waker = Waker::from(std::sync::Arc::new(Woken(0.into(), registry.clone())));
        assert!(socket.poll_due(&mut Context::from_waker(&waker)).is_pending());
        let marker = thread::spawn(move || registry.mark(&1));
        let taken = socket.take_due();
        assert_eq!(marker.join().unwrap(), 1);
        assert_eq!(taken | socket.take_due(), Topics::UPDATE);
    });
}

/// The same while a visitor looks at the socket.
#[test]
fn drop_beside_wake_and_visit() {
    check(|| {
        let registry = registry();
        let mut socket = registry.register(key(1)).unwrap();
        assert!(!is_due(&mut socket));
        let id = socket.id();
        let marker = {
            let registry = registry.clone();
            thread::spawn(move || registry.mark_socket(id))
        };
        let visitor = {
            let registry = registry.clone();
            thread::spawn(move || registry.with_socket(id, |socket| socket.metadata().look()))
        };
        drop(socket);
        let _ = (marker.join().unwrap(), visitor.join().unwrap());
        assert_eq!((registry.key_count(), registry.socket_count()), (0, 0));
        assert_eq!(registry.mark(&1), 0);
    });
}

/// A waker that uses the registry while it is called: marks, looks and registers.
#[test]
fn waker_that_uses_the_registry() {
    struct Reenter(crate::Registry<super::Key, super::Guarded>);
    impl Wake for Reenter {
        fn wake(self: std::sync::Arc<Self>) {
            assert_eq!(self.0.mark(&1), 1);
            self.0.for_each(|socket| socket.metadata().look());
            drop(self.0.register(key(1)).unwrap());
        }
    }
    check(|| {
        let registry = registry();
        let mut socket = registry.register(key(1)).unwrap();
        let waker = Waker::from(std::sync::Arc::new(Reenter(registry.clone())));
        assert!(socket.poll_due(&mut Context::from_waker(&waker)).is_pending());
        let marker = {
            let registry = registry.clone();
            thread::spawn(move || registry.mark(&1))
        };
        let again = socket.poll_due(&mut Context::from_waker(&waker));
        marker.join().unwrap();
        assert!(again.is_ready() || is_due(&mut socket));
    });
}

/// A waker that panics leaves the socket as it would be without the panic.
#[test]
fn waker_that_panics() {
    struct DeferredPanics;
    impl Wake for DeferredPanics {
        fn wake(self: std::sync::Arc<Self>) {
            std::panic::resume_unwind(Box::new("waker"));
        }
    }
    check(|| {
        let registry = registry();
        let mut socket = registry.register(key(1)).unwrap();
        let waker = Waker::from(std::sync::Arc::new(DeferredPanics));
        assert!(socket.poll_due(&mut Context::from_waker(&waker)).is_pending());
        let marker = {
            let registry = registry.clone();
            thread::spawn(move || std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| registry.mark(&1))).is_err())
        };
        let taken = socket.take_due();
        assert!(marker.join().unwrap(), "the panic is passed on");
        assert_eq!(taken | socket.take_due(), Topics::UPDATE);
        let (count, waker) = counting();
        assert!(socket.poll_due(&mut Context::from_waker(&waker)).is_pending());
        assert_eq!(registry.mark(&1), 1);
        assert_eq!(count.0.load(SeqCst), 1);
    });
}

/// Closing concurrent with a wait ends it.
#[test]
fn close_beside_wait() {
    check(|| {
        let registry = registry();
        let mut socket = registry.register(key(1)).unwrap();
        let closer = thread::spawn(move || registry.close());
        assert_eq!(block_on(socket.due()), Err(crate::Closed::Shutdown));
        closer.join().unwrap();
    });
}

/// Closing concurrent with a registration: it is refused, or the socket is told.
#[test]
fn close_beside_register() {
    check(|| {
        let registry = registry();
        let closer = {
            let registry = registry.clone();
            thread::spawn(move || registry.close())
        };
        let registered = registry.register(key(1));
        closer.join().unwrap();
        if let Ok(mut socket) = registered {
            let polled = socket.poll_due(&mut Context::from_waker(Waker::noop()));
            assert_eq!(polled, Poll::Ready(Err(crate::Closed::Shutdown)));
        }
    });
}
