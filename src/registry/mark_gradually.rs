//! Marks of all sockets, or of those that a closure selects, a batch at a time.

use crate::registry::mark::mark_if;
use crate::registry::socket::SocketRef;
use crate::registry::{Registry, RegistryShard};
use crate::shard::gradual::GradualWalk;
use crate::storage::slot::{SlotAddr, SlotState, state};
use crate::sync::full_fence;
use crate::topics::Topics;
use crate::util::panic::DeferredPanics;
use std::fmt;
use std::iter::FusedIterator;
use std::ops::ControlFlow;

impl<K, M> Registry<K, M> {
    /// Makes `topics` due for every socket, `batch` sockets at a time, and wakes the tasks that
    /// wait. Each step of the iterator marks one batch, and returns how many live sockets of the
    /// batch now have them due.
    ///
    /// Use it where [`mark_all_topics`](Self::mark_all_topics) would keep a thread busy for too
    /// long: a mark of a million sockets takes tens of milliseconds. Nothing is marked before the
    /// first step, nor after the iterator is dropped. A `batch` of 0 counts as 1.
    ///
    /// The steps together reach every socket that is registered before the first one begins and
    /// not removed before the iterator ends, or the socket that took over from it meanwhile. If a
    /// socket of a shard took over its key since the walk of that shard began, the walk looks at
    /// the shard's active keys once more, and counts each of them as one socket of a batch. So a
    /// step may return less than `batch`, or 0. A socket that takes over its key while the iterator
    /// lives may be marked twice.
    ///
    /// Each step is lock-free and never allocates. If a waker panics, the first panic is propagated
    /// after the batch is marked, and the next step continues with the next batch. Memory ordering
    /// is that of [`mark_topics`](Self::mark_topics), for what the thread wrote before the step.
    ///
    /// ```
    /// use socket_registry::{Registry, Topics};
    ///
    /// const NEWS: Topics = Topics::topic(1);
    ///
    /// let registry: Registry<u64> = Registry::new();
    /// let sockets: Vec<_> = (0..25).map(|user| registry.register(user).unwrap()).collect();
    ///
    /// let mut batches = Vec::new();
    /// for marked in registry.mark_gradually(NEWS, 10) {
    ///     batches.push(marked); // … then let other tasks run
    /// }
    /// assert_eq!(batches, [10, 10, 5]);
    /// assert!(sockets.iter().all(|socket| socket.take_due() == NEWS));
    /// ```
    pub fn mark_gradually(&self, topics: Topics, batch: usize) -> MarkGradually<'_, K, M> {
        MarkGradually { walk: BatchedWalk::new(self, batch), topics }
    }

    /// Makes `topics` due for every socket that `select` returns true for, and wakes the tasks that
    /// wait. Each step of the iterator shows `select` a batch of up to `batch` sockets, and returns
    /// how many live ones of the batch now have the topics due, which may be 0.
    ///
    /// This is [`mark_gradually`](Self::mark_gradually) for the sockets that `select` chooses. It
    /// runs `select` as [`mark_where_topics`](Self::mark_where_topics) does, but perhaps twice for
    /// a socket that takes over its key while the iterator lives. If `select` panics, the step ends
    /// and propagates the panic, and the next step continues with further sockets.
    ///
    /// Memory ordering is that of [`mark_where_topics`](Self::mark_where_topics).
    ///
    /// ```
    /// use socket_registry::{Registry, Topics};
    ///
    /// const ALERTS: Topics = Topics::topic(1);
    ///
    /// let registry: Registry<u64, &str> = Registry::new();
    /// let phone = registry.register_with(42, "phone")?;
    /// let laptop = registry.register_with(42, "laptop")?;
    /// let marked = registry.mark_where_gradually(|socket| *socket.metadata() == "phone", ALERTS, 1);
    /// assert_eq!(marked.sum::<usize>(), 1);
    /// assert_eq!((phone.take_due(), laptop.take_due()), (ALERTS, Topics::EMPTY));
    /// # Ok::<(), socket_registry::RegisterError>(())
    /// ```
    pub fn mark_where_gradually<F>(&self, select: F, topics: Topics, batch: usize) -> MarkWhereGradually<'_, F, K, M>
    where
        F: FnMut(SocketRef<'_, K, M>) -> bool,
    {
        MarkWhereGradually { walk: BatchedWalk::new(self, batch), topics, select }
    }
}

