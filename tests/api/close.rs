//! Sockets that are closed.

use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use socket_registry::{CloseReason, Closed, RegisterError, Registry, Socket, Topics};
use testkit::{Wakes, block_on, both, reason};

fn poll(socket: &mut Socket<u64>) -> Poll<Result<Topics, Closed>> {
    socket.poll_due(&mut Context::from_waker(Waker::noop()))
}

/// What is due stays due: the owner may take it after it has learnt why it was closed.
#[test]
fn a_closed_socket_tells_the_reason_before_what_is_due() {
    let registry = Registry::<u64>::new();
    let mut socket = registry.register(42).unwrap();
    registry.mark(&42);
    registry.close();
    assert_eq!(poll(&mut socket), Poll::Ready(Err(Closed::Shutdown)));
    assert_eq!(poll(&mut socket), Poll::Ready(Err(Closed::Shutdown)));
    assert_eq!(socket.take_due(), Topics::UPDATE);
}

#[test]
fn a_disconnected_socket_is_told_why_and_counts_until_it_is_dropped() {
    let registry = Registry::<u64>::new();
    let (mut socket, other) = (registry.register(42).unwrap(), registry.register(7).unwrap());
    assert_eq!(registry.disconnect(&42, reason(255)), 1);
    assert_eq!(poll(&mut socket), Poll::Ready(Err(Closed::Disconnected(reason(255)))));
    assert_eq!(poll(&mut socket), Poll::Ready(Err(Closed::Disconnected(reason(255)))), "and again");
    assert_eq!((registry.key_count(), registry.socket_count()), (2, 2));
    assert_eq!(registry.mark(&42), 1);
    assert_eq!(socket.take_due(), Topics::UPDATE, "what is due can still be taken");
    assert_eq!(other.close_reason(), None);
    drop(socket);
    assert_eq!((registry.key_count(), registry.socket_count()), (1, 1));
}

#[test]
fn all_sockets_of_a_key_are_told_or_all_but_one() {
    let registry = Registry::<u64>::new();
    let sockets: Vec<_> = (0..4).map(|_| registry.register(42).unwrap()).collect();
    assert_eq!(registry.disconnect_others(&42, sockets[2].id(), reason(1)), 3);
    let told = |sockets: &[Socket<u64>]| sockets.iter().map(Socket::close_reason).collect::<Vec<_>>();
    let one = Some(Closed::Disconnected(reason(1)));
    assert_eq!(told(&sockets), [one, one, None, one]);
    // Who was told keeps the reason.
    assert_eq!(registry.disconnect(&42, reason(2)), 4);
    assert_eq!(told(&sockets), [one, one, Some(Closed::Disconnected(reason(2))), one]);
    assert_eq!(registry.disconnect(&7, reason(2)), 0);
}

#[test]
fn who_was_told_of_a_shutdown_keeps_that_reason() {
    let registry = Registry::<u64>::new();
    let (one, other) = (registry.register(42).unwrap(), registry.register(7).unwrap());
    registry.close();
    // Before the owners ask.
    assert_eq!(registry.disconnect(&42, reason(1)), 1);
    assert!(registry.disconnect_socket(other.id(), reason(2)));
    assert_eq!((one.close_reason(), other.close_reason()), (Some(Closed::Shutdown), Some(Closed::Shutdown)));
}

#[test]
fn one_socket_is_told_by_its_id_and_a_stale_id_tells_nobody() {
    let registry = Registry::<u64>::builder().shards(1).build().unwrap();
    let socket = registry.register(42).unwrap();
    let id = socket.id();
    drop(socket);
    let next = registry.register(42).unwrap();
    assert!(!registry.disconnect_socket(id, reason(1)));
    assert_eq!(next.close_reason(), None);
    assert!(registry.disconnect_socket(next.id(), reason(0)));
    assert_eq!(next.close_reason(), Some(Closed::Disconnected(reason(0))));
}

#[test]
fn the_next_in_a_place_does_not_inherit_the_reason() {
    let registry = Registry::<u64>::builder().shards(1).build().unwrap();
    for code in 4000..=4999 {
        let reason = CloseReason::new(code).unwrap();
        let socket = registry.register(42).unwrap();
        assert_eq!(socket.close_reason(), None);
        registry.disconnect(&42, reason);
        assert_eq!(socket.close_reason(), Some(Closed::Disconnected(reason)));
    }
    let last = registry.register(42).unwrap();
    registry.close();
    assert_eq!(last.close_reason(), Some(Closed::Shutdown));
}

