//! The watch on one key: its last state is always told, and other keys wake nobody.

use std::task::{Context, Poll};
use std::thread;

use socket_registry::Registry;
use testkit::{Wakes, block_on};

#[test]
fn what_is_told_alternates_and_the_last_state_is_true() {
    let registry = Registry::<u64>::new();
    let mut watch = registry.watch_key(&42);
    assert_eq!((watch.is_active(), watch.take_changed()), (false, None));

    let (one, other) = (registry.register(42).unwrap(), registry.register(42).unwrap());
    assert_eq!((watch.take_changed(), watch.take_changed()), (Some(true), None));
    drop(one);
    assert_eq!(watch.take_changed(), None, "the key has another socket");
    drop(other);
    assert_eq!(watch.take_changed(), Some(false));
    drop(registry.register(42).unwrap());
    assert_eq!((watch.take_changed(), watch.is_active()), (None, false), "the key came and went");
}

#[test]
fn the_key_may_be_active_before_the_watch() {
    let registry = Registry::<u64>::new();
    let socket = registry.register(42).unwrap();
    let mut watch = registry.watch_key(&42);
    assert_eq!((watch.is_active(), watch.take_changed()), (true, None));
    drop(socket);
    assert_eq!(watch.take_changed(), Some(false), "nobody was ever told that the key came");
}

#[test]
fn a_takeover_keeps_the_key_active() {
    let registry = Registry::<u64>::new();
    let socket = registry.register(42).unwrap();
    let mut watch = registry.watch_key(&42);
    let new = registry.register_taking_over(42, ()).unwrap();
    drop(socket);
    assert_eq!(watch.take_changed(), None);
    drop(new);
    assert_eq!(watch.take_changed(), Some(false));
}

#[test]
fn other_keys_wake_nobody() {
    let registry = Registry::<u64>::new();
    let (mut one, mut same) = (registry.watch_key(&42), registry.watch_key(&42));
    let (wakes, waker) = Wakes::new();
    let mut cx = Context::from_waker(&waker);
    assert!(one.poll_changed(&mut cx).is_pending());
    let others: Vec<_> = (0..40).map(|key| registry.register(key).unwrap()).collect();
    drop(others);
    assert_eq!(wakes.count(), 0);
    let _socket = registry.register(42).unwrap();
    assert_eq!((wakes.count(), one.poll_changed(&mut cx)), (1, Poll::Ready(true)));
    assert_eq!(same.take_changed(), Some(true), "each watch is told");
}

#[test]
fn who_only_waits_learns_every_last_state() {
    let registry = Registry::<u64>::new();
    for _ in 0..200 {
        let mut watch = registry.watch_key(&42);
        let theirs = registry.clone();
        let other = thread::spawn(move || {
            for _ in 0..3 {
                drop(theirs.register(42).unwrap());
            }
            theirs.register(42).unwrap()
        });
        // The key may have gone and come again by the time that this task has its turn.
        while !block_on(watch.changed()) {}
        let socket = other.join().unwrap();
        assert_eq!(watch.take_changed(), None, "it is active now, as was told");
        drop(socket);
        assert!(!block_on(watch.changed()));
    }
}

#[test]
fn a_wait_that_is_given_up_loses_nothing() {
    let registry = Registry::<u64>::new();
    let mut watch = registry.watch_key(&42);
    let (wakes, waker) = Wakes::new();
    let mut cx = Context::from_waker(&waker);
    assert!(std::pin::pin!(watch.changed()).poll(&mut cx).is_pending());
    let _socket = registry.register(42).unwrap();
    assert_eq!(wakes.count(), 1);
    drop(watch.changed());
    assert!(block_on(watch.changed()));
}
