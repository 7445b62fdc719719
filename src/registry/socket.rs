//! A socket: the handle of the connection's task, and the view that other tasks have of it.

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

/// One live registration: the handle that the connection's task owns.
///
/// Dropping it removes this socket and no other: on any thread, inside or outside a runtime,
/// before or after the registry is gone. Dropping is lock-free, never blocks, and does not itself
/// panic. It runs user code in two places only: `Drop` of the key, the metadata and the last
/// waker; and, if the registry has subscriptions or watches, the key's `Clone` and the
/// subscribers' wakers. If that code panics, the panic is propagated after the socket has been
/// removed. If most of the key's slots are vacant afterwards, the drop also takes one step for each
/// slot of the key.
///
/// A socket that is forgotten ([`std::mem::forget`]) stays registered permanently, and keeps the
/// registry's memory.
///
/// A socket has one owner. There is no way to make a second handle:
///
/// ```compile_fail,E0599
/// let registry = socket_registry::Registry::<u64>::new();
/// let socket = registry.register(42).unwrap();
/// let second = socket.clone();
/// ```
///
/// Nor can two tasks wait for the same socket:
///
/// ```compile_fail,E0499
/// let registry = socket_registry::Registry::<u64>::new();
/// let mut socket = registry.register(42).unwrap();
/// let (one, other) = (socket.due(), socket.due());
/// drop((one, other));
/// ```
pub struct Socket<K, M = ()>(pub(super) Owner<K, M, Arc<Watchers<K>>>);

impl<K, M> Socket<K, M> {
    /// Returns the id of this socket. Wait-free.
    #[must_use]
    pub fn id(&self) -> SocketId {
        self.0.id()
    }

    /// Returns the key under which this socket is registered. It is the value that the key's
    /// first socket was registered with, which is equal to the one that this socket was
    /// registered with. Wait-free.
    #[must_use]
    pub fn key(&self) -> &K {
        self.0.key()
    }

    /// Returns the metadata that this socket was registered with. Wait-free.
    #[must_use]
    pub fn metadata(&self) -> &M {
        self.0.metadata()
    }

    /// Waits until topics are due, and takes them: those that were marked since the last take,
    /// each mark once. Completes immediately if topics are already due.
    ///
    /// Afterwards, everything that was written before those marks is visible (see
    /// [`Registry::mark_topics`](crate::Registry::mark_topics)).
    ///
    /// # Errors
    /// Returns [`Closed`] once this socket is closed, and on every later call.
    /// [`take_due`](Self::take_due) still returns topics that are due by then.
    ///
    /// # Cancel safety
    /// Cancel safe. The step that takes the topics is the one that returns them, so dropping the
    /// future at any point loses nothing.
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

    /// Takes the topics that are due, or registers the task to be woken when there are some. This
    /// is [`due`](Self::due) for hand-written futures.
    ///
    /// Only the waker of the latest call is woken. Lock-free. If another thread is waking the
    /// waker of an earlier call and this call's waker is a different one, the call wakes its own
    /// immediately, so that the task calls again. It does the same after 32 ready results in a
    /// row, so that a task whose topics are always due leaves the other tasks of its thread their
    /// turn.
    ///
    /// # Errors
    /// The same as [`due`](Self::due).
    #[inline]
    pub fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<Result<Topics, Closed>> {
        self.0.poll_due(cx)
    }

    /// Takes the topics that are due, without waiting. Returns the empty set if there are none.
    /// Lock-free: it retries only if a mark or another take intervened.
    ///
    /// Afterwards, everything that was written before the marks taken is visible.
    #[inline]
    pub fn take_due(&self) -> Topics {
        self.0.take_due()
    }

    /// Returns the topics that are due, without taking them. Wait-free.
    #[must_use]
    pub fn peek_due(&self) -> Topics {
        self.0.peek_due()
    }

