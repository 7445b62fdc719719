//! Tables that are used up or emptied, and sockets that were superseded: what they leave behind.

use super::takeover::{Ours, take_over};
use super::{Guarded, Key, check, check_up_to, key, registry};
use crate::Registry;
use crate::storage::fingerprint::Seeds;
use crate::storage::table::Table;
use crate::storage::table::insert::InsertOutcome;
use crate::util::append_list::AppendList;
use loom::sync::Arc;
use loom::thread;

fn linked(registry: &Registry<Key, Guarded>) -> usize {
    registry.shard(0).unwrap().tables.iter().count()
}

/// No bucket has a key, and each key and value was dropped in time: `Guarded` watches that.
fn assert_nothing_left(registry: &Registry<Key, Guarded>) {
    assert_eq!((registry.key_count(), registry.socket_count()), (0, 0));
    for table in registry.shard(0).unwrap().tables.iter() {
        assert!((0..table.bucket_count()).all(|bucket| !table.bucket(bucket).key_state.load().is_occupied()));
    }
}

/// A key is inserted into a table that is being retired: either the table is not empty, or the
/// insertion is refused.
#[test]
fn retirement_beside_insert() {
    check(|| {
        let table: Arc<Table<u8, ()>> = Arc::new(Table::new(0, 1, 1).unwrap());
        let fingerprint = Seeds::fixed().fingerprint(&1u8);
        let inserter = {
            let table = table.clone();
            thread::spawn(move || match table.insert(&fingerprint, 1) {
                InsertOutcome::Inserted(_, slot) => {
                    slot.give_up();
                    true
                }
                InsertOutcome::NoRoom(_) => false,
                InsertOutcome::Exists(..) => panic!("found what nobody inserted"),
            })
        };
        let is_empty = table.retire_some();
        assert!(is_empty != inserter.join().unwrap());
    });
}

/// Two threads retire a table in turns: what one of them has seen holds for the other.
#[test]
fn retirement_from_two_sides() {
    check(|| {
        let table: Arc<Table<u8, ()>> = Arc::new(Table::new(0, 6, 1).unwrap());
        let fingerprint = Seeds::fixed().fingerprint(&1u8);
        let retiring = {
            let table = table.clone();
            thread::spawn(move || table.retire_some())
        };
        let is_in = matches!(table.insert(&fingerprint, 1), InsertOutcome::Inserted(..));
        let is_empty = [(); 2].map(|()| table.retire_some())[1];
        assert!(!is_empty || !is_in);
        assert!(!retiring.join().unwrap() || !is_in);
    });
}

/// Two threads unlink neighbours while a walk passes: it meets those that stay.
#[test]
fn unlink_beside_unlink() {
    check(|| {
        let list = Arc::new(AppendList::default());
        for n in 0..4 {
            list.push(list.newest(), n);
        }
        let unlink = |list: &AppendList<u32>, value| {
            let mut segment = list.newest();
            while let Some(newer) = segment {
                if let Some(older) = newer.older().filter(|older| ***older == value) {
                    newer.unlink_older(older);
                }
                segment = newer.older();
            }
        };
        let values = |list: &AppendList<u32>| list.iter().map(|segment| **segment).collect::<Vec<_>>();
        let other = {
            let list = list.clone();
            thread::spawn(move || unlink(&list, 1))
        };
        unlink(&list, 2);
        let seen = values(&list);
        assert!(seen.first() == Some(&3) && seen.last() == Some(&0) && seen.is_sorted_by(|a, b| a > b), "{seen:?}");
        other.join().unwrap();
        unlink(&list, 2);
        unlink(&list, 1);
        assert_eq!(values(&list), [3, 0]);
    });
}

/// The last key of an old table leaves while other threads retire the table: a thread that
/// needs it finds it, then it goes.
#[test]
fn last_key_of_a_table_beside_its_retirement() {
    check(|| {
        let registry = registry();
        let old = registry.register(key(1)).unwrap();
        let (id, _newer) = (old.id(), [2, 3].map(|number| registry.register(key(number)).unwrap()));
        assert_eq!(linked(&registry), 2);
        drop(_newer);
        let leaver = {
            let registry = registry.clone();
            thread::spawn(move || {
                assert_eq!(registry.mark(&1), 1);
                assert!(registry.contains(old.id()));
                drop(old);
            })
        };
        for number in [4, 5] {
            drop(registry.register(key(number)).unwrap());
        }
        leaver.join().unwrap();
        drop(registry.register(key(6)).unwrap());
        assert_eq!(linked(&registry), 1);
        assert!(!registry.contains(id) && !registry.mark_socket(id));
        assert_nothing_left(&registry);
    });
}

/// A key flaps on both sides as its table is used up, and beyond every width after that: it is
/// registered every time, under ids of its own, in few buckets.
#[test]
fn flapping_as_a_table_is_used_up() {
    check(|| {
        let registry = registry();
        let flap = |registry: &Registry<Key, Guarded>, rounds| -> Vec<_> {
            (0..rounds).map(|_| registry.register(key(1)).unwrap().id()).collect()
        };
        let mut ids = flap(&registry, 5);
        let other = {
            let registry = registry.clone();
            thread::spawn(move || flap(&registry, 1))
        };
        ids.extend(flap(&registry, 1));
        ids.extend(other.join().unwrap());
        ids.extend(flap(&registry, 30));
        let count = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), count, "an id came twice");
        let newest = registry.shard(0).unwrap().tables.newest().unwrap();
        assert!(newest.bucket_count() <= 8, "{} buckets for a key", newest.bucket_count());
        assert!(linked(&registry) <= 2);
        assert_nothing_left(&registry);
    });
}

/// A superseded socket goes while another one is superseded: the key stays for both, and goes after
/// them.
#[test]
fn superseded_beside_superseded() {
    check(|| {
        let registry = registry();
        let first = registry.register(key(1)).unwrap();
        let second = take_over(&registry);
        let leaver = thread::spawn(move || drop(first));
        let third = take_over(&registry);
        drop(third);
        assert!(!registry.is_active(&1));
        second.key().1.look();
        leaver.join().unwrap();
        second.key().1.look();
        drop(second);
        assert_nothing_left(&registry);
    });
}

/// A takeover is superseded by another one, whose owner leaves: the key stays until both are done
/// with it.
#[test]
fn takeover_beside_takeover_that_leaves() {
    // With two preemptions it takes too long.
    check_up_to(1, || {
        let registry = registry();
        let _first = registry.register(key(1)).unwrap();
        let other = {
            let registry = registry.clone();
            thread::spawn(move || drop(take_over(&registry)))
        };
        let ours: Ours = take_over(&registry);
        ours.key().1.look();
        other.join().unwrap();
        ours.key().1.look();
        drop((ours, _first));
        assert_nothing_left(&registry);
    });
}

/// More superseded sockets than the key's state can count: they have one hold together.
#[test]
fn more_superseded_than_can_linger() {
    check(|| {
        let registry = registry();
        for _ in 0..2 {
            let old: Vec<_> = (0..20).map(|_| registry.register(key(1)).unwrap()).collect();
            let new = take_over(&registry);
            assert_eq!(registry.sockets_of(&1), [new.id()]);
            drop((old, new));
            assert_nothing_left(&registry);
        }
    });
}
