//! Removal by identity (G1, G2, G4): dropping a socket removes exactly that registration.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::task::{Context, Poll};

use socket_registry::{Registry, Socket, SocketId, Topics};
use testkit::{Wakes, both};
use tokio::sync::oneshot;

const ROUNDS: u64 = 2_000;

/// Scenario 1: the reconnect race in its plainest form.
#[test]
fn an_older_socket_leaving_does_not_evict_the_newer_one() {
    let registry = Registry::<u64>::new();
    let old = registry.register(42).unwrap();
    let mut new = registry.register(42).unwrap();
    let (wakes, waker) = Wakes::new();
    let mut cx = Context::from_waker(&waker);
    assert!(new.poll_due(&mut cx).is_pending());

    drop(old);

    assert!(registry.is_active(&42));
    assert!(registry.contains(new.id()));
    assert_eq!(registry.mark(&42), 1);
    assert_eq!(wakes.count(), 1);
    assert_eq!(new.poll_due(&mut cx), Poll::Ready(Ok(Topics::UPDATE)));
}

#[test]
fn three_sockets_of_a_key_may_leave_in_any_order() {
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let registry = Registry::<u64>::new();
        let mut sockets: Vec<Option<Socket<u64>>> = (0..3).map(|_| Some(registry.register(42).unwrap())).collect();
        for (left, leaving) in (0..3).rev().zip(order) {
            sockets[leaving] = None;
            let expected: HashSet<SocketId> = sockets.iter().flatten().map(Socket::id).collect();
            let listed = registry.sockets_of(&42);
            assert_eq!(listed.len(), left, "order {order:?}");
            assert_eq!(listed.into_iter().collect::<HashSet<_>>(), expected);
            assert_eq!(registry.mark(&42), left);
            for socket in sockets.iter().flatten() {
                assert_eq!(socket.take_due(), Topics::UPDATE);
            }
        }
        assert!(!registry.is_active(&42));
    }
}

/// Scenario 2 and G4: the next occupant of a place has nothing of the last one.
#[test]
fn a_stale_id_does_not_reach_the_next_occupant_of_its_place() {
    let registry = Registry::<u64>::builder().max_sockets(1).build().unwrap();
    let first = registry.register(1).unwrap();
    let stale = first.id();
    registry.mark_topics(&1, Topics::ALL);
    drop(first);
    let second = registry.register(2).unwrap();

    assert_eq!(second.peek_due(), Topics::EMPTY);
    assert_ne!(second.id(), stale);
    assert!(!registry.mark_socket_topics(stale, Topics::ALL));
    assert!(!registry.contains(stale));
    assert!(registry.with_socket(stale, |_| ()).is_none());
    assert_eq!(second.peek_due(), Topics::EMPTY);
}

/// Scenario 2 and G2, often enough to wrap a generation of 8 to 14 bits.
#[test]
fn no_id_comes_back_however_often_its_place_is_reused() {
    const REUSES: u64 = 20_000;
    let registry = Registry::<u64>::builder().max_sockets(1).build().unwrap();
    let mut issued = HashSet::new();
    for key in 0..REUSES {
        let socket = registry.register(key % 3).unwrap();
        assert!(issued.insert(socket.id()), "{} was issued twice", socket.id());
        assert!(registry.contains(socket.id()));
    }
    let last = registry.register(0).unwrap();
    for stale in issued {
        assert!(!registry.contains(stale));
        assert!(!registry.mark_socket(stale));
    }
    assert_eq!(last.take_due(), Topics::EMPTY);
}

/// The same for a key's further sockets, whose places are reused while the first one stays.
#[test]
fn no_id_comes_back_in_a_chain() {
    let registry = Registry::<u64>::new();
    let first = registry.register(42).unwrap();
    let mut issued = HashSet::from([first.id()]);
    for _ in 0..5_000 {
        let further = [registry.register(42).unwrap(), registry.register(42).unwrap()];
        assert!(further.iter().all(|socket| issued.insert(socket.id())));
    }
    assert_eq!(registry.sockets_of(&42), [first.id()]);
    assert_eq!(issued.iter().filter(|&&id| registry.contains(id)).count(), 1);
}

