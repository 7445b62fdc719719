//! Sockets that are evicted: by their ids, or as the oldest of a key that is full.

use std::task::Context;
use std::thread;

use socket_registry::{CloseReason, Closed, PresenceEvent, Registry, Socket, Topics};
use testkit::{Wakes, crowd, reason};

const EVICTED: Option<Closed> = Some(Closed::Disconnected(CloseReason::EVICTED));

fn registry(limit: usize) -> Registry<u64> {
    Registry::builder().shards(1).max_sockets_per_key(limit).evict_oldest(true).build().unwrap()
}

#[test]
fn an_evicted_socket_is_gone_for_everybody_but_its_owner() {
    let registry = Registry::<u64>::builder().max_sockets(1).build().unwrap();
    let mut presence = registry.presence();
    let mut socket = registry.register(42).unwrap();
    registry.mark(&42);
    assert!(matches!(presence.try_next(), Some(PresenceEvent::Online { key: 42, .. })));

    assert!(registry.evict_socket(socket.id(), reason(1)));
    assert!(matches!(presence.try_next(), Some(PresenceEvent::Offline { key: 42, .. })));
    assert_eq!((registry.key_count(), registry.socket_count(), registry.mark(&42)), (0, 0, 0));
    assert!(!registry.contains(socket.id()) && !registry.is_active(&42));
    assert!(!registry.evict_socket(socket.id(), reason(2)), "it is gone");
    assert_eq!(socket.close_reason(), Some(Closed::Disconnected(reason(1))));
    let (wakes, waker) = Wakes::new();
    assert!(socket.poll_due(&mut Context::from_waker(&waker)).is_ready());
    assert_eq!((socket.take_due(), wakes.count(), *socket.key()), (Topics::EMPTY, 0, 42));

    let next = registry.register(42).expect("its place is free");
    drop(socket);
    assert_eq!(registry.sockets_of(&42), [next.id()]);
}

#[test]
fn who_waits_is_woken_and_who_was_closed_keeps_the_reason() {
    let registry = Registry::<u64>::new();
    let [mut waits, closed] = [42, 42].map(|key| registry.register(key).unwrap());
    let (wakes, waker) = Wakes::new();
    assert!(waits.poll_due(&mut Context::from_waker(&waker)).is_pending());
    assert!(registry.evict_socket(waits.id(), reason(1)));
    assert_eq!(wakes.count(), 1);
    registry.disconnect(&42, reason(2));
    assert!(registry.evict_socket(closed.id(), reason(3)));
    assert_eq!(closed.close_reason(), Some(Closed::Disconnected(reason(2))));
    drop((waits, closed));
    assert_eq!((registry.key_count(), registry.socket_count()), (0, 0));
}

#[test]
fn what_was_due_for_an_evicted_socket_is_dropped() {
    let registry = registry(2);
    let [_oldest, stays] = [42, 42].map(|key| registry.register(key).unwrap());
    registry.mark(&42);
    stays.take_due();
    let new = registry.register(42).unwrap();
    assert_eq!((stays.peek_due(), new.peek_due()), (Topics::EMPTY, Topics::EMPTY));
}

#[test]
fn a_superseded_key_is_idle_although_its_owners_hold_their_sockets() {
    let registry = Registry::<u64>::builder().max_sockets(3).build().unwrap();
    let mut presence = registry.presence();
    let [mut waits, due, closed] = [42; 3].map(|key| registry.register(key).unwrap());
    assert!(matches!(presence.try_next(), Some(PresenceEvent::Online { key: 42, .. })));
    registry.mark_socket(due.id());
    registry.disconnect_socket(closed.id(), reason(1));
    let (wakes, waker) = Wakes::new();
    assert!(waits.poll_due(&mut Context::from_waker(&waker)).is_pending());

    assert_eq!(registry.supersede(&42), 3);
    assert!(matches!(presence.try_next(), Some(PresenceEvent::Offline { key: 42, .. })));
    assert_eq!((registry.key_count(), registry.socket_count(), registry.mark(&42)), (0, 0, 0));
    assert_eq!(registry.supersede(&42), 0, "they are gone");
    assert_eq!((waits.close_reason(), due.close_reason()), (Some(Closed::Superseded), Some(Closed::Superseded)));
    assert_eq!(closed.close_reason(), Some(Closed::Disconnected(reason(1))));
    assert_eq!((wakes.count(), due.take_due()), (1, Topics::EMPTY));

    let new: Vec<_> = [42, 42, 7].into_iter().map(|key| registry.register(key).expect("the places are free")).collect();
    drop((waits, due, closed));
    assert_eq!((registry.count_of(&42), registry.supersede(&7), registry.supersede(&8)), (2, 1, 0));
    assert_eq!(new.iter().map(Socket::close_reason).collect::<Vec<_>>(), [None, None, Some(Closed::Superseded)]);
}

