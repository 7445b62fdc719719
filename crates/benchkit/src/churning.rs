//! Sockets that leave while others come.

use super::{
    peers::{Key, Peer},
    population::Population,
    timing::{Sample, on_threads, timed},
    workload::{Random, Workload},
};
use std::{collections::VecDeque, hint::black_box};

/// Of the mix: one in ten operations is a drop with a registration.
const MARKS_PER_CHURN: usize = 9;

/// Drops each socket and registers its successor.
fn replace<K: Key, P: Peer<K>>(registry: &'static P, sockets: &mut [Option<P::Socket>], keys: Vec<K>) {
    for (socket, key) in sockets.iter_mut().zip(keys) {
        drop(socket.take());
        *socket = Some(registry.register(key));
    }
}

/// How often every socket leaves and comes back, on average, before a table counts as aged.
const AGE: usize = 5;

impl<K: Key, P: Peer<K>> Population<K, P> {
    /// Lets sockets leave and come back in any order, a sixteenth of them away at a time. From then
    /// on keys are where there was room when they came, as in a registry that runs for years.
    pub(super) fn age(&mut self, work: &Workload<K>) {
        if std::mem::replace(&mut self.is_aged, true) {
            return;
        }
        let registry = self.registry.get();
        let sockets = self.sockets.len();
        let mut random = Random(11);
        let mut away = VecDeque::new();
        for _ in 0..AGE * sockets {
            let at = random.below(sockets);
            if self.sockets[at].take().is_some() {
                away.push_back(at);
            }
            if away.len() > sockets / 16 {
                away.pop_front()
                    .into_iter()
                    .for_each(|at| self.sockets[at] = Some(registry.register(work.keys[at].clone())));
            }
        }
        away.into_iter().for_each(|at| self.sockets[at] = Some(registry.register(work.keys[at].clone())));
    }

    /// Lets some of the sockets be replaced by sockets of other keys, in the way that is given, a
    /// share per thread; then, off the clock, puts things back as they were.
    fn replaced(
        &mut self,
        work: &Workload<K>,
        newcomers: impl Fn(std::ops::Range<usize>) -> Vec<K>,
        threads: usize,
        way: impl Fn(&'static P, &mut [Option<P::Socket>], Vec<K>) -> Sample + Sync,
    ) -> Sample {
        let registry = self.registry.get();
        let count = work.fresh.len();
        let mut total = Sample::default();
        for _ in 0..work.churns() {
            let start = self.next_churn;
            let window = start..start + count;
            self.next_churn = if window.end + count <= self.sockets.len() { window.end } else { 0 };

            let share = count.div_ceil(threads);
            let mut keys = newcomers(window.clone()).into_iter();
            let sockets = self.sockets[window.clone()].chunks_mut(share);
            let shares = sockets.map(|sockets| (sockets, keys.by_ref().take(share).collect())).collect();
            total += on_threads(shares, |(sockets, keys)| way(registry, sockets, keys));
            replace(registry, &mut self.sockets[window.clone()], work.keys[window].to_vec());
        }
        total
    }

    pub(super) fn churn(&mut self, work: &Workload<K>, threads: usize) -> Sample {
        self.replaced(work, |_| work.fresh.clone(), threads, time_replacing)
    }

    pub(super) fn reconnect(&mut self, work: &Workload<K>, threads: usize) -> Sample {
        self.replaced(work, |window| work.keys[window].to_vec(), threads, time_replacing)
    }

    pub(super) fn mix(&mut self, work: &Workload<K>, threads: usize) -> Sample {
        self.clear();
        self.replaced(
            work,
            |_| work.fresh.clone(),
            threads,
            |registry, sockets, keys| {
                let mut marked = work.uniform.keys.iter().cycle();
                timed(sockets.len() * (MARKS_PER_CHURN + 1), || {
                    for (socket, key) in sockets.iter_mut().zip(keys) {
                        for key in marked.by_ref().take(MARKS_PER_CHURN) {
                            black_box(registry.mark(key));
                        }
                        drop(socket.take());
                        *socket = Some(registry.register(key));
                    }
                })
            },
        )
    }

    /// Each thread has a share of the sockets. They come back in another order than they left.
    pub(super) fn storm(&mut self, work: &Workload<K>, threads: usize) -> Sample {
        let registry = self.registry.get();
        let share = self.sockets.len().div_ceil(threads);
        let mut random = Random(5);
        let mut total = Sample::default();
        for _ in 0..work.churns() {
            let shares = self.sockets.chunks_mut(share).zip(work.keys.chunks(share)).map(|(sockets, keys)| {
                let mut comers: Vec<_> = keys.iter().cloned().enumerate().collect();
                random.shuffle(&mut comers);
                (sockets, comers)
            });
            total += on_threads(shares.collect(), |(sockets, comers)| {
                timed(sockets.len(), || storm(registry, sockets, comers))
            });
        }
        total
    }
}

/// Every client reconnects. Half of the old sockets are gone by then; new sockets take over from
/// the other half.
fn storm<K: Key, P: Peer<K>>(registry: &'static P, sockets: &mut [Option<P::Socket>], comers: Vec<(usize, K)>) {
    sockets.iter_mut().step_by(2).for_each(|socket| drop(socket.take()));
    for (at, key) in comers {
        let socket = if sockets[at].is_none() { registry.register(key) } else { registry.take_over(key) };
        drop(sockets[at].replace(socket));
    }
}

fn time_replacing<K: Key, P: Peer<K>>(registry: &'static P, sockets: &mut [Option<P::Socket>], keys: Vec<K>) -> Sample {
    timed(sockets.len(), || replace(registry, sockets, keys))
}
