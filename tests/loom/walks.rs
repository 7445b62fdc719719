//! Walks over a key's sockets, and over all, while a socket takes the key over: they meet the old
//! socket or the new one, and no other socket twice.

use super::takeover::{take_over, with_old};
use super::{Guarded, Key, check, check_up_to, key, race, registry, rival};
use crate::{CloseReason, Closed, RegisterError, Registry, Socket, Topics};
use loom::thread;

/// A mark of a key begins before the key has a chain, and goes round once more: it does not mark
/// again what the owner has taken.
#[test]
fn mark_that_goes_round_again_marks_once() {
    check(|| {
        let registry = registry();
        let one = registry.register(key(1)).unwrap();
        let marker = {
            let registry = registry.clone();
            thread::spawn(move || registry.mark(&1))
        };
        let other = registry.register(key(1)).unwrap();
        let first = one.take_due();
        let marked = marker.join().unwrap();
        assert_eq!((first | one.take_due(), first & one.take_due()), (Topics::UPDATE, Topics::EMPTY));
        assert_eq!(marked, 1 + other.take_due().len());
    });
}

/// The same concurrent with a takeover, which arrives after the walk has met the old socket: that
/// one is not met again if it has yet to be superseded.
#[test]
fn walk_beside_takeover_meets_the_old_socket_once() {
    check(|| {
        let (registry, old) = with_old(true);
        let taker = {
            let registry = registry.clone();
            thread::spawn(move || take_over(&registry))
        };
        let mut met = 0;
        registry.for_each_of(&1, |socket| met += usize::from(socket.id() == old.id()));
        let _new = taker.join().unwrap();
        assert!(met <= 1, "a walk met a socket twice");
    });
}

type Walk = fn(&Registry<Key, Guarded>) -> usize;
/// Tells by the new socket, and by why the old one was closed, whether the walk did its work.
type Check = fn(&Socket<Key, Guarded>, Option<Closed>) -> bool;

/// Runs a walk concurrent with a takeover: it meets the old socket or the new one.
fn check_beside_takeover(walk: Walk, is_done: Check) {
    for (walks_first, in_chain) in [(false, false), (false, true), (true, false), (true, true)] {
        check_up_to(1, move || {
            let (registry, old) = with_old(in_chain);
            let walked = registry.clone();
            let replace = move || {
                let (new, reason) = (take_over(&registry), old.close_reason());
                drop(old);
                (new, reason)
            };
            let (met, (new, reason)) = race(walks_first, move || walk(&walked), replace);
            assert!(met >= 1, "a walk met nobody");
            assert!(is_done(&new, reason), "a walk passed both");
        });
    }
}

/// A walk over a key's sockets, or over all.
#[test]
fn walks_beside_takeover() {
    let of_key: Walk = |registry| {
        let mut met = 0;
        registry.for_each_of(&1, |_| met += 1);
        met
    };
    let of_all: Walk = |registry| registry.mark_where_topics(|_| true, Topics::topic(3));
    check_beside_takeover(of_key, |_, _| true);
    check_beside_takeover(of_all, |new, _| new.take_due().contains(Topics::topic(3)));
}

/// A log-out tells the old socket or the new one.
#[test]
fn disconnect_beside_takeover() {
    const LOGGED_OUT: Option<Closed> = Some(Closed::Disconnected(CloseReason::LOGGED_OUT));
    let log_out: Walk = |registry| registry.disconnect(&1, CloseReason::LOGGED_OUT);
    check_beside_takeover(log_out, |new, reason| reason == LOGGED_OUT || new.close_reason() == LOGGED_OUT);
}

/// A mark of all that stops after each socket.
#[test]
fn gradual_mark_beside_takeover() {
    let all: Walk = |registry| registry.mark_gradually(Topics::topic(3), 1).sum();
    let chosen: Walk = |registry| registry.mark_where_gradually(|_| true, Topics::topic(3), 1).sum();
    for walk in [all, chosen] {
        check_beside_takeover(walk, |new, _| new.take_due().contains(Topics::topic(3)));
    }
}

