//! Marks and takes.

use super::{
    peers::{ById, Key, Peer, PeerSocket},
    population::Population,
    timing::{Sample, on_threads, timed},
    workload::Workload,
};
use std::hint::black_box;

/// How many users one event concerns.
const MANY: usize = 1000;

fn clear<S: PeerSocket>(sockets: &mut [Option<S>]) {
    for socket in sockets.iter_mut().flatten() {
        socket.take();
    }
}

impl<K: Key, P: Peer<K>> Population<K, P> {
    /// Marks targets, a quarter as many as there are sockets at a time, and takes all marks in
    /// between: at least seven of eight uniform marks find a socket that is not due, and do the
    /// whole work. Each thread takes from its own share of the sockets and marks any. Only marking
    /// is timed.
    fn mark_fresh<T: Sync>(&mut self, targets: &[T], threads: usize, mark: impl Fn(&P, &[T]) + Sync) -> Sample {
        let registry = self.registry.get();
        let at_a_time = (self.sockets.len() / 4 / threads).max(1);
        let shares = self.shares(threads).zip(targets.chunks(targets.len().div_ceil(threads))).collect();
        on_threads(shares, |(sockets, targets)| {
            let mut total = Sample::default();
            for targets in targets.chunks(at_a_time) {
                clear(sockets);
                total += timed(targets.len(), || mark(registry, targets));
            }
            total
        })
    }

    pub(super) fn mark(&mut self, keys: &[K], threads: usize) -> Sample {
        self.mark_fresh(keys, threads, mark_each)
    }

    pub(super) fn mark_many(&mut self, keys: &[K], threads: usize) -> Sample {
        self.mark_fresh(keys, threads, |registry: &P, keys| {
            for keys in keys.chunks(MANY) {
                black_box(registry.mark_many(keys));
            }
        })
    }

    pub fn mark_by_id(&mut self, work: &Workload<K>, threads: usize) -> Sample
    where
        P: ById<K>,
    {
        let id = |at: &usize| P::id(self.sockets[*at].as_ref().expect("present between rounds"));
        let ids: Vec<_> = work.uniform.positions.iter().map(id).collect();
        self.mark_fresh(&ids, threads, |registry: &P, ids| {
            for id in ids {
                black_box(registry.mark_id(*id));
            }
        })
    }

    /// Everything is due before the clock starts.
    pub(super) fn mark_due(&self, keys: &[K], threads: usize) -> Sample {
        let registry = self.registry.get();
        registry.mark_all();
        let shares = keys.chunks(keys.len().div_ceil(threads)).collect();
        on_threads(shares, |keys: &[K]| timed(keys.len(), || mark_each(registry, keys)))
    }

    /// All threads mark the same socket, which is due.
    pub(super) fn mark_hot(&self, key: &K, times: usize, threads: usize) -> Sample {
        let registry = self.registry.get();
        registry.mark(key);
        on_threads(vec![key; threads], |key| {
            timed(times, || {
                for _ in 0..times {
                    black_box(registry.mark(black_box(key)));
                }
            })
        })
    }

    /// Per socket, at least so many of them; all were taken before the clock starts.
    pub(super) fn mark_all(&mut self, times: usize) -> Sample {
        let registry = self.registry.get();
        let mut total = Sample::default();
        while total.operations < times {
            clear(&mut self.sockets);
            total += timed(self.sockets.len(), || {
                black_box(registry.mark_all());
            });
        }
        total
    }

    /// At least so many; all sockets are due before the clock starts.
    pub(super) fn take(&mut self, times: usize) -> Sample {
        let registry = self.registry.get();
        let mut total = Sample::default();
        while total.operations < times {
            registry.mark_all();
            total += timed(self.sockets.len(), || {
                for socket in self.sockets.iter_mut().flatten() {
                    black_box(socket.take());
                }
            });
        }
        total
    }

    /// For rounds in which what is due is left to chance afterwards.
    pub(super) fn clear(&mut self) {
        clear(&mut self.sockets);
    }
}

fn mark_each<K: Key, P: Peer<K>>(registry: &P, keys: &[K]) {
    for key in keys {
        black_box(registry.mark(key));
    }
}
