//! Years of a registry, in little: generations and sequences have two bits here, so that every few
//! rounds use up a slot, a bucket or a table.

use super::{Census, World, choose, crowd, run, world};
use shuttle::scheduler::RandomScheduler;
use std::collections::HashSet;

const SCHEDULES: usize = 20;
const FLAPPERS: usize = 3;
const ROUNDS: usize = 700;

/// How many tables are linked.
fn linked(registry: &World) -> usize {
    registry.shard(0).unwrap().tables.iter().count()
}

/// How many tables there ever were, at least; and the buckets of the newest.
fn tables(registry: &World) -> (u32, u32) {
    let newest = registry.shard(0).unwrap().tables.newest().unwrap();
    (newest.first() / newest.bucket_count() + 1, newest.bucket_count())
}

/// Keys that come and go, beyond every width: each is registered every time, no id comes twice, and
/// what is there stays small.
#[test]
fn hundreds_of_tables() {
    let schedules = run(RandomScheduler::new(SCHEDULES), || {
        let (registry, census) = (world(1), Census::default());
        let (inside, of_all) = (registry.clone(), census.clone());
        crowd(FLAPPERS, move |key| {
            let mut kept = Vec::new();
            for round in 0..ROUNDS {
                let socket = of_all.register(&inside, key).expect("nothing is used up for good");
                assert!(inside.mark(&key) > kept.len());
                // The last one stays through some tables.
                if key == 0 && choose(50) == 0 {
                    kept.push(socket);
                } else {
                    of_all.leave(&inside, socket);
                }
                if choose(200) == 0 || round + 1 == ROUNDS {
                    kept.drain(..).for_each(|socket| of_all.leave(&inside, socket));
                }
                // Each table but the newest has a key, or is on its way out.
                let linked = linked(&inside);
                assert!(linked <= 2 * FLAPPERS, "{linked} tables are linked");
            }
        });
        let (ever, buckets) = tables(&registry);
        assert!(ever >= 100, "only {ever} tables: nothing was used up");
        // `geometry::FULL_SHARE`, and twice for the doubling.
        assert!(buckets as usize <= 8 * FLAPPERS, "{buckets} buckets for {FLAPPERS} keys");
        for _ in 0..2 * buckets {
            census.leave(&registry, census.register(&registry, 0).unwrap());
        }
        assert!(linked(&registry) <= 2, "{} tables are linked, with nobody there", linked(&registry));
        census.check_empty(registry);
    });
    assert_eq!(schedules, SCHEDULES);
}

/// A key whose sockets come and go while one of them stays: its inline slot is used up, then one
/// overflow slot after another. When the key comes back, it takes another bucket, since the first
/// one's inline slot is used up.
#[test]
fn slots_of_a_key() {
    let schedules = run(RandomScheduler::new(SCHEDULES), || {
        let (registry, census) = (world(1), Census::default());
        let mut ids = HashSet::new();
        for _ in 0..2 {
            let stays = census.register(&registry, 0).unwrap();
            for _ in 0..40 {
                let socket = census.register(&registry, 0).unwrap();
                assert!(ids.insert(socket.id()));
                assert_eq!(registry.mark(&0), 2);
                census.leave(&registry, socket);
            }
            census.leave(&registry, stays);
            assert!(!registry.is_active(&0));
        }
        assert_eq!(tables(&registry), (1, 2), "the other bucket of the table serves");
        census.check_empty(registry);
    });
    assert_eq!(schedules, SCHEDULES);
}
