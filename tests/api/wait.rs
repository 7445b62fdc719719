//! Waiting for marks (G3, G5): no wake-up is lost, none is made up, and a dropped wait costs
//! nothing.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll};
use std::thread;

use socket_registry::{Registry, Socket, Topics};
use testkit::{PATIENCE, Wakes, block_on, both};

const NEWS: Topics = Topics::topic(7);
const ROUNDS: usize = 2_000;

/// Scenario 7.
#[test]
fn a_mark_before_the_first_wait_ends_it_at_once() {
    let registry = Registry::<u64>::new();
    let mut socket = registry.register(42).unwrap();
    let (wakes, waker) = Wakes::new();
    let mut cx = Context::from_waker(&waker);
    registry.mark(&42);
    assert_eq!(socket.poll_due(&mut cx), Poll::Ready(Ok(Topics::UPDATE)));
    assert!(socket.poll_due(&mut cx).is_pending(), "one mark, one update");
    assert_eq!(wakes.count(), 0);
}

/// Scenario 9.
#[test]
fn many_marks_during_one_wait_wake_once() {
    let registry = Registry::<u64>::new();
    let mut socket = registry.register(42).unwrap();
    let (wakes, waker) = Wakes::new();
    let mut cx = Context::from_waker(&waker);
    for wait in 1..=3 {
        assert!(socket.poll_due(&mut cx).is_pending());
        registry.mark(&42);
        registry.mark(&42);
        registry.mark_topics(&42, NEWS);
        registry.mark_all();
        assert_eq!(wakes.count(), wait);
        assert_eq!(socket.poll_due(&mut cx), Poll::Ready(Ok(Topics::UPDATE | NEWS)));
    }
}

/// Each way to mark, on its own, wakes who waits.
#[test]
fn every_kind_of_mark_wakes() {
    let registry = Registry::<u64>::new();
    let mut socket = registry.register(42).unwrap();
    let id = socket.id();
    let kinds: [&dyn Fn() -> bool; 9] = [
        &|| registry.mark(&42) == 1,
        &|| registry.mark_topics(&42, Topics::UPDATE) == 1,
        &|| registry.mark_socket(id),
        &|| registry.mark_many([42, 43].iter()) == 1,
        &|| registry.mark_all() == 1,
        &|| registry.mark_where(|_| true) == 1,
        &|| registry.mark_socket_topics(id, Topics::UPDATE),
        &|| registry.mark_all_topics(Topics::UPDATE) == 1,
        &|| registry.mark_where_topics(|_| true, Topics::UPDATE) == 1,
    ];
    let (wakes, waker) = Wakes::new();
    let mut cx = Context::from_waker(&waker);
    for (earlier, mark) in kinds.iter().enumerate() {
        assert!(socket.poll_due(&mut cx).is_pending());
        assert!(mark());
        assert_eq!(wakes.count(), earlier + 1);
        assert_eq!(socket.poll_due(&mut cx), Poll::Ready(Ok(Topics::UPDATE)));
    }
}

#[test]
fn only_the_tasks_of_the_marked_key_are_woken() {
    let registry = Registry::<u64>::new();
    let mut sockets: Vec<Socket<u64>> = (0..100).map(|n| registry.register(n / 2).unwrap()).collect();
    let wakers: Vec<_> = sockets.iter().map(|_| Wakes::new()).collect();
    for (socket, (_, waker)) in sockets.iter_mut().zip(&wakers) {
        assert!(socket.poll_due(&mut Context::from_waker(waker)).is_pending());
    }
    assert_eq!(registry.mark(&21), 2);
    for (socket, (wakes, _)) in sockets.iter().zip(&wakers) {
        assert_eq!(wakes.count(), usize::from(*socket.key() == 21));
    }
}

/// Scenario 14 and G5: woken, and then the wait is dropped instead of polled.
#[test]
fn a_wait_dropped_after_its_wake_up_loses_nothing() {
    let registry = Registry::<u64>::new();
    let mut socket = registry.register(42).unwrap();
    let (wakes, waker) = Wakes::new();
    let mut cx = Context::from_waker(&waker);
    {
        let mut wait = pin!(socket.due());
        assert!(wait.as_mut().poll(&mut cx).is_pending());
        registry.mark_topics(&42, NEWS);
        assert_eq!(wakes.count(), 1);
    }
    assert_eq!(socket.peek_due(), NEWS);
    assert_eq!(block_on(socket.due()), Ok(NEWS));
}