    /// Waits until this socket is closed, and returns the reason. It takes no topics: what is due
    /// stays due.
    ///
    /// Use it in a task that takes topics by other means, such as [`take_due`](Self::take_due) on
    /// a timer. A socket keeps the waker of one task, that of the latest poll, and both this
    /// method and [`due`](Self::due) borrow the socket mutably, so only one of them waits at a
    /// time. To wait for both, use [`due`](Self::due): it ends when the socket is closed.
    ///
    /// # Progress
    /// The same as [`poll_closed`](Self::poll_closed).
    ///
    /// # Cancel safety
    /// Cancel safe. It takes nothing: the reason stays until the socket is dropped.
    ///
    /// ```
    /// # use socket_registry::{Closed, Registry, Topics};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let registry: Registry<u64> = Registry::new();
    /// let mut socket = registry.register(42).unwrap();
    /// registry.mark(&42);
    /// registry.close();
    /// assert_eq!(socket.closed().await, Closed::Shutdown);
    /// assert_eq!(socket.take_due(), Topics::UPDATE);
    /// # }
    /// ```
    pub fn closed(&mut self) -> WaitClosed<'_, K, M> {
        WaitClosed { socket: self }
    }

    /// Returns the reason why this socket was closed, or registers the task to be woken when it
    /// is. This is [`closed`](Self::closed) for hand-written futures.
    ///
    /// Only the waker of the latest call is woken, whether of this method or of
    /// [`poll_due`](Self::poll_due). Lock-free. Every mark also wakes the task, which then waits
    /// again. If another thread is waking the task during this call, the call wakes it
    /// immediately, so that it calls again.
    pub fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<Closed> {
        self.0.poll_closed(cx)
    }

    /// Returns whether this socket was closed. Once true, it stays true until the socket is
    /// dropped. Wait-free.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    /// Returns why this socket was closed, or `None` if it was not. It is for owners that do not
    /// wait; [`due`](Self::due) and [`closed`](Self::closed) return the reason as well.
    /// Lock-free.
    ///
    /// The reason stays the same until the socket is dropped.
    #[must_use]
    pub fn close_reason(&self) -> Option<Closed> {
        self.0.close_reason()
    }

    /// Gives back topics that were taken and could not be acted upon: they are due again.
    /// Lock-free.
    ///
    /// If this socket was superseded, the topics become due for the socket that took over. If
    /// that one is gone as well, they become due for all registered sockets of the key; but if
    /// the key was idle in between, for none.
    ///
    /// ```
    /// use socket_registry::{Registry, Topics};
    ///
    /// let registry: Registry<u64> = Registry::new();
    /// let socket = registry.register(42)?;
    /// registry.mark(&42);
    /// let due = socket.take_due();
    /// // … the write failed, and will be tried again
    /// socket.restore_due(due);
    /// assert_eq!(socket.peek_due(), Topics::UPDATE);
    /// # Ok::<(), socket_registry::RegisterError>(())
    /// ```
    pub fn restore_due(&self, topics: Topics) {
        self.0.restore(topics);
    }
}

impl<K: fmt::Debug, M> fmt::Debug for Socket<K, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket")
            .field("id", &self.id())
            .field("key", self.key())
            .field("due", &self.peek_due())
            .field("close_reason", &self.close_reason())
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

/// The future of [`Socket::closed`].
#[must_use = "futures do nothing unless polled"]
pub struct WaitClosed<'a, K, M = ()> {
    socket: &'a mut Socket<K, M>,
}

impl<K, M> Future for WaitClosed<'_, K, M> {
    type Output = Closed;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Closed> {
        self.socket.poll_closed(cx)
    }
}

impl<K: fmt::Debug, M> fmt::Debug for WaitClosed<'_, K, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitClosed").field("socket", &self.socket).finish()
    }
}

/// A view of another task's socket, given to your closure during a visit.
///
/// The socket's key and metadata stay valid during the visit, even if the owner drops the socket.
/// In that case they are dropped when the visit ends.
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

    /// Returns the id of the socket.
    #[must_use]
    pub fn id(&self) -> SocketId {
        self.visitor.id()
    }

    /// Returns the key under which the socket is registered.
    #[must_use]
    pub fn key(&self) -> &'a K {
        self.visitor.key()
    }

    /// Returns the metadata that the socket was registered with.
    #[must_use]
    pub fn metadata(&self) -> &'a M {
        self.visitor.metadata()
    }

    /// Returns the topics that are due for the socket, without taking them. Returns the empty set
    /// if the socket has been dropped meanwhile.
    #[must_use]
    pub fn peek_due(&self) -> Topics {
        self.visitor.due()
    }
}

impl<K: fmt::Debug, M> fmt::Debug for SocketRef<'_, K, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocketRef")
            .field("id", &self.id())
            .field("key", self.key())
            .field("due", &self.peek_due())
            .finish_non_exhaustive()
    }
}