/// A walk over all sockets, a batch at a time.
struct BatchedWalk<'a, K, M> {
    registry: &'a Registry<K, M>,
    batch: usize,
    /// The shard in which the next step begins.
    shard: usize,
    /// Where it begins there.
    within: GradualWalk,
}

impl<'a, K, M> BatchedWalk<'a, K, M> {
    fn new(registry: &'a Registry<K, M>, batch: usize) -> Self {
        Self { registry, batch: batch.max(1), shard: 0, within: GradualWalk::default() }
    }

    /// Calls `mark` for each socket of the next batch, until it returns none. Returns the number of
    /// those for which it returned true; none if there was nothing left to look at.
    fn step(
        &mut self,
        mut mark: impl FnMut(&'a RegistryShard<K, M>, SlotAddr, &'a SlotState, state::Snapshot) -> Option<bool>,
    ) -> Option<usize> {
        let (mut left, mut marked) = (self.batch, 0);
        while let Some(shard) = self.registry.shard(self.shard) {
            let end = shard.visit_some(&mut self.within, &mut left, |addr, state, seen| {
                let Some(is_marked) = mark(shard, addr, state, seen) else {
                    return ControlFlow::Break(());
                };
                marked += usize::from(is_marked);
                ControlFlow::Continue(())
            });
            if end.is_break() {
                break;
            }
            (self.shard, self.within) = (self.shard + 1, GradualWalk::default());
        }
        (left < self.batch).then_some(marked)
    }
}

/// The iterator of [`Registry::mark_gradually`]: each step marks one batch of sockets, and returns
/// their number.
///
/// A task that moves between threads may hold it across an `await`. If it is dropped, the sockets
/// that it has not reached stay unmarked.
#[must_use = "sockets are marked as the iterator goes on"]
pub struct MarkGradually<'a, K, M = ()> {
    walk: BatchedWalk<'a, K, M>,
    topics: Topics,
}

impl<K, M> Iterator for MarkGradually<'_, K, M> {
    type Item = usize;

    /// Marks the next batch. Lock-free, never allocates.
    fn next(&mut self) -> Option<usize> {
        let topics = self.topics;
        // One fence serves all the marks of the batch.
        full_fence();
        DeferredPanics::scope(|panics| {
            self.walk.step(|shard, addr, state, seen| Some(shard.mark_met(addr, state, seen, topics, panics)))
        })
    }
}

impl<K, M> FusedIterator for MarkGradually<'_, K, M> {}

impl<K, M> fmt::Debug for MarkGradually<'_, K, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { walk, topics } = self;
        walk.fmt("MarkGradually", topics, f)
    }
}

/// The iterator of [`Registry::mark_where_gradually`]: each step shows the closure one batch of
/// sockets, and returns how many of them it has marked.
///
/// It may be held across an `await`, and dropped, as [`MarkGradually`] may.
#[must_use = "sockets are marked as the iterator goes on"]
pub struct MarkWhereGradually<'a, F, K, M = ()> {
    walk: BatchedWalk<'a, K, M>,
    topics: Topics,
    select: F,
}

impl<K, M, F: FnMut(SocketRef<'_, K, M>) -> bool> Iterator for MarkWhereGradually<'_, F, K, M> {
    type Item = usize;

    /// Shows the closure the next batch. Lock-free, never allocates.
    fn next(&mut self) -> Option<usize> {
        let Self { walk, topics, select } = self;
        let topics = *topics;
        // One fence for the sockets that the step does not meet: see `Shard::mark`.
        full_fence();
        DeferredPanics::scope(|panics| {
            walk.step(|shard, addr, state, seen| mark_if(shard, addr, state, seen, topics, select, panics))
        })
    }
}

impl<K, M, F: FnMut(SocketRef<'_, K, M>) -> bool> FusedIterator for MarkWhereGradually<'_, F, K, M> {}

impl<F, K, M> fmt::Debug for MarkWhereGradually<'_, F, K, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { walk, topics, .. } = self;
        walk.fmt("MarkWhereGradually", topics, f)
    }
}

impl<K, M> BatchedWalk<'_, K, M> {
    fn fmt(&self, name: &str, topics: &Topics, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { registry, batch, .. } = self;
        let mut fields = f.debug_struct(name);
        fields.field("registry", registry).field("topics", topics).field("batch", batch).finish_non_exhaustive()
    }
}
