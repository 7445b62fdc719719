//! Sockets whose tasks wait: every mark has a waker to wake. And whole updates of them.

use super::{
    peers::{Key, Peer, PeerSocket},
    population::Lasting,
    timing::{Sample, on_threads, timed},
    workload::Workload,
};
use std::{
    hint::black_box,
    pin::Pin,
    task::{Context, Waker},
};

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A task per socket that waits again and again. No runtime: the tasks are polled by hand with a
/// waker that does nothing, so that what a runtime does on a wake is not charged to the registry.
pub struct Armed<K: Key, P: Peer<K>> {
    tasks: Vec<Task>,
    registry: Lasting<P>,
    keys: std::marker::PhantomData<K>,
}

impl<K: Key, P: Peer<K>> Armed<K, P> {
    pub fn new(sockets: usize, keys: impl Iterator<Item = K>) -> Self {
        let registry = Lasting::new(P::sized_for(sockets));
        let mut tasks: Vec<Task> = Vec::with_capacity(sockets);
        for key in keys {
            let mut socket = registry.get().register(key);
            tasks.push(Box::pin(async move {
                loop {
                    socket.due().await;
                }
            }));
        }
        let mut armed = Self { tasks, registry, keys: std::marker::PhantomData };
        armed.wait();
        armed
    }

    /// Polls all tasks: they take what is due and wait again.
    fn wait(&mut self) {
        let mut cx = Context::from_waker(Waker::noop());
        for task in &mut self.tasks {
            assert!(task.as_mut().poll(&mut cx).is_pending());
        }
    }

    /// All tasks end, and their sockets go.
    pub fn leave(&mut self) {
        self.tasks = Vec::new();
    }
}

/// What is done with tasks that wait, in any contestant.
pub trait Tasks<K> {
    /// Marks keys, a quarter as many as there are sockets between two waits; only marking is timed.
    fn mark(&mut self, work: &Workload<K>) -> Sample;

    /// A mark that wakes the task, and the poll that takes what is due and waits again. Each thread
    /// updates a share of the tasks.
    fn update(&mut self, work: &Workload<K>, threads: usize) -> Sample;
}

impl<K: Key, P: Peer<K>> Tasks<K> for Armed<K, P> {
    fn mark(&mut self, work: &Workload<K>) -> Sample {
        let mut total = Sample::default();
        for keys in work.uniform.keys.chunks((work.sockets() / 4).max(1)) {
            self.wait();
            total += timed(keys.len(), || {
                for key in keys {
                    black_box(self.registry.get().mark(key));
                }
            });
        }
        total
    }

    fn update(&mut self, work: &Workload<K>, threads: usize) -> Sample {
        self.wait();
        let registry = self.registry.get();
        let share = self.tasks.len().div_ceil(threads);
        let mut shares: Vec<_> = self.tasks.chunks_mut(share).map(|tasks| (tasks, Vec::new())).collect();
        for (key, at) in work.uniform.keys.iter().zip(&work.uniform.positions) {
            shares[at / share].1.push((key, at % share));
        }
        on_threads(shares, |(tasks, draws)| {
            timed(draws.len(), || {
                let mut cx = Context::from_waker(Waker::noop());
                for (key, at) in draws {
                    black_box(registry.mark(key));
                    assert!(tasks[at].as_mut().poll(&mut cx).is_pending());
                }
            })
        })
    }
}
