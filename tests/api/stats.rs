//! `Registry::stats`: each number counts what it says, on every way that leads there, and nothing
//! twice.

use std::task::{Context, Waker};
use std::thread;

use socket_registry::{Registry, Stats, Topics};

const NEWS: Topics = Topics::topic(1);

/// `marks`, of which `coalesced`.
fn marks(registry: &Registry<u64>) -> (u64, u64) {
    let Stats { marks, coalesced, .. } = registry.stats();
    (marks, coalesced)
}

#[test]
fn nothing_was_done() {
    assert_eq!(Registry::<u64>::new().stats(), Stats::default());
}

#[test]
fn every_way_of_marking_counts_each_socket_once() {
    let registry = Registry::<u64>::new();
    // One socket, in the short way; three, in a chain.
    let _single = registry.register(1).unwrap();
    let several: Vec<_> = (0..3).map(|_| registry.register(2).unwrap()).collect();
    registry.mark(&1);
    assert_eq!(marks(&registry), (1, 0));
    registry.mark(&1);
    assert_eq!(marks(&registry), (2, 1));
    registry.mark_topics(&1, Topics::UPDATE | NEWS);
    assert_eq!(marks(&registry), (3, 1), "one of the topics is new");
    registry.mark(&2);
    assert_eq!(marks(&registry), (6, 1));
    registry.mark_socket(several[1].id());
    registry.mark_socket_topics(several[1].id(), NEWS);
    assert_eq!(marks(&registry), (8, 2));
    registry.mark_many(&[1, 2, 3]);
    assert_eq!(marks(&registry), (12, 6));
    registry.mark_all();
    assert_eq!(marks(&registry), (16, 10));
    registry.mark_where_topics(|socket| *socket.key() == 2, NEWS);
    assert_eq!(marks(&registry), (19, 11));
    registry.mark_topics(&2, Topics::EMPTY);
    assert_eq!(marks(&registry), (22, 14));
    registry.mark(&3);
    registry.close();
    assert_eq!(marks(&registry), (22, 14), "of nobody, and of what is no mark");
    assert_eq!(registry.stats().wakes, 0);
}

#[test]
fn who_waits_and_is_woken_counts() {
    let registry = Registry::<u64>::new();
    let mut socket = registry.register(1).unwrap();
    let mut cx = Context::from_waker(Waker::noop());
    assert!(socket.poll_due(&mut cx).is_pending());
    registry.mark(&1);
    registry.mark(&1);
    assert_eq!((marks(&registry), registry.stats().wakes), ((2, 1), 1));
    assert!(socket.poll_due(&mut cx).is_ready());
    assert!(socket.poll_due(&mut cx).is_pending());
    registry.close();
    assert_eq!(registry.stats().wakes, 2);
}

#[test]
fn those_that_come_go_and_are_refused() {
    let registry = Registry::<u64>::builder().max_sockets(3).max_sockets_per_key(2).build().unwrap();
    let pair = [(); 2].map(|()| registry.register(1).unwrap());
    registry.register(1).unwrap_err();
    let third = registry.register(2).unwrap();
    registry.register(3).unwrap_err();
    drop(third);
    let Stats { registrations, removals, refusals, .. } = registry.stats();
    assert_eq!((registrations, removals, refusals), (3, 1, 2));
    drop(pair);
    registry.close();
    registry.register(1).unwrap_err();
    let Stats { registrations, removals, refusals, takeovers, .. } = registry.stats();
    assert_eq!((registrations, removals, refusals, takeovers), (3, 3, 2, 0), "closed is not a limit");
}

#[test]
fn a_takeover_counts_the_sockets_that_it_ends() {
    let registry = Registry::<u64>::new();
    let alone = registry.register_taking_over(1, ()).unwrap();
    assert_eq!(registry.stats().takeovers, 0, "there was no socket to end");
    let other = registry.register(1).unwrap();
    let _new = registry.register_taking_over(1, ()).unwrap();
    assert!(alone.is_closed() && other.is_closed());
    assert_eq!(registry.stats().takeovers, 2);
}

