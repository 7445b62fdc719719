//! One table by itself.

use super::{check, check_up_to};
use crate::storage::fingerprint::{Fingerprint, Seeds};
use crate::storage::table::Table;
use crate::storage::table::home::HOME_PAIRS;
use crate::storage::table::insert::InsertOutcome;
use crate::storage::table::key_state::AfterLeave;
use crate::sync::full_fence;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, Ordering::Relaxed};
use loom::thread;

/// Who helps an insertion is overtaken by it: the key goes, and its bucket is claimed anew. The
/// helper leaves the new claim alone.
///
/// Three preemptions: the inserter before its insertion is visible, the helper, and the inserter
/// with the bucket claimed.
#[test]
fn bucket_claimed_anew_beside_help() {
    check_up_to(3, || {
        let table: Arc<Table<u8, ()>> = Arc::new(Table::new(0, 1, 1).unwrap());
        let fingerprint = Seeds::fixed().fingerprint(&1u8);
        let helper = {
            let table = table.clone();
            thread::spawn(move || drop(table.seal_and_find(&fingerprint)))
        };
        if let InsertOutcome::Inserted(bucket, slot) = table.insert(&fingerprint, 1) {
            slot.give_up();
            leave(&table, bucket.index());
            match table.insert(&fingerprint, 1) {
                InsertOutcome::Inserted(_, slot) => slot.give_up(),
                InsertOutcome::NoRoom(_) => {}
                InsertOutcome::Exists(..) => panic!("found what was not decided"),
            }
        }
        helper.join().unwrap();
    });
}

/// Two insert a key that was there before, in the second bucket of its pair: this bucket is vacant
/// and has its identity. The first bucket becomes vacant meanwhile, so the two may choose different
/// ones. One of them inserts the key.
#[test]
fn two_inserts_of_a_key_that_was_there() {
    check(|| {
        let table: Arc<Table<u8, ()>> = Arc::new(Table::new(0, 1, 1).unwrap());
        let [before, gone] = [2, 1].map(|key| insert(&table, key).unwrap());
        leave(&table, gone);
        let other = {
            let table = table.clone();
            thread::spawn(move || {
                leave(&table, before);
                insert(&table, 1).is_some()
            })
        };
        let is_first = insert(&table, 1).is_some();
        assert_ne!(is_first, other.join().unwrap(), "inserted twice, or by nobody");
    });
}

/// One thread inserts a key, another one closes the table for it and looks: the key is found, or
/// was refused.
#[test]
fn closed_beside_insert() {
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
                _ => false,
            })
        };
        let found = table.seal_and_find(&fingerprint).is_some();
        assert_eq!(inserter.join().unwrap(), found);
    });
}

/// The only socket of the key in the bucket leaves.
fn leave(table: &Table<u8, ()>, bucket: u32) {
    let bucket = table.bucket(bucket);
    let key_state = &bucket.key_state;
    assert_eq!(key_state.leave(key_state.load(), false).ok(), Some(AfterLeave::VacateBucket));
    bucket.vacate();
}

/// Inserts the key; returns its bucket if it was not there and there is room.
fn insert(table: &Table<u8, ()>, key: u8) -> Option<u32> {
    match table.insert(&fingerprint(key), key) {
        InsertOutcome::Inserted(bucket, slot) => {
            slot.give_up();
            Some(bucket.index())
        }
        _ => None,
    }
}

fn fingerprint(key: u8) -> Fingerprint {
    Seeds::fixed().fingerprint(&key)
}

/// The keys whose searches begin in that pair of a table with so many pairs.
pub(super) fn keys_of(pair: usize, pairs: u64) -> impl Iterator<Item = u8> {
    (0..=u8::MAX).filter(move |&key| (u128::from(fingerprint(key).hash) * u128::from(pairs)) >> 64 == pair as u128)
}

/// A table with two keys in its first pair, each with its bucket, and further keys whose searches
/// begin in that pair.
fn table_with_full_pair(pairs: usize, bound: u32) -> (Arc<Table<u8, ()>>, [u32; 2], impl Iterator<Item = u8>) {
    let table = Arc::new(Table::new(0, pairs, bound).unwrap());
    let mut keys = keys_of(0, pairs as u64);
    let there = [(); 2].map(|()| insert(&table, keys.next().unwrap()).unwrap());
    assert!(there.iter().all(|bucket| bucket / 2 == 0), "both are in the first pair");
    (table, there, keys)
}

/// Two threads insert a key whose first pair is full. Meanwhile a bucket of that pair becomes
/// vacant: one of the two finds what the other one inserted.
#[test]
fn two_inserts_of_a_displaced_key() {
    check(|| {
        let (table, [first, _], mut keys) = table_with_full_pair(2, 1);
        let key = keys.next().unwrap();
        let other = {
            let table = table.clone();
            thread::spawn(move || insert(&table, key))
        };
        leave(&table, first);
        let inserted = insert(&table, key);
        let others = other.join().unwrap();
        assert!(inserted.is_some() != others.is_some());
        assert!(table.find(&fingerprint(key)).is_some());
        leave(&table, inserted.or(others).unwrap());
        assert!(table.has_none_displaced(), "nor did the other one leave a trace");
    });
}

