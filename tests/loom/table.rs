//! One table by itself.

use super::{check, check_up_to};
use crate::storage::fingerprint::Seeds;
use crate::storage::table::Table;
use crate::storage::table::insert::InsertOutcome;
use crate::storage::table::key_state::AfterLeave;
use loom::sync::Arc;
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
            thread::spawn(move || table.seal(&fingerprint))
        };
        if let InsertOutcome::Inserted(bucket, slot) = table.insert(&fingerprint, 1) {
            slot.give_up();
            let key_state = &table.bucket(bucket).key_state;
            assert_eq!(key_state.leave(key_state.load(), false).ok(), Some(AfterLeave::VacateBucket));
            key_state.vacate(true);
            match table.insert(&fingerprint, 1) {
                InsertOutcome::Inserted(_, slot) => slot.give_up(),
                InsertOutcome::NoRoom(_) => {}
                InsertOutcome::Exists(..) => panic!("found what was not decided"),
            }
        }
        helper.join().unwrap();
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
        table.seal(&fingerprint);
        let found = table.find(&fingerprint).is_some();
        assert_eq!(inserter.join().unwrap(), found);
    });
}
