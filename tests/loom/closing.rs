//! Sockets that are closed.

use super::waiting::counting;
use super::{block_on, check, is_due, key, registry};
use crate::{CloseReason, Closed, RegisterError, Topics};
use loom::sync::atomic::Ordering::SeqCst;
use loom::thread;
use std::task::{Context, Poll};

/// An owner that waits, or is about to, is told, and for the right reason.
#[test]
fn disconnect_beside_wait() {
    check(|| {
        let registry = registry();
        let mut socket = registry.register(key(1)).unwrap();
        let waiter = thread::spawn(move || block_on(socket.due()));
        assert_eq!(registry.disconnect(&1, CloseReason::LOGGED_OUT), 1);
        assert_eq!(waiter.join().unwrap(), Err(Closed::Disconnected(CloseReason::LOGGED_OUT)));
    });
}

/// An owner that waits for nothing else is woken when it is told, with something due and while a
/// mark wakes it as well, and loses no mark. (It does not wait in a loop: while it is being woken
/// it asks to come again, which has no end where only it may run.)
#[test]
fn disconnect_beside_wait_for_close() {
    check(|| {
        let registry = registry();
        let mut socket = registry.register(key(1)).unwrap();
        registry.mark(&1);
        let (wakes, waker) = counting();
        let closer = {
            let registry = registry.clone();
            thread::spawn(move || {
                assert_eq!(registry.mark_topics(&1, Topics::topic(1)), 1);
                assert_eq!(registry.disconnect(&1, CloseReason::LOGGED_OUT), 1);
            })
        };
        let told = Poll::Ready(Closed::Disconnected(CloseReason::LOGGED_OUT));
        let first = socket.poll_closed(&mut Context::from_waker(&waker));
        closer.join().unwrap();
        assert!(first == told || wakes.0.load(SeqCst) > 0, "it waits and was not woken");
        assert_eq!(socket.poll_closed(&mut Context::from_waker(&waker)), told);
        assert_eq!(socket.take_due(), Topics::UPDATE | Topics::topic(1));
    });
}

/// An owner that does not wait learns it, with the right reason, when it asks.
#[test]
fn disconnect_beside_look() {
    check(|| {
        let registry = registry();
        let socket = registry.register(key(1)).unwrap();
        let looker = thread::spawn(move || {
            let seen = socket.close_reason();
            assert!(seen.is_none() || seen == Some(Closed::Disconnected(CloseReason::LOGGED_OUT)), "{seen:?}");
            socket
        });
        assert_eq!(registry.disconnect(&1, CloseReason::LOGGED_OUT), 1);
        assert_eq!(looker.join().unwrap().close_reason(), Some(Closed::Disconnected(CloseReason::LOGGED_OUT)));
    });
}

/// Several reasons at the same time: what the owner was told first stays so.
#[test]
fn reasons_beside_one_another() {
    check(|| {
        let registry = registry();
        let socket = registry.register(key(1)).unwrap();
        let closer = {
            let registry = registry.clone();
            thread::spawn(move || registry.close())
        };
        registry.disconnect(&1, CloseReason::LOGGED_OUT);
        let first = socket.close_reason();
        assert!(matches!(first, Some(Closed::Shutdown | Closed::Disconnected(CloseReason::LOGGED_OUT))), "{first:?}");
        closer.join().unwrap();
        assert_eq!(socket.close_reason(), first);
    });
}

/// A socket leaves, and the next one takes its slot, concurrent with a call that closes the former:
/// the latter is not told.
#[test]
fn place_reused_beside_disconnect() {
    check(|| {
        let registry = registry();
        let socket = registry.register(key(1)).unwrap();
        let id = socket.id();
        let closer = {
            let registry = registry.clone();
            thread::spawn(move || registry.disconnect_socket(id, CloseReason::LOGGED_OUT))
        };
        drop(socket);
        let mut next = registry.register(key(1)).unwrap();
        closer.join().unwrap();
        assert!(!is_due(&mut next));
        assert_eq!(next.close_reason(), None);
    });
}

/// A registration concurrent with a gradual close is refused or told, and never registered and
/// forgotten.
#[test]
fn gradual_close_beside_registration() {
    check(|| {
        let registry = registry();
        let _first = registry.register(key(1)).unwrap();
        let other = {
            let registry = registry.clone();
            thread::spawn(move || registry.register(key(2)))
        };
        let told: usize = registry.close_gradually(1).sum();
        match other.join().unwrap() {
            Ok(socket) => assert_eq!(socket.close_reason(), Some(Closed::Shutdown)),
            Err(error) => assert_eq!((error, told), (RegisterError::Closed, 1)),
        }
    });
}

/// A registration concurrent with a revocation of its key is refused, or its owner is told, whether
/// or not the shard had a revocation before.
#[test]
fn revoke_beside_registration() {
    for before in [false, true] {
        check(move || {
            let registry = registry();
            if before {
                registry.totals().shard(0).revoke();
            }
            let other = {
                let registry = registry.clone();
                thread::spawn(move || registry.register(key(1)))
            };
            let _revocation = registry.revoke(key(1), CloseReason::LOGGED_OUT).unwrap();
            match other.join().unwrap() {
                Ok(socket) => assert_eq!(socket.close_reason(), Some(Closed::Disconnected(CloseReason::LOGGED_OUT))),
                Err(error) => assert_eq!(error, RegisterError::Revoked),
            }
            assert_eq!(registry.register(key(1)).err(), Some(RegisterError::Revoked));
        });
    }
}