#[test]
fn what_is_given_back_or_handed_on_is_no_mark() {
    let registry = Registry::<u64>::new();
    let old = registry.register(1).unwrap();
    registry.mark(&1);
    old.restore_due(old.take_due());
    let new = registry.register_taking_over(1, ()).unwrap();
    old.restore_due(new.take_due());
    let others = [(); 2].map(|()| registry.register(1).unwrap());
    drop(new);
    old.restore_due(Topics::UPDATE);
    assert!(others.iter().all(|other| other.take_due() == Topics::UPDATE));
    assert_eq!(marks(&registry), (1, 0));
}

#[test]
fn ids_that_met_nobody() {
    let registry = Registry::<u64>::new();
    let socket = registry.register(1).unwrap();
    let id = socket.id();
    assert!(registry.contains(id) && registry.mark_socket_topics(id, NEWS));
    assert_eq!(registry.with_socket(id, |_| ()), Some(()));
    socket.restore_due(NEWS);
    assert_eq!(registry.stats().stale_ids, 0);
    drop(socket);
    assert!(!registry.contains(id) && !registry.mark_socket_topics(id, NEWS));
    assert_eq!(registry.with_socket(id, |_| ()), None);
    assert_eq!(registry.stats().stale_ids, 3);
}

#[test]
fn tables_grow_and_fill() {
    let registry = Registry::<u64>::builder().shards(1).build().unwrap();
    let first = registry.register(0).unwrap();
    let small = registry.stats();
    assert_eq!((small.tables, small.slots), (1, 0));
    assert_eq!(small.load, 1.0 / small.buckets as f64);
    let _more: Vec<_> = (0..small.buckets as u64 + 1).map(|n| registry.register(1 + n).unwrap()).collect();
    let _second = registry.register(0).unwrap();
    let large = registry.stats();
    assert!(large.tables > 1 && large.buckets > 2 * small.buckets && large.slots > 0, "{large:?}");
    assert_eq!(large.load, registry.key_count() as f64 / large.buckets as f64);
    drop(first);
}

#[test]
fn no_mark_is_lost_between_threads() {
    const MARKS: u64 = 20_000;
    let registry = Registry::<u64>::builder().shards(1).build().unwrap();
    let socket = registry.register(1).unwrap();
    let taken = thread::scope(|scope| {
        let markers = [(); 2].map(|()| scope.spawn(|| (0..MARKS).for_each(|_| assert_eq!(registry.mark(&1), 1))));
        let mut taken = 0;
        while !markers.iter().all(|marker| marker.is_finished()) {
            taken += u64::from(!socket.take_due().is_empty());
        }
        taken
    });
    let taken = taken + u64::from(!socket.take_due().is_empty());
    let (marks, coalesced) = marks(&registry);
    assert_eq!((marks, marks - coalesced), (2 * MARKS, taken), "each take is of one mark that changed something");
}

/// What a walk costs: it looks at the groups in use, and at no other.
#[test]
fn a_walk_looks_at_few_groups_after_a_peak() {
    let registry = Registry::<u64>::new();
    assert_eq!(registry.stats().groups_in_use, 0);
    // Every key has two sockets, so that slots are in use as well.
    let mut sockets: Vec<_> = (0..100_000).map(|n| registry.register(n / 2).unwrap()).collect();
    assert!(registry.stats().groups_in_use >= 100_000 / 16);
    sockets.truncate(10);
    let groups = registry.stats().groups_in_use;
    assert!((1..=10).contains(&groups), "{groups} groups for 10 sockets");
    assert_eq!(registry.mark_all(), 10);
    drop(sockets);
    assert_eq!(registry.stats().groups_in_use, 0);
}

#[test]
fn a_walk_looks_at_few_groups_of_a_large_registry() {
    let registry = Registry::<u64>::builder().max_sockets(10_000_000).build().unwrap();
    let _sockets: Vec<_> = (0..1_000).map(|n| registry.register(n).unwrap()).collect();
    let groups = registry.stats().groups_in_use;
    assert!(groups <= 1_000, "{groups} groups for 1,000 sockets");
    assert_eq!(registry.mark_all(), 1_000);
}
