//! Closing sockets: one, those of a key, or all of them, in one step or a batch at a time.

use crate::error::{CloseReason, Closed};
use crate::id::SocketId;
use crate::registry::Registry;
use crate::storage::slot::{LocalId, SlotAddr};
use crate::util::panic::DeferredPanics;
use std::borrow::Borrow;
use std::fmt;
use std::hash::Hash;
use std::iter::FusedIterator;
use std::ops::ControlFlow;

impl<K, M> Registry<K, M> {
    /// Closes every socket of `key` for this `reason`, and returns their number.
    ///
    /// Waiting owners wake up and get [`Closed::Disconnected`]. The sockets stay registered, are
    /// counted, and can be marked, until their owners drop them. A socket that was closed before,
    /// by any caller, keeps its first reason.
    ///
    /// Lock-free, never allocates. The call reaches every socket that is registered before it
    /// begins and not removed before it ends, or the socket that took over from it meanwhile. It
    /// runs the wakers of the waiting tasks. If a waker panics, the first panic is propagated
    /// after all sockets are closed.
    ///
    /// ```
    /// use socket_registry::{CloseReason, Closed, Registry};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), socket_registry::RegisterError> {
    /// let registry: Registry<u64> = Registry::new();
    /// let mut socket = registry.register(42)?;
    /// assert_eq!(registry.disconnect(&42, CloseReason::LOGGED_OUT), 1);
    /// assert_eq!(socket.due().await, Err(Closed::Disconnected(CloseReason::LOGGED_OUT)));
    /// assert_eq!(registry.socket_count(), 1);
    /// # Ok(()) }
    /// ```
    pub fn disconnect<Q>(&self, key: &Q, reason: CloseReason) -> usize
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.disconnect_where(key, reason, |_| true)
    }

    /// Closes every socket of `key` except `keep`: "log out my other devices". Otherwise the same
    /// as [`disconnect`](Self::disconnect).
    ///
    /// ```
    /// use socket_registry::{CloseReason, Closed, Registry};
    ///
    /// let registry: Registry<u64> = Registry::new();
    /// let (mine, other) = (registry.register(42)?, registry.register(42)?);
    /// assert_eq!(registry.disconnect_others(&42, mine.id(), CloseReason::LOGGED_OUT), 1);
    /// assert_eq!((mine.close_reason(), other.close_reason()), (None, Some(Closed::Disconnected(CloseReason::LOGGED_OUT))));
    /// # Ok::<(), socket_registry::RegisterError>(())
    /// ```
    pub fn disconnect_others<Q>(&self, key: &Q, keep: SocketId, reason: CloseReason) -> usize
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.disconnect_where(key, reason, |id| id != keep)
    }

    /// Closes one socket. Returns false if the socket is gone. Otherwise the same as
    /// [`disconnect`](Self::disconnect).
    pub fn disconnect_socket(&self, id: SocketId, reason: CloseReason) -> bool {
        let Some((shard, id)) = self.resolve(id) else { return false };
        DeferredPanics::scope(|panics| shard.close_socket(id, Closed::Disconnected(reason), panics))
    }

    /// Evicts one socket: it is no longer counted, found or marked, although its owner still holds
    /// it. Returns false if the socket is gone.
    ///
    /// Use it for a socket whose owner is stuck and does not drop it: its places in the limits are
    /// free immediately, and its key is idle if it has no other socket. The owner gets
    /// [`Closed::Disconnected`] with this `reason`, unless the socket was closed before. Topics
    /// that were due for the socket are dropped: the key's other sockets have marks of their own.
    /// The socket keeps its slot, its key and its metadata until its owner drops it.
    ///
    /// Lock-free. The call runs the waker of the waiting task, and the last socket of a key
    /// notifies subscriptions, as a drop does, which allocates. If one of them panics, the panic is
    /// propagated after the socket is evicted.
    ///
    /// ```
    /// use socket_registry::{CloseReason, Closed, Registry};
    ///
    /// const STUCK: CloseReason = CloseReason::new(4100).unwrap();
    ///
    /// let registry: Registry<u64> = Registry::new();
    /// let socket = registry.register(42)?;
    /// assert!(registry.evict_socket(socket.id(), STUCK));
    /// assert_eq!((registry.is_active(&42), registry.socket_count()), (false, 0));
    /// assert_eq!(socket.close_reason(), Some(Closed::Disconnected(STUCK)));
    /// # Ok::<(), socket_registry::RegisterError>(())
    /// ```
    pub fn evict_socket(&self, id: SocketId, reason: CloseReason) -> bool {
        let Some((shard, id)) = self.resolve(id) else { return false };
        let mut panics = DeferredPanics::default();
        let evicted = shard.evict(id, Closed::Disconnected(reason), &mut panics);
        panics.resume();
        evicted
    }

    /// Supersedes every socket of `key`, as if another socket had taken the key over, and returns
    /// their number. Each is no longer counted, found or marked, although its owner still holds it.
    ///
    /// Use it when the socket that takes over is in another process. The owners get
    /// [`Closed::Superseded`], unless their sockets were closed before, and the key is idle when
    /// the call returns, unless another socket registers meanwhile. Topics that were due for the
    /// sockets are dropped: the client of the socket that took over must begin with a fetch, as
    /// that of a new socket does. Each superseded socket keeps its slot, its key and its metadata
    /// until its owner drops it.
    ///
    /// The call reaches every socket that is registered before it begins and not removed before it
    /// ends, or the socket that took over from it meanwhile. Lock-free; each socket takes a few
    /// atomic steps. The call runs the wakers of the waiting tasks, and the last socket of the key
    /// notifies subscriptions, as a drop does, which allocates. If one of them panics, the first
    /// panic is propagated after all sockets are superseded.
    ///
    /// ```
    /// use socket_registry::{Closed, Registry};
    ///
    /// let registry: Registry<u64> = Registry::new();
    /// let sockets = [registry.register(42)?, registry.register(42)?];
    /// assert_eq!(registry.supersede(&42), 2);
    /// assert_eq!((registry.is_active(&42), registry.socket_count()), (false, 0));
    /// assert!(sockets.iter().all(|socket| socket.close_reason() == Some(Closed::Superseded)));
    /// # Ok::<(), socket_registry::RegisterError>(())
    /// ```
    pub fn supersede<Q>(&self, key: &Q) -> usize
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let (shard, fingerprint) = self.locate(key);
        let Some(active) = shard.find(&fingerprint) else { return 0 };
        DeferredPanics::scope(|panics| shard.supersede_all(&active, panics))
    }

    fn disconnect_where<Q>(&self, key: &Q, reason: CloseReason, select: impl Fn(SocketId) -> bool) -> usize
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let (shard, fingerprint) = self.locate(key);
        let Some(active) = shard.find(&fingerprint) else { return 0 };
        let mut told = 0;
        DeferredPanics::scope(|panics| {
            shard.visit_key(&active, |addr, _, seen| {
                let id = LocalId::seen_at(addr, seen);
                if !select(shard.id(id)) {
                    return true;
                }
                let is_told = shard.close_socket(id, Closed::Disconnected(reason), panics);
                told += usize::from(is_told);
                is_told
            });
        });
        told
    }
}

