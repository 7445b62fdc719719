//! Counts (G6): exact whenever no call is in flight, and never beyond what was live.

use std::thread;

use socket_registry::{Registry, Socket};
use testkit::{Over, both, crowd};

const ROUNDS: u64 = 2_000;

#[test]
fn counts_follow_every_step() {
    let registry = Registry::<u64>::new();
    let counts = || (registry.key_count(), registry.socket_count());
    assert_eq!(counts(), (0, 0));
    let first = registry.register(1).unwrap();
    assert_eq!(counts(), (1, 1));
    let second = registry.register(1).unwrap();
    assert_eq!(counts(), (1, 2));
    let other = registry.register(2).unwrap();
    assert_eq!(counts(), (2, 3));
    drop(first);
    assert_eq!(counts(), (2, 2));
    drop(second);
    assert_eq!(counts(), (1, 1));
    assert!(!registry.is_active(&1));
    drop(other);
    assert_eq!(counts(), (0, 0));
}

#[test]
fn counts_are_summed_over_shards_and_shared_by_clones() {
    let registry = Registry::<u64>::builder().shards(64).build().unwrap();
    let clone = registry.clone();
    let sockets: Vec<Socket<u64>> = (0..3_000).map(|n| registry.register(n % 1_000).unwrap()).collect();
    assert_eq!((clone.key_count(), clone.socket_count()), (1_000, 3_000));
    drop(registry);
    drop(sockets);
    assert_eq!((clone.key_count(), clone.socket_count()), (0, 0));
}

/// Scenario 20: the same new key from two sides.
#[test]
fn two_first_sockets_of_one_key_are_one_key() {
    let registry = Registry::<u64>::new();
    for key in 0..ROUNDS {
        let (first, second) = both(|| registry.register(key).unwrap(), || registry.register(key).unwrap());
        assert_eq!((registry.key_count(), registry.socket_count()), (1, 2));
        let mut listed = registry.sockets_of(&key);
        let mut expected = [first.id(), second.id()];
        listed.sort_unstable();
        expected.sort_unstable();
        assert_eq!(listed, expected);
        assert_eq!(registry.mark(&key), 2);
    }
}

/// Scenario 20: two new keys at the same time in a table so small that they get in each other's
/// way.
#[test]
fn two_new_keys_at_once_are_two_keys() {
    let registry = Registry::<u64>::builder().shards(1).max_sockets(2).build().unwrap();
    for key in (0..ROUNDS).step_by(2) {
        let (first, second) = both(|| registry.register(key).unwrap(), || registry.register(key + 1).unwrap());
        assert_eq!((registry.key_count(), registry.socket_count()), (2, 2));
        assert_eq!(registry.sockets_of(&key), [first.id()]);
        assert_eq!(registry.sockets_of(&(key + 1)), [second.id()]);
    }
}

/// Scenario 19: the last leaves while the first joins, and the key is counted once all along.
#[test]
fn a_key_that_changes_hands_is_counted_once() {
    let registry = Registry::<u64>::new();
    let staying = registry.register(7).unwrap();
    for _ in 0..ROUNDS {
        let old = registry.register(42).unwrap();
        let ((), new) = both(|| drop(old), || registry.register(42).unwrap());
        assert_eq!((registry.key_count(), registry.socket_count()), (2, 2));
        assert!(registry.is_active(&42));
        drop(new);
        assert_eq!((registry.key_count(), registry.socket_count()), (1, 1));
    }
    assert_eq!(registry.sockets_of(&7), [staying.id()]);
}

/// Scenario 21 and G6: a reader watches the bounds while four threads churn under `key(thread,
/// step)`.
fn churn_within_bounds(registry: &Registry<u64>, keys: u64, key: impl Fn(usize, u64) -> u64 + Sync) {
    const CHURNERS: usize = 4;
    const HELD: usize = 3;
    // One key stays throughout, so that the lower bound is not only zero.
    let _staying = [(); 2].map(|()| registry.register(keys).unwrap());
    let churn = Over::default();
    thread::scope(|scope| {
        scope.spawn(|| {
            while !churn.is_over() {
                let (active, sockets) = (registry.key_count(), registry.socket_count());
                // Each thread may be about to count a key out that another one has registered anew.
                assert!((1..=keys as usize + 1 + CHURNERS).contains(&active), "{active} keys");
                assert!((2..=CHURNERS * HELD + 2).contains(&sockets), "{sockets} sockets");
                assert!(registry.is_active(&keys));
            }
        });
        let _over = churn.at_the_end();
        crowd(CHURNERS, |thread| {
            let mut held: [Option<Socket<u64>>; HELD] = Default::default();
            for step in 0..20_000 {
                let place = &mut held[step as usize % HELD];
                // Dropped first: no thread ever has more than `HELD`, not even for a moment.
                *place = None;
                if step % 7 != 0 {
                    *place = Some(registry.register(key(thread, step)).unwrap());
                }
            }
        });
    });
    assert_eq!((registry.key_count(), registry.socket_count()), (1, 2));
}

#[test]
fn counts_of_one_shard_stay_within_what_was_live() {
    let registry = Registry::builder().shards(1).build().unwrap();
    churn_within_bounds(&registry, 5, |thread, step| step * (thread as u64 + 1) % 5);
}

/// The sum over shards is no snapshot, so here no socket moves from one key to another: then what
/// was live bounds each of the summands.
#[test]
fn counts_of_many_shards_stay_within_what_was_live() {
    let registry = Registry::builder().shards(64).build().unwrap();
    churn_within_bounds(&registry, 4, |thread, _| thread as u64);
}

/// Scenario 21: what is left after the churn is what was kept.
#[test]
fn counts_are_exact_when_churn_comes_to_rest() {
    const THREADS: usize = 4;
    let registry = Registry::<u64>::builder().shards(4).build().unwrap();
    let kept = crowd(THREADS, |thread| {
        let mut kept = Vec::new();
        for step in 0..5_000u64 {
            let socket = registry.register(step % 17).unwrap();
            if step % 250 == thread as u64 {
                kept.push(socket);
            }
        }
        kept
    });
    let kept: Vec<Socket<u64>> = kept.into_iter().flatten().collect();
    let mut keys: Vec<u64> = kept.iter().map(|socket| *socket.key()).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!((registry.key_count(), registry.socket_count()), (keys.len(), kept.len()));
    for key in 0..17 {
        let expected = kept.iter().filter(|socket| *socket.key() == key).count();
        assert_eq!(registry.sockets_of(&key).len(), expected);
        assert_eq!(registry.is_active(&key), expected > 0);
    }
}
