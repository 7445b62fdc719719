//! Gives access to a slot by rights: its head, its refs and, stored apart, its metadata.
//!
//! The state and the refs decide who may do what. This file turns those rights into types: a
//! function that needs a right takes the value that stands for it, and only the step that grants
//! the right makes that value. `head` does the same for waking and waiting.

#![allow(unsafe_code)]

use crate::error::Closed;
use crate::storage::slot::{Generation, MarkOutcome, OtherHolders, SlotHead, SlotRefs, SlotTurn, Superseded};
use crate::topics::Topics;
use crate::util::value_cell::{ValueCell, ValueRef};
use std::task::Waker;

/// A reference to a slot, whose parts are in a bucket's three arrays or in an overflow slot.
pub(crate) struct SlotRef<'a, M> {
    pub(crate) head: &'a SlotHead,
    pub(crate) refs: &'a SlotRefs,
    pub(crate) turn: &'a SlotTurn,
    pub(crate) metadata: &'a ValueCell<M>,
}

impl<M> Clone for SlotRef<'_, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for SlotRef<'_, M> {}

impl<'a, M> SlotRef<'a, M> {
    /// Claims the slot, if it is vacant.
    pub(crate) fn claim(self) -> Option<Claimed<'a, M>> {
        self.head.state.claim().then_some(Claimed(self))
    }

    /// Claims the inline slot of a bucket that the caller has claimed.
    pub(crate) fn claim_with_bucket(self) -> Claimed<'a, M> {
        self.head.state.claim_alone();
        Claimed(self)
    }

    /// Releases the ref of the waking markers, after the last of them learnt that the owner has
    /// left: the caller may be the last holder and clean the slot up.
    pub(crate) fn leave_waking(self, generation: Generation) -> Option<LastHolder<'a, M>> {
        self.refs.release_waking(generation).then_some(LastHolder(self))
    }

    /// Closes the socket of that generation.
    pub(crate) fn close(self, generation: Generation, why: Closed) -> MarkOutcome {
        self.set_reason(generation, why);
        self.head.state.close(generation)
    }

    /// Ends the socket of that generation for everyone but its owner, and notifies the owner.
    pub(crate) fn supersede(self, generation: Generation, why: Closed) -> Superseded {
        self.set_reason(generation, why);
        self.head.state.supersede(generation)
    }

    /// Stores why the socket of that generation is about to be closed, so that an owner that finds
    /// CLOSED finds the reason too. Writes nothing for a shutdown, because a missing reason means a
    /// shutdown. So it also writes nothing if CLOSED is set already.
    fn set_reason(self, generation: Generation, why: Closed) {
        let seen = self.head.state.load();
        if why != Closed::Shutdown && seen.is_live_as(generation) && !seen.is_closed() {
            self.refs.set_reason(generation, why.to_stored());
        }
    }

    /// Begins a visit to the socket of that generation, if it is still there.
    pub(crate) fn visit(self, generation: Generation) -> Option<Visit<'a, M>> {
        let is_in = self.head.state.announce_visit(generation) && self.refs.acquire(generation);
        is_in.then_some(Visit { slot: self, generation })
    }

    /// Returns the owner's rights.
    ///
    /// # Safety
    /// The caller holds the one handle of the socket of that generation, which is in this slot, and
    /// uses the result only as long as it holds the handle.
    pub(crate) unsafe fn own(self, generation: Generation) -> Owned<'a, M> {
        Owned { slot: self, generation }
    }
}

/// A formerly vacant slot that the holder of this value has claimed.
#[must_use]
pub(crate) struct Claimed<'a, M>(SlotRef<'a, M>);

impl<'a, M> Claimed<'a, M> {
    /// Returns the cell for the turn of the new socket.
    pub(crate) fn turn(&self) -> &SlotTurn {
        self.0.turn
    }

    /// Publishes a socket in the slot, with `due` already due. Returns the head of the slot, and
    /// the socket's generation.
    #[inline]
    pub(crate) fn occupy(self, metadata: M, due: Topics) -> (&'a SlotHead, Generation) {
        // SAFETY: busy and claimed; `LastHolder::vacate` cleared the cell.
        unsafe { self.0.head.waker.init() };
        // SAFETY: busy and claimed; `LastHolder::vacate` emptied the cell.
        unsafe { self.0.metadata.write(metadata) };
        (self.0.head, self.0.head.state.publish(due))
    }

    /// Makes the slot vacant again without a socket.
    pub(crate) fn give_up(self) {
        self.0.head.state.unclaim();
    }
}

/// The right to read a socket's values.
#[must_use]
pub(crate) struct Visit<'a, M> {
    slot: SlotRef<'a, M>,
    generation: Generation,
}

