//! Registrations into a registry that was not sized ahead.

use super::{
    peers::{Key, Peer},
    population::Lasting,
    timing::{Latencies, Preemptions},
};
use std::time::Instant;

/// Registers so many sockets, and says how long each took.
pub fn grow<K: Key, P: Peer<K>>(sockets: usize) -> Latencies {
    let keys: Vec<_> = (0..sockets as u64).map(K::nth).collect();
    let registry = Lasting::new(P::sized_for(0));
    let mut nanos = Vec::with_capacity(sockets);
    let mut held: Vec<_> = keys.iter().map(|_| None).collect();
    let mut preemptions = Preemptions::watch();
    for (key, held) in keys.into_iter().zip(&mut held) {
        let begin = Instant::now();
        let socket = registry.get().register(key);
        let took = begin.elapsed().as_nanos() as u64;
        // Kept off the clock: the page faults of these two are not the registry's.
        *held = Some(socket);
        if !preemptions.hit(took) {
            nanos.push(took);
        }
    }
    Latencies::new(nanos)
}