impl<K, M> Registry<K, M> {
    /// Closes the registry: refuses new sockets, and closes every live one with
    /// [`Closed::Shutdown`].
    ///
    /// A registration that races with this call is either refused, or its socket is closed. The
    /// sockets stay registered, and can be marked, until their owners drop them.
    ///
    /// Lock-free. The call runs the wakers of the waiting tasks. If a waker panics, the first
    /// panic is propagated after all sockets are closed.
    ///
    /// ```
    /// use socket_registry::{Closed, RegisterError, Registry};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let registry: Registry<u64> = Registry::new();
    /// let mut socket = registry.register(42).unwrap();
    /// registry.close();
    /// assert_eq!(socket.due().await, Err(Closed::Shutdown));
    /// assert_eq!(registry.register(42).unwrap_err(), RegisterError::Closed);
    /// # }
    /// ```
    pub fn close(&self) {
        // One batch.
        self.close_gradually(usize::MAX).for_each(drop);
    }

    /// Closes the registry, and closes its sockets `batch` at a time. Each step of the iterator
    /// closes one batch and returns its size; the iterator ends when all sockets are closed.
    ///
    /// So a server that stops can spread the load that its reconnecting clients put on the
    /// others. The registry refuses new sockets from this call on, even if the iterator is never
    /// used. A registration that races with the call is either refused, or its socket is closed
    /// immediately. A `batch` of 0 counts as 1.
    ///
    /// Each step is lock-free and never allocates. Otherwise the same as [`close`](Self::close).
    ///
    /// ```
    /// use socket_registry::{Closed, Registry};
    ///
    /// let registry: Registry<u64> = Registry::new();
    /// let sockets: Vec<_> = (0..25).map(|user| registry.register(user).unwrap()).collect();
    ///
    /// let mut batches = Vec::new();
    /// for told in registry.close_gradually(10) {
    ///     batches.push(told); // … then wait, for example two seconds
    /// }
    /// assert_eq!(batches, [10, 10, 5]);
    /// assert!(sockets.iter().all(|socket| socket.close_reason() == Some(Closed::Shutdown)));
    /// ```
    pub fn close_gradually(&self, batch: usize) -> CloseGradually<'_, K, M> {
        self.totals().close();
        CloseGradually { registry: self, batch: batch.max(1), shard: 0, last: None }
    }
}

/// The iterator of [`Registry::close_gradually`]: each step closes one batch of sockets, and
/// returns their number.
///
/// A task that moves between threads may hold it across an `await`. It may be dropped at any
/// time: the registry stays closed, and a new [`close`](Registry::close) or `close_gradually`
/// closes the rest.
#[must_use = "sockets are closed as the iterator goes on"]
pub struct CloseGradually<'a, K, M = ()> {
    registry: &'a Registry<K, M>,
    batch: usize,
    /// The shard where the next step begins.
    shard: usize,
    /// The slot in that shard after which it begins. None: at the beginning.
    last: Option<SlotAddr>,
}

impl<K, M> Iterator for CloseGradually<'_, K, M> {
    type Item = usize;

    /// Closes the next batch. Lock-free, never allocates. If a waker panics, the first panic is
    /// propagated after the batch is closed, and the next step continues with the next batch.
    fn next(&mut self) -> Option<usize> {
        let Self { registry, batch, .. } = *self;
        let (mut told, mut panics) = (0, DeferredPanics::default());
        while told < batch {
            let Some(shard) = registry.shard(self.shard) else { break };
            let mut last = None;
            let end = shard.walk_after(self.last, |addr, _, seen| {
                last = Some(addr);
                let closes = !seen.is_closed();
                if closes && shard.close_socket(LocalId::seen_at(addr, seen), Closed::Shutdown, &mut panics) {
                    told += 1;
                }
                if told < batch { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            });
            self.last = last;
            if end.is_continue() {
                (self.shard, self.last) = (self.shard + 1, None);
            }
        }
        panics.resume();
        (told > 0).then_some(told)
    }
}

impl<K, M> FusedIterator for CloseGradually<'_, K, M> {}

impl<K, M> fmt::Debug for CloseGradually<'_, K, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { registry, batch, .. } = self;
        f.debug_struct("CloseGradually").field("registry", registry).field("batch", batch).finish_non_exhaustive()
    }
}
