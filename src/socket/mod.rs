//! What a connection's task holds, and what others see of it.

#![allow(unsafe_code)]

pub(crate) mod visit;

use crate::error::Closed;
use crate::id::SocketId;
use crate::shard::{SLOTS_STAY, Shard};
use crate::storage::slot::{Generation, LocalId, Owned, SlotAddr, SlotState};
use crate::sync::Arc;
use crate::topics::Topics;
use crate::util::budget::Budget;
use crate::util::panic::DeferredPanics;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll, ready};

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
pub struct Socket<K, M = ()> {
    shard: Arc<Shard<K, M>>,
    state: StatePtr,
    budget: Budget,
}

/// Where the state of the socket's slot is in a shard's tables or pages: its owner gets there without asking for them.
struct StatePtr(NonNull<SlotState>);

// SAFETY: only a `&SlotState` is made of it, and a `SlotState` is an atomic.
unsafe impl Send for StatePtr {}

// SAFETY: as above.
unsafe impl Sync for StatePtr {}

impl<K, M> Socket<K, M> {
    /// The handle of the socket that was just registered there.
    #[inline]
    pub(crate) fn new(shard: Arc<Shard<K, M>>, addr: SlotAddr) -> Self {
        let state = StatePtr(NonNull::from(shard.state(addr).expect(SLOTS_STAY)));
        Self { shard, state, budget: Budget::default() }
    }

    /// Supersedes the other sockets of the key, by one that was announced to do so.
    #[cold]
    pub(crate) fn take_over(&self) {
        self.shard.counters.taken_over();
        let mut panics = DeferredPanics::default();
        self.shard.take_over(LocalId { addr: self.addr(), generation: self.generation() }, &mut panics);
        panics.resume();
    }

    #[inline]
    fn state(&self) -> &SlotState {
        // SAFETY: made of a reference to a state in the shard, whose tables and pages stay where they are as long as the shard.
        unsafe { self.state.0.as_ref() }
    }

    #[inline]
    fn addr(&self) -> SlotAddr {
        self.shard.addr_of(self.state())
    }

    /// The state shows the owner's generation until the owner removes the socket.
    #[inline]
    fn generation(&self) -> Generation {
        self.state().load().generation()
    }

    /// The rights that the handle stands for, as long as it is borrowed.
    #[inline]
    fn owned(&self) -> Owned<'_, M> {
        // SAFETY: there is one handle for each registration, and this is it; `poll_due` takes `&mut self`.
        unsafe { self.shard.slot_at(self.addr()).own(self.generation()) }
    }

    /// The id of this socket. Wait-free.
    #[must_use]
    pub fn id(&self) -> SocketId {
        self.shard.id(self.addr(), self.generation())
    }

    /// The key under which this socket is registered: the value that the key's first socket was registered with, equal to
    /// the one that this socket was registered with. Wait-free.
    #[must_use]
    pub fn key(&self) -> &K {
        // SAFETY: the owner, as long as the handle is borrowed.
        unsafe { self.shard.key_at(self.addr()) }
    }

    /// The metadata that this socket was registered with. Wait-free.
    #[must_use]
    pub fn metadata(&self) -> &M {
        self.owned().metadata()
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
        ready!(self.budget.poll_ready(cx));
        let result = self.owned().poll_due(cx);
        if result.is_pending() {
            self.budget.renew();
        }
        result
    }

    /// Takes what is due without waiting; empty if nothing is. Lock-free: it starts over only if a mark or another take came between.
    ///
    /// Everything that was written before the marks that are taken is visible afterwards.
    #[inline]
    pub fn take_due(&self) -> Topics {
        self.state().take()
    }

    /// What is due, without taking it. Wait-free.
    #[must_use]
    pub fn peek_due(&self) -> Topics {
        self.state().load().due()
    }

    /// Waits until this socket is told to go, and says why. Takes no topics: what is due stays due.
    ///
    /// For a task that takes what is due by other means, such as [`take_due`](Self::take_due) on a
    /// timer. A socket keeps the waker of one task, that of the latest poll, and both this and
    /// [`due`](Self::due) borrow it mutably: so only one of them waits at a time. To wait for
    /// both, use [`due`](Self::due), which ends when the socket is told to go.
    ///
    /// # Progress
    /// As [`poll_closed`](Self::poll_closed).
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

    /// Says why this socket was told to go, or arranges for the task to be woken when it is:
    /// [`closed`](Self::closed) for hand-written futures.
    ///
    /// Only the waker of the latest call is woken, be it of this method or of
    /// [`poll_due`](Self::poll_due). Lock-free. Every mark wakes the task as well, to wait again;
    /// while another thread is waking it, the call wakes it immediately, to be called again.
    pub fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<Closed> {
        self.owned().poll_closed(cx)
    }

    /// Whether this socket was told to go. It stays so until the socket is dropped. Wait-free.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state().load().is_closed()
    }

    /// Why this socket was told to go; `None` if it was not. For owners that do not wait:
    /// [`due`](Self::due) and [`closed`](Self::closed) say it as well. Lock-free.
    ///
    /// It stays so until the socket is dropped.
    #[must_use]
    pub fn close_reason(&self) -> Option<Closed> {
        self.owned().close_reason()
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
    /// socket.restore_due(due);
    /// assert_eq!(socket.peek_due(), Topics::UPDATE);
    /// # Ok::<(), socket_registry::RegisterError>(())
    /// ```
    pub fn restore_due(&self, topics: Topics) {
        let (addr, generation) = (self.addr(), self.generation());
        if !self.shard.mark_socket(addr, generation, topics) {
            let mut panics = DeferredPanics::default();
            self.shard.restore(addr, topics, &mut panics);
            panics.resume();
        }
    }
}

impl<K, M> Drop for Socket<K, M> {
    fn drop(&mut self) {
        // SAFETY: this is the one handle, and it is not used again.
        unsafe { self.shard.remove(self.addr()) };
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