#[test]
fn who_waits_is_woken_once() {
    let registry = Registry::<u64>::new();
    let mut socket = registry.register(42).unwrap();
    let (wakes, waker) = Wakes::new();
    assert!(socket.poll_due(&mut Context::from_waker(&waker)).is_pending());
    registry.disconnect(&42, reason(1));
    registry.disconnect(&42, reason(1));
    registry.close();
    assert_eq!(wakes.count(), 1);
}

#[test]
fn a_gradual_close_tells_every_socket_once() {
    let registry = Registry::<u64>::builder().shards(4).build().unwrap();
    let sockets: Vec<_> = (0..100).map(|n| registry.register(n % 60).unwrap()).collect();
    let told = || sockets.iter().filter(|socket| socket.close_reason().is_some()).count();
    let mut closing = registry.close_gradually(7);
    assert_eq!(told(), 0);
    assert_eq!(registry.register(1).unwrap_err(), RegisterError::Closed, "closed from the start");
    for batch in 1..=14 {
        assert_eq!((closing.next(), told()), (Some(7), 7 * batch));
    }
    assert_eq!((closing.next(), told(), closing.next()), (Some(2), 100, None));
}

/// A task of its own drains a server: a batch, a pause, the next batch.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_gradual_close_may_be_spawned() {
    let registry = Registry::<u64>::builder().shards(4).build().unwrap();
    let sockets: Vec<_> = (0..25).map(|n| registry.register(n % 3).unwrap()).collect();
    let drain = tokio::spawn(async move {
        let mut batches = Vec::new();
        for told in registry.close_gradually(10) {
            batches.push(told);
            tokio::task::yield_now().await;
        }
        batches
    });
    assert_eq!(drain.await.unwrap(), [10, 10, 5]);
    assert!(sockets.iter().all(|socket| socket.close_reason() == Some(Closed::Shutdown)));
}

/// Many sockets of few keys, in tables and pages of every size: each is told once.
#[test]
fn a_gradual_close_finds_every_socket_of_a_grown_registry() {
    let registry = Registry::<u64>::builder().shards(2).build().unwrap();
    let sockets: Vec<_> = (0..5_000).map(|n| registry.register(n % 1_500).unwrap()).collect();
    let mut closing = registry.close_gradually(999);
    assert_eq!(closing.by_ref().collect::<Vec<_>>(), [999, 999, 999, 999, 999, 5]);
    assert!(sockets.iter().all(|socket| socket.close_reason() == Some(Closed::Shutdown)));
    assert_eq!(closing.next(), None);
}

/// Who stops half-way leaves the rest to the next one.
#[test]
fn a_gradual_close_that_is_dropped_is_gone_on_with() {
    let registry = Registry::<u64>::new();
    let sockets: Vec<_> = (0..10).map(|n| registry.register(n).unwrap()).collect();
    assert_eq!(registry.close_gradually(4).next(), Some(4));
    assert_eq!(registry.close_gradually(100).next(), Some(6));
    assert!(sockets.iter().all(|socket| socket.close_reason() == Some(Closed::Shutdown)));
}

#[test]
fn a_gradual_close_passes_over_who_left_or_was_told() {
    let registry = Registry::<u64>::builder().shards(1).build().unwrap();
    let mut sockets: Vec<_> = (0..10).map(|n| registry.register(n).unwrap()).collect();
    registry.disconnect(&3, reason(3));
    let mut closing = registry.close_gradually(0);
    assert_eq!(closing.next(), Some(1), "a batch of 0 counts as 1");
    sockets.retain(|socket| socket.close_reason().is_some());
    assert_eq!(closing.next(), None);
    assert_eq!(sockets.len(), 2);
}

#[test]
fn who_registers_beside_a_gradual_close_is_refused_or_told() {
    for _ in 0..500 {
        let registry = Registry::<u64>::builder().shards(2).build().unwrap();
        let (told, sockets) = both(
            || registry.close_gradually(3).sum::<usize>(),
            || (0..20).map_while(|n| registry.register(n).ok()).collect::<Vec<_>>(),
        );
        assert!(sockets.iter().all(|socket| socket.close_reason() == Some(Closed::Shutdown)));
        assert!(told <= sockets.len());
        assert_eq!(registry.register(1).unwrap_err(), RegisterError::Closed);
    }
}