/// A displaced key is found all the time, while another one of the same pair leaves, and a
/// third one comes: to a pair beyond theirs.
#[test]
fn displaced_key_beside_displaced_keys() {
    check(|| {
        let (table, _, mut keys) = table_with_full_pair(4, 2);
        let [stays, goes, comes] = [(); 3].map(|()| keys.next().unwrap());
        let leaver = insert(&table, goes).unwrap();
        insert(&table, stays).unwrap();
        let is_there = |table: &Table<u8, ()>, key| table.find(&fingerprint(key)).is_some();
        let other = {
            let table = table.clone();
            thread::spawn(move || {
                insert(&table, comes).unwrap();
                assert!(is_there(&table, stays) && is_there(&table, comes));
            })
        };
        leave(&table, leaver);
        other.join().unwrap();
        assert!(is_there(&table, stays) && is_there(&table, comes) && !is_there(&table, goes));
    });
}

/// The last displaced key of a pair leaves while another one comes: that one is found.
#[test]
fn displaced_key_beside_the_last_displaced_key() {
    check(|| {
        let (table, _, mut keys) = table_with_full_pair(2, 1);
        let [goes, comes] = [(); 2].map(|()| keys.next().unwrap());
        let leaver = insert(&table, goes).unwrap();
        let other = {
            let table = table.clone();
            thread::spawn(move || insert(&table, comes).is_some())
        };
        leave(&table, leaver);
        assert!(other.join().unwrap());
        assert!(table.find(&fingerprint(comes)).is_some());
    });
}

/// A displaced key leaves, and a key that is in its own first pair takes the bucket and leaves: the
/// words say that no key is displaced.
#[test]
fn displaced_key_beside_its_successor() {
    check(|| {
        let (table, _, mut keys) = table_with_full_pair(2, 1);
        let leaver = insert(&table, keys.next().unwrap()).unwrap();
        let mut at_home = keys_of(1, 2);
        let _neighbour = insert(&table, at_home.next().unwrap()).unwrap();
        let successor = at_home.next().unwrap();
        let other = {
            let table = table.clone();
            // Refused as long as the bucket is not vacant.
            thread::spawn(move || insert(&table, successor).map(|bucket| leave(&table, bucket)))
        };
        leave(&table, leaver);
        let _ = other.join().unwrap();
        assert!(table.has_none_displaced());
    });
}

/// A displaced key leaves, and a key of another pair, which is further away, takes the bucket: that
/// one is found, and when it leaves the words say that no key is displaced.
#[test]
fn displaced_key_beside_one_of_another_pair() {
    check(|| {
        let table: Arc<Table<u8, ()>> = Arc::new(Table::new(0, 4, 2).unwrap());
        let mut keys = [0, 1, 2, 3].map(|pair| keys_of(pair, 4));
        let mut next = |pair: usize| keys[pair].next().unwrap();
        let buckets = [0, 0, 1, 0, 2, 2, 3, 3].map(|pair| insert(&table, next(pair)).unwrap());
        assert_eq!(buckets, [0, 1, 2, 3, 4, 5, 6, 7], "the second key of the second pair is displaced");
        let further = next(2);
        let other = {
            let table = table.clone();
            // Refused as long as the bucket is not vacant.
            thread::spawn(move || insert(&table, further))
        };
        leave(&table, 3);
        if let Some(bucket) = other.join().unwrap() {
            assert!(bucket == 3 && table.find(&fingerprint(further)).is_some());
            leave(&table, bucket);
        }
        assert!(table.has_none_displaced());
    });
}

/// A displaced key leaves, and another thread inserts it again, in its first pair, after it saw no
/// more than that the bit is clear: after a fence that thread sees what came before the key left.
#[test]
fn what_came_before_a_displaced_key_left() {
    check(|| {
        let (table, [first, _], mut keys) = table_with_full_pair(2, 1);
        let key = keys.next().unwrap();
        let displaced = insert(&table, key).unwrap();
        leave(&table, first);
        let written = Arc::new(AtomicU32::new(0));
        let leaver = {
            let (table, written) = (table.clone(), written.clone());
            thread::spawn(move || {
                // Ordering: Relaxed. The bit passes it on.
                written.store(1, Relaxed);
                leave(&table, displaced);
            })
        };
        let inserted = insert(&table, key);
        full_fence();
        // Ordering: Relaxed: see the fence.
        assert!(inserted.is_none() || written.load(Relaxed) == 1);
        leaver.join().unwrap();
    });
}

/// A key is inserted into a table that another thread seals and gives its filters: the key is found
/// there, or was refused.
#[test]
fn filter_beside_insert() {
    check(|| {
        let (table, buckets, mut keys) = table_with_full_pair(HOME_PAIRS + 1, 1);
        let [displaced, sought] = [(); 2].map(|()| keys.next().unwrap());
        let other = {
            let table = table.clone();
            thread::spawn(move || insert(&table, displaced).is_some())
        };
        buckets.iter().for_each(|&bucket| leave(&table, bucket));
        assert!(table.seal_and_find(&fingerprint(sought)).is_none());
        assert_eq!(other.join().unwrap(), table.find_superseded(&fingerprint(displaced)).is_some());
    });
}
