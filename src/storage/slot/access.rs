//! A slot and the rights to it: its state, its refs and, aside, what only the socket's own life touches.
//!
//! Who may do what follows from the state and the refs; here it becomes types: a function that needs a right takes the value
//! that stands for it, and only the step that grants the right makes that value.

#![allow(unsafe_code)]

use crate::error::Closed;
use crate::storage::slot::{
    Generation, MarkOutcome, OtherHolders, SlotRefs, SlotState, SlotTurn, Superseded, WakerCell, Woken, state,
};
use crate::sync::Zeroable;
use crate::topics::Topics;
use crate::util::panic::DeferredPanics;
use crate::util::value_cell::{ValueCell, ValueRef};
use std::task::{Context, Poll, Waker};

/// What is kept of a socket besides its state.
pub(crate) struct SlotData<M> {
    waker: WakerCell,
    metadata: ValueCell<M>,
}

impl<M> Default for SlotData<M> {
    fn default() -> Self {
        Self { waker: WakerCell::default(), metadata: ValueCell::default() }
    }
}

// SAFETY: cells of `MaybeUninit`, for which any bytes will do.
unsafe impl<M> Zeroable for SlotData<M> {}

/// A slot, wherever its parts are: in a bucket and the arrays beside it, or in an overflow slot.
pub(crate) struct SlotRef<'a, M> {
    pub(crate) state: &'a SlotState,
    pub(crate) refs: &'a SlotRefs,
    pub(crate) turn: &'a SlotTurn,
    pub(crate) data: &'a SlotData<M>,
}

impl<M> Clone for SlotRef<'_, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for SlotRef<'_, M> {}

impl<'a, M> SlotRef<'a, M> {
    /// Takes the slot, if it is vacant.
    pub(crate) fn claim(self) -> Option<Claimed<'a, M>> {
        self.state.claim().then_some(Claimed(self))
    }

    /// Takes the inline slot of a bucket that the caller has claimed.
    pub(crate) fn claim_with_bucket(self) -> Claimed<'a, M> {
        self.state.claim_alone();
        Claimed(self)
    }

    /// The right to wake the task of the socket of that generation, whose state a step has just given that duty.
    pub(crate) fn waking(self, generation: Generation, _token: state::WakeToken) -> Waking<'a, M> {
        Waking { slot: self, generation }
    }

    /// Tells the socket of that generation to go.
    pub(crate) fn close(self, generation: Generation, why: Closed) -> MarkOutcome {
        self.set_reason(generation, why);
        self.state.close(generation)
    }

    /// Ends the socket of that generation in favour of another one of its key; its owner is told.
    pub(crate) fn supersede(self, generation: Generation) -> Superseded {
        self.set_reason(generation, Closed::Superseded);
        self.state.supersede(generation)
    }

    /// Says why the socket of that generation is about to be told to go, so that the owner finds it when it finds CLOSED. Nothing is written about a
    /// shutdown: it is what a missing reason means. So nothing is written either if CLOSED is there already.
    fn set_reason(self, generation: Generation, why: Closed) {
        let seen = self.state.load();
        if why != Closed::Shutdown && seen.is_live_as(generation) && !seen.is_closed() {
            self.refs.set_reason(generation, why.to_stored());
        }
    }

    /// Comes in to look at the socket of that generation, if it is still there.
    pub(crate) fn visit(self, generation: Generation) -> Option<Visit<'a, M>> {
        let is_in = self.state.announce_visit(generation) && self.refs.acquire(generation);
        is_in.then_some(Visit { slot: self, generation })
    }

    /// The owner's rights.
    ///
    /// # Safety
    /// The caller holds the one handle of the socket of that generation, which is in this slot, and uses the result only as long as
    /// it does; and only one thread at a time calls `poll_due`.
    pub(crate) unsafe fn own(self, generation: Generation) -> Owned<'a, M> {
        Owned { slot: self, generation }
    }
}

/// A vacant slot that the holder has claimed.
#[must_use]
pub(crate) struct Claimed<'a, M>(SlotRef<'a, M>);

