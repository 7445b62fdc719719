//! Keys that come and go: the table, the key's state, growth and limits.

use super::{check, check_up_to, is_due, key, limited, race, registry, rival};
use crate::RegisterError;
use loom::thread;

/// Two registrations of a new key make one key with two sockets.
#[test]
fn two_inserts_of_one_key() {
    check(|| {
        let registry = registry();
        let other = {
            let registry = registry.clone();
            thread::spawn(move || registry.register(key(1)).unwrap())
        };
        let socket = registry.register(key(1)).unwrap();
        let other = other.join().unwrap();
        assert_eq!((registry.key_count(), registry.socket_count()), (1, 2));
        assert_eq!(registry.mark(&1), 2);
        // Nor is the key hidden by what the loser left behind.
        let third = registry.register(key(1)).unwrap();
        assert_eq!((registry.key_count(), registry.socket_count()), (1, 3));
        drop((socket, other, third));
        assert_eq!((registry.key_count(), registry.socket_count()), (0, 0));
        assert_eq!(registry.mark(&1), 0);
    });
}

/// Two new keys with the same home, both found.
#[test]
fn two_inserts_of_colliding_keys() {
    check(|| {
        let registry = registry();
        let other = {
            let registry = registry.clone();
            thread::spawn(move || registry.register(key(2)).unwrap())
        };
        let _socket = registry.register(key(1)).unwrap();
        let _other = other.join().unwrap();
        assert_eq!((registry.key_count(), registry.socket_count()), (2, 2));
        assert_eq!((registry.mark(&1), registry.mark(&2)), (1, 1));
    });
}

/// The last socket of a key leaves while another one joins: the joiner is reached.
#[test]
fn last_leaves_first_joins() {
    check(|| {
        let registry = registry();
        let first = registry.register(key(1)).unwrap();
        let leaver = thread::spawn(move || drop(first));
        let mut joiner = registry.register(key(1)).unwrap();
        assert!((1..=2).contains(&registry.mark(&1)));
        assert!(is_due(&mut joiner));
        leaver.join().unwrap();
        assert_eq!((registry.key_count(), registry.socket_count()), (1, 1));
        assert_eq!(registry.sockets_of(&1), [joiner.id()]);
    });
}

/// A key leaves, and another one takes its bucket, concurrent with a mark of the former: the latter
/// is not marked.
#[test]
fn bucket_reused_beside_mark() {
    check(|| {
        let registry = registry();
        let first = registry.register(key(1)).unwrap();
        let marker = {
            let registry = registry.clone();
            thread::spawn(move || registry.mark(&1))
        };
        drop(first);
        let mut others = [registry.register(key(2)).unwrap(), registry.register(key(3)).unwrap()];
        assert!(marker.join().unwrap() <= 1);
        assert!(others.iter_mut().all(|socket| !is_due(socket)));
    });
}

/// A key leaves, and another one takes its bucket, concurrent with a list of the former's sockets:
/// the latter's are not in it.
#[test]
fn bucket_reused_beside_list() {
    check(|| {
        let registry = registry();
        let first = registry.register(key(1)).unwrap();
        let id = first.id();
        let lister = {
            let registry = registry.clone();
            thread::spawn(move || registry.sockets_of(&1))
        };
        drop(first);
        let _others = [registry.register(key(2)).unwrap(), registry.register(key(3)).unwrap()];
        assert!(lister.join().unwrap().into_iter().all(|listed| listed == id));
    });
}

/// A key leaves, and another one takes its bucket, concurrent with a registration of the former,
/// which has found the bucket: the two are not confused.
#[test]
fn bucket_reused_beside_join() {
    check(|| {
        let (registry, rival) = (registry(), rival(1));
        let first = registry.register(key(1)).unwrap();
        let joiner = {
            let registry = registry.clone();
            thread::spawn(move || registry.register(key(1)).unwrap())
        };
        drop(first);
        let second = registry.register(key(rival)).unwrap();
        let first = joiner.join().unwrap();
        assert_eq!((first.key().0, second.key().0), (1, rival));
        assert_eq!((registry.mark(&1), registry.mark(&rival)), (1, 1));
    });
}

/// A key leaves, and another one is put into its bucket but not decided on yet, concurrent with a
/// lookup of the latter: once it is found it stays.
#[test]
fn bucket_reused_beside_lookup() {
    check(|| {
        let (registry, rival) = (registry(), rival(1));
        let first = registry.register(key(rival)).unwrap();
        let looker = {
            let registry = registry.clone();
            thread::spawn(move || (registry.is_active(&1), registry.is_active(&1)))
        };
        drop(first);
        let _second = registry.register(key(1)).unwrap();
        let (before, after) = looker.join().unwrap();
        assert!(after || !before, "found before it was there");
    });
}

