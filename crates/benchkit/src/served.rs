//! Updates of tasks in a tokio runtime: one thread marks on its core, a worker runs the tasks on
//! another.

use super::{
    peers::{Key, Peer, PeerSocket},
    population::Lasting,
    timing::{Sample, pin, timed},
    workload::Workload,
};
use crossbeam_utils::CachePadded;
use std::{
    hint::{black_box, spin_loop},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};
use tokio::{
    runtime::{Builder, Runtime},
    task::yield_now,
};

/// How many users one event concerns.
const BURST: usize = 1000;

pub struct Served<K: Key, P: Peer<K>> {
    /// Goes first, with the tasks and their sockets.
    runtime: Runtime,
    registry: Lasting<P>,
    /// How often a task has begun to wait.
    waits: Arc<CachePadded<AtomicUsize>>,
    keys: std::marker::PhantomData<K>,
}

impl<K: Key, P: Peer<K>> Served<K, P> {
    pub fn new(work: &Workload<K>) -> Self {
        let registry = Lasting::new(P::sized_for(work.sockets()));
        let waits = Arc::new(CachePadded::new(AtomicUsize::new(0)));
        // No clock and no I/O: a worker without a task that is ready looks for one, and makes no
        // call to the system.
        let runtime =
            Builder::new_multi_thread().worker_threads(1).on_thread_start(|| pin(1)).build().expect("a runtime");
        for &at in &work.arrival {
            let mut socket = registry.get().register(work.keys[at].clone());
            let waits = waits.clone();
            runtime.spawn(async move {
                loop {
                    waits.fetch_add(1, Ordering::Release);
                    socket.due().await;
                }
            });
        }
        wait_for(&waits, work.sockets());
        Self { runtime, registry, waits, keys: std::marker::PhantomData }
    }

    /// Burst after burst of marks, each until all of its tasks wait again.
    ///
    /// Meanwhile the worker never sleeps. Whether it did when a mark came would be a matter of
    /// chance, and waking it costs more than the update.
    pub fn update(&mut self, work: &Workload<K>) -> Sample {
        let over = Arc::new(AtomicBool::new(false));
        let seen = over.clone();
        let awake = self.runtime.spawn(async move {
            while !seen.load(Ordering::Relaxed) {
                yield_now().await;
            }
        });
        let (registry, waits) = (self.registry.get(), &self.waits);
        let mark = || {
            pin(0);
            let mut total = Sample::default();
            for keys in work.in_turn.keys.chunks(BURST.min(work.sockets())) {
                let all = waits.load(Ordering::Acquire) + keys.len();
                total += timed(keys.len(), || {
                    for key in keys {
                        black_box(registry.mark(key));
                    }
                    wait_for(waits, all);
                });
            }
            total
        };
        let total = thread::scope(|scope| scope.spawn(mark).join().expect("a thread that does not panic"));
        over.store(true, Ordering::Relaxed);
        self.runtime.block_on(awake).expect("a task that does not panic");
        total
    }
}

fn wait_for(waits: &AtomicUsize, target: usize) {
    while waits.load(Ordering::Acquire) < target {
        spin_loop();
    }
}
