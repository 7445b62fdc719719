//! Limits (G8): exact under concurrency, without a trace of what was refused.

use std::sync::Arc;

use socket_registry::{RegisterError, Registry, Socket};
use testkit::crowd;

const ROUNDS: u64 = 500;

fn limited(max_sockets: usize, max_sockets_per_key: usize) -> Registry<u64> {
    Registry::builder().max_sockets(max_sockets).max_sockets_per_key(max_sockets_per_key).build().unwrap()
}

/// How an attempt ended, for results without a `Debug` of their own.
fn refusal<K, M>(result: Result<Socket<K, M>, RegisterError>) -> Option<RegisterError> {
    result.err()
}

#[test]
fn a_key_takes_as_many_sockets_as_its_limit() {
    for limit in 1..=5 {
        let registry = limited(100, limit);
        let mut sockets: Vec<_> = (0..limit).map(|_| registry.register(42).unwrap()).collect();
        assert!(matches!(refusal(registry.register(42)), Some(RegisterError::KeyFull)));
        let other = registry.register(43).unwrap();
        // Whichever leaves, its place is usable immediately.
        for leaving in 0..limit {
            drop(sockets.swap_remove(leaving));
            sockets.push(registry.register(42).unwrap());
            assert!(matches!(refusal(registry.register(42)), Some(RegisterError::KeyFull)));
        }
        assert_eq!((registry.key_count(), registry.socket_count()), (2, limit + 1));
        assert_eq!(registry.sockets_of(&43), [other.id()]);
    }
}

#[test]
fn a_registry_takes_as_many_sockets_as_its_limit() {
    for limit in [1, 2, 3, 7, 64, 1_000] {
        let registry = limited(limit, limit);
        let mut sockets: Vec<_> = (0..limit as u64).map(|key| registry.register(key).unwrap()).collect();
        // Full for a new key and for one that is there.
        assert!(matches!(refusal(registry.register(u64::MAX)), Some(RegisterError::Full)));
        assert_eq!(registry.socket_count(), limit);
        sockets.pop();
        sockets.push(registry.register(0).unwrap());
        assert_eq!(registry.socket_count(), limit);
        sockets.clear();
        let again: Vec<_> = (0..limit).map(|_| registry.register(42).unwrap()).collect();
        assert_eq!(registry.sockets_of(&42).len(), again.len());
    }
}

/// The limit is one for the registry, wherever the keys fall.
#[test]
fn shards_have_no_limit_of_their_own() {
    let registry: Registry<u64> =
        Registry::builder().shards(16).max_sockets(64).max_sockets_per_key(64).build().unwrap();
    for key in 0..20 {
        let on_one_key: Vec<_> = (0..64).map(|_| registry.register(key).unwrap()).collect();
        assert!(matches!(refusal(registry.register(key)), Some(RegisterError::Full | RegisterError::KeyFull)));
        assert_eq!(registry.mark(&key), on_one_key.len());
    }
    for base in 0..20 {
        let spread: Vec<_> = (0..64).map(|key| registry.register(base * 64 + key).unwrap()).collect();
        assert!(matches!(refusal(registry.register(0)), Some(RegisterError::Full)));
        assert_eq!(registry.key_count(), spread.len());
    }
}

#[test]
fn a_refused_attempt_leaves_no_trace() {
    let registry: Registry<u64, Arc<()>> = Registry::builder().max_sockets(2).max_sockets_per_key(1).build().unwrap();
    let metadata = Arc::new(());
    let attempt = |key| registry.register_with(key, Arc::clone(&metadata));
    let first = attempt(1).unwrap();
    assert!(matches!(refusal(attempt(1)), Some(RegisterError::KeyFull)));
    let second = attempt(2).unwrap();
    for _ in 0..100 {
        assert!(matches!(refusal(attempt(3)), Some(RegisterError::Full)));
        assert!(refusal(attempt(1)).is_some());
    }
    assert_eq!(Arc::strong_count(&metadata), 3, "the refused metadata is gone");
    assert_eq!((registry.key_count(), registry.socket_count()), (2, 2));
    assert_eq!((registry.is_active(&3), registry.mark(&3)), (false, 0));
    assert_eq!(registry.sockets_of(&1), [first.id()]);
    drop(second);
    assert_eq!(registry.sockets_of(&3), []);
    assert!(refusal(attempt(3)).is_none());
}

/// Scenario 22: of N at the same time exactly one, round after round, and the freed place is usable
/// immediately.
#[test]
fn of_many_for_the_only_place_of_a_key_one_succeeds() {
    let registry = limited(100, 1);
    for _ in 0..ROUNDS {
        let results = crowd(4, |_| registry.register(42));
        let winners = results.iter().flatten().count();
        assert_eq!(winners, 1);
        assert!(results.iter().all(|result| matches!(result, Ok(_) | Err(RegisterError::KeyFull))));
        assert_eq!((registry.key_count(), registry.socket_count()), (1, 1));
        assert_eq!(registry.mark(&42), 1);
    }
    assert_eq!(registry.key_count(), 0);
}

/// Scenario 22 for the registry's own limit, at the last free place, each with a key of its own.
#[test]
fn of_many_for_the_last_place_of_the_registry_one_succeeds() {
    // The last permit may be in a shard to which none of the four keys belongs.
    let registry: Registry<u64> = Registry::builder().shards(2).max_sockets(3).build().unwrap();
    let _there = [1, 2].map(|key| registry.register(key).unwrap());
    for round in 1..=ROUNDS {
        let results = crowd(4, |thread| registry.register(4 * round + thread as u64));
        assert_eq!(results.iter().flatten().count(), 1);
        assert!(results.iter().all(|result| matches!(result, Ok(_) | Err(RegisterError::Full))));
        assert_eq!((registry.key_count(), registry.socket_count()), (3, 3));
    }
}

/// G8 for limits above one, some of them free when the race begins.
#[test]
fn of_many_for_a_few_places_of_a_key_as_many_succeed() {
    let registry = limited(100, 5);
    let _there = [(); 2].map(|()| registry.register(42).unwrap());
    for _ in 0..ROUNDS {
        let results = crowd(4, |_| [registry.register(42), registry.register(42)]);
        assert_eq!(results.iter().flatten().flatten().count(), 3);
        assert_eq!(registry.socket_count(), 5);
        assert_eq!(registry.sockets_of(&42).len(), 5);
    }
}

/// While a place changes hands, the key is never above its limit, and the place is never lost.
#[test]
fn a_place_passed_around_is_held_by_one_at_a_time() {
    let registry = limited(100, 1);
    let succeeded: usize = crowd(4, |_| {
        let mut succeeded = 0;
        for _ in 0..5_000 {
            if let Ok(socket) = registry.register(42) {
                succeeded += 1;
                assert_eq!(registry.sockets_of(&42), [socket.id()]);
            }
        }
        succeeded
    })
    .into_iter()
    .sum();
    assert!(succeeded > 0);
    assert_eq!(registry.key_count(), 0);
    assert!(refusal(registry.register(42)).is_none());
}