/// G5: dropped before its wake-up, and never polled at all.
#[test]
fn a_wait_dropped_at_any_other_point_loses_nothing() {
    let registry = Registry::<u64>::new();
    let mut socket = registry.register(42).unwrap();
    let (_, waker) = Wakes::new();
    let mut cx = Context::from_waker(&waker);
    assert!(pin!(socket.due()).poll(&mut cx).is_pending());
    registry.mark(&42);
    {
        let _never_polled = socket.due();
    }
    assert_eq!(block_on(socket.due()), Ok(Topics::UPDATE));
}

/// G5 as it is written in practice; every frame that wins the race drops a wait.
#[tokio::test]
async fn select_loses_no_mark() {
    const FRAMES: u32 = 1_000;
    let registry = Registry::<u64>::new();
    let mut socket = registry.register(42).unwrap();
    let (frames, mut incoming) = tokio::sync::mpsc::unbounded_channel();
    let marker = tokio::spawn({
        let registry = registry.clone();
        async move {
            for frame in 0..FRAMES {
                registry.mark_topics(&42, Topics::topic(frame % 32));
                frames.send(frame).unwrap();
                tokio::task::yield_now().await;
            }
        }
    });
    let (mut topics, mut read) = (Topics::EMPTY, 0);
    loop {
        tokio::select! {
            due = socket.due() => topics = due.unwrap() | topics,
            frame = incoming.recv() => match frame {
                Some(_) => read += 1,
                None => break,
            },
        }
    }
    marker.await.unwrap();
    assert_eq!(read, FRAMES);
    assert_eq!(topics | socket.take_due(), Topics::ALL);
}

/// Scenario 15, in sequence: of two wakers the latest counts, and the older one is let go.
#[test]
fn the_latest_waker_is_woken() {
    let registry = Registry::<u64>::new();
    let mut socket = registry.register(42).unwrap();
    let (older, older_waker) = Wakes::new();
    let (latest, latest_waker) = Wakes::new();
    assert!(socket.poll_due(&mut Context::from_waker(&older_waker)).is_pending());
    assert!(socket.poll_due(&mut Context::from_waker(&latest_waker)).is_pending());
    assert_eq!(Arc::strong_count(&older), 2, "held by this test alone");
    registry.mark(&42);
    assert_eq!((older.count(), latest.count()), (0, 1));
}

/// Scenario 15, on two threads: whichever waker the mark met, the mark is not lost with the older
/// one.
#[test]
fn a_mark_while_the_waker_is_replaced_is_not_lost() {
    let registry = Registry::<u64>::new();
    let mut socket = registry.register(42).unwrap();
    for _ in 0..ROUNDS {
        let (_, older) = Wakes::new();
        let (latest, latest_waker) = Wakes::new();
        assert!(socket.poll_due(&mut Context::from_waker(&older)).is_pending());
        let mut cx = Context::from_waker(&latest_waker);
        let (polled, marked) = both(|| socket.poll_due(&mut cx), || registry.mark(&42));
        assert_eq!(marked, 1);
        if polled.is_pending() {
            assert_eq!(latest.count(), 1, "pending under this waker, marked, and not woken");
            assert_eq!(socket.take_due(), Topics::UPDATE);
        } else {
            assert_eq!(polled, Poll::Ready(Ok(Topics::UPDATE)));
            assert_eq!(socket.take_due(), Topics::EMPTY, "the same mark twice");
        }
    }
}

/// Scenario 8: the very first poll, while it stores its waker.
#[test]
fn a_mark_during_the_first_poll_is_not_lost() {
    let registry = Registry::<u64>::new();
    for _ in 0..ROUNDS {
        let mut socket = registry.register(42).unwrap();
        let (wakes, waker) = Wakes::new();
        let mut cx = Context::from_waker(&waker);
        let (polled, marked) = both(|| socket.poll_due(&mut cx), || registry.mark(&42));
        assert_eq!(marked, 1);
        assert!(polled.is_ready() || wakes.count() == 1, "pending, marked, and not woken");
        assert_eq!(polled.is_pending(), socket.take_due() == Topics::UPDATE);
    }
}

