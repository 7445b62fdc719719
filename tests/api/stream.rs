//! Subscriptions, watches and sockets as streams: the same as their own methods, and no task
//! starves.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use futures_util::{FutureExt, Stream, StreamExt};
use socket_registry::{CloseReason, PresenceEvent, Registry, Topics};
use testkit::{Wakes, block_on};

/// The next item, if there is one now.
fn now<S: Stream + Unpin>(stream: &mut S) -> Poll<Option<S::Item>> {
    Pin::new(stream).poll_next(&mut Context::from_waker(Waker::noop()))
}

/// Polls until pending, and returns how many items there were. `feed` makes the next one ready.
fn ready_in_a_row<S: Stream + Unpin>(stream: &mut S, mut feed: impl FnMut()) -> usize {
    let (wakes, waker) = Wakes::new();
    for n in 0..1_000 {
        feed();
        if Pin::new(&mut *stream).poll_next(&mut Context::from_waker(&waker)).is_pending() {
            assert_eq!(wakes.count(), 1, "it is polled again");
            return n;
        }
    }
    panic!("no other task had a turn");
}

#[test]
fn presence_yields_events() {
    let registry = Registry::<u64>::new();
    let mut presence = registry.presence();
    assert_eq!(now(&mut presence), Poll::Pending);
    let socket = registry.register(1).unwrap();
    assert!(matches!(now(&mut presence), Poll::Ready(Some(PresenceEvent::Online { key: 1, .. }))));
    drop(socket);
    assert!(matches!(now(&mut presence), Poll::Ready(Some(PresenceEvent::Offline { key: 1, .. }))));
    assert_eq!(now(&mut presence), Poll::Pending);
}

#[test]
fn presence_wakes_the_task() {
    let registry = Registry::<u64>::new();
    let mut presence = registry.presence();
    let (wakes, waker) = Wakes::new();
    assert!(Pin::new(&mut presence).as_mut().poll_next(&mut Context::from_waker(&waker)).is_pending());
    let _socket = registry.register(1).unwrap();
    assert_eq!(wakes.count(), 1);
}

#[test]
fn counts_are_those_after_the_latest_change() {
    let registry = Registry::<u64>::new();
    let _before = registry.register(1).unwrap();
    let mut counts = registry.watch_counts();
    assert_eq!(now(&mut counts), Poll::Pending, "what was there before is no change");
    let _sockets = [registry.register(1).unwrap(), registry.register(2).unwrap()];
    let Poll::Ready(Some(latest)) = now(&mut counts) else { panic!("two changes") };
    assert_eq!((latest.keys, latest.sockets), (2, 3));
    assert_eq!(now(&mut counts), Poll::Pending, "they count as one");
}

#[test]
fn a_socket_yields_what_is_due_and_ends_when_it_is_closed() {
    let registry = Registry::<u64>::new();
    let mut socket = registry.register(1).unwrap();
    assert_eq!(now(&mut socket), Poll::Pending);
    registry.mark(&1);
    assert_eq!(now(&mut socket), Poll::Ready(Some(Topics::UPDATE)));
    assert_eq!(now(&mut socket), Poll::Pending);
    registry.mark_topics(&1, Topics::topic(3));
    registry.disconnect(&1, CloseReason::LOGGED_OUT);
    assert_eq!(now(&mut socket), Poll::Ready(None));
    assert_eq!(now(&mut socket), Poll::Ready(None), "it stays ended");
    assert_eq!(socket.take_due(), Topics::topic(3));
}

#[test]
fn a_wait_that_is_dropped_loses_nothing() {
    let registry = Registry::<u64>::new();
    let mut socket = registry.register(1).unwrap();
    assert_eq!(StreamExt::next(&mut socket).now_or_never(), None);
    registry.mark(&1);
    drop(StreamExt::next(&mut socket));
    assert_eq!(StreamExt::next(&mut socket).now_or_never(), Some(Some(Topics::UPDATE)));
}

#[test]
fn each_is_pending_after_32_items_in_a_row() {
    let registry = Registry::<u64>::new();
    let mut socket = registry.register(0).unwrap();
    assert_eq!(ready_in_a_row(&mut socket, || assert_eq!(registry.mark(&0), 1)), 32);
    let mut counts = registry.watch_counts();
    assert_eq!(ready_in_a_row(&mut counts, || drop(registry.register(0).unwrap())), 32);
    let mut presence = registry.presence();
    // The walk that it begins with is pending now and then, too.
    while presence.try_next().is_some() {}
    let _sockets: Vec<_> = (1..200).map(|key| registry.register(key).unwrap()).collect();
    assert_eq!(ready_in_a_row(&mut presence, || ()), 32);
}

/// Keys need not be `Unpin` for their streams to be.
#[test]
fn a_stream_of_keys_that_stay_pinned() {
    #[derive(Clone, PartialEq, Eq, Hash)]
    struct Pinned(u64, std::marker::PhantomPinned);

    let registry = Registry::<Pinned>::new();
    let _socket = registry.register(Pinned(1, std::marker::PhantomPinned)).unwrap();
    let event = block_on(StreamExt::next(&mut registry.presence()));
    assert!(matches!(event, Some(PresenceEvent::Online { .. })));
}
