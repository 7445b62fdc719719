//! A new socket takes its key over from the others.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use socket_registry::{Closed, RegisterError, Registry, Socket, Topics};
use testkit::{Wakes, both, crowd, reason};

const ALERTS: Topics = Topics::topic(1);

fn take_over(registry: &Registry<u64>, key: u64) -> Socket<u64> {
    registry.register_taking_over(key, ()).unwrap()
}

/// Nothing but this socket is there, by whatever one asks.
#[track_caller]
fn assert_only(registry: &Registry<u64>, key: u64, socket: &Socket<u64>) {
    assert_eq!((registry.key_count(), registry.socket_count()), (1, 1));
    assert_eq!(registry.sockets_of(&key), [socket.id()]);
    let mut seen = Vec::new();
    registry.for_each(|socket| seen.push(socket.id()));
    assert_eq!(seen, [socket.id()]);
    assert!(registry.contains(socket.id()) && registry.is_active(&key));
    assert_eq!(socket.close_reason(), None);
}

#[test]
fn the_new_socket_is_the_only_one_and_the_old_ones_are_told() {
    let registry = Registry::<u64>::new();
    let mut old: Vec<_> = (0..5).map(|_| registry.register(42).unwrap()).collect();
    let new = take_over(&registry, 42);
    assert_only(&registry, 42, &new);
    let mut cx = Context::from_waker(std::task::Waker::noop());
    for socket in &mut old {
        assert_eq!(socket.close_reason(), Some(Closed::Superseded));
        assert_eq!(socket.poll_due(&mut cx), Poll::Ready(Err(Closed::Superseded)));
        assert_eq!((socket.take_due(), socket.peek_due()), (Topics::EMPTY, Topics::EMPTY));
        assert_eq!(*socket.key(), 42);
        assert!(!registry.contains(socket.id()) && !registry.mark_socket(socket.id()));
        assert!(registry.with_socket(socket.id(), |_| ()).is_none());
    }
    assert_eq!(registry.mark(&42), 1);
    drop(old);
    assert_only(&registry, 42, &new);
    assert_eq!(new.take_due(), Topics::UPDATE);
}

#[test]
fn old_sockets_that_leave_free_their_place_and_nothing_else() {
    let registry = Registry::<u64>::builder().shards(1).max_sockets(4).build().unwrap();
    for _ in 0..1_000 {
        let old = registry.register(42).unwrap();
        let new = take_over(&registry, 42);
        let rest: Vec<_> = (0..3).map(|n| registry.register(n).unwrap()).collect();
        assert_eq!(registry.register(7).unwrap_err(), RegisterError::Full);
        drop(old);
        // Its permit was free since the takeover.
        assert_eq!(registry.register(7).unwrap_err(), RegisterError::Full);
        drop((new, rest));
        assert_eq!((registry.key_count(), registry.socket_count()), (0, 0));
    }
}

#[test]
fn the_last_to_leave_may_be_the_old_one() {
    let registry = Registry::<u64>::new();
    let old = registry.register(42).unwrap();
    drop(take_over(&registry, 42));
    assert!(!registry.is_active(&42));
    assert_eq!((registry.key_count(), registry.socket_count(), registry.mark(&42)), (0, 0, 0));
    // The key begins anew while its superseded sockets are still there.
    let next = registry.register(42).unwrap();
    assert_eq!(*old.key(), 42);
    assert_only(&registry, 42, &next);
    drop(old);
    assert_only(&registry, 42, &next);
}

#[test]
fn what_was_due_is_inherited() {
    let registry = Registry::<u64>::new();
    let (one, other) = (registry.register(42).unwrap(), registry.register(42).unwrap());
    registry.mark_socket_topics(one.id(), ALERTS);
    registry.mark_socket_topics(other.id(), Topics::topic(9));
    let new = registry.registration(42, ()).due(Topics::UPDATE).taking_over().register().unwrap();
    assert_eq!(new.take_due(), Topics::UPDATE | ALERTS | Topics::topic(9));
}

#[test]
fn what_an_old_owner_gives_back_goes_to_who_took_over() {
    let registry = Registry::<u64>::new();
    let old = registry.register(42).unwrap();
    registry.mark_topics(&42, ALERTS);
    let due = old.take_due();
    let middle = take_over(&registry, 42);
    let new = take_over(&registry, 42);
    old.restore_due(due);
    assert_eq!(new.take_due(), ALERTS);
    assert_eq!(middle.take_due(), Topics::EMPTY);
    // Who took over has left: the sockets that are there get it.
    let next = registry.register(42).unwrap();
    drop(new);
    middle.restore_due(due);
    assert_eq!(next.take_due(), ALERTS);
    // The key has gone since: what comes under it is none of theirs.
    drop(next);
    let later = registry.register(42).unwrap();
    middle.restore_due(due);
    assert_eq!(later.take_due(), Topics::EMPTY);
}

#[test]
fn waiting_tasks_are_woken_once() {
    let registry = Registry::<u64>::new();
    let mut old = registry.register(42).unwrap();
    let (wakes, waker) = Wakes::new();
    assert!(old.poll_due(&mut Context::from_waker(&waker)).is_pending());
    let _new = take_over(&registry, 42);
    assert_eq!(wakes.count(), 1);
    registry.mark(&42);
    registry.disconnect(&42, reason(1));
    assert_eq!(wakes.count(), 1);
    assert_eq!(old.poll_due(&mut Context::from_waker(&waker)), Poll::Ready(Err(Closed::Superseded)));
}