/// Scenario 3, and G7: A leaves while B takes a place under the same key.
#[test]
fn a_socket_that_joins_while_the_last_one_leaves_stays() {
    let registry = Registry::<u64>::builder().max_sockets(2).build().unwrap();
    for _ in 0..ROUNDS {
        let old = registry.register(42).unwrap();
        let ((), new) = both(|| drop(old), || registry.register(42).unwrap());
        assert_eq!(registry.sockets_of(&42), [new.id()]);
        assert_eq!((registry.key_count(), registry.socket_count()), (1, 1));
        assert_eq!(registry.mark(&42), 1);
        assert_eq!(new.take_due(), Topics::UPDATE);
    }
}

/// Scenarios 3 and 19: the place of u is wanted by v at the moment when u comes back.
#[test]
fn a_place_under_a_returning_key_is_not_given_to_another() {
    let registry = Registry::<u64>::builder().shards(1).max_sockets(3).build().unwrap();
    for round in 0..ROUNDS {
        let old = registry.register(1).unwrap();
        let (new, other) = both(
            || {
                drop(old);
                registry.register(1).unwrap()
            },
            || registry.register(2 + round).unwrap(),
        );
        assert_eq!(registry.mark(&1), 1);
        assert_eq!(new.take_due(), Topics::UPDATE);
        assert_eq!(other.take_due(), Topics::EMPTY);
        assert_eq!(registry.mark(&(2 + round)), 1);
        assert_eq!(new.take_due(), Topics::EMPTY);
        assert_eq!(other.take_due(), Topics::UPDATE);
    }
}

/// Scenario 5: clean-up that was decided before an `await` and done after it.
#[tokio::test]
async fn a_clean_up_that_awaits_removes_its_own_socket_only() {
    let registry = Registry::<u64>::new();
    let (let_it_clean_up, go) = oneshot::channel::<()>();
    let old = registry.register(42).unwrap();
    let dying = tokio::spawn(async move {
        go.await.unwrap();
        drop(old);
    });
    let new = registry.register(42).unwrap();
    let_it_clean_up.send(()).unwrap();
    dying.await.unwrap();
    assert_eq!(registry.sockets_of(&42), [new.id()]);
}

/// Scenario 6: a task aborted or panicking before its first wait, and in the middle of one.
#[tokio::test]
async fn the_socket_of_a_task_that_ends_badly_is_removed() {
    let registry = Registry::<u64>::new();

    let mut waiting = registry.register(1).unwrap();
    let task = tokio::spawn(async move { waiting.due().await });
    tokio::task::yield_now().await;
    assert!(registry.is_active(&1));
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert!(!registry.is_active(&1));

    let held = registry.register(2).unwrap();
    let task = tokio::spawn(async move {
        let _held = held;
        resume_unwind(Box::new("the task's own bug"));
    });
    assert!(task.await.unwrap_err().is_panic());
    assert!(!registry.is_active(&2));
    assert_eq!(registry.socket_count(), 0);
}

/// Scenario 6 outside any runtime, and when the runtime goes with the tasks still waiting.
#[test]
fn the_socket_of_a_thread_or_runtime_that_ends_badly_is_removed() {
    let registry = Registry::<u64>::new();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _held = registry.register(1).unwrap();
        resume_unwind(Box::new("the thread's own bug"));
    }));
    assert!(panicked.is_err());
    assert_eq!(registry.socket_count(), 0);

    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for key in 0..10 {
        let mut socket = registry.register(key).unwrap();
        runtime.spawn(async move { socket.due().await });
    }
    runtime.block_on(tokio::task::yield_now());
    assert_eq!(registry.socket_count(), 10);
    drop(runtime);
    assert_eq!(registry.socket_count(), 0);
}
