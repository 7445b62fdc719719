//! What a registry uses up, and what it was once filled with, costs no capacity: tables and slots
//! stay in proportion to what is there.

use std::collections::BTreeSet;

use socket_registry::{PresenceEvent, Registry, Socket, Stats};

fn one_shard() -> Registry<u64> {
    Registry::builder().shards(1).build().unwrap()
}

fn register(registry: &Registry<u64>, keys: impl IntoIterator<Item = u64>) -> Vec<Socket<u64>> {
    keys.into_iter().map(|key| registry.register(key).unwrap()).collect()
}

/// A key of many sockets, all superseded at the same time and then dropped, again and again. A
/// takeover once left a key that was counted as needed permanently, and its bucket with it: after
/// 16 rounds the table grew.
#[test]
fn superseded_sockets_of_a_key_leave_nothing_behind() {
    let registry = one_shard();
    let mut slots = 0;
    for round in 0..40 {
        let old: Vec<_> = (0..8_191).map(|_| registry.register(42).unwrap()).collect();
        let new = registry.register_taking_over(42, ()).unwrap();
        assert_eq!((registry.key_count(), registry.socket_count()), (1, 1));
        // In turns the new socket goes first or last.
        let (_first, _last): (Box<dyn Send>, Box<dyn Send>) =
            if round % 2 == 0 { (Box::new(old), Box::new(new)) } else { (Box::new(new), Box::new(old)) };
        drop(_first);
        drop(_last);
        let stats = registry.stats();
        assert_eq!((stats.tables, stats.retired_tables, stats.buckets), (1, 0, 32), "round {round}");
        slots = if round == 0 { stats.slots } else { slots };
        assert_eq!(stats.slots, slots, "round {round}");
    }
    assert_eq!((registry.key_count(), registry.socket_count()), (0, 0));
}

/// A hundred thousand, of which some outlive a second takeover.
#[test]
fn a_key_of_many_comes_back_to_nothing() {
    let registry = one_shard();
    let mut superseded = Vec::new();
    for _ in 0..2 {
        superseded.push((0..50_000).map(|_| registry.register(42).unwrap()).collect::<Vec<_>>());
        let new = registry.register_taking_over(42, ()).unwrap();
        assert_eq!(registry.mark(&42), 1);
        superseded.push(vec![new]);
    }
    assert_eq!(registry.count_of(&42), 1);
    assert!(superseded.iter().flatten().all(|socket| *socket.key() == 42));
    superseded.into_iter().for_each(drop);
    assert!(!registry.is_active(&42));
    let before = registry.stats();
    // The bucket and its slots serve the next key.
    let _next = [(); 3].map(|()| registry.register(42).unwrap());
    assert_eq!(registry.mark(&42), 3);
    let Stats { tables, buckets, slots, .. } = registry.stats();
    assert_eq!((tables, buckets, slots), (before.tables, before.buckets, before.slots));
}

/// Sockets of keys in tables of 32, 128 and 512 buckets: a list for each, and one key in the last.
fn in_three_tables(registry: &Registry<u64>) -> [Vec<Socket<u64>>; 3] {
    let mut sockets = [const { Vec::new() }; 3];
    for key in 0.. {
        let socket = registry.register(key).unwrap();
        let tables = registry.stats().tables;
        sockets[tables - 1].push(socket);
        if tables == 3 {
            break;
        }
    }
    sockets
}

/// As many keys as it takes to retire what can be retired, a few steps for each. None of those that
/// `in_three_tables` registers.
const MORE: std::ops::Range<u64> = 1_000..1_020;

#[test]
fn tables_that_were_replaced_are_retired_when_they_are_empty() {
    let registry = one_shard();
    let [oldest, middle, newest] = in_three_tables(&registry);
    let more = register(&registry, MORE);
    assert_eq!((registry.stats().tables, registry.stats().retired_tables), (3, 0), "all have keys");
    let gone: Vec<_> = oldest.iter().chain(&middle).map(Socket::id).collect();
    drop((oldest, middle, more));
    let more = register(&registry, MORE);
    assert_eq!((registry.stats().tables, registry.stats().retired_tables), (1, 2));
    assert_eq!(registry.stats().buckets, 512);
    for id in gone {
        assert!(!registry.contains(id) && !registry.mark_socket(id) && registry.with_socket(id, |_| ()).is_none());
    }
    for socket in newest.iter().chain(&more) {
        assert!(registry.contains(socket.id()));
        assert_eq!(registry.sockets_of(socket.key()), [socket.id()]);
    }
    assert!(registry.stats().addresses > 0.0 && registry.stats().addresses < 1e-6);
}

#[test]
fn a_table_with_a_key_stays() {
    let registry = one_shard();
    let [mut oldest, middle, _newest] = in_three_tables(&registry);
    oldest.truncate(1);
    drop(middle);
    let _more = register(&registry, MORE);
    assert_eq!((registry.stats().tables, registry.stats().retired_tables), (2, 1));
    assert_eq!(registry.mark(&0), 1);
    let joined = registry.register(0).unwrap();
    assert_eq!(registry.mark(&0), 2);
    drop((oldest, joined));
    assert!(!registry.is_active(&0));
    let _once_more = register(&registry, 2_000..2_020);
    assert_eq!((registry.stats().tables, registry.stats().retired_tables), (1, 2));
}

/// A walk that began before its table was retired goes on with the next older one.
#[test]
fn a_walk_goes_on_though_its_table_is_retired() {
    let registry = one_shard();
    let [mut oldest, middle, newest] = in_three_tables(&registry);
    let mut presence = registry.presence();
    let mut online = BTreeSet::new();
    let mut hear = |event| match event {
        PresenceEvent::Online { key, .. } => assert!(online.insert(key)),
        PresenceEvent::Offline { key, .. } => assert!(online.remove(&key)),
        other => panic!("{other:?}"),
    };
    // The newest table, and two keys of the middle one.
    for _ in 0..newest.len() + 2 {
        hear(presence.try_next().unwrap());
    }
    oldest.truncate(1);
    drop(middle);
    let more = register(&registry, MORE);
    assert_eq!((registry.stats().tables, registry.stats().retired_tables), (2, 1));
    while let Some(event) = presence.try_next() {
        hear(event);
    }
    assert_eq!(online, oldest.iter().chain(&newest).chain(&more).map(|socket| *socket.key()).collect());
}

/// The same for a walk that closes sockets, a few at a time.
#[test]
fn closing_goes_on_though_its_table_is_empty() {
    let registry = one_shard();
    let [oldest, middle, newest] = in_three_tables(&registry);
    let mut closing = registry.close_gradually(5);
    assert_eq!(closing.next(), Some(5));
    // The newest table has one key, so the walk is in the middle one.
    drop(middle);
    assert_eq!(closing.sum::<usize>(), oldest.len());
    assert!(oldest.iter().chain(&newest).all(Socket::is_closed));
}
