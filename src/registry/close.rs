//! Telling sockets to go: one, those of a key, all at once or a few at a time.

use crate::error::{CloseReason, Closed};
use crate::id::SocketId;
use crate::registry::Registry;
use crate::shard::cursor::SlotCursor;
use crate::storage::slot::LocalId;
use crate::util::panic::DeferredPanics;
use std::borrow::Borrow;
use std::fmt;
use std::hash::Hash;
use std::iter::FusedIterator;

impl<K, M> Registry<K, M> {
    /// Tells every socket of `key` to go, for that `reason`: [`Closed::Disconnected`]. Returns how many there are.
    ///
    /// Their waiting tasks wake up. They stay registered, are counted, and can be marked, until their owners drop them.
    /// A socket that was told before, by anybody, keeps the reason that it was told.
    ///
    /// Lock-free, never allocates. Every socket that is registered before the call and not removed before its end is told, or the one that
    /// took over from it meanwhile. Runs the wakers of the tasks that wait; should one panic, the first panic is passed on when all sockets are told.
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

    /// Tells every socket of `key` but `keep` to go: "log out my other devices". Otherwise as [`disconnect`](Self::disconnect).
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

    /// Tells one socket to go; false if it is gone. Otherwise as [`disconnect`](Self::disconnect).
    pub fn disconnect_socket(&self, id: SocketId, reason: CloseReason) -> bool {
        let Some((shard, id)) = self.resolve(id) else { return false };
        let mut panics = DeferredPanics::default();
        let told = shard.close_socket(id, Closed::Disconnected(reason), &mut panics);
        panics.resume();
        told
    }

    fn disconnect_where<Q>(&self, key: &Q, reason: CloseReason, select: impl Fn(SocketId) -> bool) -> usize
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let (shard, fingerprint) = self.locate(key);
        let (mut told, mut panics) = (0, DeferredPanics::default());
        if let Some(active) = shard.find(&fingerprint) {
            shard.visit_key(&active, |addr, _, seen| {
                let id = LocalId::seen_at(addr, seen);
                if !select(shard.id(id)) {
                    return true;
                }
                let is_told = shard.close_socket(id, Closed::Disconnected(reason), &mut panics);
                told += usize::from(is_told);
                is_told
            });
        }
        panics.resume();
        told
    }
}

impl<K, M> Registry<K, M> {
    /// Closes the registry: no socket is registered any more, and every live one is told, [`Closed::Shutdown`].
    ///
    /// A registration that races with this is either refused or told. The sockets stay registered, and can be marked,
    /// until their owners drop them. Lock-free; runs the wakers of the tasks that wait; should one panic, the first panic is passed on
    /// when all sockets are told.
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

    /// Closes the registry, and tells its sockets `batch` at a time: one batch whenever the iterator is asked for the next, which returns
    /// how many were told; it ends when all were.
    ///
    /// So a server that stops can spread its clients' return over the others. No socket is registered any more from this call on, even if the
    /// iterator is never used: what registers at the same time is refused, or told at once. A `batch` of 0 counts as 1.
    ///
    /// Each step is lock-free and never allocates. Otherwise as [`close`](Self::close).
    ///
    /// ```
    /// use socket_registry::{Closed, Registry};
    ///
    /// let registry: Registry<u64> = Registry::new();
    /// let sockets: Vec<_> = (0..25).map(|user| registry.register(user).unwrap()).collect();
    ///
    /// let mut batches = Vec::new();
    /// for told in registry.close_gradually(10) {
    ///     batches.push(told); // … and wait for two seconds, say
    /// }
    /// assert_eq!(batches, [10, 10, 5]);
    /// assert!(sockets.iter().all(|socket| socket.close_reason() == Some(Closed::Shutdown)));
    /// ```
    pub fn close_gradually(&self, batch: usize) -> CloseGradually<'_, K, M> {
        self.totals().close();
        CloseGradually { registry: self, batch: batch.max(1), shard: 0, cursor: SlotCursor::default() }
    }
}

/// The iterator of [`Registry::close_gradually`]: each step tells one batch of sockets, and returns
/// how many those were.
///
/// It may be held across an `await`, in a task that moves between threads, and be dropped at any
/// time: the registry stays closed, and a new [`close`](Registry::close) or `close_gradually` tells
/// the rest.
#[must_use = "sockets are told to go as the iterator goes on"]
pub struct CloseGradually<'a, K, M = ()> {
    registry: &'a Registry<K, M>,
    batch: usize,
    /// The shard that the next step begins with, and where in it.
    shard: usize,
    cursor: SlotCursor,
}

impl<K, M> Iterator for CloseGradually<'_, K, M> {
    type Item = usize;

    /// Lock-free, never allocates. Should a waker panic, the first panic is passed on when the
    /// batch is told, and the next step goes on with the next batch.
    fn next(&mut self) -> Option<usize> {
        let Self { registry, batch, .. } = *self;
        let (mut told, mut panics) = (0, DeferredPanics::default());
        while told < batch
            && let Some(shard) = registry.shard(self.shard)
        {
            let is_at_end = self.cursor.advance(shard, |addr, seen| {
                let closes = !seen.is_closed();
                if closes && shard.close_socket(LocalId::seen_at(addr, seen), Closed::Shutdown, &mut panics) {
                    told += 1;
                }
                told < batch
            });
            if is_at_end {
                (self.shard, self.cursor) = (self.shard + 1, SlotCursor::default());
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
