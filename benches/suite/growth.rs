//! Registrations into a registry that was not sized ahead.

use super::{
    peers::{Key, Peer},
    population::Lasting,
    timing::Latencies,
};
use std::time::Instant;

/// Registers so many sockets, and says how long each took.
pub fn grow<K: Key, P: Peer<K>>(sockets: usize) -> Latencies {
    let keys: Vec<_> = (0..sockets as u64).map(K::nth).collect();
    let registry = Lasting::new(P::sized_for(0));
    // Written through before the clock starts: the page faults of these would be charged to the registry.
    let mut nanos = vec![1; sockets];
    let mut held: Vec<_> = keys.iter().map(|_| None).collect();

    let mut before = Instant::now();
    for ((key, held), nanos) in keys.into_iter().zip(&mut held).zip(&mut nanos) {
        *held = Some(registry.get().register(key));
        let after = Instant::now();
        *nanos = (after - before).as_nanos() as u64;
        before = after;
    }
    Latencies::new(nanos)
}