impl<M> Claimed<'_, M> {
    /// Where the turn of the socket that moves in is noted.
    pub(crate) fn turn(&self) -> &SlotTurn {
        self.0.turn
    }

    /// A socket moves in, with `due` already due.
    pub(crate) fn occupy(self, metadata: M, due: Topics) -> Generation {
        // SAFETY: busy and claimed; `LastHolder::vacate` cleared the cell.
        unsafe { self.0.data.waker.init() };
        // SAFETY: busy and claimed; `LastHolder::vacate` emptied the cell.
        unsafe { self.0.data.metadata.write(metadata) };
        self.0.state.publish(due)
    }

    /// Nobody moves in.
    pub(crate) fn give_up(self) {
        self.0.state.unclaim();
    }
}

/// The duty to wake a socket's task.
#[must_use]
pub(crate) struct Waking<'a, M> {
    slot: SlotRef<'a, M>,
    generation: Generation,
}

impl<'a, M> Waking<'a, M> {
    /// Wakes the task. If its owner left meanwhile, the slot may be the caller's to clean up.
    #[inline]
    pub(crate) fn wake(self, panics: &mut DeferredPanics) -> Option<LastHolder<'a, M>> {
        let Self { slot, generation } = self;
        loop {
            // SAFETY: counted in wakers.
            panics.catch(|| unsafe { slot.data.waker.wake() });
            match slot.state.wake_done() {
                Woken::Again => {}
                Woken::Done => return None,
                Woken::OwnerLeft => return slot.refs.release(generation).then_some(LastHolder(slot)),
            }
        }
    }
}

/// The right to look at a socket's values.
#[must_use]
pub(crate) struct Visit<'a, M> {
    slot: SlotRef<'a, M>,
    generation: Generation,
}

impl<'a, M> Visit<'a, M> {
    /// # Safety
    /// The result is dropped before the visit leaves.
    pub(crate) unsafe fn metadata(&self) -> ValueRef<'a, M> {
        // SAFETY: full until the last one in the slot vacates it, and the visit is in, by the
        // caller's promise.
        unsafe { self.slot.data.metadata.get() }
    }

    pub(crate) fn generation(&self) -> Generation {
        self.generation
    }

    /// What is due for the socket; nothing if it was removed meanwhile.
    pub(crate) fn due(&self) -> Topics {
        let seen = self.slot.state.load();
        if seen.is_live_as(self.generation) { seen.due() } else { Topics::EMPTY }
    }

    /// Goes out. If the owner left meanwhile, the slot may be the caller's to clean up.
    pub(crate) fn leave(&self) -> Option<LastHolder<'a, M>> {
        self.slot.refs.release(self.generation).then_some(LastHolder(self.slot))
    }
}

/// The owner's rights to a slot.
pub(crate) struct Owned<'a, M> {
    slot: SlotRef<'a, M>,
    generation: Generation,
}