/// The same while two take over, one of which is superseded by the other or by itself.
#[test]
fn disconnect_beside_two_takeovers() {
    for walks_first in [false, true] {
        check_up_to(1, move || {
            let (registry, old) = with_old(false);
            let walked = registry.clone();
            let log_out = move || walked.disconnect(&1, CloseReason::LOGGED_OUT);
            let (told, _two) = race(walks_first, log_out, move || {
                let one = take_over(&registry);
                drop(old);
                let two = take_over(&registry);
                drop(one);
                two
            });
            assert!(told >= 1, "a log-out told nobody");
        });
    }
}

/// How many active keys a walk meets.
fn key_count(registry: &Registry<Key, Guarded>) -> usize {
    let mut keys = 0;
    registry.for_each_key(|_| keys += 1);
    keys
}

/// Whether any group of buckets in the newest table is counted as in use, and whether any bucket is
/// claimed.
fn in_use(registry: &Registry<Key, Guarded>) -> (bool, bool) {
    let Some(table) = registry.shard(0).unwrap().tables.newest() else { return (false, false) };
    let buckets = || 0..table.bucket_count();
    let is_counted = buckets().any(|bucket| table.occupancy.vacant_until(bucket).is_none());
    (is_counted, buckets().any(|bucket| !table.bucket(bucket).key_state.load().is_vacant()))
}

/// One thread inserts the first key of a group, another one registers the same key. A thread that
/// returns from that finds the key.
#[test]
fn walk_over_keys_beside_first_of_group() {
    check(|| {
        let registry = registry();
        let other = {
            let registry = registry.clone();
            thread::spawn(move || registry.register(key(1)).unwrap())
        };
        let _socket = registry.register(key(1)).unwrap();
        assert_eq!(key_count(&registry), 1);
        drop(other.join().unwrap());
    });
}

/// A group's last key goes while the next one comes: a walk that begins then meets the new one.
#[test]
fn mark_of_all_beside_last_of_group() {
    check(|| {
        let registry = registry();
        let last = registry.register(key(1)).unwrap();
        let dropper = thread::spawn(move || drop(last));
        let _next = registry.register(key(2)).unwrap();
        assert!(registry.mark_all() >= 1);
        dropper.join().unwrap();
        assert_eq!(registry.mark_all(), 1);
    });
}

/// The same for further sockets of keys, whose slots go back to the slab.
#[test]
fn mark_of_all_beside_release_of_slots() {
    check(|| {
        let registry = registry();
        let pair = [(); 2].map(|()| registry.register(key(1)).unwrap());
        let dropper = thread::spawn(move || drop(pair));
        let _next = [(); 2].map(|()| registry.register(key(2)).unwrap());
        assert!(registry.mark_all() >= 2);
        dropper.join().unwrap();
        assert_eq!(registry.mark_all(), 2);
    });
}

/// The first registration of all, concurrent with a close, is refused, or its socket is closed.
#[test]
fn close_beside_first_of_group() {
    check(|| {
        let registry = registry();
        let other = {
            let registry = registry.clone();
            thread::spawn(move || registry.register(key(1)))
        };
        registry.close();
        match other.join().unwrap() {
            Ok(socket) => assert_eq!(socket.close_reason(), Some(Closed::Shutdown)),
            Err(error) => assert_eq!(error, RegisterError::Closed),
        }
    });
}

/// A thread that finds a group not in use finds its buckets vacant.
#[test]
fn group_not_in_use_is_vacant() {
    check(|| {
        let registry = registry();
        let socket = registry.register(key(1)).unwrap();
        let dropper = thread::spawn(move || drop(socket));
        let (is_counted, is_claimed) = in_use(&registry);
        assert!(is_counted || !is_claimed, "a walk would skip a bucket in use");
        dropper.join().unwrap();
        assert_eq!(in_use(&registry), (false, false));
    });
}

/// Two insert the same key, or two keys into the same bucket: the loser counts its bucket out
/// again.
#[test]
fn counts_after_racing_inserts() {
    for is_same in [true, false] {
        check(move || {
            let registry = registry();
            let second = if is_same { 1 } else { rival(1) };
            let other = {
                let registry = registry.clone();
                thread::spawn(move || drop(registry.register(key(second)).unwrap()))
            };
            drop(registry.register(key(1)).unwrap());
            other.join().unwrap();
            assert_eq!(in_use(&registry), (false, false));
        });
    }
}
