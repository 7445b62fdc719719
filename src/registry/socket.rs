//! What a connection's task holds, and what others see of it.

use crate::error::Closed;
use crate::id::SocketId;
use crate::shard::owner::Owner;
use crate::shard::visit::Visitor;
use crate::sync::Arc;
use crate::topics::Topics;
use crate::watch::Watchers;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// One live registration: the handle that the connection's task holds.
///
/// Dropping it removes this socket and no other, on whatever thread, inside a runtime or not, before or after the
/// registry is gone. The drop is lock-free, never blocks, and does not panic itself; it runs no code of the caller but the drops of the key, the
/// metadata and the last waker and, if somebody watches, the key's `Clone` and the watchers' wakers. It passes their panics on when the socket is removed.
/// When the last socket of a key goes, it also takes a step for each further socket that the key had at its peak.
///
/// A socket that is forgotten ([`std::mem::forget`]) stays registered for ever, and keeps its shard's memory.
///
/// It has one owner. A second handle cannot be made:
///
/// ```compile_fail,E0599
/// let registry = socket_registry::Registry::<u64>::new();
/// let socket = registry.register(42).unwrap();
/// let second = socket.clone();
/// ```
///
/// Nor can two tasks wait for one socket:
///
/// ```compile_fail,E0499
/// let registry = socket_registry::Registry::<u64>::new();
/// let mut socket = registry.register(42).unwrap();
/// let (one, other) = (socket.due(), socket.due());
/// drop((one, other));
/// ```
pub struct Socket<K, M = ()>(pub(crate) Owner<K, M, Arc<Watchers<K>>>);

impl<K, M> Socket<K, M> {
    /// The id of this socket. Wait-free.
    #[must_use]
    pub fn id(&self) -> SocketId {
        self.0.id()
    }

    /// The key under which this socket is registered: the value that the key's first socket was registered with, equal to
    /// the one that this socket was registered with. Wait-free.
    #[must_use]
    pub fn key(&self) -> &K {
        self.0.key()
    }

    /// The metadata that this socket was registered with. Wait-free.
    #[must_use]
    pub fn metadata(&self) -> &M {
        self.0.metadata()
    }

    /// Waits until something is due, and takes it: the topics that were marked since the last take, each mark once. At once if
    /// something is due already.
    ///
    /// Everything that was written before those marks is visible afterwards (see [`Registry::mark`](crate::Registry::mark)).
    ///
    /// # Errors
    /// [`Closed`] when this socket was told to go, and ever after. Topics that are still due then can be had from [`take_due`](Self::take_due).
    ///
    /// # Cancel safety
    /// Cancel safe. Topics are taken in the same step that returns them: dropping the future at any point loses nothing.
    ///
    /// ```
    /// # use socket_registry::{Registry, Topics};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let registry: Registry<u64> = Registry::new();
    /// let mut socket = registry.register(42).unwrap();
    /// registry.mark(&42);
    /// assert_eq!(socket.due().await, Ok(Topics::UPDATE));
    /// # }
    /// ```
    pub fn due(&mut self) -> Due<'_, K, M> {
        Due { socket: self }
    }

    /// Takes what is due, or arranges for the task to be woken when something is: [`due`](Self::due) for hand-written futures.
    ///
    /// Only the waker of the latest call is woken. The call is lock-free; while another thread is
    /// waking the waker of an earlier call and this one's is different, it wakes this one
    /// immediately, to be called again. It does the same after 64 results in a row that were ready,
    /// so that a task whose topics are always due leaves the other tasks of its thread their turn.
    ///
    /// # Errors
    /// As [`due`](Self::due).
    #[inline]
    pub fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<Result<Topics, Closed>> {
        self.0.poll_due(cx)
    }

    /// Takes what is due without waiting; empty if nothing is. Lock-free: it starts over only if a mark or another take came between.
    ///
    /// Everything that was written before the marks that are taken is visible afterwards.
    #[inline]
    pub fn take_due(&self) -> Topics {
        self.0.take_due()
    }

    /// What is due, without taking it. Wait-free.
    #[must_use]
    pub fn peek_due(&self) -> Topics {
        self.0.peek_due()
    }

    /// Why this socket was told to go; `None` if it was not. For owners that do not wait: [`due`](Self::due) says it as well. Lock-free.
    ///
    /// It stays so until the socket is dropped.
    #[must_use]
    pub fn closed(&self) -> Option<Closed> {
        self.0.closed()
    }

    /// Gives topics back that were taken and could not be acted upon: they are due again. Lock-free.
    ///
    /// If this socket was superseded, they become due for the one that took over or, if that is gone as well, for all sockets of the key
    /// that have been registered; for none if there are none.
    ///
    /// ```
    /// use socket_registry::{Registry, Topics};
    ///
    /// let registry: Registry<u64> = Registry::new();
    /// let socket = registry.register(42)?;
    /// registry.mark(&42);
    /// let due = socket.take_due();
    /// // … the write failed, and will be tried again
    /// socket.remark(due);
    /// assert_eq!(socket.peek_due(), Topics::UPDATE);
    /// # Ok::<(), socket_registry::RegisterError>(())
    /// ```
    pub fn remark(&self, topics: Topics) {
        self.0.restore(topics);
    }
}

impl<K: fmt::Debug, M> fmt::Debug for Socket<K, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket")
            .field("id", &self.id())
            .field("key", self.key())
            .field("due", &self.peek_due())
            .field("closed", &self.closed())
            .finish_non_exhaustive()
    }
}

/// The future of [`Socket::due`].
#[must_use = "futures do nothing unless polled"]
pub struct Due<'a, K, M = ()> {
    socket: &'a mut Socket<K, M>,
}

impl<K, M> Future for Due<'_, K, M> {
    type Output = Result<Topics, Closed>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.socket.poll_due(cx)
    }
}

impl<K: fmt::Debug, M> fmt::Debug for Due<'_, K, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Due").field("socket", &self.socket).finish()
    }
}

/// Another task's socket, looked at for as long as the registry shows it.
///
/// Its key and metadata stay valid meanwhile, even if the socket is dropped; they are then dropped when the look ends.
pub struct SocketRef<'a, K, M = ()> {
    visitor: &'a Visitor<'a, K, M, Arc<Watchers<K>>>,
}

impl<K, M> Clone for SocketRef<'_, K, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, M> Copy for SocketRef<'_, K, M> {}

impl<'a, K, M> SocketRef<'a, K, M> {
    pub(super) fn new(visitor: &'a Visitor<'a, K, M, Arc<Watchers<K>>>) -> Self {
        Self { visitor }
    }

    /// The id of the socket.
    #[must_use]
    pub fn id(&self) -> SocketId {
        self.visitor.id()
    }

    /// The key under which the socket is registered.
    #[must_use]
    pub fn key(&self) -> &'a K {
        self.visitor.key()
    }

    /// The metadata that the socket was registered with.
    #[must_use]
    pub fn metadata(&self) -> &'a M {
        self.visitor.metadata()
    }

    /// What is due for the socket, without taking it; nothing if the socket was dropped meanwhile.
    #[must_use]
    pub fn due(&self) -> Topics {
        self.visitor.due()
    }
}

impl<K: fmt::Debug, M> fmt::Debug for SocketRef<'_, K, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocketRef")
            .field("id", &self.id())
            .field("key", self.key())
            .field("due", &self.due())
            .finish_non_exhaustive()
    }
}