/// How an owner left.
#[must_use]
pub(crate) enum OwnerExit<'a, M> {
    /// Its socket was live, and nobody else was in the slot.
    Alone(LastHolder<'a, M>),
    /// Another socket had taken over, or somebody may be in the slot.
    Shared(SharedExit<'a, M>),
}

impl<'a, M> Owned<'a, M> {
    pub(crate) fn metadata(&self) -> &'a M {
        // SAFETY: full until the last one in the slot vacates it, and the owner is in.
        unsafe { self.slot.data.metadata.get() }.unguarded()
    }

    /// Why the socket was told to go, if it was.
    pub(crate) fn close_reason(&self) -> Option<Closed> {
        self.slot.state.load().is_closed().then(|| self.reason())
    }

    /// Why the socket, which is closed, was told to go. What the owner was told once stays so.
    #[cold]
    #[inline(never)]
    fn reason(&self) -> Closed {
        let decided = self.slot.refs.set_reason(self.generation, Closed::Shutdown.to_stored());
        decided.map_or(Closed::Shutdown, Closed::from_stored)
    }

    /// Takes what is due, or sees to it that the task is woken when something is.
    #[inline]
    pub(crate) fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<Result<Topics, Closed>> {
        let state = self.slot.state;
        loop {
            let seen = state.load();
            if seen.is_closed() {
                return Poll::Ready(Err(self.reason()));
            }
            let due = state.take();
            if !due.is_empty() {
                return Poll::Ready(Ok(due));
            }
            if self.wait(seen, cx, SlotState::arm) {
                return Poll::Pending;
            }
        }
    }

    /// Waits until the socket is told to go, whatever is due, and takes nothing.
    pub(crate) fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<Closed> {
        loop {
            let seen = self.slot.state.load();
            if seen.is_closed() {
                return Poll::Ready(self.reason());
            }
            if seen.is_waking() {
                // `arm_for_close` says why it cannot arm now. Come back rather than wait for that.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if self.wait(seen, cx, SlotState::arm_for_close) {
                return Poll::Pending;
            }
        }
    }

    /// Waits, if the state still is as `seen` as far as `arm` minds; false: look again.
    #[inline]
    fn wait(&mut self, seen: state::Snapshot, cx: &mut Context<'_>, arm: impl Fn(&SlotState) -> bool) -> bool {
        let SlotRef { state, data, .. } = self.slot;
        // Dropped last: dropping a waker may run the caller's code.
        let mut _replaced = None;
        // SAFETY: the owner.
        if unsafe { data.waker.will_wake(cx.waker()) } {
            if seen.is_waiting() {
                return true;
            }
        } else {
            let waker = cx.waker().clone();
            if !state.disarm() {
                // Somebody is waking the task that waited before, through the cell. Come back rather than wait for that.
                cx.waker().wake_by_ref();
                return true;
            }
            // SAFETY: the owner, and disarmed.
            _replaced = unsafe { data.waker.replace(waker) };
        }
        arm(state)
    }

    /// Removes the socket. From here on nobody can mark it, and only who is in the slot already sees it.
    pub(crate) fn leave(self) -> OwnerExit<'a, M> {
        let others = self.slot.state.remove();
        if others == OtherHolders::default() {
            OwnerExit::Alone(LastHolder(self.slot))
        } else {
            OwnerExit::Shared(SharedExit { owned: self, others })
        }
    }
}

/// An owner that has removed its socket.
#[must_use]
pub(crate) struct SharedExit<'a, M> {
    owned: Owned<'a, M>,
    others: OtherHolders,
}

impl<'a, M> SharedExit<'a, M> {
    /// Whether another socket had taken over: this one was counted out by that.
    pub(crate) fn is_superseded(&self) -> bool {
        self.others.superseded
    }

    /// Leaves the slot to the others, or to the caller if there are none.
    pub(crate) fn finish(self) -> Option<LastHolder<'a, M>> {
        let Self { owned: Owned { slot, generation }, others } = self;
        let is_alone = !(others.waking || others.visited);
        (is_alone || slot.refs.release_owner(generation, others.waking)).then_some(LastHolder(slot))
    }
}

/// The duty to clean up after a removed socket, alone in its slot.
#[must_use]
pub(crate) struct LastHolder<'a, M>(SlotRef<'a, M>);

/// What a socket left behind, to be dropped when the registry's own state is in order, since dropping runs the caller's code.
pub(crate) struct SlotDrops<M> {
    _waker: Option<Waker>,
    _metadata: M,
}

impl<M> LastHolder<'_, M> {
    /// Empties the slot and makes it vacant. The flag is false if it is retired instead.
    pub(crate) fn vacate(self) -> (SlotDrops<M>, bool) {
        let SlotRef { state, data, .. } = self.0;
        let drops = SlotDrops {
            // SAFETY: busy, and nobody else is in the slot; initialised since `occupy`.
            _waker: unsafe { data.waker.clear() },
            // SAFETY: busy, and nobody else is in the slot; full since `occupy`.
            _metadata: unsafe { data.metadata.take() },
        };
        (drops, state.vacate())
    }
}