/// A key is inserted while another one with the same home leaves and comes back.
#[test]
fn insert_beside_vacate() {
    check(|| {
        let registry = registry();
        let first = registry.register(key(1)).unwrap();
        let other = {
            let registry = registry.clone();
            thread::spawn(move || {
                drop(first);
                registry.register(key(1)).unwrap()
            })
        };
        let _second = registry.register(key(2)).unwrap();
        let _first = other.join().unwrap();
        assert_eq!((registry.mark(&1), registry.mark(&2)), (1, 1));
        assert_eq!(registry.key_count(), 2);
    });
}

/// A key that is registered before a lookup begins is found, whatever leaves the bucket before its
/// own, or takes it.
#[test]
fn lookup_beside_insert() {
    check(|| {
        let before = rival(1);
        let registry = registry();
        let first = registry.register(key(before)).unwrap();
        let _there = registry.register(key(1)).unwrap();
        let looker = {
            let registry = registry.clone();
            thread::spawn(move || {
                assert!(registry.is_active(&1));
                assert_eq!(registry.mark(&1), 1);
            })
        };
        drop(first);
        let _second = registry.register(key(before)).unwrap();
        looker.join().unwrap();
    });
}

/// The table is full, and the same new key comes from both sides: one key, in the new table.
#[test]
fn growth_beside_insert_of_the_same_key() {
    check(|| {
        let registry = registry();
        let _full = [registry.register(key(1)).unwrap(), registry.register(key(2)).unwrap()];
        let other = {
            let registry = registry.clone();
            thread::spawn(move || registry.register(key(3)).unwrap())
        };
        let _socket = registry.register(key(3)).unwrap();
        let _other = other.join().unwrap();
        assert_eq!((registry.key_count(), registry.mark(&3)), (3, 2));
    });
}

/// One inserter has claimed the last bucket of the old table when another one, for want of it, goes
/// on to a new table and inserts the same key there: one of the two insertions counts.
#[test]
fn growth_beside_insert_into_the_old_table() {
    for old_first in [true, false] {
        check_up_to(1, move || {
            let registry = registry();
            let _half = registry.register(key(2)).unwrap();
            let (old, new) = (registry.clone(), registry.clone());
            let grow = move || [3, 1].map(|of| new.register(key(of)).unwrap());
            let _sockets = race(old_first, move || old.register(key(1)).unwrap(), grow);
            assert_eq!((registry.key_count(), registry.socket_count()), (3, 4));
            assert_eq!((registry.mark(&1), registry.mark(&2), registry.mark(&3)), (2, 1, 1));
        });
    }
}

/// A key of the old table is found while a new one is put on top.
#[test]
fn growth_beside_lookup() {
    check(|| {
        let registry = registry();
        let _full = [registry.register(key(1)).unwrap(), registry.register(key(2)).unwrap()];
        let looker = {
            let registry = registry.clone();
            thread::spawn(move || (registry.mark(&1), registry.mark(&2)))
        };
        let _third = registry.register(key(3)).unwrap();
        assert_eq!(looker.join().unwrap(), (1, 1));
    });
}

/// Of two registrations at a limit of one socket per key one succeeds.
#[test]
fn limit_per_key() {
    check(|| {
        let registry = limited(100, 1);
        let other = {
            let registry = registry.clone();
            thread::spawn(move || registry.register(key(1)))
        };
        let socket = registry.register(key(1));
        let other = other.join().unwrap();
        assert!(socket.is_ok() != other.is_ok());
        assert_eq!(socket.as_ref().err().or(other.as_ref().err()), Some(&RegisterError::KeyFull));
        assert_eq!(registry.socket_count(), 1);
        drop((socket, other));
        assert!(registry.register(key(1)).is_ok());
    });
}

/// Of two registrations for the last place of a key that is there already one succeeds.
#[test]
fn two_joins_at_the_limit_per_key() {
    check(|| {
        let registry = limited(100, 2);
        let _there = registry.register(key(1)).unwrap();
        let other = {
            let registry = registry.clone();
            thread::spawn(move || registry.register(key(1)))
        };
        let socket = registry.register(key(1));
        let other = other.join().unwrap();
        assert!(socket.is_ok() != other.is_ok());
        assert_eq!(registry.socket_count(), 2);
    });
}

