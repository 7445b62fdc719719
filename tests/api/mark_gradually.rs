//! Marks of all sockets, a batch at a time.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use socket_registry::{Registry, Socket, Topics};
use testkit::Wakes;

const NEWS: Topics = Topics::topic(1);

fn sockets(registry: &Registry<u64>, keys: std::ops::Range<u64>) -> Vec<Socket<u64>> {
    keys.map(|key| registry.register(key).unwrap()).collect()
}

fn due(sockets: &[Socket<u64>]) -> usize {
    sockets.iter().filter(|socket| socket.peek_due() == NEWS).count()
}

#[test]
fn every_socket_is_marked_once_in_batches_of_any_size() {
    for shards in [1, 4] {
        let registry = Registry::<u64>::builder().shards(shards).build().unwrap();
        // Also further sockets of keys.
        let sockets: Vec<_> = sockets(&registry, 0..150).into_iter().chain(sockets(&registry, 0..50)).collect();
        for batch in [0, 1, 7, 100, 200, 201, usize::MAX] {
            let batches: Vec<_> = registry.mark_gradually(NEWS, batch).collect();
            let (last, full) = batches.split_last().unwrap();
            assert!(full.iter().all(|&marked| marked == batch.max(1)), "{batches:?}");
            assert_eq!((full.iter().sum::<usize>() + last, due(&sockets)), (200, 200));
            sockets.iter().for_each(|socket| _ = socket.take_due());
        }
    }
}

#[test]
fn nobody_is_marked_before_a_step_nor_after_the_last_one() {
    let registry = Registry::<u64>::new();
    assert_eq!(registry.mark_gradually(NEWS, 10).next(), None, "there is nobody");
    let sockets = sockets(&registry, 0..25);
    let mut steps = registry.mark_gradually(NEWS, 10);
    assert_eq!(due(&sockets), 0);
    assert_eq!((steps.next(), due(&sockets)), (Some(10), 10));
    drop(steps);
    assert_eq!(due(&sockets), 10);

    let mut steps = registry.mark_gradually(NEWS, 25);
    assert_eq!((steps.next(), due(&sockets)), (Some(25), 25));
    let _late = self::sockets(&registry, 25..30);
    steps.by_ref().for_each(drop);
    assert_eq!((steps.next(), steps.next()), (None, None));
}

/// Keys are taken over between two steps, by sockets in slots that the walk has passed.
#[test]
fn a_socket_that_takes_over_between_two_steps_is_marked() {
    type Mark = for<'a> fn(&'a Registry<u64>) -> Box<dyn Iterator<Item = usize> + 'a>;
    let all: Mark = |registry| Box::new(registry.mark_gradually(NEWS, 10));
    let chosen: Mark = |registry| Box::new(registry.mark_where_gradually(|_| true, NEWS, 10));
    for mark in [all, chosen] {
        let registry = Registry::<u64>::builder().shards(1).build().unwrap();
        // The first sockets of these keys stay in the table, the only ones of those in the slab.
        let _first = sockets(&registry, 0..100);
        let gone = sockets(&registry, 100..200);
        let old = sockets(&registry, 100..200);
        drop(gone);

        let mut steps = mark(&registry);
        let first_steps: usize = steps.by_ref().take(10).sum();
        assert_eq!((first_steps, due(&old)), (100, 0), "the table comes first");
        let new: Vec<_> = (100..200).map(|key| registry.register_taking_over(key, ()).unwrap()).collect();
        assert_eq!(due(&new), 0, "there was nothing to inherit");
        let rest: Vec<_> = steps.collect();
        assert_eq!(due(&new), 100);
        assert!(rest.iter().all(|&marked| marked <= 10), "{rest:?}");
    }
}

