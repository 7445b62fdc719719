//! Sockets are evicted, concurrent with calls of their owners and of others.

use super::takeover::{Ours, take_over, with_old};
use super::{Guarded, Key, block_on, check, check_up_to, key, race};
use crate::shard::geometry::Geometry;
use crate::{CloseReason, Closed, Registry};
use loom::thread;

const STUCK: CloseReason = CloseReason::new(4100).unwrap();

/// One socket a key, and the oldest goes.
fn one_for_each_key() -> Registry<Key, Guarded> {
    Registry::with(1, 100, Geometry { evicts_oldest: true, ..Geometry::growing(1, 1) })
}

fn is_evicted(socket: &Ours) -> bool {
    let reason = socket.close_reason();
    assert!(matches!(reason, None | Some(Closed::Disconnected(CloseReason::EVICTED))), "{reason:?}");
    reason.is_some()
}

/// The owner drops its socket while it is evicted: it is counted out once, wherever it is.
#[test]
fn evict_beside_drop() {
    for in_chain in [false, true] {
        check(move || {
            let (registry, old) = with_old(in_chain);
            let (id, leaver) = (old.id(), thread::spawn(move || drop(old)));
            registry.evict_socket(id, STUCK);
            leaver.join().unwrap();
            assert_eq!((registry.key_count(), registry.socket_count()), (0, 0));
            let next = registry.register(key(1)).unwrap();
            assert_eq!(registry.sockets_of(&1), [next.id()]);
        });
    }
}

/// The same while the key is superseded.
#[test]
fn supersede_beside_drop() {
    for in_chain in [false, true] {
        check(move || {
            let (registry, old) = with_old(in_chain);
            let leaver = thread::spawn(move || drop(old));
            registry.supersede(&1);
            leaver.join().unwrap();
            assert_eq!((registry.key_count(), registry.socket_count()), (0, 0));
            let next = registry.register(key(1)).unwrap();
            assert_eq!(registry.sockets_of(&1), [next.id()]);
        });
    }
}

/// A key is superseded while a socket takes it over: the old socket or the new one is met.
#[test]
fn supersede_beside_takeover() {
    for (supersedes_first, in_chain) in [(false, false), (false, true), (true, false), (true, true)] {
        check_up_to(1, move || {
            let (registry, old) = with_old(in_chain);
            let (one, other) = (registry.clone(), registry.clone());
            let (met, new) = race(supersedes_first, move || one.supersede(&1), move || take_over(&other));
            assert!(met >= 1, "nobody was met");
            assert_eq!(old.close_reason(), Some(Closed::Superseded));
            let left = usize::from(new.close_reason().is_none());
            assert_eq!((registry.key_count(), registry.socket_count()), (left, left));
            drop((old, new));
            assert_eq!((registry.key_count(), registry.socket_count()), (0, 0));
        });
    }
}

/// An owner that waits, or is about to, is told.
#[test]
fn evict_beside_wait() {
    check(|| {
        let (registry, mut old) = with_old(false);
        let id = old.id();
        let waiter = thread::spawn(move || block_on(old.due()));
        assert!(registry.evict_socket(id, STUCK));
        assert_eq!(waiter.join().unwrap(), Err(Closed::Disconnected(STUCK)));
        assert_eq!((registry.key_count(), registry.socket_count()), (0, 0));
    });
}

/// Of two registrations of a full key one stays, and the socket that was there goes.
#[test]
fn two_registrations_of_a_full_key() {
    check_up_to(1, || {
        let registry = one_for_each_key();
        let old = registry.register(key(1)).unwrap();
        let other = {
            let registry = registry.clone();
            thread::spawn(move || registry.register(key(1)).unwrap())
        };
        let one = registry.register(key(1)).unwrap();
        let other = other.join().unwrap();
        assert!(is_evicted(&old));
        assert_ne!(is_evicted(&one), is_evicted(&other), "as many stay as may");
        assert_eq!((registry.key_count(), registry.socket_count()), (1, 1));
    });
}

/// The same where there is room for one of them when it joins.
#[test]
fn two_registrations_of_an_empty_key() {
    check_up_to(1, || {
        let registry = one_for_each_key();
        let other = {
            let registry = registry.clone();
            thread::spawn(move || registry.register(key(1)).unwrap())
        };
        let one = registry.register(key(1)).unwrap();
        let other = other.join().unwrap();
        assert_ne!(is_evicted(&one), is_evicted(&other), "as many stay as may");
        assert_eq!((registry.key_count(), registry.socket_count()), (1, 1));
    });
}