#[test]
fn takeovers_are_not_refused_for_the_number_of_the_keys_sockets() {
    let registry = Registry::<u64>::builder().max_sockets_per_key(1).build().unwrap();
    let _old = registry.register(42).unwrap();
    assert_eq!(registry.register(42).unwrap_err(), RegisterError::KeyFull);
    let new = take_over(&registry, 42);
    assert_eq!(registry.register(42).unwrap_err(), RegisterError::KeyFull);
    assert_only(&registry, 42, &new);
}

#[test]
fn a_takeover_of_nobody_is_a_registration() {
    let registry = Registry::<u64>::new();
    let socket = take_over(&registry, 42);
    assert_only(&registry, 42, &socket);
}

#[test]
fn a_refused_takeover_changes_nothing() {
    let registry = Registry::<u64>::builder().shards(1).max_sockets(1).build().unwrap();
    let old = registry.register(42).unwrap();
    registry.mark(&42);
    assert_eq!(registry.register_taking_over(42, ()).unwrap_err(), RegisterError::Full);
    assert_only(&registry, 42, &old);
    registry.close();
    assert_eq!(registry.register_taking_over(42, ()).unwrap_err(), RegisterError::Closed);
    assert_eq!((old.close_reason(), old.take_due()), (Some(Closed::Shutdown), Topics::UPDATE));
}

#[test]
fn who_was_told_before_keeps_the_reason() {
    let registry = Registry::<u64>::new();
    let old = registry.register(42).unwrap();
    registry.disconnect(&42, reason(9));
    let new = take_over(&registry, 42);
    assert_eq!(old.close_reason(), Some(Closed::Disconnected(reason(9))));
    assert_only(&registry, 42, &new);
}

#[test]
fn a_waker_that_panics_stops_nothing() {
    struct Panics;
    impl std::task::Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("a waker");
        }
    }
    let registry = Registry::<u64>::new();
    let mut old: Vec<_> = (0..3).map(|_| registry.register(42).unwrap()).collect();
    let waker = Arc::new(Panics).into();
    for socket in &mut old {
        assert!(socket.poll_due(&mut Context::from_waker(&waker)).is_pending());
    }
    let caught = catch_unwind(AssertUnwindSafe(|| registry.register_taking_over(42, ())));
    assert!(caught.is_err(), "the panic is passed on");
    assert!(old.iter().all(|socket| socket.close_reason() == Some(Closed::Superseded)));
    assert_eq!((registry.key_count(), registry.socket_count()), (0, 0));
    drop(old);
    let new = take_over(&registry, 42);
    assert_only(&registry, 42, &new);
}

#[test]
fn of_two_at_once_one_stays() {
    for _ in 0..2_000 {
        let registry = Registry::<u64>::builder().shards(1).build().unwrap();
        let old = registry.register(42).unwrap();
        registry.mark(&42);
        let (one, other) = both(|| take_over(&registry, 42), || take_over(&registry, 42));
        let (stays, goes) = if one.close_reason().is_none() { (one, other) } else { (other, one) };
        assert_eq!((old.close_reason(), goes.close_reason()), (Some(Closed::Superseded), Some(Closed::Superseded)));
        assert_only(&registry, 42, &stays);
        assert_eq!(stays.take_due(), Topics::UPDATE);
    }
}

/// Takeovers and registrations of one key from all sides: at the end, each socket that was not
/// closed is there, and all who are there are reached.
#[test]
fn many_at_once() {
    for _ in 0..200 {
        let registry = Registry::<u64>::builder().shards(1).build().unwrap();
        let sockets: Vec<_> = crowd(4, |n| {
            let register = |m: usize| match (n + m) % 3 {
                0 => registry.register(42).unwrap(),
                _ => take_over(&registry, 42),
            };
            (0..5).map(register).collect::<Vec<_>>()
        });
        let there: HashSet<_> =
            sockets.iter().flatten().filter(|s| s.close_reason().is_none()).map(Socket::id).collect();
        assert!(!there.is_empty());
        assert_eq!(registry.sockets_of(&42).into_iter().collect::<HashSet<_>>(), there);
        assert_eq!((registry.key_count(), registry.socket_count()), (1, there.len()));
        assert_eq!(registry.mark(&42), there.len());
        drop(sockets);
        assert_eq!((registry.key_count(), registry.socket_count()), (0, 0));
    }
}

/// A key is taken over again and again while it is marked: it is never seen idle, and the last
/// mark, made among the last takeovers, is taken in the end.
#[test]
fn no_mark_is_lost_across_takeovers() {
    for _ in 0..50 {
        let registry = Registry::<u64>::builder().shards(1).build().unwrap();
        let written = AtomicUsize::new(0);
        let mut socket = take_over(&registry, 42);
        let (read, ()) = both(
            || {
                let mut read = 0;
                for _ in 0..400 {
                    if !socket.take_due().is_empty() {
                        read = written.load(Ordering::Relaxed);
                    }
                    // The old one is dropped after the new one is there.
                    socket = take_over(&registry, 42);
                }
                read
            },
            || {
                for n in 1..=400 {
                    written.store(n, Ordering::Relaxed);
                    let marked = if n % 2 == 0 { registry.mark(&42) } else { registry.mark_all() };
                    assert!(marked > 0 || n % 2 == 1, "the key was seen idle");
                }
            },
        );
        let last = if socket.take_due().is_empty() { read } else { written.load(Ordering::Relaxed) };
        assert_eq!(last, 400, "the last update was lost");
    }
}