#[test]
fn a_visited_socket_may_be_evicted() {
    let registry = Registry::<u64, String>::new();
    let socket = registry.register_with(42, "phone".to_owned()).unwrap();
    registry.for_each(|visited| {
        assert!(registry.evict_socket(visited.id(), reason(1)));
        assert_eq!(visited.metadata(), "phone");
    });
    assert_eq!((registry.socket_count(), socket.metadata().as_str()), (0, "phone"));
}

#[test]
fn the_oldest_goes_whichever_slot_it_has() {
    let registry = registry(3);
    let mut held: Vec<Socket<u64>> = Vec::new();
    for n in 0..300 {
        held.push(registry.register(42).unwrap());
        if held.len() > 3 {
            assert_eq!(held.remove(0).close_reason(), EVICTED, "round {n}");
        }
        assert!(held.iter().all(|socket| socket.close_reason().is_none()), "round {n}");
        assert_eq!(registry.count_of(&42), held.len());
        // The slot that becomes free is the next one's, wherever those of older ones are.
        if n % 5 == 0 {
            drop(held.remove(n % held.len()));
        }
    }
}

#[test]
fn other_keys_and_sockets_below_the_limit_stay() {
    let registry = registry(1);
    let sockets: Vec<_> = (0..100).map(|key| registry.register(key).unwrap()).collect();
    assert!(sockets.iter().all(|socket| socket.close_reason().is_none()));
    drop(registry.register(7).unwrap());
    let closed = sockets.iter().filter(|socket| socket.close_reason().is_some());
    assert_eq!(closed.map(|socket| *socket.key()).collect::<Vec<_>>(), [7]);
}

#[test]
fn of_many_at_once_as_many_stay_as_may() {
    for limit in [1, 3] {
        let registry = registry(limit);
        for _ in 0..200 {
            let _before: Vec<_> = (0..limit).map(|_| registry.register(42).unwrap()).collect();
            let sockets = crowd(4, |_| [0; 2].map(|_| registry.register(42).expect("none is refused")));
            let stay = sockets.iter().flatten().filter(|socket| socket.close_reason().is_none()).count();
            assert_eq!((registry.count_of(&42), stay), (limit, limit));
        }
        assert_eq!((registry.key_count(), registry.socket_count()), (0, 0));
    }
}

#[test]
fn a_takeover_beside_registrations_keeps_the_limit() {
    let registry = registry(1);
    for _ in 0..200 {
        let sockets = crowd(4, |n| match n {
            0 | 1 => registry.register_taking_over(42, ()).unwrap(),
            _ => registry.register(42).unwrap(),
        });
        assert_eq!(registry.count_of(&42), 1);
        assert_eq!(sockets.iter().filter(|socket| socket.close_reason().is_none()).count(), 1);
    }
}

#[test]
fn evictions_beside_drops_leave_nothing() {
    let registry = registry(2);
    for _ in 0..200 {
        let sockets = [42, 42].map(|key| registry.register(key).unwrap());
        let ids = sockets.each_ref().map(Socket::id);
        thread::scope(|scope| {
            scope.spawn(|| ids.map(|id| registry.evict_socket(id, reason(1))));
            drop(sockets);
        });
        assert_eq!((registry.key_count(), registry.socket_count()), (0, 0));
    }
}
