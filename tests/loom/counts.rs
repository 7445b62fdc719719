//! Watches of the counts, and the wait for the last socket, while sockets come and go.

use super::{block_on, check, key, registry};
use loom::thread;
use std::task::{Context, Waker};

/// A watch begins while the counts change: it sees the change, or is told of it.
#[test]
fn watch_beside_changes() {
    check(|| {
        let registry = registry();
        let other = {
            let registry = registry.clone();
            thread::spawn(move || drop(registry.register(key(1)).unwrap()))
        };
        let mut counts = registry.watch_counts();
        let mut last = (counts.key_count(), counts.socket_count());
        other.join().unwrap();
        while counts.poll_changed(&mut Context::from_waker(Waker::noop())).is_ready() {
            last = (counts.key_count(), counts.socket_count());
        }
        assert_eq!(last, (0, 0));
    });
}

/// A socket goes, and its key stays.
#[test]
fn watch_beside_drop() {
    check(|| {
        let registry = registry();
        let (_stays, goes) = (registry.register(key(1)).unwrap(), registry.register(key(1)).unwrap());
        let other = thread::spawn(move || drop(goes));
        let mut counts = registry.watch_counts();
        let mut last = counts.socket_count();
        other.join().unwrap();
        while counts.take_changed() {
            last = counts.socket_count();
        }
        assert_eq!(last, 1);
    });
}

/// The last socket of a key leaves while another one joins: a watch sees the counts that remain.
#[test]
fn watch_beside_last_leaves_first_joins() {
    check(|| {
        let registry = registry();
        let first = registry.register(key(1)).unwrap();
        let leaver = thread::spawn(move || drop(first));
        let _second = registry.register(key(1)).unwrap();
        let mut counts = registry.watch_counts();
        let mut last = (counts.key_count(), counts.socket_count());
        leaver.join().unwrap();
        while counts.take_changed() {
            last = (counts.key_count(), counts.socket_count());
        }
        assert_eq!(last, (1, 1));
    });
}

/// The wait for the last socket ends, also if that goes while the wait begins.
#[test]
fn drained_beside_last_drop() {
    check(|| {
        let registry = registry();
        let socket = registry.register(key(1)).unwrap();
        let other = thread::spawn(move || drop(socket));
        block_on(registry.drained());
        assert_eq!(registry.socket_count(), 0);
        other.join().unwrap();
    });
}

/// A watch of a key begins while the key comes: it sees the key, or is told of it.
#[test]
fn key_watch_beside_register() {
    check(|| {
        let registry = registry();
        let other = {
            let registry = registry.clone();
            thread::spawn(move || registry.register(key(1)).unwrap())
        };
        let mut watch = registry.watch_key(&1);
        let begun = watch.is_active();
        let _socket = other.join().unwrap();
        assert_eq!(watch.take_changed(), (!begun).then_some(true));
    });
}

/// The same while the key goes.
#[test]
fn key_watch_beside_last_leaves() {
    check(|| {
        let registry = registry();
        let socket = registry.register(key(1)).unwrap();
        let other = thread::spawn(move || drop(socket));
        let mut watch = registry.watch_key(&1);
        let begun = watch.is_active();
        other.join().unwrap();
        assert_eq!(watch.take_changed(), begun.then_some(false));
    });
}

/// A key goes and comes while its watch takes the changes: the last state taken is true.
#[test]
fn key_watch_beside_last_leaves_first_joins() {
    check(|| {
        let registry = registry();
        let mut watch = registry.watch_key(&1);
        let socket = registry.register(key(1)).unwrap();
        assert_eq!(watch.take_changed(), Some(true));
        let other = {
            let registry = registry.clone();
            thread::spawn(move || {
                drop(socket);
                registry.register(key(1)).unwrap()
            })
        };
        let seen = watch.take_changed();
        assert_ne!(seen, Some(true), "what is told alternates");
        let _socket = other.join().unwrap();
        assert_eq!(watch.take_changed(), seen.map(|active| !active));
    });
}
