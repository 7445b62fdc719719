#![cfg(not(any(socket_registry_loom, socket_registry_shuttle)))]

use super::*;
use crate::storage::fingerprint::Seeds;

/// A table of one pair, with the keys given inserted.
fn table_with(keys: &[u64]) -> Table<u64, ()> {
    let table = Table::new(0, 1, 0).unwrap();
    keys.iter().for_each(|&key| assert!(is_inserted(&table, key)));
    table
}

fn fingerprint(key: u64) -> Fingerprint {
    Seeds::fixed().fingerprint(&key)
}

/// Whether the key was not there, and there was room.
fn is_inserted(table: &Table<u64, ()>, key: u64) -> bool {
    match table.insert(&fingerprint(key), key) {
        InsertOutcome::Inserted(_, slot) => {
            slot.give_up();
            true
        }
        InsertOutcome::Exists(..) | InsertOutcome::NoRoom(_) => false,
    }
}

/// The key leaves, and its bucket is vacant.
fn remove(table: &Table<u64, ()>, key: u64) {
    let found = table.find(&fingerprint(key)).unwrap();
    let _last = found.bucket.key_state.leave(found.seen, false).ok().unwrap();
    found.bucket.vacate();
}

/// The step at which the other thread is stopped is written out: loom's models of two insertions
/// pass without the help that this shows.
#[test]
fn an_insertion_that_stopped_after_its_commit_is_completed_by_the_next_one() {
    let table = table_with(&[]);
    let stopped = fingerprint(1);
    let start = table.start(stopped.hash);
    let seen = table.homes[0].load();
    let Some(vacancy) = table.vacancy_if_absent(start, &stopped) else { panic!("the table is empty") };
    let Ok(staged) = table.stage(&stopped, 1, vacancy) else { panic!("nobody else is there") };
    let position = position(start, staged.distance, staged.bucket.index());
    assert!(table.homes[0].commit(seen, position).is_some());
    assert!(table.find(&stopped).is_none());

    assert!(is_inserted(&table, 2));
    assert!(table.find(&stopped).is_some() && table.find(&fingerprint(2)).is_some());
}

#[test]
fn a_key_that_is_there_is_found_though_the_bucket_before_it_is_vacant() {
    let table = table_with(&[1, 2]);
    remove(&table, 1);
    assert!(matches!(table.insert(&fingerprint(2), 2), InsertOutcome::Exists(..)));
    assert!(is_inserted(&table, 1) && !is_inserted(&table, 3), "there was room for one");
}

#[test]
fn a_displaced_key_is_found_though_its_first_pair_has_a_vacant_bucket() {
    let table = Table::new(0, 2, 1).unwrap();
    let mut keys = (0..).filter(|&key| table.start(fingerprint(key).hash) == 0);
    let [one, two, displaced] = [(); 3].map(|()| keys.next().unwrap());
    assert!([one, two, displaced].into_iter().all(|key| is_inserted(&table, key)));
    remove(&table, one);
    assert!(matches!(table.insert(&fingerprint(displaced), displaced), InsertOutcome::Exists(..)));
}

#[test]
fn a_key_that_has_left_has_its_bucket_again() {
    let table = table_with(&[1, 2]);
    for key in [1, 2] {
        let before = table.find(&fingerprint(key)).unwrap().bucket.index();
        remove(&table, key);
        let print = fingerprint(key);
        let vacancy = table.vacancy_if_absent(table.start(print.hash), &print);
        assert_eq!(vacancy.map(|vacancy| vacancy.bucket.index()), Some(before));
        assert!(is_inserted(&table, key));
    }
}
