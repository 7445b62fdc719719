//! A mass disconnect, and what it does to those who come meanwhile.

use super::{
    peers::{Key, Peer},
    population::Lasting,
    timing::{Latencies, Preemptions, pin},
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
/// long each of these registrations took. Each thread has a core of its own: on the same one, all
/// sockets could be gone before the first registration.
pub fn disconnect<K: Key, P: Peer<K>>(sockets: usize) -> Latencies {
    let lasting = Lasting::new(P::sized_for(2 * sockets));
    let registry = lasting.get();
    let leaving: Vec<_> = (0..sockets as u64).map(|n| registry.register(K::nth(n))).collect();
    let coming: Vec<_> = (0..sockets as u64).map(|n| K::nth(sockets as u64 + n)).collect();
    let mut came: Vec<_> = coming.iter().map(|_| None).collect();
    let (start, left) = (Barrier::new(2), AtomicBool::new(false));
    let nanos = thread::scope(|scope| {
        scope.spawn(|| {
            pin(0);
            start.wait();
            drop(leaving);
            left.store(true, Ordering::Relaxed);
        });
        let registering = scope.spawn(|| {
            pin(1);
            start.wait();
            let mut nanos = Vec::with_capacity(sockets);
            let mut preemptions = Preemptions::watch();
            for (key, came) in coming.into_iter().zip(&mut came) {
                let begin = Instant::now();
                let socket = registry.register(key);
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
        registering.join().expect("a thread that does not panic")
    });
    Latencies::new(nanos)
}
