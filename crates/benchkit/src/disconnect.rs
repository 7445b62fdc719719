//! A mass disconnect, and what it does to those who come meanwhile.

use super::{
    peers::{Key, Peer},
    population::Lasting,
    timing::{Latencies, Preemptions},
};
use std::{
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Instant,
};

/// Drops so many sockets on one thread while another one registers new ones, as many at most; how
/// long each of these registrations took.
pub fn disconnect<K: Key, P: Peer<K>>(sockets: usize) -> Latencies {
    let registry = Lasting::new(P::sized_for(2 * sockets));
    let leaving: Vec<_> = (0..sockets as u64).map(|n| registry.get().register(K::nth(n))).collect();
    let coming: Vec<_> = (0..sockets as u64).map(|n| K::nth(sockets as u64 + n)).collect();
    let mut came: Vec<_> = coming.iter().map(|_| None).collect();
    let (start, left) = (Barrier::new(2), AtomicBool::new(false));
    let nanos = thread::scope(|scope| {
        scope.spawn(|| {
            start.wait();
            drop(leaving);
            left.store(true, Ordering::Relaxed);
        });
        start.wait();
        let mut nanos = Vec::with_capacity(sockets);
        let mut preemptions = Preemptions::watch();
        for (key, came) in coming.into_iter().zip(&mut came) {
            let begin = Instant::now();
            let socket = registry.get().register(key);
            let took = begin.elapsed().as_nanos() as u64;
            *came = Some(socket);
            if !preemptions.hit(took) {
                nanos.push(took);
            }
            if left.load(Ordering::Relaxed) {
                break;
            }
        }
        nanos
    });
    Latencies::new(nanos)
}