/// Of two registrations of different keys for the last free place one succeeds, and a place that
/// was freed before is not refused.
#[test]
fn limit_of_all() {
    check(|| {
        let registry = limited(1, 100);
        let other = {
            let registry = registry.clone();
            thread::spawn(move || registry.register(key(1)))
        };
        let socket = registry.register(key(2));
        let other = other.join().unwrap();
        assert!(socket.is_ok() != other.is_ok());
        assert_eq!(socket.as_ref().err().or(other.as_ref().err()), Some(&RegisterError::Full));
        drop((socket, other));
        assert!(registry.register(key(3)).is_ok());
    });
}

/// Permits move between shards concurrent with a registration that looks for one: with one free all
/// the time it is not refused.
#[test]
fn permits_that_move() {
    use crate::shard::totals::Totals;
    use loom::sync::Arc;
    check(|| {
        let totals = Arc::new(Totals::new(2, 2));
        assert!(totals.acquire_permit(0) && totals.acquire_permit(1));
        let _ = totals.shard(0).release_permit();
        let mover = {
            let totals = totals.clone();
            thread::spawn(move || {
                // One permit is free before, between and after these.
                let _ = totals.shard(1).release_permit();
                assert!(totals.acquire_permit(0));
            })
        };
        assert!(totals.acquire_permit(1), "refused with a permit free");
        mover.join().unwrap();
    });
}

/// One free permit moves to and fro, so that a look at all shards finds none, nor counts any. Each
/// of its moves comes between two steps of the registration: five preemptions.
#[test]
fn permit_that_moves_thrice() {
    use crate::shard::totals::Totals;
    use loom::sync::Arc;
    check_up_to(5, || {
        let totals = Arc::new(Totals::new(2, 3));
        assert!(totals.acquire_permit(0) && totals.acquire_permit(0));
        let mover = {
            let totals = totals.clone();
            thread::spawn(move || {
                for (to, from) in [(0, 1), (1, 0), (0, 1)] {
                    let _ = totals.shard(to).release_permit();
                    assert!(totals.acquire_permit(from));
                }
            })
        };
        assert!(totals.acquire_permit(0), "refused with a permit free");
        mover.join().unwrap();
    });
}

/// A socket leaves one line while another one comes to the other line: there is always one, so it
/// is never said that there is none.
#[test]
fn empty_beside_permit_that_moves() {
    use crate::shard::totals::Totals;
    use loom::sync::Arc;
    check(|| {
        let totals = Arc::new(Totals::new(2, 2));
        assert!(totals.acquire_permit(1));
        let mover = {
            let totals = totals.clone();
            thread::spawn(move || {
                assert!(totals.acquire_permit(0));
                let _ = totals.shard(1).release_permit();
            })
        };
        assert!(!totals.is_empty(), "empty, though there always was a socket");
        mover.join().unwrap();
        let _ = totals.shard(0).release_permit();
        assert!(totals.is_empty());
    });
}

/// Counts are exact at rest, and in between never less than there were.
#[test]
fn counts_beside_churn() {
    check(|| {
        let registry = registry();
        let first = registry.register(key(1)).unwrap();
        let reader = {
            let registry = registry.clone();
            thread::spawn(move || assert!(registry.key_count() <= 1 && registry.socket_count() <= 1))
        };
        drop(first);
        drop(registry.register(key(1)).unwrap());
        reader.join().unwrap();
        assert_eq!((registry.key_count(), registry.socket_count()), (0, 0));
    });
}

/// The same where the key goes idle on one side and active on the other.
#[test]
fn counts_beside_crossing_churn() {
    check(|| {
        let registry = registry();
        let first = registry.register(key(1)).unwrap();
        let other = {
            let registry = registry.clone();
            thread::spawn(move || drop(registry.register(key(1)).unwrap()))
        };
        drop(first);
        assert!(registry.key_count() <= 1 && registry.socket_count() <= 1);
        other.join().unwrap();
        assert_eq!((registry.key_count(), registry.socket_count()), (0, 0));
    });
}

/// The last socket of a key leaves while another one joins: the key is counted once at most.
#[test]
fn counts_beside_last_leaves_first_joins() {
    check(|| {
        let registry = registry();
        let first = registry.register(key(1)).unwrap();
        let leaver = thread::spawn(move || drop(first));
        let _joiner = registry.register(key(1)).unwrap();
        // The one that leaves may be about to count the key out.
        assert!((1..=2).contains(&registry.key_count()));
        assert!((1..=2).contains(&registry.socket_count()));
        leaver.join().unwrap();
        assert_eq!((registry.key_count(), registry.socket_count()), (1, 1));
    });
}