/// Those that stay are met once, whatever comes and goes between the steps, and the tables grow.
#[test]
fn churn_between_the_steps_keeps_nobody_from_being_met_once() {
    let registry = Registry::<u64>::builder().shards(1).build().unwrap();
    let stay = sockets(&registry, 0..300);
    let mut passing = sockets(&registry, 1_000..1_100);
    let mut met = BTreeSet::new();
    let steps = registry.mark_where_gradually(
        |socket| {
            assert!(met.insert(socket.id()), "met twice");
            true
        },
        NEWS,
        7,
    );
    for (step, _) in (0..).zip(steps) {
        passing.drain(..10.min(passing.len()));
        passing.extend(sockets(&registry, 2_000 + step * 100..2_000 + step * 100 + 50));
    }
    assert_eq!(due(&stay), 300);
    assert!(stay.iter().all(|socket| met.contains(&socket.id())));
}

#[test]
fn a_step_shows_a_batch_and_returns_how_many_were_chosen() {
    let registry = Registry::<u64>::builder().shards(1).build().unwrap();
    let sockets = sockets(&registry, 0..100);
    let (mut shown, mut steps) = (0, 0);
    let chosen: usize = registry
        .mark_where_gradually(
            |socket| {
                shown += 1;
                socket.key() % 10 == 0
            },
            NEWS,
            10,
        )
        .inspect(|_| steps += 1)
        .sum();
    assert_eq!((chosen, shown, steps, due(&sockets)), (10, 100, 10, 10));
    assert!(sockets.iter().all(|socket| socket.peek_due().is_empty() != (socket.key() % 10 == 0)));
}

#[test]
fn a_panic_of_the_closure_ends_its_step_alone() {
    let registry = Registry::<u64>::builder().shards(1).build().unwrap();
    let sockets = sockets(&registry, 0..20);
    let mut shown = 0;
    let mut steps = registry.mark_where_gradually(
        |_| {
            shown += 1;
            assert_ne!(shown, 5, "expected");
            true
        },
        NEWS,
        10,
    );
    catch_unwind(AssertUnwindSafe(|| steps.next())).unwrap_err();
    assert_eq!(due(&sockets), 4);
    assert_eq!(steps.collect::<Vec<_>>(), [10, 5]);
    assert_eq!(due(&sockets), 19);
}

#[test]
fn a_panic_of_a_waker_is_passed_on_when_its_batch_is_marked() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("expected");
        }
    }
    let registry = Registry::<u64>::builder().shards(1).build().unwrap();
    let mut sockets = sockets(&registry, 0..20);
    let (wakes, waker) = Wakes::new();
    let hostile = Waker::from(Arc::new(Panics));
    for (n, socket) in sockets.iter_mut().enumerate() {
        let waker = if n == 7 { &hostile } else { &waker };
        assert!(socket.poll_due(&mut Context::from_waker(waker)).is_pending());
    }
    let mut steps = registry.mark_gradually(NEWS, 10);
    let mut panicked = 0;
    while let Some(marked) = catch_unwind(AssertUnwindSafe(|| steps.next())).unwrap_or_else(|_| {
        panicked += 1;
        Some(10)
    }) {
        assert_eq!(marked, 10);
    }
    assert_eq!((panicked, due(&sockets), wakes.count()), (1, 20, 19));
}

/// A task of its own may repair, and let others run between two batches.
#[tokio::test]
async fn a_gradual_mark_may_be_spawned() {
    let registry = Registry::<u64>::new();
    let sockets = sockets(&registry, 0..25);
    let repair = registry.clone();
    let marked = tokio::spawn(async move {
        let mut marked = 0;
        for batch in repair.mark_gradually(NEWS, 10) {
            marked += batch;
            tokio::task::yield_now().await;
        }
        for batch in repair.mark_where_gradually(|socket| *socket.key() == 7, NEWS, 10) {
            marked += batch;
            tokio::task::yield_now().await;
        }
        marked
    });
    assert_eq!((marked.await.unwrap(), due(&sockets)), (26, 25));
}