#[test]
fn reasons_are_errors_that_say_what_happened() {
    let said = [Closed::Shutdown, Closed::Superseded, Closed::Disconnected(reason(9))].map(|closed| {
        let error: Box<dyn Error> = Box::new(closed);
        error.to_string()
    });
    let expected = ["the registry was closed", "another socket has taken over", "disconnected with code 4009"];
    assert_eq!(said, expected);
}

#[test]
fn a_wait_for_close_takes_nothing_and_ends_with_the_reason() {
    let registry = Registry::<u64>::new();
    let mut socket = registry.register(42).unwrap();
    let (wakes, waker) = Wakes::new();
    let mut cx = Context::from_waker(&waker);
    registry.mark(&42);
    assert!(socket.poll_closed(&mut cx).is_pending() && !socket.is_closed());
    registry.mark(&42);
    assert_eq!(wakes.count(), 1, "a mark wakes the task, which waits again");
    assert!(socket.poll_closed(&mut cx).is_pending());
    assert!(registry.disconnect_socket(socket.id(), reason(7)));
    assert_eq!(wakes.count(), 2);
    assert_eq!(socket.poll_closed(&mut cx), Poll::Ready(Closed::Disconnected(reason(7))));
    assert_eq!(block_on(socket.closed()), Closed::Disconnected(reason(7)), "and ever after");
    assert!(socket.is_closed());
    assert_eq!(socket.take_due(), Topics::UPDATE);
}

/// Either wait may follow the other, with the waker of the same task or of another one.
#[test]
fn a_wait_for_close_given_up_leaves_the_wait_for_marks_as_it_was() {
    let registry = Registry::<u64>::new();
    let mut socket = registry.register(42).unwrap();
    for round in 0..3 {
        let wakers = [Wakes::new(), Wakes::new()];
        let [first, second] = [&wakers[0], &wakers[if round == 0 { 0 } else { 1 }]];
        assert!(socket.poll_closed(&mut Context::from_waker(&first.1)).is_pending());
        assert!(socket.poll_due(&mut Context::from_waker(&second.1)).is_pending());
        registry.mark(&42);
        assert_eq!(second.0.count(), 1);
        assert!(socket.poll_closed(&mut Context::from_waker(&first.1)).is_pending());
        assert_eq!(socket.poll_due(&mut Context::from_waker(&second.1)), Poll::Ready(Ok(Topics::UPDATE)));
    }
    registry.close();
    assert_eq!(socket.poll_closed(&mut Context::from_waker(Waker::noop())), Poll::Ready(Closed::Shutdown));
}

/// A waker that polls immediately, within the mark that calls it, does not keep that mark from its
/// end.
#[test]
fn a_mark_ends_although_its_waker_waits_for_close_again() {
    struct Polls(Mutex<Socket<u64>>, AtomicUsize);
    impl Wake for Polls {
        fn wake(self: Arc<Self>) {
            assert!(self.1.fetch_add(1, Ordering::SeqCst) < 9, "the mark does not end");
            let waker = Waker::from(Arc::clone(&self));
            if let Ok(mut socket) = self.0.try_lock() {
                assert!(socket.poll_closed(&mut Context::from_waker(&waker)).is_pending());
            }
        }
    }
    let registry = Registry::<u64>::new();
    let polls = Arc::new(Polls(Mutex::new(registry.register(42).unwrap()), AtomicUsize::new(0)));
    Arc::clone(&polls).wake();
    registry.mark(&42);
    assert_eq!(polls.1.load(Ordering::SeqCst), 3, "the first, the mark's, and one that asks to come again");
    *polls.0.lock().unwrap() = registry.register(7).unwrap();
}

#[test]
fn a_reason_is_a_close_code_of_the_private_range() {
    for code in [0, 1000, 1001, 3999, 5000, u16::MAX] {
        assert_eq!(CloseReason::new(code), None);
    }
    for code in [4000, 4001, 4999] {
        assert_eq!(CloseReason::new(code).map(u16::from), Some(code));
    }
    let ours = [CloseReason::LOGGED_OUT, CloseReason::SUPERSEDED, CloseReason::EXPIRED];
    assert_eq!(ours.map(CloseReason::code), [4001, 4002, 4003]);
    assert_eq!(
        ours.map(|reason| reason.to_string()),
        ["logged out", "another socket has taken over", "the session has expired"]
    );
    let closed = [Closed::Shutdown, Closed::Superseded, Closed::Disconnected(reason(9))];
    assert_eq!(closed.map(Closed::code), [1001, 4002, 4009]);
}
