//! The watch on the counts, and the wait for the last socket: no task polls, and none is
//! forgotten.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;

use socket_registry::Registry;
use testkit::{Hook, WakerCall, Wakes, block_on, hooked_waker};

#[test]
fn changes_coalesce_and_each_is_seen() {
    let registry = Registry::<u64>::new();
    let before = registry.register(1).unwrap();
    let mut counts = registry.watch_counts();
    assert!(!counts.take_changed(), "what was there before is no change");
    assert_eq!((counts.key_count(), counts.socket_count()), (1, 1));

    let sockets = [registry.register(1).unwrap(), registry.register(2).unwrap()];
    assert!(counts.take_changed() && !counts.take_changed());
    assert_eq!((counts.key_count(), counts.socket_count()), (2, 3));
    drop(sockets);
    assert!(counts.take_changed() && !counts.take_changed());
    drop(before);
    assert!(counts.take_changed());
    assert_eq!((counts.key_count(), counts.socket_count()), (0, 0));
    registry.mark(&1);
    registry.close();
    assert!(registry.register(1).is_err());
    assert!(!counts.take_changed(), "nothing of this changes the counts");
}

#[test]
fn a_task_is_woken_once_for_each_wait() {
    let registry = Registry::<u64>::new();
    let mut counts = registry.watch_counts();
    let (wakes, waker) = Wakes::new();
    let mut cx = Context::from_waker(&waker);
    assert!(counts.poll_changed(&mut cx).is_pending());
    let sockets: Vec<_> = (0..10).map(|key| registry.register(key).unwrap()).collect();
    assert_eq!(wakes.count(), 1);
    assert!(counts.poll_changed(&mut cx).is_ready() && counts.poll_changed(&mut cx).is_pending());
    drop(sockets);
    assert_eq!(wakes.count(), 2);
    assert!(counts.poll_changed(&mut cx).is_ready());
}

#[test]
fn every_watch_is_told_and_one_may_end_at_any_time() {
    let registry = Registry::<u64>::new();
    let mut watches: Vec<_> = (0..20).map(|_| registry.watch_counts()).collect();
    let _socket = registry.register(1).unwrap();
    assert!(watches.iter_mut().all(|counts| counts.take_changed()));
    watches.truncate(7);
    let _more = registry.register(1).unwrap();
    assert!(watches.iter_mut().all(|counts| counts.take_changed()));
}

#[test]
fn a_socket_that_leaves_others_of_its_key_is_told() {
    let registry = Registry::<u64>::new();
    let (stays, goes) = (registry.register(1).unwrap(), registry.register(1).unwrap());
    let mut counts = registry.watch_counts();
    drop(goes);
    assert!(counts.take_changed());
    assert_eq!((counts.key_count(), counts.socket_count()), (1, 1));
    drop(stays);
}

/// A refused registration counts as a socket while it is under way: a watch that saw it learns that
/// it is over.
#[test]
fn a_refused_registration_is_told_when_it_is_over() {
    let registry: Registry<u64> = Registry::builder().max_sockets_per_key(1).build().unwrap();
    let _there = registry.register(1).unwrap();
    let mut counts = registry.watch_counts();
    assert!(registry.register(1).is_err());
    assert!(counts.take_changed());
    assert_eq!((counts.key_count(), counts.socket_count()), (1, 1));
}

/// A dashboard that only waits shows the truth in the end.
#[test]
fn who_only_waits_sees_the_last_change() {
    const THREADS: u64 = 3;
    const EACH: u64 = 300;
    let registry = Registry::<u64>::new();
    let mut counts = registry.watch_counts();
    thread::scope(|scope| {
        let register = |thread| {
            let registry = &registry;
            move || -> Vec<_> { (0..EACH).map(|n| registry.register(thread * EACH + n).unwrap()).collect() }
        };
        let registering: Vec<_> = (0..THREADS).map(|thread| scope.spawn(register(thread))).collect();
        while counts.socket_count() < (THREADS * EACH) as usize {
            block_on(counts.changed());
        }
        for thread in registering {
            let sockets = thread.join().unwrap();
            scope.spawn(|| drop(sockets));
        }
        while counts.socket_count() + counts.key_count() > 0 {
            block_on(counts.changed());
        }
    });
}

#[test]
fn drained_is_at_once_where_nobody_is() {
    let registry = Registry::<u64>::new();
    block_on(registry.drained());
    drop(registry.register(1).unwrap());
    registry.close();
    block_on(registry.drained());
}

#[test]
fn drained_waits_for_the_last_socket() {
    let registry = Registry::<u64>::new();
    let mut sockets: Vec<_> = (0..100).map(|key| registry.register(key % 30).unwrap()).collect();
    registry.close();
    let mut drained = pin!(registry.drained());
    let (wakes, waker) = Wakes::new();
    let mut cx = Context::from_waker(&waker);
    assert!(drained.as_mut().poll(&mut cx).is_pending());
    while let Some(socket) = sockets.pop() {
        assert!(drained.as_mut().poll(&mut cx).is_pending());
        drop(socket);
    }
    assert!(wakes.count() > 0);
    assert_eq!(drained.as_mut().poll(&mut cx), Poll::Ready(()));
}

#[test]
fn drained_across_threads() {
    for _ in 0..300 {
        let registry = Registry::<u64>::new();
        let sockets: Vec<_> = (0..3).map(|key| registry.register(key).unwrap()).collect();
        let leavers: Vec<_> = sockets.into_iter().map(|socket| thread::spawn(|| drop(socket))).collect();
        block_on(registry.drained());
        assert_eq!(registry.socket_count(), 0);
        leavers.into_iter().for_each(|leaver| leaver.join().unwrap());
    }
}

/// Given up by its caller's deadline, it holds nothing.
#[test]
fn drained_may_be_cancelled() {
    let registry = Registry::<u64>::new();
    let socket = registry.register(1).unwrap();
    for _ in 0..3 {
        assert!(pin!(registry.drained()).poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    drop(socket);
    block_on(registry.drained());
}

#[test]
fn a_waker_that_panics_harms_nobody() {
    let registry = Registry::<u64>::new();
    let hook = Arc::new(Hook(|call| {
        if call == WakerCall::Wake {
            resume_unwind(Box::new("waker"));
        }
    }));
    let waker = hooked_waker(&hook);
    let mut watches = [registry.watch_counts(), registry.watch_counts()];
    let mut wait = || {
        watches.iter_mut().for_each(|counts| {
            let mut cx = Context::from_waker(&waker);
            while counts.poll_changed(&mut cx).is_ready() {}
        });
    };
    wait();
    assert!(catch_unwind(AssertUnwindSafe(|| registry.register(1))).is_err());
    assert_eq!((registry.key_count(), registry.socket_count()), (0, 0), "the registration is taken back");
    let socket = registry.register(1).unwrap();
    wait();
    assert!(catch_unwind(AssertUnwindSafe(|| drop(socket))).is_err());
    assert_eq!((registry.key_count(), registry.socket_count()), (0, 0));
    assert!(watches.iter_mut().all(|counts| counts.take_changed()));
}