/// Scenario 16.
#[test]
fn a_spurious_wake_up_makes_no_update() {
    let registry = Registry::<u64>::new();
    let mut socket = registry.register(42).unwrap();
    let (wakes, waker) = Wakes::new();
    let mut cx = Context::from_waker(&waker);
    assert!(socket.poll_due(&mut cx).is_pending());
    waker.wake_by_ref();
    assert!(socket.poll_due(&mut cx).is_pending());
    registry.mark(&42);
    assert_eq!(wakes.count(), 2, "still waiting after the spurious one");
}

/// Nothing that another key or socket does is a wake-up for this one.
#[test]
fn the_comings_and_goings_of_others_wake_nobody() {
    let registry = Registry::<u64>::new();
    let mut socket = registry.register(42).unwrap();
    let (wakes, waker) = Wakes::new();
    let mut cx = Context::from_waker(&waker);
    assert!(socket.poll_due(&mut cx).is_pending());
    drop(registry.register(42).unwrap());
    drop(registry.register(43).unwrap());
    registry.mark(&43);
    registry.for_each(|_| ());
    assert_eq!(wakes.count(), 0);
}

/// Scenario 11: the wake-up of who left does not go to who came.
#[test]
fn the_next_in_a_place_is_not_woken_for_the_last() {
    let registry = Registry::<u64>::builder().max_sockets(1).build().unwrap();
    for _ in 0..ROUNDS {
        let (_, waker) = Wakes::new();
        let mut leaving = registry.register(1).unwrap();
        assert!(leaving.poll_due(&mut Context::from_waker(&waker)).is_pending());
        let (wakes, waker) = Wakes::new();
        let mut cx = Context::from_waker(&waker);
        let ((mut next, polled), _) = both(
            || {
                drop(leaving);
                let mut next = registry.register(2).unwrap();
                let polled = next.poll_due(&mut cx);
                (next, polled)
            },
            || registry.mark(&1),
        );
        assert!(polled.is_pending());
        assert_eq!(wakes.count(), 0);
        assert_eq!(registry.mark(&2), 1);
        assert_eq!(wakes.count(), 1);
        assert_eq!(next.poll_due(&mut cx), Poll::Ready(Ok(Topics::UPDATE)));
    }
}

/// Scenarios 8 to 10 across threads: no ping is lost in either direction, thousands of times.
#[test]
fn two_threads_play_ping_pong() {
    const PINGS: usize = 5_000;
    let registry = Registry::<&str>::new();
    let mut ping = registry.register("ping").unwrap();
    let mut pong = registry.register("pong").unwrap();
    both(
        || {
            for _ in 0..PINGS {
                assert_eq!(registry.mark("ping"), 1);
                assert_eq!(block_on(pong.due()), Ok(Topics::UPDATE));
            }
        },
        || {
            for _ in 0..PINGS {
                assert_eq!(block_on(ping.due()), Ok(Topics::UPDATE));
                assert_eq!(registry.mark("pong"), 1);
            }
        },
    );
}

/// Scenario 9: however marks and waits fall together, the last mark is seen, and what it publishes
/// with it.
#[test]
fn the_last_of_a_burst_of_marks_is_seen() {
    const MARKS: u64 = 20_000;
    let registry = Registry::<u64>::new();
    let mut socket = registry.register(42).unwrap();
    let written = AtomicU64::new(0);
    both(
        || {
            let (mut seen, mut updates) = (0, 0);
            while seen < MARKS {
                block_on(socket.due()).unwrap();
                updates += 1;
                seen = written.load(Ordering::Relaxed);
                assert!(updates <= seen, "{updates} updates, but only {seen} marks");
            }
        },
        || {
            for n in 1..=MARKS {
                written.store(n, Ordering::Relaxed);
                registry.mark(&42);
            }
        },
    );
}

/// A socket may be carried to another thread in the middle of its life, waits and all.
#[test]
fn a_socket_waits_wherever_it_is_carried() {
    let registry = Registry::<u64>::new();
    let mut socket = registry.register(42).unwrap();
    let (_, waker) = Wakes::new();
    assert!(socket.poll_due(&mut Context::from_waker(&waker)).is_pending());
    let (done, finished) = mpsc::channel();
    let carried = thread::spawn(move || {
        let due = block_on(socket.due());
        done.send(due).unwrap();
        socket
    });
    registry.mark(&42);
    assert_eq!(finished.recv_timeout(PATIENCE), Ok(Ok(Topics::UPDATE)));
    assert_eq!(registry.sockets_of(&42), [carried.join().unwrap().id()]);
}
