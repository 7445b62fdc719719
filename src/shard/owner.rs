//! Operations of a socket's owner: wait, take, give back, and remove the socket by a drop.

#![allow(unsafe_code)]

use crate::error::Closed;
use crate::id::SocketId;
use crate::shard::observer::Observer;
use crate::shard::shards::ShardHold;
use crate::storage::slot::{LocalId, Owned, SlotAddr, SlotHead, SlotState};
use crate::topics::Topics;
use crate::util::budget::Budget;
use crate::util::panic::DeferredPanics;
use std::ptr::NonNull;
use std::task::{Context, Poll};

/// The only handle of a registered socket. Dropping it removes the socket.
pub(crate) struct Owner<K, M, O: Observer<K>> {
    /// Its note has the budget, and TOOK_OVER.
    shard: ShardHold<K, M, O>,
    head: HeadPtr,
}

/// The bit of the note that says whether the socket was registered to take over.
const TOOK_OVER: u8 = Budget::MASK + 1;

/// Points to the head of the socket's slot in a shard's tables or pages, so that the owner reaches
/// it without a lookup.
struct HeadPtr(NonNull<SlotHead>);

// SAFETY: the pointer only ever becomes a `&SlotHead`, and a `SlotHead` is `Sync`.
unsafe impl Send for HeadPtr where SlotHead: Sync {}

// SAFETY: as above.
unsafe impl Sync for HeadPtr where SlotHead: Sync {}

impl<K, M, O: Observer<K>> Owner<K, M, O> {
    /// Returns the handle of the socket that was just published in the slot with this head.
    #[inline]
    pub(crate) fn new(shard: ShardHold<K, M, O>, head: &SlotHead) -> Self {
        Self { shard, head: HeadPtr(NonNull::from(head)) }
    }

    /// Supersedes the other sockets of the key. Precondition: the socket was registered to take
    /// over.
    #[cold]
    pub(crate) fn take_over(&mut self) {
        self.shard.set_note(TOOK_OVER);
        DeferredPanics::scope(|panics| self.shard.take_over(self.local_id(), panics));
    }

    /// Closes the socket. Called by its registration, so no task waits yet, and no waker is called.
    #[cold]
    pub(crate) fn close(&self, why: Closed) {
        self.shard.close_socket(self.local_id(), why, &mut DeferredPanics::default());
    }

    /// Notifies the watchers of the registration.
    #[cold]
    pub(crate) fn notify_active(&self) {
        self.shard.notify_active(self.addr());
    }

    /// Evicts the oldest sockets of the key if it has more than its limit. Precondition: the shard
    /// evicts.
    #[cold]
    pub(crate) fn evict_oldest(&self) {
        let mut panics = DeferredPanics::default();
        self.shard.evict_oldest(self.local_id(), &mut panics);
        panics.resume();
    }

    #[inline]
    fn budget(&self) -> Budget {
        Budget::from_bits(self.shard.note())
    }

    #[inline]
    fn set_budget(&mut self, budget: Budget) {
        self.shard.set_note(self.shard.note() & TOOK_OVER | budget.bits());
    }

    #[inline]
    fn head(&self) -> &SlotHead {
        // SAFETY: made from a reference to a head in the shard. The shard's tables and pages stay
        // in place as long as the shard.
        unsafe { self.head.0.as_ref() }
    }

    #[inline]
    fn state(&self) -> &SlotState {
        &self.head().state
    }

    #[inline]
    fn addr(&self) -> SlotAddr {
        self.shard.addr_of(self.head())
    }

    /// Returns the socket's id. The state shows the owner's generation until the owner removes the
    /// socket.
    #[inline]
    fn local_id(&self) -> LocalId {
        LocalId { addr: self.addr(), generation: self.state().load().generation() }
    }

    /// Returns the rights that the handle stands for, as long as it is borrowed.
    #[inline]
    fn owned(&self) -> Owned<'_, M> {
        let LocalId { addr, generation } = self.local_id();
        // SAFETY: each registration has one handle, and this is it.
        unsafe { self.shard.slot_at(addr).own(generation) }
    }

    pub(crate) fn id(&self) -> SocketId {
        self.shard.id(self.local_id())
    }

    pub(crate) fn key(&self) -> &K {
        // SAFETY: the owner is in the slot as long as the handle is borrowed.
        unsafe { self.shard.key_at(self.addr()) }
    }

    pub(crate) fn metadata(&self) -> &M {
        self.owned().metadata()
    }

    /// Takes the due topics, or registers the task to be woken when a topic becomes due.
    #[inline]
    pub(crate) fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<Result<Topics, Closed>> {
        let mut budget = self.budget();
        if budget.is_left() {
            // SAFETY: this is the one handle, and it is borrowed mutably.
            match unsafe { self.head().own() }.try_poll_due(cx) {
                Some(Poll::Ready(due)) => {
                    budget.spend();
                    self.set_budget(budget);
                    return Poll::Ready(Ok(due));
                }
                Some(Poll::Pending) => {
                    self.set_budget(Budget::default());
                    return Poll::Pending;
                }
                None => {}
            }
        }
        self.poll_due_slow(cx)
    }

    #[inline(never)]
    fn poll_due_slow(&mut self, cx: &mut Context<'_>) -> Poll<Result<Topics, Closed>> {
        let mut budget = self.budget();
        if !budget.is_left() {
            // Renewed first: the waker may panic.
            self.set_budget(Budget::default());
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        budget.spend();
        self.set_budget(budget);
        // SAFETY: this is the one handle, and it is borrowed mutably.
        match unsafe { self.head().own() }.poll_due(cx) {
            Poll::Ready(Some(due)) => Poll::Ready(Ok(due)),
            Poll::Ready(None) => Poll::Ready(Err(self.owned().reason())),
            Poll::Pending => {
                self.set_budget(Budget::default());
                Poll::Pending
            }
        }
    }

    #[inline]
    pub(crate) fn take_due(&self) -> Topics {
        self.state().take()
    }

    pub(crate) fn peek_due(&self) -> Topics {
        self.state().load().due()
    }

    /// Waits until the socket is closed, and takes no topics.
    pub(crate) fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<Closed> {
        // SAFETY: this is the one handle, and it is borrowed mutably.
        unsafe { self.head().own() }.poll_closed(cx).map(|()| self.owned().reason())
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state().load().is_closed()
    }

    /// Returns why the socket was closed, if it was.
    pub(crate) fn close_reason(&self) -> Option<Closed> {
        self.owned().close_reason()
    }

    /// Makes topics that were taken due again: for this socket or, if it was superseded, for the
    /// socket that took over.
    pub(crate) fn restore(&self, topics: Topics) {
        let id = self.local_id();
        DeferredPanics::scope(|panics| {
            if !self.shard.hand_on(id, topics, panics) {
                self.shard.restore(id.addr, topics, panics);
            }
        });
    }
}

impl<K, M, O: Observer<K>> Drop for Owner<K, M, O> {
    fn drop(&mut self) {
        // SAFETY: this is the only handle, and it is not used again.
        unsafe { self.shard.remove(self.head(), self.shard.note() & TOOK_OVER != 0) };
    }
}