impl<'a, M> Visit<'a, M> {
    /// Returns the socket's metadata.
    ///
    /// # Safety
    /// The caller drops the result before the visit leaves.
    pub(crate) unsafe fn metadata(&self) -> ValueRef<'a, M> {
        // SAFETY: full until the last holder vacates the slot, and the visit holds it, by the
        // caller's promise.
        unsafe { self.slot.metadata.get() }
    }

    pub(crate) fn generation(&self) -> Generation {
        self.generation
    }

    /// Returns what is due for the socket, or nothing if it was removed meanwhile.
    pub(crate) fn due(&self) -> Topics {
        let seen = self.slot.head.state.load();
        if seen.is_live_as(self.generation) { seen.due() } else { Topics::EMPTY }
    }

    /// Ends the visit. If the owner left meanwhile, the caller may be the last holder and clean the
    /// slot up.
    pub(crate) fn leave(&self) -> Option<LastHolder<'a, M>> {
        self.slot.refs.release_visitor().then_some(LastHolder(self.slot))
    }
}

/// The owner's rights to a slot.
pub(crate) struct Owned<'a, M> {
    slot: SlotRef<'a, M>,
    generation: Generation,
}

/// Tells how an owner left.
#[must_use]
pub(crate) enum OwnerExit<'a, M> {
    /// Its socket was live, and no other thread holds the slot.
    Alone(LastHolder<'a, M>),
    /// Another socket had taken over, or another thread may hold the slot.
    Shared(SharedExit<'a, M>),
}

impl<'a, M> Owned<'a, M> {
    pub(crate) fn metadata(&self) -> &'a M {
        // SAFETY: full until the last holder vacates the slot, and the owner holds it.
        unsafe { self.slot.metadata.get() }.unguarded()
    }

    /// Returns why the socket was closed, if it was.
    pub(crate) fn close_reason(&self) -> Option<Closed> {
        self.slot.head.state.load().is_closed().then(|| self.reason())
    }

    /// Returns why the socket was closed. Precondition: it is closed. A reason that the owner has
    /// received never changes.
    #[cold]
    #[inline(never)]
    pub(crate) fn reason(&self) -> Closed {
        let decided = self.slot.refs.set_reason(self.generation, Closed::Shutdown.to_stored());
        decided.map_or(Closed::Shutdown, Closed::from_stored)
    }

    /// Removes the socket. From here on no marker can mark it, and only threads that already hold
    /// the slot see it.
    pub(crate) fn leave(self) -> OwnerExit<'a, M> {
        let others = self.slot.head.state.remove();
        // VISITED stays set after a visit. The refs tell whether a visitor is there now.
        if others.are_none() || others.are_visitors() && self.slot.refs.release_sole_owner(self.generation) {
            OwnerExit::Alone(LastHolder(self.slot))
        } else {
            OwnerExit::Shared(SharedExit { owned: self, others })
        }
    }
}

/// An owner that has removed its socket while other threads may hold the slot.
#[must_use]
pub(crate) struct SharedExit<'a, M> {
    owned: Owned<'a, M>,
    others: OtherHolders,
}

impl<'a, M> SharedExit<'a, M> {
    /// Tells whether another socket had taken over. If so, that takeover has already subtracted
    /// this socket from the counts.
    pub(crate) fn is_superseded(&self) -> bool {
        self.others.is_superseded()
    }

    /// Leaves the slot to the other holders, or to the caller if there are none.
    pub(crate) fn finish(self) -> Option<LastHolder<'a, M>> {
        let Self { owned: Owned { slot, generation }, others } = self;
        let is_alone = !(others.is_waking() || others.is_visited());
        (is_alone || slot.refs.release_owner(generation, others.is_waking())).then_some(LastHolder(slot))
    }
}

/// The duty to clean up after a removed socket, as the only holder of its slot.
#[must_use]
pub(crate) struct LastHolder<'a, M>(SlotRef<'a, M>);

/// What a removed socket left behind. The caller drops it when the registry's own state is in
/// order, because dropping runs the caller's code.
pub(crate) struct SlotDrops<M> {
    _waker: Option<Waker>,
    _metadata: M,
}

impl<M> LastHolder<'_, M> {
    /// Empties the slot and makes it vacant. The flag is false if the slot is retired instead.
    pub(crate) fn vacate(self) -> (SlotDrops<M>, bool) {
        let SlotRef { head, metadata, .. } = self.0;
        let drops = SlotDrops {
            // SAFETY: busy, and no other thread holds the slot; initialised since `occupy`.
            _waker: unsafe { head.waker.clear() },
            // SAFETY: busy, and no other thread holds the slot; full since `occupy`.
            _metadata: unsafe { metadata.take() },
        };
        (drops, head.state.vacate())
    }
}

#[cfg(all(test, not(any(socket_registry_loom, socket_registry_shuttle))))]
mod tests;
