use super::*;

impl<K, M> Table<K, M> {
    /// Tells whether the words say that no key is displaced.
    pub(crate) fn has_none_displaced(&self) -> bool {
        self.pairs
            .iter()
            .flat_map(|pair| &pair.0)
            .all(|bucket| bucket.displacement.away() == 0 && bucket.displacement.distance() == 0)
    }
}

#[cfg(not(any(socket_registry_loom, socket_registry_shuttle)))]
mod one_thread {
    use super::*;
    use crate::storage::fingerprint::Seeds;
    use crate::storage::table::insert::InsertOutcome;

    const PAIRS: usize = 64;
    const BOUND: u32 = 31;

    fn table() -> Table<u64, ()> {
        Table::new(0, PAIRS, BOUND).unwrap()
    }

    fn insert(table: &Table<u64, ()>, key: u64) -> Option<u32> {
        match table.insert(&Seeds::fixed().fingerprint(&key), key) {
            InsertOutcome::Inserted(bucket, slot) => {
                slot.give_up();
                Some(bucket.index())
            }
            InsertOutcome::NoRoom(_) => None,
            InsertOutcome::Exists(..) => panic!("there already"),
        }
    }

    fn is_there(table: &Table<u64, ()>, key: u64) -> bool {
        table.find(&Seeds::fixed().fingerprint(&key)).is_some()
    }

    fn leave(table: &Table<u64, ()>, bucket: u32) {
        let bucket = table.bucket(bucket);
        let key_state = &bucket.key_state;
        assert!(key_state.leave(key_state.load(), false).is_ok());
        bucket.vacate();
    }

    /// The keys that come until a table has no room for one more, each with its bucket.
    fn fill(table: &Table<u64, ()>) -> Vec<(u64, u32)> {
        (0..).map_while(|key| Some((key, insert(table, key)?))).collect()
    }

    /// The displaced keys' buckets that a pair tells of.
    fn displaced(table: &Table<u64, ()>, start: usize) -> Vec<u32> {
        table.displaced(start).map(BucketRef::index).collect()
    }

    #[test]
    fn the_first_pair_alone_says_where_a_key_is_until_it_has_left() {
        let table = table();
        for bucket in [0, 1, 77, PAIRS as u32 * 2 - 1] {
            for distance in 1..=MAX_BOUND {
                let is_first = |&start: &usize| table.pair_at(start, distance) == bucket as usize / PAIR;
                let first: Vec<_> = (0..PAIRS).filter(is_first).collect();
                table.bucket(bucket).note_displaced(distance);
                for start in 0..PAIRS {
                    let told = if first == [start] { vec![bucket] } else { vec![] };
                    assert_eq!(displaced(&table, start), told, "{bucket} from {start}, {distance} away");
                }
                table.bucket(bucket).forget_displaced();
                assert!(table.has_none_displaced(), "{bucket} {distance}");
            }
        }
    }

    #[test]
    fn a_pair_tells_of_several_keys() {
        let table = table();
        let buckets = |start, distance| [0, 1].map(|side| (table.pair_at(start, distance) * PAIR) as u32 + side);
        let mut noted: Vec<_> = [1, 2, MAX_BOUND].into_iter().flat_map(|distance| buckets(5, distance)).collect();
        for (&bucket, distance) in noted.iter().zip([1, 1, 2, 2, MAX_BOUND, MAX_BOUND]) {
            table.bucket(bucket).note_displaced(distance);
        }
        let mut told = displaced(&table, 5);
        told.sort_unstable();
        noted.sort_unstable();
        assert_eq!(told, noted);
        table.bucket(noted[2]).forget_displaced();
        assert!(!displaced(&table, 5).contains(&noted[2]) && displaced(&table, 5).len() == 5);
    }

    #[test]
    fn both_buckets_of_a_pair_have_their_own_distance() {
        let table = table();
        table.bucket(10).note_displaced(3);
        table.bucket(11).note_displaced(31);
        table.bucket(10).forget_displaced();
        assert!(!table.has_none_displaced());
        table.bucket(11).forget_displaced();
        assert!(table.has_none_displaced());
    }

    #[test]
    fn a_full_table_finds_every_key_and_searches_get_short_again() {
        let table = table();
        let keys = fill(&table);
        assert!(keys.len() > PAIRS * PAIR * 9 / 10, "{} keys", keys.len());
        assert!(keys.iter().all(|&(key, _)| is_there(&table, key)));
        assert!(keys.iter().all(|key| !table.lacks(&Seeds::fixed().fingerprint(&key.0))), "a key is taken for absent");
        let reach = |start| {
            let mut buckets = 0;
            let _all = table.seek(start, |_| {
                buckets += 1;
                None::<()>
            });
            buckets
        };
        let all: usize = (0..PAIRS).map(reach).sum();
        let at_home = |&&(key, bucket): &&(u64, u32)| {
            table.start(Seeds::fixed().fingerprint(&key).hash) == bucket as usize / PAIR
        };
        assert_eq!(all, PAIRS * PAIR + keys.len() - keys.iter().filter(at_home).count(), "no search looks elsewhere");

        let (stay, go) = keys.split_at(PAIRS / 2);
        go.iter().for_each(|&(_, bucket)| leave(&table, bucket));
        assert!(stay.iter().all(|&(key, _)| is_there(&table, key)));
        assert!(go.iter().all(|&(key, _)| !is_there(&table, key)));

        stay.iter().for_each(|&(_, bucket)| leave(&table, bucket));
        assert!((0..PAIRS).all(|start| reach(start) == PAIR));
    }

    #[test]
    fn the_filters_of_sealed_homes_hide_no_key_and_most_absent_ones() {
        let table = table();
        let keys = fill(&table);
        let fingerprint = |key: u64| Seeds::fixed().fingerprint(&key);
        let (stay, go) = keys.split_at(PAIRS / 4);
        go.iter().for_each(|&(_, bucket)| leave(&table, bucket));
        keys.iter().for_each(|&(key, _)| assert!(!table.filters_out(&fingerprint(key)), "no home is sealed yet"));

        let absent = 1_000_000..1_001_000;
        absent.clone().for_each(|key| assert!(table.seal_and_find(&fingerprint(key)).is_none()));
        assert!(table.homes.iter().all(|home| home.load().is_sealed() && home.load().is_filtered()));
        let hidden = absent.filter(|&key| table.filters_out(&fingerprint(key))).count();
        assert!(hidden > 900, "{hidden} of 1,000 absent keys are filtered out");

        for &(key, bucket) in stay {
            assert!(table.find_superseded(&fingerprint(key)).is_some(), "hidden");
            leave(&table, bucket);
            assert!(table.seal_and_find(&fingerprint(key)).is_none());
        }
        keys.iter().for_each(|&(key, _)| assert!(table.filters_out(&fingerprint(key)), "all have left"));
    }

    #[test]
    fn no_key_of_a_full_table_is_hidden_by_the_filters() {
        let table = table();
        let keys = fill(&table);
        for &(key, _) in &keys {
            let fingerprint = Seeds::fixed().fingerprint(&key);
            assert!(table.seal_and_find(&fingerprint).is_some() && table.find_superseded(&fingerprint).is_some());
        }
    }
}
