//! A task whose future is always ready leaves the other tasks of its thread their turn.

use std::cell::Cell;
use std::rc::Rc;

use socket_registry::{PresenceEvent, Registry};
use tokio::task::yield_now;

/// More than may be ready in a row, and far fewer than a starved task would need.
const ROUNDS: usize = 10_000;

/// On one thread, `greedy` runs for many rounds while another task wants a turn now and then: it
/// gets one at least every hundred rounds.
async fn beside_another(mut greedy: impl AsyncFnMut()) {
    let turns = tokio::task::LocalSet::new();
    let count = Rc::new(Cell::new(0));
    let counted = Rc::clone(&count);
    turns.spawn_local(async move {
        loop {
            counted.set(counted.get() + 1);
            yield_now().await;
        }
    });
    turns
        .run_until(async {
            for _ in 0..ROUNDS {
                greedy().await;
            }
        })
        .await;
    assert!(count.get() >= ROUNDS / 100, "{} turns", count.get());
}

#[tokio::test]
async fn a_socket_that_is_marked_again_and_again() {
    let registry = Registry::<u64>::new();
    let mut socket = registry.register(42).unwrap();
    registry.mark(&42);
    beside_another(async || {
        socket.due().await.unwrap();
        registry.mark(&42);
    })
    .await;
}

#[tokio::test]
async fn a_socket_that_was_told_to_go() {
    let registry = Registry::<u64>::new();
    let mut socket = registry.register(42).unwrap();
    registry.close();
    beside_another(async || assert!(socket.due().await.is_err())).await;
}

#[tokio::test]
async fn a_subscription_to_many_keys() {
    let registry = Registry::<u64>::new();
    let _sockets: Vec<_> = (0..ROUNDS as u64).map(|key| registry.register(key).unwrap()).collect();
    let mut presence = registry.presence();
    beside_another(async || assert!(matches!(presence.next().await, PresenceEvent::Online { .. }))).await;
}

#[tokio::test]
async fn a_subscription_that_is_told_more_and_more() {
    let registry = Registry::<u64>::new();
    let mut presence = registry.presence();
    beside_another(async || {
        drop(registry.register(42).unwrap());
        presence.next().await;
    })
    .await;
}

#[tokio::test]
async fn a_watch_on_counts_that_change_all_the_time() {
    let registry = Registry::<u64>::new();
    let mut counts = registry.watch_counts();
    beside_another(async || {
        drop(registry.register(42).unwrap());
        counts.changed().await;
    })
    .await;
}
