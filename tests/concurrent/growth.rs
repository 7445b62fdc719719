//! Growth: nothing moves, no thread waits, and no key or socket is lost or doubled on the way.

use std::collections::HashSet;
use std::thread;

use socket_registry::{Registry, Socket, Topics};
use testkit::{Over, both};

const KEYS: u64 = 20_000;

/// One shard, so that all of the keys meet in the same tables.
fn one_shard() -> Registry<u64> {
    Registry::builder().shards(1).build().unwrap()
}

#[test]
fn handles_and_ids_stay_good_through_growth() {
    let registry = one_shard();
    let sockets: Vec<Socket<u64>> = (0..KEYS).map(|key| registry.register(key).unwrap()).collect();
    assert_eq!(registry.key_count(), sockets.len());
    assert_eq!(sockets.iter().map(Socket::id).collect::<HashSet<_>>().len(), sockets.len());
    for (key, socket) in (0..KEYS).zip(&sockets) {
        assert_eq!(*socket.key(), key);
        assert!(registry.contains(socket.id()));
        assert_eq!(registry.sockets_of(&key), [socket.id()]);
        assert_eq!(registry.mark(&key), 1);
        assert_eq!(socket.take_due(), Topics::UPDATE);
    }
    let mut walked = HashSet::new();
    registry.for_each(|socket| assert!(walked.insert(socket.id()), "walked twice"));
    assert_eq!(walked.len(), sockets.len());
    drop(sockets);
    assert_eq!((registry.key_count(), registry.socket_count()), (0, 0));
}

#[test]
fn a_key_of_an_old_table_is_joined_there() {
    let registry = one_shard();
    let old: Vec<_> = (0..100).map(|key| registry.register(key).unwrap()).collect();
    let _growth: Vec<_> = (100..KEYS).map(|key| registry.register(key).unwrap()).collect();
    let joined: Vec<_> = (0..100).map(|key| registry.register(key).unwrap()).collect();
    assert_eq!(registry.key_count(), KEYS as usize);
    for (old, joined) in old.iter().zip(&joined) {
        assert_eq!(registry.mark(old.key()), 2);
        assert_eq!(old.take_due(), joined.take_due());
    }
    drop(old);
    for key in 0..100 {
        assert_eq!(registry.mark(&key), 1);
    }
    drop(joined);
    assert_eq!(registry.key_count(), KEYS as usize - 100);
}

/// Scenario 24: the same keys from both sides, through every growth.
#[test]
fn keys_inserted_from_both_sides_during_growth_are_one_each() {
    let registry = one_shard();
    let register_all = || -> Vec<_> { (0..KEYS).map(|key| registry.register(key).unwrap()).collect() };
    let (mine, theirs) = both(register_all, register_all);
    assert_eq!(registry.key_count(), KEYS as usize);
    assert_eq!(registry.socket_count(), 2 * KEYS as usize);
    for (mine, theirs) in mine.iter().zip(&theirs) {
        assert_eq!(registry.mark(mine.key()), 2, "key {}", mine.key());
        assert_eq!((mine.take_due(), theirs.take_due()), (Topics::UPDATE, Topics::UPDATE));
    }
    both(|| drop(mine), || drop(theirs));
    assert_eq!((registry.key_count(), registry.socket_count()), (0, 0));
}

/// G3 during growth: who is registered is reached by every mark, whatever grows around it.
#[test]
fn who_is_there_is_marked_throughout_growth() {
    let registry = one_shard();
    let there: Vec<_> = (0..20).map(|key| registry.register(key).unwrap()).collect();
    let growth = Over::default();
    thread::scope(|scope| {
        let marker = scope.spawn(|| {
            let mut rounds = 0;
            while !growth.is_over() || rounds == 0 {
                for key in 0..20 {
                    assert_eq!(registry.mark(&key), 1, "key {key} was not found");
                    assert!(registry.is_active(&key));
                }
                rounds += 1;
            }
        });
        {
            let _over = growth.at_the_end();
            let newcomers: Vec<_> = (20..KEYS)
                .map(|key| {
                    let socket = registry.register(key).unwrap();
                    assert_eq!(registry.mark(&key), 1, "who has just registered is reachable");
                    socket
                })
                .collect();
            assert_eq!(registry.key_count(), newcomers.len() + there.len());
        }
        marker.join().expect("a mark missed its socket");
    });
    assert!(there.iter().all(|socket| socket.take_due() == Topics::UPDATE));
    assert_eq!(registry.socket_count(), there.len());
}

/// Growth of one key's chain instead of the tables.
#[test]
fn a_key_may_have_many_sockets() {
    let registry = Registry::<u64>::builder().shards(1).max_sockets_per_key(3_000).build().unwrap();
    let (mine, theirs) = both(
        || -> Vec<_> { (0..1_500).map(|_| registry.register(42).unwrap()).collect() },
        || -> Vec<_> { (0..1_500).map(|_| registry.register(42).unwrap()).collect() },
    );
    assert!(registry.register(42).is_err());
    assert_eq!((registry.key_count(), registry.socket_count()), (1, 3_000));
    assert_eq!(registry.mark(&42), 3_000);
    assert!(mine.iter().chain(&theirs).all(|socket| socket.take_due() == Topics::UPDATE));
    both(|| drop(mine), || drop(theirs));
    assert!(!registry.is_active(&42));
}
